"""Old film before its faces are restored: flicker evened out, dust and short-lived scratches repaired.

Each stage works alone and touches the whole plate. How motion is followed is an argument: this room knows no flow.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Flow, Image, Matte, expect_shapes
from faceplate.channels import channel_max, channel_mean
from faceplate.colour import linear_from_srgb, srgb_from_linear
from faceplate.errors import RangeError
from faceplate.plate import Plate
from faceplate.stages.view import mend

FindFlow = Callable[[Image, Image], Flow]
"""(picture, other), both 0-1 -> (H, W, 2), pixels, `pixel + flow` is where it lies in `other`."""

CALM = 5
"""Side of the median filter that takes dirt out of what motion is followed on, pixels."""

SURE_SIGMAS, SURE_STEP = 5.0, 0.06
"""How far a pixel must stand out of both neighbours to be dirt: times the noise, and display-encoded, added up."""

EDGE_SIGMAS, EDGE_STEP = 2.0, 0.02
"""How far what touches sure dirt must stand out to belong to it."""

FAINT_SIGMA = 0.7
"""Pixels that a difference is averaged over, and the channels with it, to tell faint dirt from grain: dirt hangs
together and dims or lightens all channels alike, grain does neither."""

FAINT_SIGMAS, FAINT_STEP = 4.5, 0.012
"""As SURE, of the averaged differences: how far a region must stand out to be dirt."""

FAINT_EDGE_SIGMAS, FAINT_EDGE_STEP = 2.2, 0.008
"""As EDGE, of the averaged differences."""

NOISE_AROUND = 11
"""Side of the square that noise is measured in, pixels: where motion is hard to follow nothing faint is believed."""

AGREE_SIGMAS, AGREE_STEP = 4.0, 0.03
"""How far the two neighbours may differ and still be witnesses."""

LOOKS = 3
"""Times that motion is followed: dirt misleads the search, every look has less of it left; a fourth mends no more."""

LARGEST_SHARE = 0.1
"""Share of the plate above which what was found is no dirt but a flash, a splice or a cut: nothing is touched."""

_FEATHER = 0.8  # sigma of the matte's edge, pixels

# Of the absolute difference of two frames with Gaussian noise, to the noise of one of them.
_SIGMA_FROM_MEDIAN = 1.4826 / 2**0.5
_SIGMA_FROM_MEAN = 1.2533 / 2**0.5


@dataclass(frozen=True)
class Repaired:
    """A repaired plate, and what was repaired: `matte`, (H, W) over its data window, 0-1, 0 where nothing was."""

    plate: Plate
    matte: Matte


def deflicker(plate: Plate, gain: Sequence[float]) -> Plate:
    """Bring a frame that is brighter or darker than its surroundings in time back to them.

    Args:
        plate: in its own space, any values.
        gain: (R, G, B), how many times brighter than its surroundings the frame is, in scene-linear light, as
            `stages.shot.flicker_of` tells it. 1, 1, 1 gives back the plate itself.

    Returns:
        The plate with every channel divided by its gain, in scene-linear light; NaN and Inf stay.

    Raises:
        RangeError: a gain that is not above 0, or not three of them.
    """
    factors = np.asarray(gain, np.float64)
    if factors.shape != (3,) or not (np.isfinite(factors) & (factors > 0)).all():
        raise RangeError(f"flicker should be three numbers above 0, got {gain}")
    if (factors == 1.0).all():
        return plate
    factors = (1.0 / factors).astype(np.float32)
    if plate.encoding.scene_linear:
        return plate.with_pixels(plate.pixels * factors)
    with np.errstate(invalid="ignore", over="ignore"):
        light = linear_from_srgb(plate.encoding.encode(plate.pixels)) * factors
        return plate.with_pixels(np.asarray(plate.encoding.decode(srgb_from_linear(light)), np.float32))


def repair_dirt(
    plate: Plate, before: Plate, after: Plate, *, find: FindFlow, spare: NDArray[np.bool_] | None = None
) -> Repaired:
    """Take dust and scratches that last one frame out of a plate.

    Dirt is what neither the frame before nor the frame after shows, along the motion, while those two agree with each
    other. It is replaced by their mean. Where they do not agree, because something moves faster than can be followed
    or comes into view, nothing is touched. A scratch that stays in its place over frames is in all three of them and
    stays.

    Args:
        plate, before, after: three frames in a row of one shot, one size; flicker evened out.
        find: follows motion between two pictures, (H, W, 3), display-encoded.
        spare: (H, W), where nothing is dirt whatever it looks like; None for nowhere.

    Returns:
        The plate, itself where there was nothing to repair, and the matte of what was repaired.

    Raises:
        ShapeError: plates of different size.

    After: Kokaram, "Motion Picture Restoration", 1998 (the spike detector), with a second detector for faint dirt that
    hangs together, and a second look once the dirt first found is out of what motion is followed on.
    """
    shown, past, future = (_encoded(each) for each in (plate, before, after))
    matte, clean = find_dirt(shown, past, future, find=find, spare=spare)
    if not matte.any():
        return Repaired(plate, matte)
    decode = plate.encoding.decode
    change = np.asarray(decode(clean), np.float32) - np.asarray(decode(shown), np.float32)
    pixels = plate.pixels.copy()
    np.copyto(pixels, plate.pixels + change, where=(matte > 0)[..., None] & np.isfinite(plate.pixels))
    return Repaired(plate.with_pixels(pixels), matte)


def _encoded(plate: Plate) -> Image:
    """(H, W, 3) display-encoded and finite, but not clipped: a highlight that is repaired stays a highlight."""
    broken = ~np.isfinite(plate.pixels)
    pixels = mend(plate.pixels, broken) if broken.any() else plate.pixels
    return np.asarray(plate.encoding.encode(np.ascontiguousarray(pixels)), np.float32)


def find_dirt(
    shown: Image, before: Image, after: Image, *, find: FindFlow, spare: NDArray[np.bool_] | None = None
) -> tuple[Matte, Image]:
    """Where a picture is dirty, and the picture without its dirt.

    Args:
        shown, before, after: (H, W, 3), display-encoded, finite, may leave 0-1, frames in a row.
        find, spare: as for `repair_dirt`.

    Returns:
        The matte, (H, W), 0-1, and the picture, (H, W, 3), equal to `shown` where the matte is 0.

    Raises:
        ShapeError: pictures of different size.
    """
    sizes = expect_shapes(shown=(shown, "H W 3"), before=(before, "H W 3"), after=(after, "H W 3"))
    matte = np.zeros(shown.shape[:2], np.float32)
    spared = np.zeros(shown.shape[:2], bool) if spare is None else spare
    expect_shapes(sizes, spare=(spared, "H W"))
    clean = shown
    for _ in range(LOOKS):
        (past, there), (future, here) = (_carried(clean, other, find) for other in (before, after))
        matte = _dirt(shown, past, future, witnessed=there & here, spared=spared)
        clean = np.asarray(shown + matte[..., None] * ((past + future) / 2 - shown), np.float32)
        if not matte.any():
            break
    return matte, clean


def _carried(shown: Image, other: Image, find: FindFlow) -> tuple[Image, NDArray[np.bool_]]:
    """Another frame brought to this one along the motion, at this one's exposure, (H, W, 3); and where it shows it."""
    flow = find(_calm(shown), _calm(other))
    height, width = flow.shape[:2]
    rows, columns = np.indices((height, width), dtype=np.float32)
    across, down = columns + flow[..., 0], rows + flow[..., 1]
    carried = cv2.remap(other, across, down, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT_101)
    within = (across >= -0.5) & (across <= width - 0.5) & (down >= -0.5) & (down <= height - 0.5)
    shift = np.median((shown - carried).reshape(-1, 3), axis=0)
    return np.asarray(carried + shift, np.float32), within


