"""A quad mesh with fewer loops: whole rows of quads are closed, so that what remains is quads and still flows.

A **chord** is a row of quads that share opposite edges. Closing it merges the two ends of every edge that it crosses:
the row vanishes, its neighbours meet, and no triangle appears. Chords are closed together with their mirror images,
cheapest first, until the mesh has the size asked for.

After: Daniels, Silva, Shepherd and Cohen, "Quadrilateral Mesh Simplification", SIGGRAPH Asia 2008 (polychord collapse).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

Sparse = Any
"""A sparse matrix of scipy's; its type stubs do not know what a product of two of them is."""


@dataclass(frozen=True)
class Cage:
    """A mesh on its way to fewer vertices.

    `quads`: (F, 4) int, -1 as the fourth corner of a triangle. `quad_uv`: (F, 4) int into `uv_from`, alike.
    `origin`: (F,) int, the quad of the mesh that was begun with.
    `mirror`: (V,) the vertex on the other side, a midline vertex is its own. `vertices_from`: (V, V0) sparse weights
    from the vertices of the mesh that was begun with, rows sum to 1; `uv_from`: (T, T0) for its UVs.
    `kept`: (V,) bool, vertices that stay where they are and never merge with one another.
    """

    quads: np.ndarray
    quad_uv: np.ndarray
    origin: np.ndarray
    mirror: np.ndarray
    vertices_from: Sparse
    uv_from: Sparse
    kept: np.ndarray


def begin(
    quads: np.ndarray, quad_uv: np.ndarray, mirror: np.ndarray, uv_count: int, kept: np.ndarray
) -> Cage:
    """A mesh before anything was taken from it; shapes as `Cage` says."""
    count = len(mirror)
    return Cage(
        quads,
        quad_uv,
        np.arange(len(quads)),
        mirror,
        sparse.eye(count, format="csr"),
        sparse.eye(uv_count, format="csr"),
        kept,
    )


def simplify(
    cage: Cage,
    positions: np.ndarray,
    uv: np.ndarray,
    wanted_length: Callable[[np.ndarray], np.ndarray],
    *,
    vertices: int,
) -> Cage:
    """Close chords, shortest against the wanted length first, until at most `vertices` are left or nothing may go.

    Args:
        positions: (V0, 3) mm, uv: (T0, 2), of the mesh that was begun with.
        wanted_length: points (N, 3) -> (N,) mm, how long an edge may be there.

    Returns:
        The smaller mesh. Every step is checked: manifold, no quad folded in space or in UV, kept vertices apart.
    """
    refused: set[bytes] = set()
    while len(cage.mirror) > vertices:
        points = cage.vertices_from @ positions
        chords = _chords(cage, points, wanted_length)
        for edges in chords:
            name = np.sort(points[edges].mean(1).round(2), axis=0).tobytes()
            if name in refused:
                continue
            closed = _close(cage, points, uv, edges)
            if closed is not None:
                cage = closed
                break
            refused.add(name)
        else:
            break
    return cage


def _chords(cage: Cage, points: np.ndarray, wanted_length) -> list[np.ndarray]:
    """The edges (N, 2) that each chord and its mirror image cross, the cheapest first."""
    edges, of_quad = quad_edges(cage.quads)
    whole = cage.quads[:, 3] >= 0
    pairs = np.concatenate([of_quad[whole][:, [0, 2]], of_quad[whole][:, [1, 3]]])
    key = edges[:, 0].astype(np.int64) * len(points) + edges[:, 1]
    mirrored = np.sort(cage.mirror[edges], axis=1)
    twin = np.searchsorted(key, mirrored[:, 0].astype(np.int64) * len(points) + mirrored[:, 1])
    pairs = np.concatenate([pairs, np.stack([np.arange(len(edges)), twin], 1)])
    graph = sparse.coo_matrix((np.ones(len(pairs)), pairs.T), (len(edges), len(edges)))
    count, chord = connected_components(graph, directed=False)
    ends = points[edges]
    cost = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) / wanted_length(ends.mean(1))
    mean_cost = np.bincount(chord, cost**2, count) / np.bincount(chord, minlength=count)
    order = np.argsort(chord, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(chord, minlength=count))[:-1])
    return [edges[members[c]] for c in np.argsort(mean_cost, kind="stable")]


