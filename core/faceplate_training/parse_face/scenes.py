"""Renders for parsing: larger, with more before the face, and held out in their light as well as in their people.

python -m faceplate_training.parse_face.scenes --shared DIR --out DIR [--head FILE] [--held-out]
"""

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.morphable import HeadModel
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.make import Renders, Series
from faceplate_training.renders.scene import Studio
from faceplate_training.renders.wear import Wardrobe

SIDE = 320
"""Side of the pictures: the FFHQ square of a head that looks into the lens is then about as wide as the net's crop."""

WARDROBE = Wardrobe(glasses=0.25, hand=0.14, thing=0.16, palm=0.18, microphone=0.1, full_hair=True)

HELD_OUT_LIGHT = 4
"""Every fourth panorama, in the order of their names, is never trained under."""


def split_light(found: list[Panorama], held_out: bool) -> list[Panorama]:
    """The panoramas of one side of the split."""
    return [sky for number, sky in enumerate(found) if (number % HELD_OUT_LIGHT == 2) == held_out]


def studio(head: HeadModel, faces: NDArray[np.uint8], light: list[Panorama]) -> Studio:
    """One of this size and wardrobe."""
    return Studio(head, faces, light, WARDROBE, SIDE)


SCENES = Series("parse", Renders, seed=41, count=6000, studio=studio, light=split_light)

if __name__ == "__main__":
    SCENES.command(__doc__)
