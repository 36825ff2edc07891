"""A plate made 2 or 4 times larger, so that patches may be composited at the output's scale."""

from dataclasses import replace

import cv2
import numpy as np

from faceplate.errors import RangeError
from faceplate.plate import Plate
from faceplate.stages.view import mend

SCALES = (1, 2, 4)
"""How many times larger than its input an output may be."""

_STRIP, _OVERLAP = 128, 6
"""Rows enlarged at a time, and rows a Lanczos kernel reaches beyond them with some to spare."""


def enlarge_plate(plate: Plate, scale: int) -> Plate:
    """Resample a whole plate larger, windows and alpha with it.

    Lanczos, held within the range of the pixels around each sample: a lamp at 50.0 gets no black ring. NaN and Inf
    stay where they are, as blocks of `scale` pixels, and do not spread. Works in strips to save memory.

    Args:
        plate: any values.
        scale: 1, 2 or 4; 1 returns `plate` itself.

    Raises:
        RangeError: another scale.
    """
    if scale not in SCALES:
        raise RangeError(f"scale should be one of {', '.join(map(str, SCALES))}, got {scale}")
    if scale == 1:
        return plate
    return replace(
        plate,
        pixels=_enlarged(plate.pixels, scale),
        alpha=None if plate.alpha is None else _enlarged(plate.alpha, scale),
        data_window=plate.data_window.scaled(scale),
        display_window=plate.display_window.scaled(scale),
    )


def _enlarged(pixels: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) or (H, W, 3) -> `scale` times larger, strip by strip."""
    height, width = pixels.shape[:2]
    large = np.empty((height * scale, width * scale, *pixels.shape[2:]), np.float32)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        first, last = max(top - _OVERLAP, 0), min(bottom + _OVERLAP, height)
        strip = _enlarged_strip(np.ascontiguousarray(pixels[first:last]), scale)
        large[top * scale : bottom * scale] = strip[(top - first) * scale : (bottom - first) * scale]
    return large


def _enlarged_strip(strip: np.ndarray, scale: int) -> np.ndarray:
    broken = ~np.isfinite(strip)
    sound = mend(strip, broken) if broken.any() else strip
    size = (strip.shape[1] * scale, strip.shape[0] * scale)
    large = cv2.resize(sound, size, interpolation=cv2.INTER_LANCZOS4)
    around = np.ones((3, 3), np.uint8)
    low = cv2.resize(cv2.erode(sound, around), size, interpolation=cv2.INTER_NEAREST)
    high = cv2.resize(cv2.dilate(sound, around), size, interpolation=cv2.INTER_NEAREST)
    np.clip(large, low, high, out=large)
    if broken.any():
        blocks = np.repeat(np.repeat(broken, scale, axis=0), scale, axis=1)
        large[blocks] = np.repeat(np.repeat(strip, scale, axis=0), scale, axis=1)[blocks]
    return large
