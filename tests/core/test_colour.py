"""The transfer curves: exact enough, each other's inverse, odd, and open at both ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709, SRGB, linear_from_srgb, srgb_from_linear

LIGHT = np.concatenate([np.zeros(1), np.logspace(-7, 5, 4001)]).astype(np.float32)
LIGHT = np.concatenate([LIGHT, -LIGHT]).reshape(-1, 1)


def exact_srgb(light):
    """IEC 61966-2-1 in double precision, odd about zero."""
    size = np.abs(light.astype(np.float64))
    return np.copysign(np.where(size <= 0.0031308, size * 12.92, 1.055 * size ** (1 / 2.4) - 0.055), light)


def test_the_curve_is_the_standards():
    np.testing.assert_allclose(srgb_from_linear(LIGHT), exact_srgb(LIGHT), rtol=3e-6, atol=1e-9)


def test_linear_and_back_is_the_same_at_any_brightness():
    np.testing.assert_allclose(linear_from_srgb(srgb_from_linear(LIGHT)), LIGHT, rtol=4e-6, atol=1e-9)


def test_both_curves_rise():
    rising = np.sort(LIGHT.ravel())
    for curve in (srgb_from_linear, linear_from_srgb):
        assert (np.diff(curve(rising)) >= -1e-6 * np.abs(curve(rising[1:]))).all()


@given(st.floats(width=32, allow_nan=False))
def test_below_zero_is_the_mirror_of_above(value):
    light = np.full((1, 1, 3), value, np.float32)
    for curve in (srgb_from_linear, linear_from_srgb):
        np.testing.assert_array_equal(curve(-light), -curve(light))


@pytest.mark.parametrize("curve", [srgb_from_linear, linear_from_srgb])
def test_what_is_no_number_stays_so_and_nothing_warns(curve):
    strange = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0], np.float32)
    with np.errstate(all="raise"):
        seen = curve(strange)
    np.testing.assert_array_equal(seen, strange)
    assert np.signbit(seen).tolist()[2:] == [True, False, True]


@pytest.mark.parametrize("curve", [srgb_from_linear, linear_from_srgb, SRGB.encode, LINEAR_REC709.decode])
def test_the_picture_that_came_in_is_left_alone_and_float32_comes_out(curve):
    picture = np.random.default_rng(3).uniform(-1, 3, (5, 7, 3)).astype(np.float32)
    kept = picture.copy()
    assert curve(picture).dtype == np.float32
    np.testing.assert_array_equal(picture, kept)
