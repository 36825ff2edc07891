"""Where a photo shows something else than skin on a head: hair, a collar, an earring.

Skin is what has about the colour that the albedo of the face foretells under the fitted light. What has not, above the
brows, on ears, neck and scalp, covers the skin, and the texture must not have it. The face itself is never doubted:
brows, beards, scars and paint are the person's own.
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.colour import linear_from_srgb
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.raster import rasterise
from faceplate.reconstruct.visible import Shown, opaque

ABOVE = (2.0, 10.0)
"""mm above the brows: up to the first the face is not doubted, from the second on it is."""

BESIDE = (-6.0, 6.0)
"""mm farther out than the brows' ends, at their height and below, from where on the face is doubted, over 8 mm."""

BRIGHT = (0.45, 0.75)
"""Of the logarithm of brightness against that of skin, from which it may be, and surely is, something else."""

TINT = (0.15, 0.3)
"""The same of the logarithm of a colour against the mean of all three."""

BARE = (0.88, 1.15)
"""Of the person's own tone, how dark and bright bare skin is beside the face."""

FINEST, AROUND = 2.0, 4.0
"""mm: what is smaller than the first is a mark on skin; what covers skin is left out so far around it."""

_COARSE = 512  # pixels, the longer side of the picture in which this is decided
_DARK = (
    0.04  # of the skin's tone, added to all colours: what is nearly black has no colour that could be told
)


def only_skin(head: HeadModel, photo: Shown, pattern: np.ndarray, excess: np.ndarray) -> Shown:
    """The same photo, trusted only where it shows skin.

    Args:
        head: the model. photo: see `visible.show`.
        pattern: (V, 3) scene-linear albedo over the person's own tone (`Albedo.of`).
        excess: (V, 3) scene-linear, the light in this photo (`delight.excess_light`).

    Returns:
        with `clear` lowered to 0 where something covers the skin. The same where too little of the face is seen to say
        what skin looks like.
    """
    expect_shapes({"V": len(head.mean)}, pattern=(pattern, "V 3"), excess=(excess, "V 3"))
    spared = own_face(head)
    sure = (photo.at_vertices() > 0.3) & (spared > 0.9)
    if sure.sum() < 50:
        return photo
    expected = np.asarray(pattern * excess, np.float32)
    shown = linear_from_srgb(photo.blurred(1.0).colours(*photo.points[sure, :2].T))
    tone = np.median(shown / expected[sure], axis=0)
    covering = _covering(head, photo, expected * tone, spared, float(tone.mean()))
    size = photo.clear.shape[::-1]
    return replace(
        photo, clear=photo.clear * (1 - cv2.resize(covering, size, interpolation=cv2.INTER_LINEAR))
    )


def bare(head: HeadModel, pattern: np.ndarray) -> NDArray[np.float32]:
    """A pattern (V, 3) without the hair that albedos learnt from photos have at their hairlines: as `pattern` is on the
    face below the brows, elsewhere within `BARE`.
    """
    expect_shapes({"V": len(head.mean)}, pattern=(pattern, "V 3"))
    spared = own_face(head)[:, None]
    return np.asarray(spared * pattern + (1 - spared) * np.clip(pattern, *BARE), np.float32)


def own_face(head: HeadModel) -> NDArray[np.float32]:
    """(V,) 0-1: the face below and between the brows' ends, of which a photo is believed whatever it shows."""
    face = head.mask("face") if "face" in head.mask_names else np.ones(len(head.mean), np.float32)
    if "brows" not in head.mask_names:
        return np.asarray(face, np.float32)
    brows = head.mean[head.mask("brows") > 0.5]
    above = _soft(head.mean[:, 1] - _brow_line(brows, head.mean[:, 0]), ABOVE)
    # hair begins right beside the brows, and farther out on the cheeks below them
    low = brows[:, 1].min()
    beside = np.where(head.mean[:, 1] > low - 10, BESIDE[0], BESIDE[1])
    beside = np.abs(head.mean[:, 0]) - np.abs(brows[:, 0]).max() - beside
    return (face * (1 - above) * (1 - _soft(beside, (0.0, 8.0)))).astype(np.float32)


def _brow_line(brows: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(N,) mm, how high the brows' upper edge is at x (N,); `brows` (n, 3) their vertices. Flat beside and between."""
    side, step = np.abs(brows[:, 0]), 4.0
    places = np.arange(side.min() + step, max(side.max() - step, side.min() + 1.5 * step), step)
    near = np.abs(side - places[:, None]) <= step
    tops = np.where(near, brows[:, 1], -np.inf).max(1)
    known = np.isfinite(tops)
    return (
        np.interp(np.abs(x), places[known], tops[known])
        if known.any()
        else np.full(len(x), brows[:, 1].max())
    )


def _covering(
    head: HeadModel, photo: Shown, expected: np.ndarray, spared: np.ndarray, tone: float
) -> NDArray[np.float32]:
    """(h, w) 0-1, where something covers the skin; coarse."""
    height, width = photo.depth.shape
    scale = min(1.0, _COARSE / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    triangles = opaque(head)
    raster = rasterise(
        photo.points * (photo.scale * scale, photo.scale * scale, 1), triangles, (rows, columns)
    )
    seen = raster.covered
    weights = raster.weights[seen][..., None]
    told = (np.column_stack([expected, spared])[triangles[raster.triangle[seen]]] * weights).sum(1)
    small = cv2.resize(photo.pixels, (columns, rows), interpolation=cv2.INTER_AREA)
    shown = linear_from_srgb(np.asarray(small, np.float32)[seen])
    apart = np.log((shown + _DARK * tone) / (told[:, :3] + _DARK * tone))
    bright = apart.mean(1)
    tint = np.abs(apart - bright[:, None]).max(1)
    found, own = np.zeros((2, rows, columns), np.float32)
    found[seen] = np.maximum(_rising(np.abs(bright), BRIGHT), _rising(tint, TINT)) * (1 - told[:, 3])
    own[seen] = told[:, 3]
    pixel = _pixels_a_millimetre(head, photo) * scale
    found = cv2.dilate(
        cv2.morphologyEx(found, cv2.MORPH_OPEN, _disc(FINEST / 2 * pixel)), _disc(AROUND * pixel)
    )
    found = np.minimum(found, 1 - own)
    return np.asarray(cv2.GaussianBlur(found, (0, 0), max(0.5, 0.5 * AROUND * pixel)), np.float32)


def _pixels_a_millimetre(head: HeadModel, photo: Shown) -> float:
    """Pixels of the photo's depth that a millimetre of the face is long."""
    ends = head.quads[:, :2]
    seen = photo.at_vertices()[ends].min(1) > 0.5
    if not seen.any():
        return 1.0
    ends = ends[seen]
    long = np.linalg.norm(head.mean[ends[:, 0]] - head.mean[ends[:, 1]], axis=1)
    shown = np.linalg.norm(photo.points[ends[:, 0], :2] - photo.points[ends[:, 1], :2], axis=1)
    return float(np.median(shown / np.maximum(long, 1e-6))) * photo.scale


def _soft(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    share = _rising(values, limits)
    return share * share * (3 - 2 * share)


def _rising(values: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    low, high = limits
    return ((values - low) / (high - low)).clip(0, 1)


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(0, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)
