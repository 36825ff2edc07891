"""The UV map as a picture: where on the mesh each texel lies, and colours carried beyond the islands' rims."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.raster import rasterise

BAND = 128
"""Rows of a UV map looked at together: few enough that their arrays are not fetched anew from the system."""


@dataclass(frozen=True)
class Texels:
    """The covered texels of a band of rows.

    `place`: (N,) in the whole map, counted row by row. `corners`: (N, 3) vertices of the mesh about each. `weights`:
    (N, 3) float32, their shares, sum 1. `face`: (N,) the quad each lies in.
    """

    place: NDArray[np.int64]
    corners: NDArray[np.int32]
    weights: NDArray[np.float32]
    face: NDArray[np.int32]

    def of(self, values: np.ndarray) -> NDArray[np.float32]:
        """(N, C) float32, interpolated from values of every vertex (V, C)."""
        values = np.ascontiguousarray(values, np.float32)
        found = values[self.corners[:, 0]] * self.weights[:, :1]
        for k in (1, 2):
            found += values[self.corners[:, k]] * self.weights[:, k, None]
        return found

    def chosen(self, where: np.ndarray) -> "Texels":
        """Some of them: `where` (N,) bool or places."""
        return Texels(self.place[where], self.corners[where], self.weights[where], self.face[where])

    def moved_to(self, vertices: np.ndarray) -> "Texels":
        """The same places on other vertices: `vertices` (V,) says which, for instance those of the other side."""
        return Texels(self.place, vertices[self.corners], self.weights, self.face)


def texels(head: HeadModel, size: int, *, band: int = BAND) -> Iterator[Texels]:
    """Every texel of a square UV map whose centre lies in an island, a band of rows at a time, from the top.

    Row 0 is v = 1, as pictures are written; a texel's centre lies at +0.5.

    Args:
        head: whose `uv` is read.
        size: of the map, texels, at least 1.
        band: rows at a time, at least 1. It changes nothing but how much memory is used.

    Raises:
        RangeError: a size or band below 1.
    """
    if size < 1 or band < 1:
        raise RangeError(
            f"a UV map should be at least one texel wide, and so its bands, got {size} and {band}"
        )
    triangles, owner = triangles_of(head.quads)
    in_uv, _ = triangles_of(head.quad_uv)
    places = np.column_stack([head.uv * (size, -size) + (0, size), np.ones(len(head.uv))])
    top, bottom = places[in_uv][..., 1].min(1), places[in_uv][..., 1].max(1)
    for first in range(0, size, band):
        rows = min(band, size - first)
        near = np.flatnonzero((bottom > first) & (top < first + rows))
        raster = rasterise(places - (0, first, 0), in_uv[near], (rows, size))
        place = np.flatnonzero(raster.covered)
        triangle = near[raster.triangle.ravel()[place]]
        yield Texels(
            place + first * size,
            triangles[triangle],
            raster.weights.reshape(-1, 3)[place],
            owner[triangle],
        )


def spread(picture: np.ndarray, covered: np.ndarray) -> NDArray[np.float32]:
    """Give texels outside the islands the colours of those nearby, so that filtering a texture finds no rim.

    Covered texels keep their values. Each other takes the mean of what is covered around it, from as near as there is
    any: a pyramid of means, after Gortler et al., "The Lumigraph", SIGGRAPH 1996 (pull and push).

    Args:
        picture: (H, W, C) float32. covered: (H, W) bool.

    Returns:
        (H, W, C) float32; as it was where nothing is covered at all.
    """
    sizes = expect_shapes(picture=(picture, "H W C"))
    expect_shapes(sizes, covered=(covered, "H W"))
    if covered.all() or not covered.any():
        return np.asarray(picture, np.float32)
    filled = np.array(picture, np.float32)
    _fill(filled, covered)
    return filled


_STEP = 4  # how much smaller one level of the pyramid is than the one before


def _fill(colour: np.ndarray, covered: np.ndarray) -> None:
    """Overwrite what is not covered."""
    height, width = covered.shape
    if covered.all():
        return
    share = covered.astype(np.float32)
    size = (-(-width // _STEP), -(-height // _STEP))
    less = _shrunk(colour * share[..., None], size)
    share = _shrunk(share[..., None], size)
    known = share[..., 0] > 0
    less[known] /= share[known]
    _fill(less, known)
    for first in range(0, height, BAND):
        rows = slice(first, min(first + BAND, height))
        more = _enlarged(less, rows, width)
        empty = ~covered[rows]
        colour[rows][empty] = more[empty]


def _shrunk(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Means over blocks; a block that the picture does not fill has only what there is."""
    height, width = picture.shape[:2]
    below, right = size[1] * _STEP - height, size[0] * _STEP - width
    if below or right:
        picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)


def _enlarged(less: np.ndarray, rows: slice, width: int) -> np.ndarray:
    """(rows, width, C): some rows of the picture that is `_STEP` times larger, interpolated."""
    down = ((np.arange(rows.start, rows.stop) + 0.5) / _STEP - 0.5).clip(0, len(less) - 1)
    upper = np.floor(down).astype(int)
    lower = np.minimum(upper + 1, len(less) - 1)
    share = (down - upper).astype(np.float32)[:, None, None]
    lines = less[upper] * (1 - share) + less[lower] * share
    wide = cv2.resize(lines, (less.shape[1] * _STEP, len(lines)), interpolation=cv2.INTER_LINEAR)
    return wide.reshape(len(lines), less.shape[1] * _STEP, -1)[:, :width]
