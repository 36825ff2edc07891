"""Grain that is measured is the grain that was there; grain that is given can be measured again."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.stages.grain import BANDS, LEVELS, Grain, give_grain, mean_grain, measure_grain, missing_grain

SIZE = (384, 480)
RAMP = np.broadcast_to(np.linspace(0.15, 0.85, SIZE[1], dtype=np.float32)[None, :, None], (*SIZE, 3)).copy()
WHOLE = np.ones(SIZE, np.float32)


def grainy(sigma: float = 0.03, blur: float = 0.8, shared: float = 0.5, seed: int = 1) -> np.ndarray:
    """Correlated noise: `blur` is the grain's size in pixels, `shared` how much the channels have in common."""
    random = np.random.default_rng(seed)
    own, common = random.normal(size=(*SIZE, 3)), random.normal(size=(*SIZE, 1))
    field = np.sqrt(1 - shared) * own + np.sqrt(shared) * common
    field = cv2.GaussianBlur(field, (0, 0), blur) if blur else field
    return (field * sigma / field.std()).astype(np.float32)


def measured(shown: np.ndarray, **settings) -> Grain:
    found = measure_grain(shown, **settings)
    assert found is not None
    return found


def bands_of(noise: np.ndarray) -> np.ndarray:
    """(3 bands, 3 channels) mean power in octaves, measured by differences of Gaussians: not by the stage's own way."""
    levels = [noise, *(cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (0.8, 1.6, 3.2))]
    return np.array([((fine - coarse) ** 2).mean(axis=(0, 1)) for fine, coarse in zip(levels, levels[1:])])  # noqa: B905, RUF007


@settings(max_examples=4)
@given(sigma=st.floats(0.005, 0.05), blur=st.sampled_from([0.0, 0.6, 1.2]), shared=st.floats(0, 1))
def test_what_is_measured_is_what_is_there(sigma, blur, shared):
    grain = measured(RAMP + grainy(sigma, blur, shared))
    np.testing.assert_allclose(grain.sigma, sigma, rtol=0.1)
    np.testing.assert_allclose(grain.correlation[0, 1:], shared, atol=0.06)


