"""Least squares with a bound on every unknown."""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError

_ROUNDS = 200


def bounded_least_squares(
    gram: np.ndarray, wanted: np.ndarray, low: np.ndarray, high: np.ndarray
) -> NDArray[np.float64]:
    """The x within its bounds that makes x' gram x - 2 wanted' x least.

    For |A x - b|^2 + p |x|^2, `gram` is A'A + p and `wanted` A'b.

    Args:
        gram: (K, K), symmetric, positive definite. wanted: (K,). low, high: (K,), may be infinite.

    Raises:
        ShapeError, RangeError: other sizes; a bound that leaves nothing.

    After: Bertsekas, "Projected Newton Methods for Optimization Problems with Simple Constraints", 1982.
    """
    sizes = expect_shapes(gram=(gram, "K K"))
    expect_shapes(sizes, wanted=(wanted, "K"), low=(low, "K"), high=(high, "K"))
    if (low > high).any():
        raise RangeError("every lower bound should be at most the upper one")
    x = np.clip(np.zeros(len(wanted)), low, high)
    for _ in range(_ROUNDS):
        slope = gram @ x - wanted
        free = np.flatnonzero(~((x <= low) & (slope > 0) | (x >= high) & (slope < 0)))
        if not len(free):
            break
        step = np.zeros_like(x)
        step[free] = -np.linalg.solve(gram[np.ix_(free, free)], slope[free])
        tried = _best(gram, wanted, x, step, low, high)
        done = np.abs(tried - x).max() < 1e-10 * (1 + np.abs(x).max())
        x = tried
        if done:
            break
    return x


def _best(
    gram: np.ndarray, wanted: np.ndarray, x: np.ndarray, step: np.ndarray, low: np.ndarray, high: np.ndarray
) -> NDArray[np.float64]:
    """As far along the step, bent at the bounds, as makes the cost less."""

    def cost(tried: np.ndarray) -> float:
        return float(tried @ gram @ tried - 2 * wanted @ tried)

    start, share = cost(x), 1.0
    while share > 1e-8:
        tried = np.clip(x + share * step, low, high)
        if cost(tried) < start:
            return tried
        share /= 2
    return x
