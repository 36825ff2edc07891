"""The rasteriser that can be differentiated: pictures of a mesh whose pixels know how vertices move them.

Inside a surface the gradient is that of interpolation. At silhouettes a pixel changes because the surface ends
elsewhere; there the two pixels that an outline passes between are blended by where exactly it passes, which is both
antialiasing and a gradient. Needs torch, which the base install does not have.

After: Laine et al., "Modular Primitives for High-Performance Differentiable Rendering", SIGGRAPH Asia 2020. Theirs
looks for the outline among the edges of the triangles that the two pixels see; here every outline edge is followed
across the picture, so that slivers too thin for a pixel's centre, of which outlines are full, count as well.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.raster import Raster, rasterise


@dataclass(frozen=True)
class Surface:
    """A mesh's triangles and edges, found once for many pictures.

    `triangles`: (F, 3). `edges`: (E, 2) vertices. `sides`: (E, 2) the triangles on both sides, the second -1 at a rim.
    """

    triangles: NDArray[np.int32]
    edges: NDArray[np.int64]
    sides: NDArray[np.int64]


def make_surface(triangles: np.ndarray) -> Surface:
    """Find every edge of a mesh (F, 3). An edge that more than two triangles share counts as one of the first two."""
    corners = np.stack([triangles, np.roll(triangles, -1, axis=1)], -1).reshape(-1, 2).astype(np.int64)
    edges, place = np.unique(np.sort(corners, axis=1), axis=0, return_inverse=True)
    place = place.reshape(-1)
    order = np.argsort(place, kind="stable")
    first = np.searchsorted(place[order], np.arange(len(edges)))
    count = np.bincount(place, minlength=len(edges))
    sides = np.full((len(edges), 2), -1)
    sides[:, 0] = order[first] // 3
    shared = count > 1
    sides[shared, 1] = order[first[shared] + 1] // 3
    return Surface(np.ascontiguousarray(triangles, np.int32), edges, sides)


def render(
    points: Tensor, attributes: Tensor, surface: Surface, size: tuple[int, int], *, by: str = "auto"
) -> Tensor:
    """A picture of a mesh's attributes, and of where it is.

    Args:
        points: (V, 3) float: x, y in pixels (centres at +0.5, y down) and distance along the axis, as
            `raster.rasterise` reads them. Gradients flow into all three.
        attributes: (V, C) float, anything that is interpolated over the surface. Gradients flow.
        surface: of the same vertices.
        size: (height, width).
        by: as for `raster.rasterise`, which decides what is visible.

    Returns:
        (H, W, C + 1): the attributes times coverage (black where there is nothing), then coverage 0-1.

    Raises:
        ShapeError, RangeError: tensors of other shapes; what `raster.rasterise` raises.
    """
    if points.ndim != 2 or points.shape[1] != 3 or attributes.ndim != 2 or len(attributes) != len(points):
        raise ShapeError(
            f"points should be V x 3 and attributes V x C, got {tuple(points.shape)} and {tuple(attributes.shape)}"
        )
    if not torch.isfinite(points).all():
        raise RangeError("points should be finite; a fit that gives NaN has taken too large a step")
    flat = points.detach().cpu().numpy().astype(np.float64)
    raster = rasterise(flat, surface.triangles, size, by=by)
    picture = _interpolated(points, attributes, surface, raster)
    return _outlined(picture, points, flat, surface, raster)


def _interpolated(points: Tensor, attributes: Tensor, surface: Surface, raster: Raster) -> Tensor:
    """(H, W, C + 1) what every pixel's centre sees, and 1; 0 where it sees nothing."""
    height, width = raster.triangle.shape
    rows, columns = np.nonzero(raster.covered)
    corners = torch.from_numpy(surface.triangles[raster.triangle[rows, columns]].astype(np.int64))
    a, b, c = (points[corners[:, k]] for k in range(3))
    x = torch.from_numpy(columns + 0.5).to(points)
    y = torch.from_numpy(rows + 0.5).to(points)

    def opposite(p: Tensor, q: Tensor) -> Tensor:
        return (q[:, 0] - p[:, 0]) * (y - p[:, 1]) - (q[:, 1] - p[:, 1]) * (x - p[:, 0])

    shares = torch.stack([opposite(b, c) / a[:, 2], opposite(c, a) / b[:, 2], opposite(a, b) / c[:, 2]], 1)
    shares = shares / shares.sum(1, keepdim=True)
    seen = (attributes[corners] * shares[..., None]).sum(1)
    seen = torch.cat([seen, torch.ones_like(seen[:, :1])], 1)
    picture = seen.new_zeros(height * width, seen.shape[1])
    place = torch.from_numpy(rows * width + columns)
    return picture.index_put((place,), seen).reshape(height, width, -1)


def _outlined(picture: Tensor, points: Tensor, flat: np.ndarray, surface: Surface, raster: Raster) -> Tensor:
    """The picture with pixels on both sides of every visible outline blended by where it passes."""
    outline = _outline(flat, surface)
    height, width = raster.triangle.shape
    colours = picture.reshape(height * width, -1)
    blended = colours
    for along in (0, 1):  # pairs beside one another, then pairs above one another
        found = _crossings(flat, outline, surface, raster, along)
        if not len(found.edge):
            continue
        ends = torch.from_numpy(surface.edges[found.edge])
        a, b = points[ends[:, 0]], points[ends[:, 1]]
        line = torch.from_numpy(found.line + 0.5).to(points)
        share = (line - a[:, 1 - along]) / (b[:, 1 - along] - a[:, 1 - along])
        at = a[:, along] + share * (b[:, along] - a[:, along])
        start = torch.from_numpy(found.start + 0.5).to(points)
        passed = torch.where(torch.from_numpy(found.rising), at - start, 1 - (at - start))
        near, far = torch.from_numpy(found.near), torch.from_numpy(found.far)
        difference = colours[near] - colours[far]
        blended = blended.index_add(0, far, (passed - 0.5).clamp(min=0)[:, None] * difference)
        # at exactly half both are 0, and only one may have a gradient: relu has none at 0, clamp has
        blended = blended.index_add(0, near, -torch.relu(0.5 - passed)[:, None] * difference)
    return blended.reshape(height, width, -1)


