"""Bounded least squares: no other point within the bounds is better."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.reconstruct.bounded import bounded_least_squares


@given(seed=st.integers(0, 10_000), count=st.integers(1, 12))
def test_it_is_where_nothing_pulls_but_into_a_bound(seed, count):
    """The conditions of Karush, Kuhn and Tucker, which for a convex cost are the answer."""
    random = np.random.default_rng(seed)
    system, target = random.normal(size=(count + 3, count)), random.normal(size=count + 3) * 3
    gram, wanted = system.T @ system + 1e-3 * np.eye(count), system.T @ target
    low = -random.uniform(0, 1, count)
    high = np.where(random.random(count) < 0.3, np.inf, low + random.uniform(0, 2, count))
    x = bounded_least_squares(gram, wanted, low, high)
    slope = gram @ x - wanted
    assert (x >= low).all() and (x <= high).all()
    inside = (x > low + 1e-9) & (x < high - 1e-9)
    assert np.abs(slope[inside]).max(initial=0) < 1e-6
    assert slope[(x <= low + 1e-9) & (high > low + 1e-9)].min(initial=0) > -1e-6
    assert slope[(x >= high - 1e-9) & (high > low + 1e-9)].max(initial=0) < 1e-6


def test_without_bounds_it_is_the_plain_answer():
    random = np.random.default_rng(3)
    system, target = random.normal(size=(9, 4)), random.normal(size=9)
    found = bounded_least_squares(
        system.T @ system, system.T @ target, np.full(4, -np.inf), np.full(4, np.inf)
    )
    np.testing.assert_allclose(found, np.linalg.lstsq(system, target, rcond=None)[0], atol=1e-9)


def test_bounds_that_leave_nothing_are_refused():
    with pytest.raises(RangeError, match="lower bound"):
        bounded_least_squares(np.eye(1), np.ones(1), np.ones(1), np.zeros(1))
