"""Fields from their differences: what was differentiated comes back, and a membrane keeps to what holds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.poisson import edges_of, integrate
from tests.support.heads import make_head

HEAD = make_head()
EDGES = edges_of(HEAD.triangles)
COUNT = len(HEAD.mean)


def differences(field):
    return field[EDGES[:, 1]] - field[EDGES[:, 0]]


def test_every_edge_is_there_once():
    assert len({tuple(sorted(edge)) for edge in EDGES.tolist()}) == len(EDGES)
    assert COUNT - len(EDGES) + len(HEAD.triangles) == 2  # Euler: the egg is closed


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), held=st.integers(0, COUNT - 1))
def test_a_field_comes_back_from_its_differences_and_one_value(seed, held):
    field = np.random.default_rng(seed).normal(size=(COUNT, 2))
    only = np.arange(COUNT) == held
    found = integrate(EDGES, differences(field), np.where(only[:, None], field, 0), held=only, pull=1e-9)
    np.testing.assert_allclose(found, field, atol=1e-3)


@settings(max_examples=10)
@given(seed=st.integers(0, 1000))
def test_a_membrane_stays_between_what_holds_it_and_does_not_move_that(seed):
    random = np.random.default_rng(seed)
    held = random.random(COUNT) < 0.1
    target = np.where(held[:, None], random.uniform(-1, 3, (COUNT, 1)), 0)
    found = integrate(EDGES, None, target, held=held, pull=1e-3)
    np.testing.assert_array_equal(found[held], target[held])
    assert found.min() >= min(target.min(), 0) - 1e-4 and found.max() <= max(target.max(), 0) + 1e-4


def test_the_answer_is_the_least_of_all():
    """Moving any vertex either way costs more: the sum that the docstring names, computed here by its words."""
    random = np.random.default_rng(3)
    wanted, target = random.normal(size=(len(EDGES), 1)), random.normal(size=(COUNT, 1))
    held, pull = np.arange(COUNT) < 5, random.uniform(0.1, 1, COUNT)
    found = integrate(EDGES, wanted, target, held=held, pull=pull)

    def cost(field):
        return ((differences(field) - wanted) ** 2).sum() + (pull[:, None] * (field - target) ** 2).sum()

    for vertex in range(5, COUNT, 37):
        for step in (-1e-2, 1e-2):
            moved = found.copy()
            moved[vertex] += step
            assert cost(moved) > cost(found)


def test_what_nothing_holds_goes_to_its_target():
    target = np.full((COUNT, 3), 0.25)
    found = integrate(EDGES, None, target, held=np.zeros(COUNT, bool), pull=1e-4)
    np.testing.assert_allclose(found, 0.25, atol=1e-9)


def test_wrong_input_names_itself():
    held = np.zeros(COUNT, bool)
    with pytest.raises(ShapeError, match="differences should be"):
        integrate(EDGES, np.zeros((3, 1)), np.zeros((COUNT, 1)), held=held, pull=1)
    with pytest.raises(RangeError, match="pull should be above 0"):
        integrate(EDGES, None, np.zeros((COUNT, 1)), held=held, pull=0)
