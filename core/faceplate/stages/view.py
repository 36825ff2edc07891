"""What a net sees of a plate: display-encoded, 0-1, straight, finite everywhere."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte
from faceplate.errors import RangeError
from faceplate.plate import Plate, Rect

_LEAST_ALPHA = 1e-6
"""Below this a premultiplied pixel has no colour of its own to show or to change."""


@dataclass(frozen=True)
class View:
    """A part of a plate as a net sees it.

    `pixels`: (H, W, 3) float32, display-encoded sRGB, 0-1, finite. `cover`: (H, W) float32, how much of a change to
    `pixels` shows in the plate: the alpha of a premultiplied plate, else None for 1 everywhere.
    """

    pixels: Image
    cover: Matte | None


def view_plate(plate: Plate, window: Rect | None = None, *, gain: float = 1.0) -> View:
    """Cut a window out of a plate and show it as a net reads it.

    Values beyond 0-1 are clipped and NaN and Inf replaced by what lies around them, here and only here: the plate
    keeps its own, because only the difference a net makes is carried back to it.

    Args:
        plate: in its own space.
        window: the part to show, in display window coordinates, inside the data window; None for all.
        gain: exposure in the plate's own space, applied before the encoding; leave 1.0 where that is not linear.

    Raises:
        RangeError: a gain that is not above 0; a window that leaves the data window.
    """
    if not (np.isfinite(gain) and gain > 0):
        raise RangeError(f"an exposure gain should be above 0, got {gain}")
    pixels, alpha = cut_plate(plate, window)
    broken = ~np.isfinite(pixels)
    any_broken = bool(broken.any())
    if any_broken:
        pixels = np.where(broken, np.float32(0), pixels)
    cover = None
    if plate.alpha_kind == "premultiplied" and alpha is not None:
        cover = np.where(np.isfinite(alpha) & (alpha > _LEAST_ALPHA), alpha, np.float32(0))
        with np.errstate(over="ignore"):
            pixels = np.divide(pixels, cover[..., None], out=pixels.copy(), where=cover[..., None] > 0)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is clipped next
        pixels = pixels if gain == 1.0 else pixels * np.float32(gain)
        encoded = np.asarray(plate.encoding.encode(np.ascontiguousarray(pixels)), np.float32)
    shown = np.clip(encoded, 0.0, 1.0)
    if any_broken or np.isnan(shown).any():
        shown = np.clip(mend(shown, broken | np.isnan(shown)), 0.0, 1.0)
    return View(shown, cover)


def cut_plate(plate: Plate, window: Rect | None) -> tuple[Image, Matte | None]:
    """A plate's own pixels and alpha over a window of its data window, as views of its arrays.

    Raises:
        RangeError: the window leaves the data window.
    """
    if window is None:
        return plate.pixels, plate.alpha
    if window.within(plate.data_window) != window:
        raise RangeError(
            f"a window to look at should lie inside the data window {plate.data_window}, got {window}"
        )
    part = window.slices(plate.data_window)
    return plate.pixels[part], None if plate.alpha is None else plate.alpha[part]


def mend(pixels: NDArray[np.float32], broken: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Fill broken samples with the mean of the sound ones around them, from as near as there are any.

    Args:
        pixels: (H, W) or (H, W, 3) float32; what stands at broken samples is ignored.
        broken: bool, same shape.

    Returns:
        float32, same shape, finite, sound samples unchanged; 0 where a channel has no sound sample at all.
    """
    sound = (~broken).astype(np.float32)
    known = np.where(broken, np.float32(0), pixels)
    filled, missing = known.copy(), broken.copy()
    size, largest = 5, 2 * max(pixels.shape[:2]) + 1
    while missing.any():
        weight = cv2.blur(sound, (size, size), borderType=cv2.BORDER_REFLECT)
        around = cv2.blur(known, (size, size), borderType=cv2.BORDER_REFLECT)
        # a running sum leaves rounding behind: half a sample's weight is the least that is one
        reached = missing & (weight * (size * size) > 0.5)
        filled[reached] = around[reached] / weight[reached]
        missing &= ~reached
        if size > largest:
            break
        size *= 3
    filled[missing] = 0
    return filled
