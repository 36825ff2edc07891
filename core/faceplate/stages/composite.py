"""Restored faces back into the plate, in the plate's own space, at the output's scale.

Only the difference a net made is carried back: it is decoded around what the net saw and added to what the plate
holds. So values above 1, negative values and a large face's own fine bands survive, and where the matte is 0 not one
bit changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceplate.arrays import Image, Matrix, Matte, expect_shapes
from faceplate.geometry import extent, scaling, translation, warp
from faceplate.plate import Plate, Rect
from faceplate.stages.enlarge import Enlarged, enlarge
from faceplate.stages.view import cut_plate, view_plate

LEAST_COVER = 1.0 / 4096.0
"""Coverage below this is none: it could not show, and would only make the touched region larger."""


@dataclass(frozen=True)
class Patch:
    """One restored face on its way back.

    `delta`: (S, S, 3), display-encoded sRGB, what to add to the net's view of the plate. `matte`: (S, S), 0-1,
    0 along the rim. `invented`: (S, S), 0-1. `confidence`: 0-1, of the whole face. `plate_from_crop`: (3, 3), to
    display window coordinates at scale 1. `gain`: the exposure the net saw the plate at. `strength`: 0-1, how much of a
    restored face the delta is; only as much of it the face is spared what an enlarging net adds around it.
    """

    delta: Image
    matte: Matte
    invented: Matte
    confidence: float
    plate_from_crop: Matrix
    gain: float = 1.0
    strength: float = 1.0

    def __post_init__(self) -> None:
        expect_shapes(
            delta=(self.delta, "S S 3"),
            matte=(self.matte, "S S"),
            invented=(self.invented, "S S"),
            plate_from_crop=(self.plate_from_crop, "3 3"),
        )


@dataclass(frozen=True)
class Composited:
    """The finished frame and its layers.

    `plate`: as it came in but for its pixels (and windows, when enlarged). `matte`, `invented`, `confidence`: (H, W)
    over the plate's data window, 0-1, each already weighted by the matte and exactly 0 where nothing was touched.
    """

    plate: Plate
    matte: Matte
    invented: Matte
    confidence: Matte


@dataclass(frozen=True)
class _Placed:
    """A patch resampled onto its window of the output plate; `shown` is only there where pixels need mending."""

    window: Rect
    weight: Matte
    difference: Image
    shown: Image | None
    invented: Matte
    confidence: float


def composite(
    plate: Plate, patches: Sequence[Patch], *, scale: int = 1, large: Enlarged | None = None
) -> Composited:
    """Lay patches over a plate.

    Every patch is worked out on the plate as it came in; where mattes overlap their weights share the pixel and are
    brought back to 1 where they exceed it, so no order of patches looks different from another. Alpha never changes:
    on a premultiplied plate the difference is carried by the alpha. A pixel under a matte that is NaN or Inf becomes
    what the net was shown in its place, restored.

    Args:
        plate: in its own space, any values.
        patches: in any order; none leaves the plate as it is.
        scale: 1, 2 or 4: how many times larger the output is.
        large: the plate at that size, by default by Lanczos; given away, its pixels become the composite's. Faces lie
            on the plain one, because their detail is the patch's.

    Returns:
        The composited plate and its layers. With no patch on the plate and scale 1 its pixels are the same array.

    Raises:
        RangeError: another scale.
    """
    large = large or enlarge(plate, scale)
    target = large.plate
    ordered = sorted(patches, key=_fixed_order)  # sums of floats depend on their order
    placed = [found for found in (_place(patch, large, scale) for patch in ordered) if found is not None]
    matte, invented, confidence = (np.zeros(target.pixels.shape[:2], np.float32) for _ in range(3))
    if not placed:
        return Composited(target, matte, invented, confidence)
    for patch in placed:
        matte[patch.window.slices(target.data_window)] += patch.weight
    pixels = target.pixels.copy() if target is plate else target.pixels
    for patch in placed:
        part = patch.window.slices(target.data_window)
        share = np.asarray(patch.weight / np.maximum(matte[part], 1.0), np.float32)
        _add(pixels[part], patch, share)
        invented[part] += share * patch.invented
        confidence[part] += share * (1.0 - patch.invented) * np.float32(patch.confidence)
    for patch in placed:
        part = patch.window.slices(target.data_window)
        np.minimum(matte[part], 1.0, out=matte[part])
    return Composited(replace(target, pixels=pixels), matte, invented, confidence)


def _fixed_order(patch: Patch) -> tuple[float, ...]:
    return (*patch.plate_from_crop.ravel(), patch.gain, float(patch.delta.sum()), float(patch.matte.sum()))


def _place(patch: Patch, large: Enlarged, scale: int) -> _Placed | None:
    """Resample a patch onto the output plate and decode its difference there; None where nothing of it shows."""
    covered, target = _covered(patch.matte), large.plain
    if covered is None:
        return None
    target_from_crop = scaling(scale) @ patch.plate_from_crop
    from_corner = target_from_crop @ translation(covered.x0, covered.y0)
    around = Rect.around(*extent(from_corner, covered.width, covered.height)).grown(1)
    window = around.within(target.data_window)
    if window is None:
        return None
    size = (window.width, window.height)
    local = translation(-window.x0, -window.y0) @ target_from_crop
    weight = np.clip(warp(patch.matte, local, size, border="zero", kernel="linear"), 0.0, 1.0)
    weight[weight < LEAST_COVER] = 0.0
    weight[weight > 1.0 - LEAST_COVER] = 1.0  # filtering rounds
    if not weight.any():
        return None
    difference, shown = _difference(target, window, warp(patch.delta, local, size), patch.gain)
    if large.plate is not target:
        difference -= np.float32(patch.strength) * _detail(large, window)
    invented = np.clip(warp(patch.invented, local, size, kernel="linear"), 0.0, 1.0)
    return _Placed(window, weight, difference, shown, invented, patch.confidence)


def _difference(target: Plate, window: Rect, delta: Image, gain: float) -> tuple[Image, Image | None]:
    """A display-encoded delta as a difference in the plate's own space, around what the net was shown.

    Also what was shown itself, in the plate's space, where the plate has NaN or Inf to mend; else None.
    """
    seen = view_plate(target, window, gain=gain)
    decode = target.encoding.decode
    before = np.asarray(decode(seen.pixels), np.float32)
    after = np.asarray(decode(np.clip(seen.pixels + delta, 0.0, 1.0)), np.float32)
    carried = np.float32(1.0 / gain) if seen.cover is None else (seen.cover / np.float32(gain))[..., None]
    finite = bool(np.isfinite(cut_plate(target, window)[0]).all())
    return (after - before) * carried, None if finite else before * carried


def _detail(large: Enlarged, window: Rect) -> Image:
    """What an enlarging net added to a window, 0 where nothing can be told."""
    with np.errstate(invalid="ignore"):  # Inf less Inf
        added = cut_plate(large.plate, window)[0] - cut_plate(large.plain, window)[0]
    return np.where(np.isfinite(added), added, np.float32(0))


def _add(region: Image, patch: _Placed, share: Matte) -> None:
    """Add a patch's difference in place, touching nothing where its weight is 0."""
    touched = (patch.weight > 0.0)[..., None]
    if patch.shown is not None:
        np.copyto(region, patch.shown, where=touched & ~np.isfinite(region))
    with np.errstate(invalid="ignore"):  # NaN beside the matte is added to and then not taken
        np.copyto(region, region + share[..., None] * patch.difference, where=touched)


def _covered(matte: Matte) -> Rect | None:
    """The rectangle of crop pixels where a matte is not 0."""
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    if not len(rows):
        return None
    return Rect(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
