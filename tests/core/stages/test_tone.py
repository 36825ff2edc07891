"""Exposure is continuous and hands-off; tone is the plate's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import template_points
from faceplate.stages.matte import face_matte
from faceplate.stages.tone import BRIGHTEST, DARKEST, LARGEST_GAIN, OWN_TONE, expose, match_tone, tone_drift
from tests.support.plates import make_picture

SIDE = 128
MATTE = face_matte(SIDE, template_points("ffhq_512", SIDE))


def flat(level: float) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), level, np.float32)


@given(level=st.floats(DARKEST + 1e-4, BRIGHTEST - 1e-4))
def test_a_well_exposed_face_is_left_exactly_alone(level):
    assert expose(flat(level), MATTE) == 1.0


@pytest.mark.parametrize("level", [0.03, 0.01, 1.0, 4.0, 12.0])
def test_a_dark_or_bright_face_is_brought_to_the_nearer_limit(level):
    gain = expose(flat(level), MATTE)
    assert level * gain == pytest.approx(DARKEST if level < DARKEST else BRIGHTEST, rel=1e-3)


@given(stops=st.floats(-14, 10))
def test_gain_is_continuous_bounded_and_never_rises_with_light(stops):
    before, after = expose(flat(2.0**stops), MATTE), expose(flat(2.0 ** (stops + 0.01)), MATTE)
    assert 1 / LARGEST_GAIN <= after <= before <= LARGEST_GAIN
    assert before / after < 2**0.011


def test_a_hot_background_and_a_speck_do_not_move_the_gain():
    scene = flat(0.02)
    expected = expose(scene, MATTE)
    scene[MATTE < 0.5] = 50.0
    scene[60:64, 60:64] = 1000.0
    scene[70:72, 60:64] = -1.0
    assert expose(scene, MATTE) == pytest.approx(expected)


def test_nothing_to_measure_is_no_gain():
    assert expose(flat(0.01), np.zeros((SIDE, SIDE), np.float32)) == 1.0
    assert expose(flat(0.0), MATTE) == LARGEST_GAIN
    with pytest.raises(ShapeError, match="matte should be"):
        expose(flat(0.1), MATTE[:5])


def test_agreement_is_left_exactly_alone():
    picture = make_picture(SIDE, SIDE)
    np.testing.assert_array_equal(match_tone(picture, picture, MATTE), picture)


@pytest.mark.parametrize("shift", [(0.1, 0.1, 0.1), (0.08, -0.02, -0.05)])
def test_a_shift_of_exposure_or_tint_is_taken_back(shift):
    picture = make_picture(SIDE, SIDE)
    matched = match_tone(picture + np.float32(shift), picture, MATTE)
    inside = MATTE > 0.05
    np.testing.assert_allclose(matched[inside], picture[inside], atol=2e-4)


def test_new_detail_stays():
    picture = make_picture(SIDE, SIDE)
    stripes = (0.1 * np.sin(np.arange(SIDE) * 2 * np.pi / 6)).astype(np.float32)[None, :, None]
    matched = match_tone(picture + stripes, picture, MATTE)
    np.testing.assert_allclose(matched, picture + stripes, atol=0.01)


def test_what_happens_outside_the_matte_does_not_leak_in():
    picture = make_picture(SIDE, SIDE)
    restored = picture.copy()
    restored[MATTE == 0] += 0.5
    np.testing.assert_allclose(match_tone(restored, picture, MATTE), restored, atol=1e-5)


def test_amount_is_a_mix():
    picture = make_picture(SIDE, SIDE)
    brighter = picture + np.float32(0.1)
    np.testing.assert_array_equal(match_tone(brighter, picture, MATTE, amount=0.0), brighter)
    half = match_tone(brighter, picture, MATTE, amount=0.5)
    np.testing.assert_allclose(half[MATTE > 0.5], picture[MATTE > 0.5] + 0.05, atol=2e-4)
    with pytest.raises(RangeError, match="0-1"):
        match_tone(picture, picture, MATTE, amount=1.5)


def grained(picture, seed):
    return (picture + np.random.default_rng(seed).normal(0, 0.02, picture.shape)).astype(np.float32)


@given(tint=st.tuples(*[st.floats(-OWN_TONE, OWN_TONE)] * 3), grain=st.booleans())
def test_a_face_that_breathes_is_brought_back_to_its_neighbours(tint, grain):
    """The face alone is tinted, on one frame: the drift is what undoes it, inside the matte."""
    still = make_picture(SIDE, SIDE)
    crops = [grained(still, seed) if grain else still for seed in range(5)]
    tinted = crops[2] + MATTE[..., None] * np.float32(tint)
    drift = tone_drift(tinted, [(crops[1], crops[3]), (crops[0], crops[4])], MATTE)
    inside = MATTE > 0.9
    assert (
        np.abs(drift[inside].mean(axis=0) + 0.8 * np.array(tint)).max() < 0.1 * OWN_TONE + 0.002
    )  # of five frames


@given(light=st.floats(-0.3, 0.3), fade=st.floats(-0.02, 0.02))
def test_the_light_of_the_shot_and_a_steady_fade_are_no_drift(light, fade):
    still = make_picture(SIDE, SIDE)
    flash = [still, still, still + np.float32(light), still, still]
    assert np.abs(tone_drift(flash[2], [(flash[1], flash[3])], MATTE)).max() < 1e-5
    fading = [still + MATTE[..., None] * np.float32(fade * place) for place in range(5)]
    assert np.abs(tone_drift(fading[2], [(fading[1], fading[3]), (fading[0], fading[4])], MATTE)).max() < 1e-5


def test_light_that_falls_on_a_face_stays():
    still = make_picture(SIDE, SIDE)
    lit = still + np.float32(0.3) * MATTE[..., None]
    assert np.abs(tone_drift(lit, [(still, still)], MATTE)[MATTE > 0.9]).max() < 0.01
    assert not tone_drift(lit, [], MATTE).any()
    with pytest.raises(ShapeError, match="after should be"):
        tone_drift(lit, [(still, still[:50])], MATTE)


def test_something_bright_behind_a_face_is_no_light_on_it():
    """A window passes through a corner of the crop: the face keeps its tone."""
    still = make_picture(SIDE, SIDE)
    passing = still.copy()
    corner = (MATTE == 0) & (np.indices(MATTE.shape).sum(axis=0) < SIDE // 2)
    passing[corner] = 1.0
    assert corner.sum() > 300
    assert np.abs(tone_drift(passing, [(still, still)], MATTE)).max() < 0.01