def test_texture_is_not_taken_for_grain():
    """Half of the plate is busy; the flat half tells."""
    plate = RAMP + grainy(0.02)
    x = np.arange(SIZE[1] // 2)
    plate[:, : SIZE[1] // 2] += 0.1 * np.sin(x / 5)[None, :, None].astype(np.float32)
    np.testing.assert_allclose(measured(plate).sigma[3:], 0.02, rtol=0.12)


def shading(shift: int = 0) -> np.ndarray:
    """What soft footage is full of: no texture, but light and dark over tens of pixels; moved by `shift`."""
    rows, columns = np.indices(SIZE, np.float32)
    waves = np.sin((columns + shift) / 9) * np.cos(rows / 11) + np.sin((columns + shift + 2 * rows) / 17)
    return (0.012 * waves)[..., None].astype(np.float32)


@pytest.mark.parametrize("shift", [0, 1])
def test_what_a_neighbour_shows_as_well_is_no_grain(shift):
    """Also where it has moved by a pixel: what is soft hardly changes by that."""
    plate, other = RAMP + shading() + grainy(0.008, seed=1), RAMP + shading(shift) + grainy(0.008, seed=2)
    alone, beside = measured(plate), measured(plate, beside=other)
    assert alone.sigma.min() > 1.25 * 0.008, "by itself shading passes for grain"
    np.testing.assert_allclose(beside.sigma, 0.008, rtol=0.12)
    plain = measured(RAMP + grainy(0.008, seed=1))
    np.testing.assert_allclose(beside.spectrum, plain.spectrum, rtol=0.25, atol=0.35)


def test_a_neighbour_of_another_shot_or_the_same_frame_again_changes_nothing():
    plate = RAMP + shading() + grainy(0.008)
    alone = measured(plate)
    stranger = RAMP[:, ::-1] + 0.1 * np.sin(np.indices(SIZE)[0] / 5)[..., None].astype(np.float32)
    for beside in (stranger.astype(np.float32), plate.copy()):
        np.testing.assert_array_equal(measured(plate, beside=beside).sigma, alone.sigma)


def test_grain_of_its_own_on_every_frame_is_all_grain():
    plate, other = RAMP + grainy(0.02, seed=3), RAMP + grainy(0.02, seed=4)
    np.testing.assert_allclose(measured(plate, beside=other).sigma, 0.02, rtol=0.1)


@settings(max_examples=4)
@given(blur=st.sampled_from([0.0, 0.7, 1.0]), shared=st.floats(0, 0.9), amount=st.sampled_from([0.5, 1.0]))
def test_what_is_given_has_the_plates_power_in_every_band(blur, shared, amount):
    noise = grainy(0.03, blur, shared)
    given_back = give_grain(RAMP, WHOLE, measured(RAMP + noise), amount=amount, seed=(7, 1)) - RAMP
    ratio = bands_of(given_back) / bands_of(noise) / amount**2
    assert ratio.min() > 0.9 and ratio.max() < 1.1


def test_grain_follows_luminance():
    noise = grainy(1.0, 0.7) * (0.01 + 0.05 * RAMP)
    grain = measured(RAMP + noise)
    given_back = give_grain(RAMP, WHOLE, grain, seed=(1,)) - RAMP
    for part in (slice(0, 120), slice(360, 480)):
        assert given_back[:, part].std() == pytest.approx(noise[:, part].std(), rel=0.1)


def test_a_soft_edge_is_as_grainy_as_what_lies_on_either_side():
    noise, matte = grainy(0.03), np.broadcast_to(np.linspace(0, 1, SIZE[1], dtype=np.float32), SIZE).copy()
    comp = RAMP + noise * (1 - matte)[..., None]
    power = ((give_grain(comp, matte, measured(RAMP + noise), seed=(3,)) - RAMP) ** 2).mean(axis=(0, 2))
    np.testing.assert_allclose(power.reshape(8, -1).mean(axis=1), 0.03**2, rtol=0.12)


def test_grain_that_survived_is_not_given_twice():
    """The finest half of a large face's own grain is still there."""
    noise = grainy(0.03, 0.0)
    kept = noise - cv2.GaussianBlur(noise, (0, 0), 1.0)
    wanted, there = measured(RAMP + noise), measured(RAMP + kept)
    again = give_grain(RAMP + kept, WHOLE, missing_grain(wanted, there), seed=(5,)) - RAMP
    np.testing.assert_allclose(bands_of(again) / bands_of(noise), 1.0, atol=0.15)
    full = missing_grain(wanted, wanted)
    assert full.sigma.max() < 1e-6 and np.isfinite(full.spectrum).all()
    assert missing_grain(wanted, None) is wanted


def test_a_seed_is_a_frame_and_a_track():
    grain = measured(RAMP + grainy())
    one = give_grain(RAMP, WHOLE, grain, seed=(1001, 2))
    np.testing.assert_array_equal(one, give_grain(RAMP, WHOLE, grain, seed=(1001, 2)))
    for other in ((1002, 2), (1001, 3)):
        far = give_grain(RAMP, WHOLE, grain, seed=other) - RAMP
        assert abs(np.corrcoef(far.ravel(), (one - RAMP).ravel())[0, 1]) < 0.02
    with pytest.raises(RangeError, match="seed"):
        give_grain(RAMP, WHOLE, grain, seed=(-1,))


def test_outside_the_matte_not_one_pixel_changes():
    matte = np.zeros(SIZE, np.float32)
    matte[100:200, 100:200] = 0.5
    done = give_grain(RAMP, matte, measured(RAMP + grainy()), seed=(1,))
    np.testing.assert_array_equal(done[matte == 0], RAMP[matte == 0])
    assert (done[matte > 0] != RAMP[matte > 0]).mean() > 0.9
    assert give_grain(RAMP, matte, measured(RAMP + grainy()), amount=0.0) is RAMP


def test_a_plate_with_nothing_flat_or_nothing_unclipped_has_no_measure():
    assert measure_grain(np.ones((*SIZE, 3), np.float32)) is None
    assert measure_grain(RAMP[:20, :20]) is None
    assert measure_grain(RAMP, where=np.zeros(SIZE, np.float32)) is None
    assert mean_grain([]) is None


def test_the_middle_of_several_is_not_moved_by_one():
    good, odd = measured(RAMP + grainy()), measured(RAMP + grainy(0.045))
    np.testing.assert_array_equal(mean_grain([good, odd, good]).sigma, good.sigma)  # type: ignore[union-attr]


def test_grain_that_is_none_is_refused():
    with pytest.raises(RangeError, match="finite"):
        Grain(np.full((len(LEVELS), 3), np.nan), np.ones((3, BANDS)), np.eye(3))
