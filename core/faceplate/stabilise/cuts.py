"""Where shots end, so that nothing leaks across."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, expect_shapes
from faceplate.errors import ShapeError

THUMBNAIL = (64, 36)
"""Width and height, pixels, of the picture of a frame that cuts are found on: composition without detail."""

UNLIKE = 0.5
"""Change from which two frames may be of different shots: 0 is the same picture, 1 nothing in common."""

STANDS_OUT = 3.0
"""Times the median change around it that a cut must exceed: a shaking camera changes every frame alike."""

AROUND = 6
"""Frames on either side that the median is taken over."""

FLASH = 2
"""Frames after which a picture that comes back was interrupted by a flash or a splice, not by a cut."""

_MARGIN = 0.35
"""Widest share of the picture that a pan may move it by from frame to frame and still be followed."""


def thumbnail(shown: Image) -> Image:
    """A frame as cuts are found on it.

    Args:
        shown: (H, W, 3), display-encoded, 0-1.

    Returns:
        (36, 64, 3) float32, same space.
    """
    expect_shapes(shown=(shown, "H W 3"))
    return np.asarray(cv2.resize(shown, THUMBNAIL, interpolation=cv2.INTER_AREA), np.float32)


def find_cuts(thumbnails: Sequence[Image]) -> list[int]:
    """Find the frames that begin a new shot.

    Two frames of one shot look alike once the camera's move between them is undone and exposure is normalised, so a
    pan, a fade or a flickering lamp is no cut; a flash is none because the picture before it comes back. A dissolve
    is none either: it has no frame at which one shot ends, and there the flow's own doubts keep the shots apart.

    Args:
        thumbnails: each (36, 64, 3), display-encoded, 0-1, in frame order. Only a few are held at a time, so a sequence
            that makes them as they are asked for is enough for a film of any length.

    Returns:
        Places in `thumbnails`, rising, never 0.

    Raises:
        ShapeError: a thumbnail of another size.
    """
    width, height = THUMBNAIL

    def seen(place: int) -> Image:
        if thumbnails[place].shape != (height, width, 3):
            raise ShapeError(f"a thumbnail should be {height} x {width} x 3, got {thumbnails[place].shape}")
        return _normalised(thumbnails[place])

    frames = len(thumbnails)
    changes = np.array([0.0, *(_change(one, other) for one, other in pairwise(map(seen, range(frames))))])
    return [place for place in range(1, frames) if _is_cut(place, changes, seen)]


def _is_cut(place: int, changes: NDArray[np.float64], seen: Callable[[int], Image]) -> bool:
    if changes[place] < UNLIKE:
        return False
    around = [*changes[max(1, place - AROUND) : place], *changes[place + 1 : place + 1 + AROUND]]
    # The second largest change may be the end of the same flash, hence a median and no maximum.
    if around and changes[place] < STANDS_OUT * float(np.median(around)):
        return False
    return not _comes_back(place, seen, len(changes))


def _comes_back(place: int, seen: Callable[[int], Image], frames: int) -> bool:
    """Whether this change begins a flash, or ends one: the pictures on either side of it are alike."""
    for length in range(1, FLASH + 1):
        for before, after in ((place - 1, place + length), (place - 1 - length, place)):
            if before >= 0 and after < frames and _change(seen(before), seen(after)) < UNLIKE / 2:
                return True
    return False


def _normalised(shown: Image) -> Image:
    """A thumbnail without its exposure: luminance and two colour differences, mean 0; (36, 64, 3)."""
    r, g, b = np.moveaxis(np.asarray(shown, np.float32), 2, 0)
    luma = (r + g + b) / 3
    planes = np.stack([luma, r - luma, b - luma], axis=2)
    planes = cv2.GaussianBlur(planes, (0, 0), 1.0, borderType=cv2.BORDER_REFLECT)
    return np.asarray(planes - planes.mean(axis=(0, 1)), np.float32)


def _change(one: Image, other: Image) -> float:
    """0-1 and above: how unlike two normalised thumbnails are at the shift that fits them best."""
    x, y = _shift(one[..., 0], other[..., 0])
    return min(_unlike(one, other, x, y), _unlike(one, other, 0, 0))


def _shift(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[int, int]:
    """Whole pixels, (x, y), that `other` is moved by against `one`."""
    window = cv2.createHanningWindow(THUMBNAIL, cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(one, other, window)
    width, height = THUMBNAIL
    wide, high = _MARGIN * width, _MARGIN * height
    return round(float(np.clip(x, -wide, wide))), round(float(np.clip(y, -high, high)))


def _unlike(one: Image, other: Image, x: int, y: int) -> float:
    """1 - correlation over the part that both thumbnails show."""
    width, height = THUMBNAIL
    a = one[max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    b = other[max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    a, b = a - a.mean(axis=(0, 1)), b - b.mean(axis=(0, 1))
    power = float(np.sqrt((a * a).sum() * (b * b).sum()))
    # Two frames without any picture, black leader for instance, are alike; one without is not like another.
    flat = 1e-5 * a.size
    if float((a * a).sum()) < flat and float((b * b).sum()) < flat:
        return 0.0
    return 1.0 - float((a * b).sum()) / max(power, 1e-12)
