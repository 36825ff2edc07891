"""A plate made 2 or 4 times larger, so that patches may be composited at the output's scale.

Lanczos is what everything rests on. A net adds the detail that Lanczos cannot give back, held to what the plate shows
there: none where the plate is flat, none beyond what a display can show, none where a pixel is broken.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from faceplate.arrays import Image
from faceplate.errors import RangeError, ShapeError
from faceplate.plate import Plate, Rect
from faceplate.runtime.net import Net
from faceplate.stages.view import mend, view_plate

SCALES = (1, 2, 4)
"""How many times larger than its input an output may be."""

REACH = 8
"""Pixels of the small plate on either side that an enlarging net looks at."""

TILE = 128
"""Side of what a net enlarges at a time, pixels of the small plate, without the REACH around it."""

_STRIP, _OVERLAP = 128, 6
"""Rows enlarged at a time, and rows a Lanczos kernel reaches beyond them with some to spare."""


@dataclass(frozen=True)
class Enlarged:
    """A plate made larger: `plate`, detail included, and `plain`, by Lanczos alone; one and the same without a net."""

    plate: Plate
    plain: Plate


def enlarge(plate: Plate, scale: int, net: Net | None = None) -> Enlarged:
    """Make a whole plate larger, windows and alpha with it.

    Args:
        plate: any values.
        scale: 1, 2 or 4; 1 gives `plate` itself.
        net: a frames.upscale net, (1, 3, H, W) 0-1 in, (1, 3, 2 H, 2 W) out: what to add to the display-encoded plate
            as Lanczos enlarges it. It is run twice for 4. None for Lanczos alone.

    Raises:
        RangeError: another scale. ShapeError: a net that answers in another size.
    """
    plain = enlarge_plate(plate, scale)
    if net is None or scale == 1:
        return Enlarged(plain, plain)
    large = with_detail(plate, enlarge_plate(plate, 2) if scale > 2 else plain, net)
    if scale > 2:
        large = with_detail(large, enlarge_plate(large, 2), net)
        large = replace(large, alpha=plain.alpha)
    return Enlarged(large, plain)


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
        pixels=lanczos(plate.pixels, scale),
        alpha=None if plate.alpha is None else lanczos(plate.alpha, scale),
        data_window=plate.data_window.scaled(scale),
        display_window=plate.display_window.scaled(scale),
    )


def with_detail(plate: Plate, plain: Plate, net: Net) -> Plate:
    """Add to a plate enlarged twice the detail that a net finds in the small one.

    A pixel depends on nothing farther than REACH, so neither tiles nor a larger plate around it change it by more than
    a rounding. Values at or beyond black and white, NaN and Inf stay as Lanczos left them, bit for bit.

    Args:
        plate: the small one. plain: the same by Lanczos. net: as for `enlarge`.

    Raises:
        ShapeError: a net that answers in another size.
    """
    seen = view_plate(plate).pixels
    around = np.pad(seen, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="symmetric")
    pixels = plain.pixels.copy()
    for x, y, width, height in _tiles(seen.shape[1], seen.shape[0]):
        part = around[y : y + height + 2 * REACH, x : x + width + 2 * REACH]
        detail = _detail(part, net)
        corner = plain.data_window
        window = Rect(2 * x, 2 * y, 2 * (x + width), 2 * (y + height))
        place = Rect(
            corner.x0 + window.x0, corner.y0 + window.y0, corner.x0 + window.x1, corner.y0 + window.y1
        )
        target = pixels[window.y0 : window.y1, window.x0 : window.x1]
        difference = _in_plate(plain, place, detail)
        np.add(target, difference, out=target, where=np.isfinite(target) & (difference != 0))
    return plain.with_pixels(pixels)


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """(x, y, width, height) of tiles that cover a picture."""
    for y in range(0, height, TILE):
        for x in range(0, width, TILE):
            yield x, y, min(TILE, width - x), min(TILE, height - y)


def _detail(part: Image, net: Net) -> Image:
    """What a tile lacks, (2 h, 2 w, 3) display-encoded, from the tile with REACH around it.

    No change is larger than the contrast of the nine pixels around it, so nothing grows where there is nothing.
    """
    answer = np.asarray(net(np.ascontiguousarray(part.transpose(2, 0, 1)[None]))[0], np.float32)
    wanted = (1, 3, 2 * part.shape[0], 2 * part.shape[1])
    if answer.shape != wanted:
        raise ShapeError(
            f"the enlarging net {net.id} should return {wanted} here, got {answer.shape}; choose another model"
        )
    detail = answer[0, :, 2 * REACH : -2 * REACH, 2 * REACH : -2 * REACH].transpose(1, 2, 0)
    around = np.ones((3, 3), np.uint8)
    contrast = (cv2.dilate(part, around) - cv2.erode(part, around))[REACH:-REACH, REACH:-REACH]
    most = contrast.repeat(2, axis=0).repeat(2, axis=1)
    return np.clip(detail, -most, most)


def _in_plate(plain: Plate, window: Rect, detail: Image) -> Image:
    """Display-encoded detail as a difference in the plate's own space; 0 where a display shows black or white."""
    shown = view_plate(plain, window)
    inside = (shown.pixels > 0.0) & (shown.pixels < 1.0)
    after = np.clip(shown.pixels + np.where(inside, detail, np.float32(0)), 0.0, 1.0)
    decode = plain.encoding.decode
    difference = np.asarray(decode(after), np.float32) - np.asarray(decode(shown.pixels), np.float32)
    return difference if shown.cover is None else difference * shown.cover[..., None]


def lanczos(pixels: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) or (H, W, 3) float32 -> `scale` times larger, strip by strip, as `enlarge_plate` says."""
    height, width = pixels.shape[:2]
    large = np.empty((height * scale, width * scale, *pixels.shape[2:]), np.float32)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        first, last = max(top - _OVERLAP, 0), min(bottom + _OVERLAP, height)
        strip = _strip_by_lanczos(np.ascontiguousarray(pixels[first:last]), scale)
        large[top * scale : bottom * scale] = strip[(top - first) * scale : (bottom - first) * scale]
    return large


def _strip_by_lanczos(strip: np.ndarray, scale: int) -> np.ndarray:
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
