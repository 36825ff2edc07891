"""A restored plate grained again where its own grain was taken out."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.plate import Plate
from faceplate.stages.grain import Grain, give_grain, missing_grain
from faceplate.stages.view import mend

SURELY_INSIDE = 0.9
"""Matte above which a pixel tells what was done to the plate."""

FINEST_SIGMA = 1.5
"""Pixels of blur below which a difference is one of grain."""


def regrain(
    plate: Plate,
    matte: Matte,
    grain: Grain,
    *,
    kept: Grain | None = None,
    amount: float = 1.0,
    seed: Sequence[int] = (0,),
) -> Plate:
    """Give a composited plate the grain that its restored parts lack.

    What the restored part kept of it is for the caller to say: measured on a face, skin's own texture would pass for
    grain and too little be given.

    Args:
        plate: composited, in its own space, any values.
        matte: (H, W) over its data window, 0-1, what was restored.
        grain: of the plate as it was filmed, display-encoded, see `measure_grain`.
        kept: grain that is still there inside the matte and is not given twice; None for none.
        amount: 0-1; 0 returns `plate` itself.
        seed: frame and track, whole numbers, 0 or more.

    Returns:
        The plate; not one bit changes where the matte is 0, nor where the plate is NaN or Inf.

    Raises:
        ShapeError, RangeError: a matte of another size; `amount` outside 0-1.
    """
    expect_shapes(pixels=(plate.pixels, "H W 3"), matte=(matte, "H W"))
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    if amount == 0.0 or not len(rows):
        return plate
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    region, cover = plate.pixels[part], np.ascontiguousarray(matte[part])
    finite = np.isfinite(region)
    # Not clipped: a highlight is grained at the level of white, and stays where it is.
    shown = _shown(plate, region)
    grained = give_grain(shown, cover, missing_grain(grain, kept), amount=amount, seed=seed)
    decode = plate.encoding.decode
    change = np.asarray(decode(grained), np.float32) - np.asarray(decode(shown), np.float32)
    if plate.alpha_kind == "premultiplied" and plate.alpha is not None:
        change = change * np.nan_to_num(plate.alpha[part])[..., None]
    pixels = plate.pixels.copy()
    np.copyto(pixels[part], region + change, where=finite & (cover > 0)[..., None])
    return plate.with_pixels(pixels)


def grain_taken(before: Plate, after: Plate, matte: Matte, grain: Grain) -> float:
    """How much of a plate's grain is missing after a restoration, 0-1 as a share of its power.

    It is told by the difference, not by what is left: skin has a texture of its own that would pass for grain. What is
    left is taken for the same grain made fainter. New detail counts as grain taken out, up to all of it.

    Args:
        before, after: the plate as it was filmed and as it was restored, same size and space.
        matte: (H, W) over their data window, 0-1; looked at where it is nearly whole.
        grain: of the plate, display-encoded.

    Raises:
        ShapeError: arrays that do not share H and W.
    """
    expect_shapes(before=(before.pixels, "H W 3"), after=(after.pixels, "H W 3"), matte=(matte, "H W"))
    inside = matte > SURELY_INSIDE
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not len(rows):
        return 0.0
    part = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    where = inside[part]
    one, other = (_shown(plate, plate.pixels[part]) for plate in (before, after))
    typical = give_grain(other, np.ones(where.shape, np.float32), grain) - other
    taken, whole = (_finest(difference)[where] for difference in (other - one, typical))
    typically = float(np.median(np.abs(whole)))
    left = 1.0 - min(1.0, float(np.median(np.abs(taken))) / typically) if typically > 0.0 else 1.0
    return 1.0 - left**2


def _shown(plate: Plate, region: Image) -> Image:
    """Part of a plate, display-encoded and finite."""
    broken = ~np.isfinite(region)
    sound = mend(region, broken) if broken.any() else region
    return np.asarray(plate.encoding.encode(np.ascontiguousarray(sound)), np.float32)


def _finest(difference: Image) -> Image:
    """(H, W): what grain is made of, and a change of tone or light is not."""
    grey = difference.mean(axis=2)
    return grey - cv2.GaussianBlur(grey, (0, 0), FINEST_SIGMA, borderType=cv2.BORDER_REFLECT)
