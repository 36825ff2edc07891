"""The cheapest pairing, checked against every pairing there is."""

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from faceplate.stages.assignment import assign

cost = st.one_of(st.floats(0, 10), st.just(float("inf")))
tables = st.integers(0, 4).flatmap(
    lambda rows: st.integers(0, 4).flatmap(
        lambda columns: st.lists(
            st.lists(cost, min_size=columns, max_size=columns), min_size=rows, max_size=rows
        ).map(lambda lines: np.array(lines, np.float64).reshape(rows, columns))
    )
)


def best(costs: np.ndarray) -> tuple[int, float]:
    """(-pairs, cost) of the best of all pairings."""
    rows, columns = costs.shape
    wide = np.full((rows, columns + rows), np.inf)
    wide[:, :columns] = costs
    found = (0, 0.0)
    for chosen in permutations(range(columns + rows), rows):
        paid = [wide[row, column] for row, column in enumerate(chosen) if np.isfinite(wide[row, column])]
        found = min(found, (-len(paid), float(sum(paid))))
    return found


@given(costs=tables)
def test_no_pairing_is_better(costs):
    pairs = assign(costs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    paid = float(sum(costs[pair] for pair in pairs))
    count, least = best(costs)
    assert -len(pairs) == count
    np.testing.assert_allclose(paid, least, atol=1e-9)
