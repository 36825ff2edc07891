"""The UV map as a picture: where on the mesh each texel lies, and colours carried beyond the islands' rims."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.raster import rasterise

BAND = 128
"""Rows of a UV map looked at together: few enough that their arrays are not fetched anew from the system."""

FIRST_TILE = 1001
"""UDIM's number of the tile 0-1; the one to its right has one more, the one above ten more."""

UDIM = "<UDIM>"
"""What stands in a file's name for the numbers of its tiles, as Mari, USD and Blender write it."""


@dataclass(frozen=True)
class UvTile:
    """A square of UVs that is one picture: a whole UV map, or one of UDIM's tiles.

    `number`: as UDIM counts, 0 for a map that is not cut into tiles. `uv`: (T, 2) 0-1 within the square for all that
    its faces use. `faces`: (n,) which of the head's quads lie in it.
    """

    number: int
    uv: NDArray[np.float32]
    faces: NDArray[np.int64]

    def across(self, head: HeadModel, size: int) -> NDArray[np.float64]:
        """(n,) texels that the first edge of each face is long, in a picture of `size` texels."""
        ends = self.uv[head.quad_uv[self.faces, :2]]
        return np.linalg.norm(np.diff(ends, axis=1)[:, 0], axis=1) * size


def whole_map(head: HeadModel) -> UvTile:
    """The UV map of one tile, with all faces."""
    return UvTile(0, head.uv, np.arange(len(head.quads)))


def tile_numbers(head: HeadModel) -> NDArray[np.int64]:
    """(F,) the UDIM tile in which the middle of each face lies."""
    corner = (head.quad_uv >= 0)[..., None]
    middle = (head.udim[head.quad_uv] * corner).sum(1) / corner.sum(1)
    column, row = np.floor(middle).astype(np.int64).T
    return FIRST_TILE + column + 10 * row


def udim_tiles(head: HeadModel) -> list[UvTile]:
    """The tiles of `head.udim`, by rising numbers; each face is in one."""
    numbers, tiles = tile_numbers(head), []
    for number in np.unique(numbers).tolist():
        row, column = divmod(number - FIRST_TILE, 10)
        uv = head.udim - np.array([column, row], np.float32)
        tiles.append(UvTile(number, uv, np.flatnonzero(numbers == number)))
    return tiles


def over_tiles(head: HeadModel) -> HeadModel:
    """The head with UDIM's coordinates for its UVs, as files with a picture for every tile want it."""
    return replace(head, uv=head.udim)


def picture_name(stem: str, tile: int | str = 0) -> str:
    """The name of a picture: head.png, or of a tile head.1001.png; `tile` may be `UDIM` for all of them."""
    return f"{stem}.{tile}.png" if tile else f"{stem}.png"


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


def texels(head: HeadModel, size: int, *, tile: UvTile | None = None, band: int = BAND) -> Iterator[Texels]:
    """Every texel of a square UV map whose centre lies in an island, a band of rows at a time, from the top.

    Row 0 is v = 1, as pictures are written; a texel's centre lies at +0.5.

    Args:
        head: the model.
        size: of the map, texels, at least 1.
        tile: which square of its UVs; None for the map of one tile.
        band: rows at a time, at least 1. It changes nothing but how much memory is used.

    Raises:
        RangeError: a size or band below 1.
    """
    if size < 1 or band < 1:
        raise RangeError(
            f"a UV map should be at least one texel wide, and so its bands, got {size} and {band}"
        )
    tile = tile or whole_map(head)
    triangles, owner = triangles_of(head.quads[tile.faces])
    owner = tile.faces[owner].astype(np.int32)
    in_uv, _ = triangles_of(head.quad_uv[tile.faces])
    places = np.column_stack([tile.uv * (size, -size) + (0, size), np.ones(len(tile.uv))])
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
    filled = np.array(picture, np.float32)
    fill(filled, covered)
    return filled


_STEP = 4  # how much smaller one level of the pyramid is than the one before


def fill(colour: NDArray[np.float32], covered: NDArray[np.bool_]) -> None:
    """As `spread`, but in place: at 8K a copy is 800 MB."""
    if covered.all() or not covered.any():
        return
    height, width = covered.shape
    less, known = _shrunk(colour, covered)
    fill(less, known)
    for first in range(0, height, BAND):
        rows = slice(first, min(first + BAND, height))
        empty = ~covered[rows]
        if empty.any():
            colour[rows][empty] = _enlarged(less, rows, width)[empty]


def _shrunk(
    colour: NDArray[np.float32], covered: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Means over blocks of what is covered there, and in which blocks there is any."""
    height, width = covered.shape
    size = (-(-height // _STEP), -(-width // _STEP))
    less, known = np.zeros((*size, colour.shape[2]), np.float32), np.zeros(size, bool)
    for first in range(0, height, BAND):
        rows = slice(first, min(first + BAND, height))
        share = covered[rows].astype(np.float32)[..., None]
        sums, share = _block_means(colour[rows] * share), _block_means(share)
        here = slice(first // _STEP, first // _STEP + len(share))
        known[here] = share[..., 0] > 0
        less[here] = sums / np.maximum(share, 1e-6)
    return less, known


def _block_means(picture: np.ndarray) -> np.ndarray:
    """Means over blocks; of one that the picture does not fill, as if there were zeros."""
    height, width = picture.shape[:2]
    rows, columns = -(-height // _STEP), -(-width // _STEP)
    below, right = rows * _STEP - height, columns * _STEP - width
    if below or right:
        picture = cv2.copyMakeBorder(picture, 0, below, 0, right, cv2.BORDER_CONSTANT)
    return cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA).reshape(rows, columns, -1)


def _enlarged(less: np.ndarray, rows: slice, width: int) -> np.ndarray:
    """(rows, width, C): some rows of the picture that is `_STEP` times larger, interpolated."""
    down = ((np.arange(rows.start, rows.stop) + 0.5) / _STEP - 0.5).clip(0, len(less) - 1)
    upper = np.floor(down).astype(int)
    lower = np.minimum(upper + 1, len(less) - 1)
    share = (down - upper).astype(np.float32)[:, None, None]
    lines = less[upper] * (1 - share) + less[lower] * share
    wide = cv2.resize(lines, (less.shape[1] * _STEP, len(lines)), interpolation=cv2.INTER_LINEAR)
    return wide.reshape(len(lines), less.shape[1] * _STEP, -1)[:, :width]
