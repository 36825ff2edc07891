"""The nearest spot of a triangle mesh to a point, among the parts of the mesh that face the same way."""

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.mesh import normals_of_triangles

_TRIED = 4  # nearest vertices whose triangles are looked at
_AT_ONCE = 1024


@dataclass(frozen=True)
class Spots:
    """Where N points meet a mesh: `vertices` (N, 3) and their `weights` (N, 3), sum 1; how far that is, `distance`
    (N,), infinite where nothing of the mesh may be met; `normals` (N, 3) of the triangles there, unit length.
    """

    vertices: NDArray[np.int32]
    weights: NDArray[np.float32]
    distance: NDArray[np.float32]
    normals: NDArray[np.float32]

    @property
    def met(self) -> NDArray[np.bool_]:
        return np.isfinite(self.distance)


@dataclass(frozen=True)
class Surface:
    """A triangle mesh that is asked for nearest spots. `points` (V, 3), `triangles` (T, 3), outwards by the right hand.

    `labels`: (V,) whole numbers or None: a point with a label meets only triangles whose corners all have it or 0, a
    point with 0 meets any.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    labels: NDArray[np.int8] | None = None

    @cached_property
    def normals(self) -> NDArray[np.float32]:
        """(T, 3), unit length."""
        return normals_of_triangles(self.points, self.triangles)

    @cached_property
    def _used(self) -> NDArray[np.int32]:
        return np.unique(self.triangles)

    @cached_property
    def _around(self) -> NDArray[np.int32]:
        """(V, most) the triangles about each vertex, -1 behind the last."""
        vertex = self.triangles.ravel()
        order = np.argsort(vertex, kind="stable")
        owner = (order // 3).astype(np.int32)
        count = np.bincount(vertex, minlength=len(self.points))
        table = np.full((len(self.points), int(count.max())), -1, np.int32)
        table[np.arange(table.shape[1]) < count[:, None]] = owner
        return table

    def nearest(
        self,
        points: np.ndarray,
        *,
        facing: np.ndarray | None = None,
        labels: np.ndarray | None = None,
        agree: float = 0.3,
    ) -> Spots:
        """The nearest spot to each point.

        Only triangles about the few nearest vertices are looked at: exact on meshes whose triangles are as large as
        their neighbours, and never far off.

        Args:
            points: (N, 3). facing: (N, 3) unit normals of the surface that they lie on, or None.
            labels: (N,), see the class.
            agree: the least cosine between `facing` and the normal of a triangle that may be met.

        Raises:
            ShapeError: arrays of other sizes.
        """
        sizes = expect_shapes(points=(points, "N 3"))
        if facing is not None:
            expect_shapes(sizes, facing=(facing, "N 3"))
        parts = [
            self._nearest(
                points[k : k + _AT_ONCE].astype(np.float32),
                None if facing is None else facing[k : k + _AT_ONCE],
                None if labels is None else labels[k : k + _AT_ONCE],
                agree,
            )
            for k in range(0, max(len(points), 1), _AT_ONCE)
        ]
        return Spots(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _nearest(
        self, points: np.ndarray, facing: np.ndarray | None, labels: np.ndarray | None, agree: float
    ) -> tuple[np.ndarray, ...]:
        tried = self._around[self._close_vertices(points, facing, labels, agree)].reshape(len(points), -1)
        corners = self.points[self.triangles[tried]]
        weights = nearest_in_triangle(points[:, None], corners)
        spots = np.einsum("nkc,nkcx->nkx", weights, corners)
        distance = np.linalg.norm(spots - points[:, None], axis=2)
        distance[tried < 0] = np.inf
        if facing is not None:
            distance[(self.normals[tried] * facing[:, None]).sum(2) < agree] = np.inf
        if labels is not None and self.labels is not None:
            theirs = self.labels[self.triangles[tried]]
            distance[_strangers(theirs, labels[:, None, None]).any(2)] = np.inf
        best = distance.argmin(1)
        row = np.arange(len(points))
        chosen = tried[row, best]
        return self.triangles[chosen], weights[row, best], distance[row, best], self.normals[chosen]

    def _close_vertices(
        self, points: np.ndarray, facing: np.ndarray | None, labels: np.ndarray | None, agree: float
    ) -> np.ndarray:
        """(N, _TRIED) vertices, the nearest of those that may be met before others."""
        held = self.points[self._used]
        away = (points**2).sum(1)[:, None] + (held**2).sum(1) - 2 * points @ held.T
        if facing is not None:
            away = np.where(facing @ self._vertex_normals[self._used].T < agree, away + 1e6, away)
        if labels is not None and self.labels is not None:
            theirs = self.labels[self._used]
            away = np.where(_strangers(theirs, labels[:, None]), away + 1e6, away)
        tried = min(_TRIED, len(held))
        return self._used[np.argpartition(away, tried - 1, axis=1)[:, :tried]]

    @cached_property
    def _vertex_normals(self) -> NDArray[np.float32]:
        total = np.zeros((len(self.points), 3), np.float32)
        for corner in range(3):
            np.add.at(total, self.triangles[:, corner], self.normals)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)


def along_edges(points: np.ndarray, triangles: np.ndarray, start: int, reach: float) -> NDArray[np.float64]:
    """How far it is from one vertex to the others over the edges of a mesh, infinite beyond `reach`.

    Args:
        points: (V, 3). triangles: (T, 3). start: a vertex. reach: in the unit of the points.

    After: Dijkstra, "A note on two problems in connexion with graphs", 1959.
    """
    edges = np.unique(np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    length = np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1)
    both = np.concatenate([edges, edges[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    ends, steps = both[order, 1].tolist(), np.tile(length, 2)[order].tolist()
    first = np.searchsorted(both[order, 0], np.arange(len(points) + 1)).tolist()
    far = [np.inf] * len(points)
    far[start] = 0.0
    waiting = [(0.0, start)]
    while waiting:
        so_far, vertex = heapq.heappop(waiting)
        if so_far > far[vertex]:
            continue
        for place in range(first[vertex], first[vertex + 1]):
            there = so_far + steps[place]
            if there < far[ends[place]] and there <= reach:
                far[ends[place]] = there
                heapq.heappush(waiting, (there, ends[place]))
    return np.array(far)


def _strangers(theirs: np.ndarray, labels: np.ndarray) -> NDArray[np.bool_]:
    return (theirs != 0) & (labels != 0) & (theirs != labels)


def nearest_in_triangle(points: np.ndarray, corners: np.ndarray) -> NDArray[np.float32]:
    """Weights (..., 3), sum 1, of the spot in each triangle that is nearest to each point.

    Args:
        points: (..., 3). corners: (..., 3, 3), the three corners of a triangle for each point.

    After: the nearest of the foot in the plane, where that lies inside, and of the feet on the three edges.
    """
    a, b, c = corners[..., 0, :], corners[..., 1, :], corners[..., 2, :]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-20)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    inside = np.stack([1 - v - w, v, w], -1)
    options = [inside]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        edge = corners[..., second, :] - corners[..., first, :]
        along = ((points - corners[..., first, :]) * edge).sum(-1) / np.maximum((edge * edge).sum(-1), 1e-20)
        along = along.clip(0, 1)
        weights = np.zeros_like(inside)
        weights[..., first], weights[..., second] = 1 - along, along
        options.append(weights)
    every = np.stack(options, -2)
    away = ((every @ corners - points[..., None, :]) ** 2).sum(-1)
    away[..., 0] = np.where((inside >= 0).all(-1), away[..., 0], np.inf)
    return np.take_along_axis(every, away.argmin(-1)[..., None, None], -2)[..., 0, :].astype(np.float32)
