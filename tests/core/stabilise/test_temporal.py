"""Averaging along the motion: what is still stays, what moves is followed, what is hidden has no say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.stabilise.temporal import Neighbour, steady_crop
from tests.support.plates import make_picture

SIDE = 64
CROP = make_picture(SIDE, SIDE)
STILL = np.zeros((SIDE, SIDE, 2), np.float32)
SEEN = np.ones((SIDE, SIDE), np.float32)


@given(strength=st.floats(0, 1))
def test_a_still_face_is_left_alone(strength):
    near = Neighbour(CROP, STILL, SEEN)
    np.testing.assert_allclose(steady_crop(CROP, [near, near], strength=strength), CROP, atol=1e-6)


@given(shift=st.integers(-9, 9), strength=st.floats(0, 1))
def test_a_moving_face_is_followed_not_smeared(shift, strength):
    moved = np.roll(CROP, shift, axis=1)
    near = Neighbour(CROP, STILL - np.array([shift, 0], np.float32), SEEN)
    # Beyond the wrap-around the neighbour shows nothing, and nothing is taken from it.
    np.testing.assert_allclose(steady_crop(moved, [near], strength=strength), moved, atol=1e-6)


@given(strength=st.floats(0, 1), wrong=st.floats(-5, 5))
def test_what_is_hidden_has_no_say(strength, wrong):
    near = Neighbour(CROP + np.float32(wrong), STILL, np.zeros_like(SEEN))
    np.testing.assert_array_equal(steady_crop(CROP, [near], strength=strength), CROP)


def test_strength_zero_and_no_neighbours_give_the_crop_itself():
    assert steady_crop(CROP, [Neighbour(CROP + 1, STILL, SEEN)], strength=0.0) is CROP
    assert steady_crop(CROP, [], strength=1.0) is CROP


@settings(max_examples=20)
@given(strength=st.floats(0.05, 1), count=st.integers(1, 6))
def test_boiling_falls_as_its_share_of_the_average(strength, count):
    random = np.random.default_rng(3)
    boils = random.normal(0, 0.05, (count + 1, SIDE, SIDE, 3)).astype(np.float32)
    near = [Neighbour(CROP + boil, STILL, SEEN) for boil in boils[1:]]
    left = steady_crop(CROP + boils[0], near, strength=strength) - CROP
    expected = 0.05 * np.sqrt(1 + count * strength**2) / (1 + count * strength)
    assert float(left.std()) == pytest.approx(expected, rel=0.06)


def test_arrays_of_the_wrong_size_name_themselves():
    with pytest.raises(ShapeError, match="flow should be"):
        steady_crop(CROP, [Neighbour(CROP, STILL[:12], SEEN)])
    with pytest.raises(RangeError, match="0-1"):
        steady_crop(CROP, [], strength=1.5)
