"""Levenberg-Marquardt, for whatever is a sum of squares.

After: Madsen, Nielsen and Tingleff, "Methods for Non-Linear Least Squares Problems", 2004.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Problem(Protocol):
    """What `descend` makes small: a sum of squares over a vector of unknowns, some of which have bounds."""

    def cost(self, state: np.ndarray) -> tuple[dict[str, float], float]:
        """Every term alone, and their sum."""
        ...

    def linearise(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half the gradient of the cost, and half its curvature after Gauss and Newton."""
        ...

    def free(self, state: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Which unknowns may move."""
        ...

    def within(self, state: np.ndarray) -> np.ndarray:
        """The nearest state that keeps the bounds."""
        ...


@dataclass(frozen=True)
class Descent:
    """`state`: where it ended. `log`: the terms and the damping, at the start and after every step taken. `settled`:
    whether it stopped by itself. `damping`: Levenberg's, to go on with.
    """

    state: NDArray[np.float64]
    log: list[tuple[dict[str, float], float]]
    settled: bool
    damping: float


def descend(
    problem: Problem, state: np.ndarray, *, rounds: int, damping: float = 1e-3, enough: float = 1e-4
) -> Descent:
    """Levenberg-Marquardt: steps that never raise the cost, until one lowers it by less than a share of `enough`."""
    failures, settled = 0, False
    terms, cost = problem.cost(state)
    log = [(terms, damping)]
    while len(log) <= rounds and not settled:
        gradient, curvature = problem.linearise(state)
        free = problem.free(state, gradient)
        while True:
            step = np.zeros_like(state)
            damped = curvature[np.ix_(free, free)] + damping * np.diag(np.diag(curvature)[free])
            step[free] = -np.linalg.solve(damped, gradient[free])
            tried = problem.within(state + step)
            terms, tried_cost = problem.cost(tried)
            if tried_cost < cost:
                settled = cost - tried_cost < enough * abs(cost) + 1e-12
                state, cost, failures = tried, tried_cost, 0
                damping = max(damping / 5, 1e-9)
                log.append((terms, damping))
                break
            damping, failures = damping * 8, failures + 1
            if failures > 8:
                settled = True
                break
    return Descent(state, log, settled, damping)