def _calm(shown: Image) -> Image:
    calm = cv2.medianBlur(np.ascontiguousarray(shown, np.float32), CALM)
    return np.asarray(np.clip(calm, 0.0, 1.0), np.float32)


def _dirt(
    shown: Image,
    past: Image,
    future: Image,
    *,
    witnessed: NDArray[np.bool_],
    spared: NDArray[np.bool_],
) -> Matte:
    """(H, W), 0-1: what stands out of both neighbours the same way, where both show the place and agree on it."""
    apart = past - future
    noise = float(np.median(np.abs(apart)) * _SIGMA_FROM_MEDIAN)
    spike = channel_max(_spike(shown - past, shown - future))
    doubt = cv2.blur(channel_max(np.abs(apart)), (3, 3))
    agree = witnessed & ~spared & (doubt < AGREE_SIGMAS * noise + AGREE_STEP)
    one, other = _averaged(shown - past), _averaged(shown - future)
    faint, quiet = _spike(one, other), _noise_around(_averaged(apart))
    sure = (spike > SURE_SIGMAS * noise + SURE_STEP) | (faint > FAINT_SIGMAS * quiet + FAINT_STEP)
    edge = (spike > EDGE_SIGMAS * noise + EDGE_STEP) | (faint > FAINT_EDGE_SIGMAS * quiet + FAINT_EDGE_STEP)
    found = _touching(edge & agree, sure & agree)
    if not found.any() or found.mean() > LARGEST_SHARE:
        return np.zeros(shown.shape[:2], np.float32)
    grown = cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    matte = np.maximum(grown, cv2.GaussianBlur(grown, (0, 0), _FEATHER))
    return np.where((matte > 1 / 256) & ~spared, matte, np.float32(0))


def _spike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far both differences go the same way; 0 where they go opposite ways."""
    return np.where(one * other > 0, np.minimum(np.abs(one), np.abs(other)), np.float32(0))


def _averaged(difference: Image) -> Matte:
    """(H, W): a difference averaged over the channels and over a pixel's surroundings."""
    return np.asarray(cv2.GaussianBlur(channel_mean(difference), (0, 0), FAINT_SIGMA), np.float32)


def _noise_around(apart: Matte) -> Matte:
    """(H, W): the noise of one frame as two neighbours' difference tells it, at least its median of the picture."""
    size = np.abs(apart)
    least = float(np.median(size) * _SIGMA_FROM_MEDIAN)
    return np.maximum(cv2.blur(size, (NOISE_AROUND, NOISE_AROUND)) * _SIGMA_FROM_MEAN, np.float32(least))


def _touching(edge: NDArray[np.bool_], sure: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected regions of `edge` that hold something of `sure`."""
    count, labels = cv2.connectedComponents(edge.astype(np.uint8), connectivity=8)
    labels = np.asarray(labels, np.intp)
    held = np.zeros(count, bool)
    held[np.unique(labels[sure])] = True
    held[0] = False  # what is no edge
    return held[labels]
