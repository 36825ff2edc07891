"""Detail is supported where the plate shows it, however faintly, and invented where it does not."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.stages.evidence import invented_detail, keep_supported, supported
from tests.support.plates import make_picture

SIDE = 256
PICTURE = make_picture(SIDE, SIDE, finest=2.5)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)


def grain(amount: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (amount * rng.normal(size=(SIDE, SIDE, 1))).astype(np.float32)


@settings(max_examples=15)
@given(seed=st.integers(0, 999), side=st.sampled_from([64, 96, 256]))
def test_a_net_that_changed_nothing_invented_nothing(seed, side):
    picture = make_picture(side, side, seed=seed)
    assert not invented_detail(picture, picture).any()
    np.testing.assert_allclose(supported(picture, picture), picture, atol=2e-6)


@pytest.mark.parametrize("contrast", [0.3, 0.7, 1.4, 3.0])
def test_contrast_is_not_invention(contrast):
    crop = np.asarray(0.5 + 0.25 * (PICTURE - 0.5), np.float32)
    restored = np.asarray(0.5 + 0.25 * contrast * (PICTURE - 0.5), np.float32)
    assert invented_detail(restored, crop).max() < 0.02


def test_removing_grain_is_not_invention():
    """At the edges of a picture in pieces, as a face is: flat skin, and contours under the same grain."""
    contours = np.where(blurred(make_picture(SIDE, SIDE, finest=12), 3)[..., :1] > 0.5, 0.7, 0.3)
    clean = blurred(np.repeat(contours, 3, axis=2).astype(np.float32), 1.2)
    noisy = clean + grain(0.03)
    assert invented_detail(clean, noisy).mean() < 0.15
    assert invented_detail(noisy, clean).mean() > 0.5  # while adding it is, where no contour outweighs it


def test_detail_over_a_flat_crop_is_invented():
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    assert invented_detail(flat + grain(0.1), flat).min() > 0.85


def test_detail_is_invented_where_it_is_and_nowhere_else():
    soft = blurred(PICTURE, 5)
    restored = soft.copy()
    restored[:, :96] += grain(0.1)[:, :96]
    invented = invented_detail(restored, soft)
    assert invented[:, :64].min() > 0.7
    assert not invented[:, 160:].any()


def test_the_softer_the_crop_the_more_is_invented():
    shares = [invented_detail(PICTURE, blurred(PICTURE, sigma)).mean() for sigma in (0.7, 1.5, 3.0, 6.0)]
    assert shares == sorted(shares) and shares[0] < 0.05 and shares[-1] > 0.3


def test_a_change_too_faint_to_see_counts_for_little():
    flat = np.full((SIDE, SIDE, 3), 0.5, np.float32)
    assert invented_detail(flat + grain(2e-4), flat).max() < 0.08


@settings(max_examples=10)
@given(seed=st.integers(0, 99), sigma=st.floats(1, 8), noise=st.floats(0, 0.05))
def test_what_is_left_as_supported_is_less_invented(seed, sigma, noise):
    picture = make_picture(SIDE, SIDE, seed=seed, finest=2.5)
    crop = np.clip(blurred(picture, sigma) + grain(noise, seed), 0, 1).astype(np.float32)
    kept = supported(picture, crop)
    assert invented_detail(kept, crop).mean() < 0.6 * invented_detail(picture, crop).mean() + 0.01


def test_invented_grain_is_taken_out_and_a_sharpened_edge_kept():
    step = np.where(np.arange(SIDE) < SIDE // 2, 0.3, 0.7).astype(np.float32)
    step = np.repeat(np.tile(step, (SIDE, 1))[..., None], 3, axis=2)
    crop, sharp = blurred(step, 2.0), blurred(step, 1.0)
    middle, off = slice(SIDE // 2 - 1, SIDE // 2 + 1), slice(40, 88)
    kept = supported(sharp + grain(0.05), crop)

    def steepness(image):
        return float(np.abs(np.diff(image[:, middle, 0], axis=1)).mean())

    assert kept[:, off].std() < 0.35 * (sharp + grain(0.05))[:, off].std()
    assert steepness(kept) > steepness(crop) + 0.4 * (steepness(sharp) - steepness(crop))


def test_fidelity_goes_all_the_way_and_steadily():
    crop = np.clip(blurred(PICTURE, 3) + grain(0.02), 0, 1).astype(np.float32)
    steps = [keep_supported(PICTURE, crop, fidelity=amount) for amount in (0.0, 0.25, 0.5, 0.75, 1.0)]
    np.testing.assert_array_equal(steps[0], PICTURE)
    np.testing.assert_allclose(steps[-1], supported(PICTURE, crop), atol=1e-6)
    shares = [float(invented_detail(step, crop).mean()) for step in steps]
    assert all(later < earlier - 0.01 for earlier, later in pairwise(shares))


def test_bad_requests_are_named():
    with pytest.raises(RangeError, match="fidelity should be 0-1"):
        keep_supported(PICTURE, PICTURE, fidelity=-0.1)
    with pytest.raises(ShapeError, match="crop should be"):
        invented_detail(PICTURE, PICTURE[:64])
