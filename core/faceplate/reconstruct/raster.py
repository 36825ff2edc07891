"""Which triangle each pixel sees, and where in it: a z-buffer in C++, and its numpy twin that a test compares with."""

import importlib
from dataclasses import dataclass
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError, ShapeError


@dataclass(frozen=True)
class Raster:
    """What a camera sees of a mesh.

    `triangle`: (H, W) int32, -1 where there is nothing. `weights`: (H, W, 3) float32, barycentric on the surface
    (perspective is undone), 0 where there is nothing; `depth`: (H, W) float64, in the unit of the points' third
    column, infinite where there is nothing.
    """

    triangle: NDArray[np.int32]
    weights: NDArray[np.float32]
    depth: NDArray[np.float64]

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(H, W), where the mesh is."""
        return self.triangle >= 0


def rasterise(
    points: np.ndarray, triangles: np.ndarray, size: tuple[int, int], *, by: str = "auto"
) -> Raster:
    """See a mesh through a camera, one sample at the centre of every pixel.

    Both sides of a triangle are seen. A pixel centre on the edge of two triangles belongs to one of them, so that a
    closed surface is covered once and has no cracks. Of two triangles at the same depth the first is seen.

    Args:
        points: (V, 3) float: x, y in pixels (centres at +0.5, y down) and the distance along the view axis, any
            unit. A triangle with a corner at distance 0 or behind the camera is left out.
        triangles: (F, 3) int, vertices of each.
        size: (height, width) of the picture.
        by: "native" (C++), "numpy" (the reference), or "auto": native where it was built.

    Raises:
        ShapeError, RangeError: arrays of other shapes; a triangle naming no vertex; an unknown `by`; native code
            asked for that was not built.
    """
    sizes = expect_shapes(points=(points, "V 3"), triangles=(triangles, "F 3"))
    height, width = size
    if height < 1 or width < 1:
        raise ShapeError(f"size should be at least 1 x 1, got {height} x {width}")
    if triangles.size and not 0 <= triangles.min() <= triangles.max() < sizes["V"]:
        raise RangeError(f"triangles should name vertices 0-{sizes['V'] - 1}, got {triangles.max()}")
    chosen = rasterisers().get(by) if by != "auto" else next(iter(rasterisers().values()))
    if chosen is None:
        raise RangeError(f"by should be auto, {' or '.join(rasterisers())} here, got {by!r}")
    return Raster(*chosen(np.asarray(points, np.float64), np.asarray(triangles, np.int32), height, width))


def rasterisers() -> dict:
    """The ways there are here, the fastest first."""
    native = _native()
    return ({"native": native.rasterise} if native else {}) | {"numpy": _rasterise_numpy}


@cache
def _native() -> ModuleType | None:
    """The compiled z-buffer, or None where build.py found no compiler."""
    try:
        return importlib.import_module("faceplate.reconstruct._raster")
    except ImportError:
        return None


def _rasterise_numpy(points, triangles, height, width):
    """The reference: every pixel in the box of every triangle, tested at once."""
    corners = points[triangles]
    chosen = np.flatnonzero((corners[..., 2] > 0).all(1) & np.isfinite(corners).all((1, 2)))
    corners = corners[chosen]
    low = np.floor(corners[..., :2].min(1) - 0.5).clip(0, (width, height))
    high = np.ceil(corners[..., :2].max(1) - 0.5).clip(-1, (width - 1, height - 1))
    extent = (high - low + 1).clip(0).astype(np.int64)
    boxes = extent[:, 0] * extent[:, 1]
    which = np.repeat(np.arange(len(chosen)), boxes)
    place = np.arange(boxes.sum()) - np.repeat(np.cumsum(boxes) - boxes, boxes)
    column = low[which, 0].astype(np.int64) + place % extent[which, 0]
    row = low[which, 1].astype(np.int64) + place // extent[which, 0]
    edges, inside = _edge_values(corners, which, column + 0.5, row + 0.5)
    which, row, column, edges = which[inside], row[inside], column[inside], edges[inside]
    parts = edges * (1.0 / corners[which][..., 2])
    total = (parts[:, 0] + parts[:, 1]) + parts[:, 2]
    depth = ((edges[:, 0] + edges[:, 1]) + edges[:, 2]) / total
    pixel = row * width + column
    order = np.lexsort((which, depth, pixel))
    nearest = order[np.r_[True, pixel[order][1:] != pixel[order][:-1]][: len(order)]]
    triangle = np.full(height * width, -1, np.int32)
    weights, depths = np.zeros((height * width, 3), np.float32), np.full(height * width, np.inf)
    triangle[pixel[nearest]] = chosen[which[nearest]]
    weights[pixel[nearest]] = parts[nearest] / total[nearest, None]
    depths[pixel[nearest]] = depth[nearest]
    return (
        triangle.reshape(height, width),
        weights.reshape(height, width, 3),
        depths.reshape(height, width),
    )


def _edge_values(corners, which, x, y):
    """For each candidate its three edge functions (N, 3), positive within, and whether the triangle owns the pixel."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    orientation = np.where(area > 0, 1.0, -1.0)
    inside = (area != 0)[which]
    values = []
    for start, end in ((b, c), (c, a), (a, b)):
        # always walked from the same end, so that the neighbour across the edge does the same sums
        turned = (end[:, 1] < start[:, 1]) | ((end[:, 1] == start[:, 1]) & (end[:, 0] < start[:, 0]))
        first = np.where(turned[:, None], end, start)[:, :2]
        step = np.where(turned[:, None], start, end)[:, :2] - first
        sign = np.where(turned, -orientation, orientation)
        value = sign[which] * (
            step[which, 0] * (y - first[which, 1]) - step[which, 1] * (x - first[which, 0])
        )
        inside = inside & ((value > 0) | ((value == 0) & (sign > 0)[which]))
        values.append(value)
    return np.stack(values, 1), inside
