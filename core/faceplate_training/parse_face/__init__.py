"""The face-parsing net: what every pixel of a face crop shows, from renders, London photos and consistency."""
