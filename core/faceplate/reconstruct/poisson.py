"""Fields on a mesh that have given differences along its edges: the gradient domain, without a seam where UVs have one.

On the vertices of a head this is a matter of milliseconds, whatever the size of the texture that is corrected by it.
"""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError


def edges_of(triangles: np.ndarray) -> NDArray[np.int64]:
    """(E, 2) the edges of a mesh (F, 3), each once, the smaller vertex first."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(pairs.astype(np.int64), axis=1), axis=0)


def integrate(
    edges: np.ndarray,
    differences: np.ndarray | None,
    target: np.ndarray,
    *,
    held: np.ndarray,
    pull: np.ndarray | float,
    rounds: int = 2000,
) -> NDArray[np.float64]:
    """The field whose differences along edges are nearest to those given: the discrete screened Poisson equation.

    Minimises the sum over edges (i, j) of |f_j - f_i - d|^2, and over vertices of pull |f - target|^2, f being the
    target itself where it is held.

    Args:
        edges: (E, 2) vertices.
        differences: (E, C) d, or None for all 0: then f is a membrane, stretched over what is held.
        target: (V, C).
        held: (V,) bool, where f is the target.
        pull: (V,) or one number, above 0: how strongly f is drawn to the target elsewhere. A membrane comes down to it
            over about 1 / sqrt(pull) edges.
        rounds: at most so many steps of the solver; it stops by itself at a residual of a millionth.

    Returns:
        (V, C).

    Raises:
        ShapeError, RangeError: arrays of other sizes; a pull that is not above 0.

    After: Pérez, Gangnet and Blake, "Poisson Image Editing", SIGGRAPH 2003; conjugate gradients with Jacobi's
    preconditioner, as in Shewchuk, "An Introduction to the Conjugate Gradient Method Without the Agonizing Pain", 1994.
    """
    sizes = expect_shapes(edges=(edges, "E 2"), target=(target, "V C"), held=(held, "V"))
    wanted = (
        np.zeros((sizes["E"], sizes["C"])) if differences is None else np.asarray(differences, np.float64)
    )
    expect_shapes(sizes, differences=(wanted, "E C"))
    pulls = np.broadcast_to(np.asarray(pull, np.float64), held.shape)[:, None]
    if not (pulls > 0).all():
        raise RangeError(
            "pull should be above 0 everywhere, or parts that nothing holds would have no answer"
        )
    star = _Star(edges, sizes["V"])
    free = ~held[:, None]
    diagonal = star.degree[:, None] + pulls

    def applied(field: np.ndarray) -> np.ndarray:
        return free * (diagonal * field - star.neighbours(field))

    target = np.asarray(target, np.float64)
    field = target.copy()
    residual = free * (pulls * target - star.ends(wanted) - diagonal * field + star.neighbours(field))
    enough = 1e-6 * max(float(np.abs(residual).max(initial=0)), 1e-12)
    step = residual / diagonal
    energy = (residual * step).sum(0)
    for _ in range(rounds):
        if np.abs(residual).max(initial=0) <= enough:
            break
        moved = applied(step)
        length = energy / np.maximum((step * moved).sum(0), 1e-300)
        field += length * step
        residual -= length * moved
        solved = residual / diagonal
        before, energy = energy, (residual * solved).sum(0)
        step = solved + energy / np.maximum(before, 1e-300) * step
    return field


class _Star:
    """Sums over the edges about each vertex, their order prepared once."""

    def __init__(self, edges: np.ndarray, count: int) -> None:
        start = np.concatenate([edges[:, 0], edges[:, 1]])
        self._order = np.argsort(start, kind="stable")
        self._other = np.concatenate([edges[:, 1], edges[:, 0]])[self._order]
        self.degree = np.bincount(start, minlength=count).astype(np.float64)
        self._filled = np.flatnonzero(self.degree > 0)
        self._first = np.searchsorted(start[self._order], self._filled)
        self._count = count

    def neighbours(self, field: np.ndarray) -> np.ndarray:
        """(V, C) the sum of a field over each vertex's neighbours."""
        return self._sums(field[self._other])

    def ends(self, differences: np.ndarray) -> np.ndarray:
        """(V, C) at each vertex, the differences of edges that leave it minus those of edges that arrive."""
        return self._sums(np.concatenate([differences, -differences])[self._order])

    def _sums(self, values: np.ndarray) -> np.ndarray:
        found = np.zeros((self._count, values.shape[1]))
        if len(self._filled):
            found[self._filled] = np.add.reduceat(values, self._first, axis=0)
        return found
