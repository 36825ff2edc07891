"""A restored plate grained again where its own grain was taken out."""

from collections.abc import Sequence

import numpy as np

from faceplate.arrays import Matte, expect_shapes
from faceplate.plate import Plate
from faceplate.stages.grain import Grain, give_grain, missing_grain
from faceplate.stages.view import mend


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
    sound = region if finite.all() else mend(region, ~finite)
    # Not clipped: a highlight is grained at the level of white, and stays where it is.
    shown = np.asarray(plate.encoding.encode(np.ascontiguousarray(sound)), np.float32)
    grained = give_grain(shown, cover, missing_grain(grain, kept), amount=amount, seed=seed)
    decode = plate.encoding.decode
    change = np.asarray(decode(grained), np.float32) - np.asarray(decode(shown), np.float32)
    if plate.alpha_kind == "premultiplied" and plate.alpha is not None:
        change = change * np.nan_to_num(plate.alpha[part])[..., None]
    pixels = plate.pixels.copy()
    np.copyto(pixels[part], region + change, where=finite & (cover > 0)[..., None])
    return plate.with_pixels(pixels)