def quad_edges(quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges (E, 2) of a mesh, each once and rising, and every quad's (F, 4), -1 where it has no fourth."""
    after = np.roll(quads, -1, axis=1)
    triangle = quads[:, 3] < 0
    after[triangle, 2] = quads[triangle, 0]
    sides = np.sort(np.stack([quads, after], -1), axis=-1)
    real = np.ones(quads.shape, bool)
    real[triangle, 3] = False
    edges, place = np.unique(sides[real], axis=0, return_inverse=True)
    of_quad = np.full(quads.shape, -1)
    of_quad[real] = place.reshape(-1)
    return edges, of_quad


def _close(cage: Cage, points: np.ndarray, uv: np.ndarray, edges: np.ndarray) -> Cage | None:
    """The mesh with the crossed edges closed, or None where that would spoil it."""
    count = len(points)
    graph = sparse.coo_matrix((np.ones(len(edges)), edges.T), (count, count))
    total, group = connected_components(graph, directed=False)
    if not _groups_are_small(cage, group, total):
        return None
    merged, uv_merged, stays = _without_closed(np.where(cage.quads >= 0, group[cage.quads], -1), cage)
    if not _is_sound(merged, total):
        return None
    weights = _weights(cage, points)
    merge = _merging(group, total, weights)
    if _turns_over(points, cage.quads[stays], np.asarray(merge @ points), merged):
        return None
    mirror = np.empty(total, int)
    mirror[group] = group[cage.mirror]
    kept = np.zeros(total, bool)
    np.logical_or.at(kept, group, cage.kept)
    uv_group, uv_total = _uv_groups(cage, group)
    real = cage.quads >= 0
    uv_weights = np.zeros(len(uv_group))
    uv_weights[cage.quad_uv[real]] = weights[cage.quads[real]]
    uv_from = _merging(uv_group, uv_total, uv_weights) @ cage.uv_from
    quad_uv = np.where(uv_merged >= 0, uv_group[uv_merged], -1)
    if _folds(cage.uv_from @ uv, cage.quad_uv[stays], uv_from @ uv, quad_uv):
        return None
    return Cage(
        merged,
        quad_uv,
        cage.origin[stays],
        mirror,
        (merge @ cage.vertices_from).tocsr(),
        uv_from.tocsr(),
        kept,
    )


def _groups_are_small(cage: Cage, group: np.ndarray, total: int) -> bool:
    """Pairs only; or three, where a midline vertex takes its neighbours from both sides. One kept vertex each."""
    size = np.bincount(group, minlength=total)
    midline = np.bincount(group, cage.mirror == np.arange(len(group)), total) > 0
    kept = np.bincount(group, cage.kept, total)
    return bool((size <= np.where(midline, 3, 2)).all() and (kept <= 1).all())


def _without_closed(quads: np.ndarray, cage: Cage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads whose two ends met are gone; one that lost a single corner is left as a triangle.

    Returns:
        quads and their UVs without the closed ones, and (F,) bool, which of the old ones stay.
    """
    triangle = quads[:, 3] < 0
    same = quads == np.roll(quads, -1, axis=1)
    same[triangle, 2] = quads[triangle, 2] == quads[triangle, 0]
    same[triangle, 3] = False
    stays = ~same.any(axis=1)
    return quads[stays], cage.quad_uv[stays], stays


def _is_sound(quads: np.ndarray, total: int) -> bool:
    """Every vertex used, no quad twice or folded, two quads on an edge at most, no vertex with two edges."""
    ordered = np.sort(quads, axis=1)
    if (ordered[:, 1:] == ordered[:, :-1]).any() or len(np.unique(ordered, axis=0)) < len(quads):
        return False
    if len(np.unique(quads[quads >= 0])) < total:
        return False
    edges, of_quad = quad_edges(quads)
    uses = np.bincount(of_quad[of_quad >= 0], minlength=len(edges))
    if uses.max() > 2:
        return False
    valence = np.bincount(edges.ravel(), minlength=total)
    rim = np.zeros(total, bool)
    rim[edges[uses == 1].ravel()] = True
    return bool((valence[~rim] >= 3).all())


def _weights(cage: Cage, points: np.ndarray) -> np.ndarray:
    """(V,) how strongly a vertex holds its place when merged: kept ones wholly, then the rim, then sharp features."""
    edges, of_quad = quad_edges(cage.quads)
    count = len(points)
    both = np.concatenate([edges, edges[:, ::-1]])
    degree = np.bincount(both[:, 0], minlength=count)
    around = np.stack([np.bincount(both[:, 0], points[both[:, 1], k], count) for k in range(3)], 1)
    bend = np.linalg.norm(around / degree[:, None] - points, axis=1)
    weights = 0.1 + bend**2
    uses = np.bincount(of_quad[of_quad >= 0], minlength=len(edges))
    weights[edges[uses == 1].ravel()] += 1e3
    weights[cage.kept] += 1e9
    return weights


def _merging(group: np.ndarray, total: int, weights: np.ndarray) -> Sparse:
    """(total, V) weighted means over groups."""
    share = weights / np.bincount(group, weights, total)[group]
    return sparse.coo_matrix((share, (group, np.arange(len(group)))), (total, len(group))).tocsr()


def _turns_over(before: np.ndarray, old: np.ndarray, after: np.ndarray, new: np.ndarray) -> bool:
    """Whether a quad that stays would face the other way, or lose nearly all of its area."""
    first, last = normals(before, old), normals(after, new)
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(last, axis=1)
    faces_away = (first * last).sum(1) < 0.3 * lengths
    return bool(faces_away.any() or (np.linalg.norm(last, axis=1) < 1e-3).any())


def _folds(before: np.ndarray, old: np.ndarray, after: np.ndarray, new: np.ndarray) -> bool:
    """Whether a corner of a quad that turned one way in UV now turns the other way, and has become concave."""
    return bool(((_corners(before, old) > 0) != (_corners(after, new) > 0)).any())


def _corners(uv: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """(F, 4) the cross product at each corner, above 0 where it turns left; a triangle repeats its first."""
    corners = uv[np.where(quads >= 0, quads, quads[:, :1])]
    triangle = quads[:, 3] < 0
    into, out = corners - np.roll(corners, 1, axis=1), np.roll(corners, -1, axis=1) - corners
    into[triangle, 0] = corners[triangle, 0] - corners[triangle, 2]
    turn = into[..., 0] * out[..., 1] - into[..., 1] * out[..., 0]
    turn[triangle, 2] = turn[triangle, 3] = turn[triangle, 0]
    return turn


def normals(points: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """(F, 3) normals of quads and triangles, as long as twice their area."""
    a, b, c = (points[quads[:, k]] for k in range(3))
    d = np.where(quads[:, 3:] >= 0, points[quads[:, 3]], a)
    return np.cross(c - a, d - b)


def _uv_groups(cage: Cage, group: np.ndarray) -> tuple[np.ndarray, int]:
    """Which UVs merge: those at the ends of a closed edge, within every quad, so that islands stay apart."""
    uv_count = int(cage.uv_from.shape[0])
    after, uv_after = np.roll(cage.quads, -1, axis=1), np.roll(cage.quad_uv, -1, axis=1)
    triangle = cage.quads[:, 3] < 0
    after[triangle, 2], uv_after[triangle, 2] = cage.quads[triangle, 0], cage.quad_uv[triangle, 0]
    closed = (cage.quads >= 0) & (after >= 0) & (group[cage.quads] == group[after])
    pairs = cage.quad_uv[closed], uv_after[closed]
    graph = sparse.coo_matrix((np.ones(len(pairs[0])), pairs), (uv_count, uv_count))
    total, uv_group = connected_components(graph, directed=False)
    return uv_group, total
