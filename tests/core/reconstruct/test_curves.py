"""Curves: tremor goes, what happens stays, gaps stay gaps, bounds hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.curves import smooth_curves

TREMOR = 0.04


def noise(frames: int = 120, curves: int = 1, seed: int = 0) -> np.ndarray:
    return TREMOR * np.random.default_rng(seed).normal(size=(frames, curves))


def spread_of(values: np.ndarray, size: float = TREMOR) -> np.ndarray:
    return np.full(values.shape, size)


def test_what_trembles_becomes_calm():
    still = 0.4 + noise(400, 6)
    assert (smooth_curves(still, spread_of(still)).std(0) < 0.55 * still.std(0)).all()


@pytest.mark.parametrize("frames", [2, 3])
@pytest.mark.parametrize("size", [0.5, 1.0])
def test_a_blink_of_two_frames_survives(frames, size):
    curve = np.zeros((90, 1))
    curve[40 : 40 + frames] = size
    calm = smooth_curves(curve + noise(90), spread_of(curve))[:, 0]
    assert calm[40 : 40 + frames].mean() > 0.85 * size
    assert np.abs(np.delete(calm, range(38, 42 + frames))).max() < 3 * TREMOR


def test_a_mouth_that_closes_and_opens_is_followed():
    """Syllables of six frames, 0.6 wide: little is taken from them."""
    syllables = 0.3 - 0.3 * np.cos(np.arange(150) * 2 * np.pi / 6)[:, None]
    calm = smooth_curves(syllables + noise(150), spread_of(syllables, 2 * TREMOR))
    assert np.sqrt(((calm - syllables) ** 2).mean()) < 1.5 * TREMOR
    assert np.corrcoef(calm[:, 0], syllables[:, 0])[0, 1] > 0.97


def test_tremor_is_measured_where_a_fit_says_too_much():
    """Errors that frames have in common are no tremor: the spread says how sure a value is, not how it trembles."""
    curve = 0.5 + 0.2 * np.sin(np.arange(200) / 4)[:, None]
    told, much = (smooth_curves(curve + noise(200), spread_of(curve, s)) for s in (TREMOR, 10 * TREMOR))
    np.testing.assert_allclose(told, much, atol=0.4 * TREMOR)


def test_uncertain_frames_have_less_say():
    curve, spread = noise(60), np.full((60, 1), TREMOR)
    curve[30] += 0.15
    before = smooth_curves(curve, spread)[30, 0]
    spread[30] *= 10
    assert abs(smooth_curves(curve, spread)[30, 0]) < 0.5 * abs(before)


def test_gaps_stay_gaps_and_the_curve_goes_on_behind_them():
    curve = np.linspace(0, 1, 50)[:, None]
    holed = curve.copy()
    holed[20:25] = holed[0] = np.nan
    calm = smooth_curves(holed, spread_of(curve))
    assert np.isnan(calm[[0, 20, 24]]).all() and np.isfinite(calm).sum() == 44
    np.testing.assert_allclose(calm[1:20], curve[1:20], atol=1e-9)
    np.testing.assert_allclose(calm[25:], curve[25:], atol=1e-9)


@given(st.integers(0, 40), st.integers(1, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_bounds_hold_straight_lines_pass_and_nothing_is_invented(frames, curves, seed):
    random = np.random.default_rng(seed)
    values = random.random((frames, curves))
    values[random.random(frames) < 0.3] = np.nan
    spread = random.uniform(0.01, 0.5, (frames, curves))
    calm = smooth_curves(values, spread, low=0, high=1)
    np.testing.assert_array_equal(np.isnan(calm), np.isnan(values))
    assert np.nanmin(calm, initial=0) >= 0 and np.nanmax(calm, initial=1) <= 1
    line = np.arange(frames)[:, None] * random.normal(size=curves) + np.where(np.isnan(values), np.nan, 0)
    np.testing.assert_allclose(smooth_curves(line, spread), line, rtol=1e-5, atol=1e-6)


def test_a_curve_that_only_blinks_keeps_its_blink_whatever_its_fit_says():
    """It moves in a few frames alone, and what it does there is no measure of how it trembles."""
    curves = np.clip(0.3 + noise(60, 5), 0, 1)
    curves[:, 4] = 0
    curves[20:22, 4] = 0.75
    calm = smooth_curves(curves, spread_of(curves, 0.2), low=0, high=1)[:, 4]
    assert calm[20:22].min() > 0.7 and np.delete(calm, [19, 20, 21, 22]).max() < 0.05


def test_wrong_input_names_itself():
    with pytest.raises(ShapeError, match="spread"):
        smooth_curves(np.zeros((4, 2)), np.ones((4, 3)))
    with pytest.raises(RangeError, match="every curve or for none"):
        smooth_curves(np.array([[0.0, np.nan]]), np.ones((1, 2)))
    with pytest.raises(RangeError, match="should be above 0"):
        smooth_curves(np.zeros((4, 1)), np.zeros((4, 1)))
