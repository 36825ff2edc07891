"""A restored plate grained again where its own grain was taken out."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.channels import channel_mean
from faceplate.plate import Plate
from faceplate.stages.grain import Grain, give_grain, missing_grain
from faceplate.stages.view import mend

SURELY_INSIDE = 0.9
"""Matte above which a pixel tells what was done to the plate."""

FLAT_SIGMA = 4.0
"""Pixels of blur after which a slope is the picture's, not its grain's."""

BLOCK = 16
"""Side of the squares in which a matte is looked for, pixels."""

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
    in_place: bool = False,
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
        in_place: write into the plate's own pixels, which nobody else may be holding: a 4K copy is 106 MB.

    Returns:
        The plate; not one bit changes where the matte is 0, nor where the plate is NaN or Inf.

    Raises:
        ShapeError, RangeError: a matte of another size; `amount` outside 0-1.
    """
    expect_shapes(pixels=(plate.pixels, "H W 3"), matte=(matte, "H W"))
    islands = _islands(matte > 0) if amount > 0.0 else []
    if not islands:
        return plate
    pixels, given = plate.pixels if in_place else plate.pixels.copy(), missing_grain(grain, kept)
    for part in islands:
        cover = np.ascontiguousarray(matte[part])
        # Not clipped: a highlight is grained at the level of white, and stays where it is.
        shown = _shown(plate, plate.pixels[part])
        corner = (part[1].start, part[0].start)
        grained = give_grain(shown, cover, given, amount=amount, seed=seed, corner=corner)
        _put(pixels, plate, part, shown, grained, cover)
    return plate.with_pixels(pixels)


def _put(
    pixels: Image, plate: Plate, part: tuple[slice, slice], shown: Image, grained: Image, cover: Matte
) -> None:
    """Add the change that grain makes to a part of a plate, in the plate's own space."""
    decode, region = plate.encoding.decode, plate.pixels[part]
    change = np.asarray(decode(grained), np.float32) - np.asarray(decode(shown), np.float32)
    if plate.alpha_kind == "premultiplied" and plate.alpha is not None:
        change = change * np.nan_to_num(plate.alpha[part])[..., None]
    np.copyto(pixels[part], region + change, where=np.isfinite(region) & (cover > 0)[..., None])


def _islands(where: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Boxes around what hangs together, joined where they overlap: what lies between two far faces is not asked for."""
    # Looked for in blocks: on a 4K matte that takes a hundredth of the time. A block with one pixel has a mean of 1.
    height, width = where.shape
    marked = np.ascontiguousarray(where).view(np.uint8) * np.uint8(255)
    padded = cv2.copyMakeBorder(marked, 0, -height % BLOCK, 0, -width % BLOCK, cv2.BORDER_CONSTANT, value=0)
    size = (padded.shape[1] // BLOCK, padded.shape[0] // BLOCK)
    blocks = np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA))
    _, _, found, _ = cv2.connectedComponentsWithStats(blocks)
    boxes = [
        (BLOCK * x, BLOCK * y, min(BLOCK * (x + w), width), min(BLOCK * (y + h), height))
        for x, y, w, h, _ in found[1:].tolist()
    ]
    apart: list[tuple[int, int, int, int]] = []
    while boxes:
        box = boxes.pop()
        near = next((each for each in apart if _overlap(box, each)), None)
        if near is None:
            apart.append(box)
        else:
            apart.remove(near)
            boxes.append((*map(min, box[:2], near[:2]), *map(max, box[2:], near[2:])))
    return [(slice(y0, y1), slice(x0, x1)) for x0, y0, x1, y1 in sorted(apart)]


def _overlap(a: tuple[int, int, int, int], b: tuple[int, int, int, int]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def grain_taken(before: Plate, after: Plate, matte: Matte, grain: Grain) -> float:
    """How much of a plate's grain is missing after a restoration, 0-1 as a share of its power.

    It is told by what before and after have in common, where the picture is flat: grain that stayed stands there still,
    fainter, and detail that was invented has nothing to do with it. Texture of the plate's own, which is known to be
    what its grain does not account for, is taken to have stayed.

    Args:
        before, after: the plate as it was filmed and as it was restored, same size and space.
        matte: (H, W) over their data window, 0-1; looked at where it is nearly whole.
        grain: of the plate, display-encoded.

    Raises:
        ShapeError: arrays that do not share H and W.
    """
    expect_shapes(before=(before.pixels, "H W 3"), after=(after.pixels, "H W 3"), matte=(matte, "H W"))
    inside, told = matte > SURELY_INSIDE, []
    for part in _islands(inside):
        one, other = (_shown(plate, plate.pixels[part]) for plate in (before, after))
        typical = give_grain(other, np.ones(inside[part].shape, np.float32), grain) - other
        where = _flat(one, inside[part])
        told.append(np.stack([_finest(each)[where] for each in (one, other, typical)]))
    one, other, typical = np.concatenate(told, axis=1) if told else np.zeros((3, 0), np.float32)
    power = float((typical**2).sum())
    if power <= 0.0:
        return 0.0
    texture = max(float((one**2).sum()) - power, 0.0)
    left = (float((one * other).sum()) - texture) / power
    return 1.0 - float(np.clip(left, 0.0, 1.0)) ** 2


def _flat(shown: Image, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The flatter half of some pixels: edges are worth more than all grain."""
    blurred = cv2.GaussianBlur(channel_mean(shown), (0, 0), FLAT_SIGMA, borderType=cv2.BORDER_REFLECT)
    slope = np.hypot(cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1))
    return where & (slope <= np.median(slope[where]))


def _shown(plate: Plate, region: Image) -> Image:
    """Part of a plate, display-encoded and finite."""
    broken = ~np.isfinite(region)
    sound = mend(region, broken) if broken.any() else region
    return np.asarray(plate.encoding.encode(np.ascontiguousarray(sound)), np.float32)


def _finest(difference: Image) -> Image:
    """(H, W): what grain is made of, and a change of tone or light is not."""
    grey = channel_mean(difference)
    return grey - cv2.GaussianBlur(grey, (0, 0), FINEST_SIGMA, borderType=cv2.BORDER_REFLECT)