def _outline(flat: np.ndarray, surface: Surface) -> np.ndarray:
    """The edges (n,) where the surface turns away from the camera or ends."""
    corners = flat[surface.triangles][..., :2]
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    facing = np.sign(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0])
    first, second = surface.sides.T
    turns = (second < 0) | (facing[first] != facing[second])
    behind = (flat[surface.edges][..., 2] <= 0).any(1)
    return np.flatnonzero(turns & ~behind)


@dataclass(frozen=True)
class _Crossings:
    """Where outlines pass between two neighbouring pixel centres, one for each such pair.

    `edge`: which edge. `line`: the row (or column) of both pixels, `start`: the first of them along it. `near`, `far`:
    pixels on the surface's side and beyond it. `rising`: whether the surface's is the first.
    """

    edge: np.ndarray
    line: np.ndarray
    start: np.ndarray
    near: np.ndarray
    far: np.ndarray
    rising: np.ndarray


def _crossings(
    flat: np.ndarray, outline: np.ndarray, surface: Surface, raster: Raster, along: int
) -> _Crossings:
    """Follow outline edges across rows (`along` 0) or columns (1) and keep what is visible."""
    height, width = raster.triangle.shape
    lines, length = (height, width) if along == 0 else (width, height)
    across = 1 - along
    run = np.abs(np.diff(flat[surface.edges[outline]], axis=1)[:, 0])
    # each edge is followed one way only, or a slanting one would be blended twice
    outline = outline[run[:, across] >= run[:, along] if along == 0 else run[:, across] > run[:, along]]
    a, b = flat[surface.edges[outline, 0]], flat[surface.edges[outline, 1]]
    low = np.ceil(np.minimum(a, b)[:, across] - 0.5).clip(0, lines).astype(np.int64)
    high = np.ceil(np.maximum(a, b)[:, across] - 0.5).clip(0, lines).astype(np.int64)
    count = high - low
    which = np.repeat(np.arange(len(outline)), count)
    line = np.repeat(low, count) + np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    share = (line + 0.5 - a[which, across]) / (b[which, across] - a[which, across])
    at = a[which, along] + share * (b[which, along] - a[which, along])
    distance = 1 / ((1 - share) / a[which, 2] + share / b[which, 2])
    start, step = np.floor(at - 0.5).astype(np.int64), np.array([1, width])[along]
    rising = _surface_is_first(flat, surface, outline, along)[which]
    depth, seen = raster.depth.ravel(), raster.triangle.ravel()
    # an edge right through a centre: that pixel is on the surface's side of the pair or beyond, as it was drawn
    through = start.clip(0, length - 1)
    through = line * width + through if along == 0 else through * width + line
    drawn = depth[through] <= distance * (1 + 1e-6)
    start -= (start == at - 0.5) & (rising != drawn)
    within = (start >= 0) & (start + 1 < length)
    which, line, start, distance, rising = (part[within] for part in (which, line, start, distance, rising))
    pixel = line * width + start if along == 0 else start * width + line
    near, far = np.where(rising, pixel, pixel + step), np.where(rising, pixel + step, pixel)
    # what lies beyond is farther than the outline; on this side the surface has come nearer, by no more than the
    # triangles between are deep, or else something is in front of both
    deep = np.append(np.ptp(flat[surface.triangles][..., 2], axis=1), 0.0)
    slack = 2 * (deep[seen[near]] + deep[surface.sides[outline[which]]].sum(1)) + 1e-6 * distance
    visible = (seen[near] >= 0) & (depth[far] > distance * (1 + 1e-6)) & (depth[near] > distance - slack)
    which, line, start, near, far, rising, distance = (
        part[visible] for part in (which, line, start, near, far, rising, distance)
    )
    order = np.lexsort((distance, np.minimum(near, far)))
    pair = np.minimum(near, far)[order]
    first = order[np.r_[True, pair[1:] != pair[:-1]][: len(order)]]
    return _Crossings(
        outline[which[first]], line[first], start[first], near[first], far[first], rising[first]
    )


def _surface_is_first(flat: np.ndarray, surface: Surface, outline: np.ndarray, along: int) -> np.ndarray:
    """(n,) whether an outline edge's surface lies towards smaller x (`along` 0) or y (1)."""
    edges, sides = surface.edges[outline], surface.sides[outline]
    # of the triangles on both sides the larger in the picture says it best; a sliver may be all rounding
    corners = flat[surface.triangles][..., :2]
    ab, ac = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = np.append(np.abs(ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]), -1.0)
    chosen = np.where(area[sides[:, 0]] >= area[sides[:, 1]], sides[:, 0], sides[:, 1])
    inner = flat[surface.triangles[chosen]][..., :2].mean(1)
    a, b = flat[edges[:, 0], :2], flat[edges[:, 1], :2]
    across = 1 - along
    rise = b[:, across] - a[:, across]
    with np.errstate(divide="ignore", invalid="ignore"):
        at = a[:, along] + (inner[:, across] - a[:, across]) / rise * (b[:, along] - a[:, along])
    return inner[:, along] < at
