"""The system that restores faces in old, soft and compressed footage."""
