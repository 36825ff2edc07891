"""Faces nobody chose, made unrecognisable: what is left of each is a few patches of its colours.

A blur can be undone as far as its kernel is known; averages over a handful of cells cannot: there are fewer numbers
left than a face has features.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, no_matte
from faceplate.faces import Face
from faceplate.plate import Plate, Rect
from faceplate.stages.view import mend

CELLS = 5
"""How many cells are left across a face's box: its colours, and nothing of its features."""

REACH = 1.35
"""The veil's axes, times the box's: hair and ears tell people as well."""

EDGE = 0.12
"""Width of the veil's soft edge, times its axes, all of it outside."""


@dataclass(frozen=True)
class Veiled:
    """A plate with veils, and where they lie: `matte`, (H, W) over its data window, 0-1, 0 where nothing was done."""

    plate: Plate
    matte: Matte


def veil_faces(plate: Plate, faces: Sequence[Face]) -> Veiled:
    """Veil faces beyond recognition.

    Args:
        plate: in its own space, any values.
        faces: in display window coordinates; those that lie outside the plate need no veil.

    Returns:
        The plate, itself where there was nothing to veil: not one bit changes where the matte is 0. Inside a veil NaN
        and Inf are gone too, since a pattern of them could tell a face. Alpha stays.
    """
    if not faces:
        return Veiled(plate, no_matte(*plate.pixels.shape[:2]))
    matte, pixels = np.zeros(plate.pixels.shape[:2], np.float32), plate.pixels
    for face in faces:
        part = _region(plate, face)
        if part is None:
            continue
        if pixels is plate.pixels:
            pixels = plate.pixels.copy()
        place = part.slices(plate.data_window)
        cover = _cover(part, face)
        pixels[place] = _laid_over(pixels[place], _cells(pixels[place], face), cover)
        matte[place] = np.maximum(matte[place], cover)
    return Veiled(plate if pixels is plate.pixels else plate.with_pixels(pixels), matte)


def _axes(face: Face) -> tuple[float, float, float, float]:
    """Middle and half axes of a face's veil: x, y, across, down. Finite boxes only; the smallest veil is a pixel."""
    x0, y0, x1, y1 = face.box
    return (x0 + x1) / 2, (y0 + y1) / 2, max(REACH * (x1 - x0) / 2, 1.0), max(REACH * (y1 - y0) / 2, 1.0)


def _region(plate: Plate, face: Face) -> Rect | None:
    """The part of the data window that a veil covers, its soft edge included."""
    x, y, across, down = _axes(face)
    across, down = across * (1 + EDGE), down * (1 + EDGE)
    whole = Rect(floor(x - across), floor(y - down), ceil(x + across), ceil(y + down))
    return whole.within(plate.data_window)


def _cover(part: Rect, face: Face) -> Matte:
    """(h, w), 0-1: 1 inside the ellipse, falling to 0 outside it."""
    x, y, across, down = _axes(face)
    columns = (np.arange(part.x0, part.x1) + 0.5 - x) / across
    rows = (np.arange(part.y0, part.y1) + 0.5 - y) / down
    distance = np.hypot(rows[:, None], columns[None, :])
    return np.clip((1 + EDGE - distance) / EDGE, 0.0, 1.0).astype(np.float32)


def _cells(region: Image, face: Face) -> Image:
    """The region as averages over cells a CELLS-th of the face wide, smoothly joined."""
    broken = ~np.isfinite(region)
    sound = mend(region, broken) if broken.any() else region
    height, width = sound.shape[:2]
    cell = max(face.width, face.height, 1.0) / CELLS
    size = (max(1, round(width / cell)), max(1, round(height / cell)))
    few = cv2.resize(np.ascontiguousarray(sound), size, interpolation=cv2.INTER_AREA)
    few = few.reshape(size[1], size[0], 3)
    return np.asarray(cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _laid_over(region: Image, veil: Image, cover: Matte) -> Image:
    # Where the plate is no number, the veil is laid on whole: a half of nothing is nothing.
    sound = np.where(np.isfinite(region), region, veil)
    mixed = np.where(cover[..., None] >= 1.0, veil, sound + cover[..., None] * (veil - sound))
    return np.where(cover[..., None] > 0, mixed, region)
