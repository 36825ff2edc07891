"""The spots of skin that a fit compares with photos: vertices of the face, evenly spread, in pairs of left and right.

A head has most of its vertices in lips and lids. Compared at all of them a fit would see little else, and slowly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.poisson import edges_of

APART = 3.0
"""mm between neighbouring spots on the mean head, about as far as its vertices stand on a cheek."""


@dataclass(frozen=True)
class Skin:
    """Spots of skin and all that is needed to say where they are and how they face.

    `spots`: (n,) vertices. `pairs`: (p, 2) places in `spots`, left and right of one another, the same twice on the
    midline. `area`: (n,) mm² that each stands for. `around`: (m,) vertices of all triangles that touch a spot;
    `triangles`: (t, 3) places in `around`; `own`: (n,) the spots' places in `around`. `touch`: (c,) triangles, those
    of the first spot, then those of the second; `first`: (n,) where each spot's begin.
    """

    spots: NDArray[np.int64]
    pairs: NDArray[np.int64]
    area: NDArray[np.float64]
    around: NDArray[np.int64]
    triangles: NDArray[np.int64]
    own: NDArray[np.int64]
    touch: NDArray[np.int64]
    first: NDArray[np.int64]

    def normals(self, points: np.ndarray) -> NDArray[np.float64]:
        """(n, 3) unit normals of the spots, from places of `around` (m, 3)."""
        summed = self._summed(_cross(points, self.triangles))
        return summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)

    def normal_moves(self, points: np.ndarray, moves: np.ndarray) -> NDArray[np.float32]:
        """(n, 3, K) how the spots' normals change with coefficients that move `around` by (K, m, 3) each."""
        a, b, c = (points[self.triangles[:, k]] for k in range(3))
        summed = self._summed(np.cross(b - a, c - a))
        length = np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-12)
        normal = summed / length
        found = np.empty((len(self.spots), 3, len(moves)), np.float32)
        for k, move in enumerate(moves):
            da, db, dc = (move[self.triangles[:, corner]] for corner in range(3))
            change = self._summed(np.cross(db - da, c - a) + np.cross(b - a, dc - da)) / length
            found[..., k] = change - normal * (normal * change).sum(1, keepdims=True)
        return found

    def _summed(self, of_triangles: np.ndarray) -> np.ndarray:
        return np.add.reduceat(of_triangles[self.touch], self.first, axis=0)


def skin_of(
    head: HeadModel, albedo: Albedo, *, regions: Sequence[str] = ("face",), apart: float = APART
) -> Skin:
    """Choose the spots: every one at least `apart` mm from the others on the mean head, the same on both sides.

    Args:
        head: the model. albedo: of it; only vertices whose colour it knows are chosen.
        regions: where they may lie. apart: mm, above 0.
    """
    triangles = head.triangles.astype(np.int64)
    chosen = np.isin(head.region_names, regions)
    quads = head.quads[chosen[head.quad_region]]
    allowed = np.zeros(len(head.mean), bool)
    allowed[quads[quads >= 0]] = True
    if "ears" in head.mask_names:  # their folds are too fine for the mesh, and hair lies over them
        allowed &= head.mask("ears") < 0.3
    allowed &= albedo.known & albedo.known[head.mirror] & allowed[head.mirror]
    left = _thinned(head, np.flatnonzero(allowed & (head.mean[:, 0] >= -1e-3)), apart)
    spots = np.unique(np.concatenate([left, head.mirror[left]])).astype(np.int64)
    place = np.full(len(head.mean), -1)
    place[spots] = np.arange(len(spots))
    pairs = np.unique(
        np.sort(np.stack([np.arange(len(spots)), place[head.mirror[spots]]], 1), axis=1), axis=0
    )
    near = np.isin(triangles, spots).any(1)
    around = np.unique(triangles[near])
    inside = np.full(len(head.mean), -1)
    inside[around] = np.arange(len(around))
    near_triangles = inside[triangles[near]]
    corner = near_triangles.ravel()
    own = inside[spots]
    order = np.argsort(corner, kind="stable")
    order = order[np.isin(corner[order], own)]
    first = np.searchsorted(corner[order], own)
    return Skin(
        spots,
        pairs.astype(np.int64),
        _area(head, spots, allowed),
        around,
        near_triangles,
        own,
        order // 3,
        first,
    )


def smoothed(head: HeadModel, values: np.ndarray, reach: float) -> NDArray[np.float32]:
    """Values of vertices (V, C) as a picture blurred by `reach` mm (standard deviation) would show them, about."""
    edges = edges_of(head.triangles)
    length = np.linalg.norm(head.mean[edges[:, 0]] - head.mean[edges[:, 1]], axis=1)
    # a step of diffusion by a share s spreads by sqrt(s) edges; at most half, or the finest parts would not settle
    amount = (reach / max(float(np.median(length)), 1e-6)) ** 2
    steps = int(np.ceil(2 * amount))
    start = np.concatenate([edges[:, 0], edges[:, 1]])
    other = np.concatenate([edges[:, 1], edges[:, 0]])
    order = np.argsort(start, kind="stable")
    start, other = start[order], other[order]
    filled, first = np.unique(start, return_index=True)
    count = np.diff(np.append(first, len(start)))[:, None]
    field = np.array(values, np.float32)
    for _ in range(steps):
        field[filled] += np.float32(amount / steps) * (
            np.add.reduceat(field[other], first, axis=0) / count - field[filled]
        )
    return field


def _thinned(head: HeadModel, vertices: np.ndarray, apart: float) -> np.ndarray:
    """Some of the vertices, no two nearer than `apart`, those on the midline first, then from the nose outwards."""
    places = head.mean[vertices].astype(np.float64)
    middle = head.mirror[vertices] == vertices
    nose = places[places[:, 2].argmax()]
    order = np.lexsort((((places - nose) ** 2).sum(1), ~middle))
    free = np.ones(len(vertices), bool)
    kept = []
    for place in order:
        if free[place]:
            kept.append(place)
            free &= ((places - places[place]) ** 2).sum(1) >= apart**2
    return vertices[np.array(kept, int)]


def _area(head: HeadModel, spots: np.ndarray, allowed: np.ndarray) -> np.ndarray:
    """(n,) mm² nearest to each spot, of all that the allowed vertices stand for."""
    triangles = head.triangles
    size = np.linalg.norm(_cross(head.mean.astype(np.float64), triangles), axis=1) / 2
    of_vertex = np.zeros(len(head.mean))
    for corner in range(3):
        np.add.at(of_vertex, triangles[:, corner], size / 3)
    area = np.zeros(len(spots))
    vertices = np.flatnonzero(allowed)
    places = head.mean[spots]
    for first in range(0, len(vertices), 500):
        some = vertices[first : first + 500]
        apart = (places**2).sum(1) - 2 * head.mean[
            some
        ] @ places.T  # squared, less what is the same for all spots
        np.add.at(area, apart.argmin(1), of_vertex[some])
    return area


def _cross(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)
