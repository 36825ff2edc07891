"""Who belongs to whom, all at once and at the least total cost."""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes


def assign(costs: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pair rows with columns: as many pairs as can be made, and among those the cheapest choice.

    Args:
        costs: (R, C), 0 or more; infinite where a row and a column may not be paired.

    Returns:
        (row, column) pairs, rising by row; each row and each column at most once.

    After: Kuhn, "The Hungarian Method for the Assignment Problem", 1955, in Jonker and Volgenant's form: every row is
    added along the shortest augmenting path, in O(R C max(R, C)).
    """
    sizes = expect_shapes(costs=(costs, "R C"))
    rows, columns = sizes["R"], sizes["C"]
    if rows == 0 or columns == 0:
        return []
    side = max(rows, columns)
    finite = np.isfinite(costs)
    # A forbidden pair costs more than any set of allowed ones, so it is made only where nothing else is left.
    forbidden = 1.0 + float(np.where(finite, costs, 0.0).sum())
    square = np.full((side, side), forbidden)
    square[:rows, :columns] = np.where(finite, costs, forbidden)
    chosen = _least(square)
    return [(row, chosen[row]) for row in range(rows) if chosen[row] < columns and finite[row, chosen[row]]]


def _least(costs: NDArray[np.float64]) -> list[int]:
    """The column of every row of a square matrix, at the least total cost."""
    side = len(costs)
    row_price, column_price = np.zeros(side + 1), np.zeros(side + 1)
    owner = np.full(side + 1, side)  # of each column; the last column is the one outside, where a row starts
    for row in range(side):
        owner[side] = row
        column = side
        distance, reached = np.full(side, np.inf), np.zeros(side + 1, bool)
        before = np.full(side, side)
        while owner[column] < side:
            reached[column] = True
            here = owner[column]
            free = ~reached[:side]
            offer = costs[here] - row_price[here] - column_price[:side]
            better = free & (offer < distance)
            distance[better], before[better] = offer[better], column
            nearest = int(np.argmin(np.where(free, distance, np.inf)))
            step = distance[nearest]
            row_price[owner[reached]] += step
            column_price[reached] -= step
            distance[free] -= step
            column = nearest
        while column != side:
            owner[column] = owner[before[column]]
            column = int(before[column])
    found = [0] * side
    for column in range(side):
        found[owner[column]] = column
    return found
