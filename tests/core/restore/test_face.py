"""One crop through a net and the look applied to it."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.restore.face import (
    BELIEF,
    FULL_SIZE_SHARE,
    SMALL_RECORDING_SHARE,
    recorded_small,
    restore_crop,
    return_grain,
    sharpen,
)
from faceplate_client.errors import ModelError
from tests.support.nets import StubNet, brightening_net, unchanged_net
from tests.support.plates import make_picture

SIDE = 128
CROP = make_picture(SIDE, SIDE)


def grain(amount: float) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (amount * rng.normal(size=(SIDE, SIDE, 1))).astype(np.float32)


def high(image: np.ndarray) -> np.ndarray:
    return image - cv2.GaussianBlur(image, (0, 0), 2.5)


def test_a_net_sees_the_crop_in_its_own_order_and_its_answer_comes_back():
    net = unchanged_net()
    np.testing.assert_array_equal(restore_crop(CROP, net), CROP)
    (batch,) = net.batches
    assert batch.shape == (1, 3, SIDE, SIDE) and batch.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(batch[0, 2], CROP[..., 2])


def test_a_large_crop_is_also_seen_at_half_its_size():
    large = make_picture(512, 512)
    net = StubNet(lambda batch: batch + (0.1 if batch.shape[2] == 256 else 0.0))
    restored = restore_crop(np.clip(large, 0, 0.8), net)
    assert [batch.shape[2] for batch in net.batches] == [512, 256]
    small = recorded_small(np.clip(large, 0, 0.8))
    share = FULL_SIZE_SHARE + small * (SMALL_RECORDING_SHARE - FULL_SIZE_SHARE)
    np.testing.assert_allclose(restored, np.clip(large, 0, 0.8) + 0.1 * BELIEF * (1 - share), atol=1e-5)


def photo_like(side: int, seed: int) -> np.ndarray:
    """Noise whose power falls with frequency as that of photographs does, (side, side, 3), 0-1."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    spectrum = np.fft.fft2(random.normal(size=(side, side))) / np.maximum(frequency, 1 / side)
    picture = np.fft.ifft2(spectrum).real
    grey = np.clip(0.5 + 0.15 * picture / picture.std(), 0, 1)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_what_was_recorded_small_is_told_from_what_is_soft(seed):
    large = photo_like(512, seed)
    tiny = cv2.resize(cv2.GaussianBlur(large, (0, 0), 5.0), (40, 40), interpolation=cv2.INTER_AREA)
    enlarged = np.asarray(cv2.resize(tiny, (512, 512), interpolation=cv2.INTER_CUBIC), np.float32)
    assert recorded_small(enlarged) == 1.0
    assert recorded_small(large) == 0.0
    assert recorded_small(np.asarray(cv2.GaussianBlur(large, (0, 0), 2.0), np.float32)) == 0.0
    assert recorded_small(np.zeros((512, 512, 3), np.float32)) in (0.0, 1.0)  # nothing to see, nothing broken


def test_an_unchanged_large_crop_keeps_its_finest_octave():
    large = make_picture(512, 512)
    np.testing.assert_allclose(restore_crop(large, unchanged_net()), large, atol=1e-6)


def test_what_leaves_the_range_is_clipped():
    restored = restore_crop(CROP, brightening_net(0.6))
    assert restored.max() == 1.0 and restored.dtype == np.float32


def test_the_mirror_makes_any_net_symmetric():
    lopsided = StubNet(lambda batch: batch * np.linspace(0.5, 1, SIDE, dtype=np.float32))
    restored = restore_crop(CROP, lopsided, mirror=True)
    np.testing.assert_allclose(
        restored, restore_crop(np.ascontiguousarray(CROP[:, ::-1]), lopsided, mirror=True)[:, ::-1], atol=1e-6
    )
    np.testing.assert_allclose(restored, CROP * (1 - 0.25 * BELIEF), atol=1e-5)


def test_nets_that_break_their_word_are_named():
    with pytest.raises(ModelError, match="stub-1 returned NaN"):
        restore_crop(CROP, StubNet(lambda batch: batch * np.nan))
    with pytest.raises(ShapeError, match="stub-1 should return"):
        restore_crop(CROP, StubNet(lambda batch: batch[:, :, ::2]))
    with pytest.raises(ShapeError, match="multiple of 32"):
        restore_crop(CROP[:100, :100], unchanged_net())


@settings(max_examples=20)
@given(seed=st.integers(0, 999), amount=st.floats(0, 1))
def test_sharpening_makes_no_halo(seed, amount):
    picture = make_picture(96, 96, seed=seed)
    sharp = sharpen(picture, amount)
    around = np.ones((3, 3), np.uint8)
    assert (sharp >= cv2.erode(picture, around)).all() and (sharp <= cv2.dilate(picture, around)).all()


def test_sharpening_lifts_detail_steadily_and_leaves_flat_alone():
    energies = [float(np.abs(high(sharpen(CROP, amount))).mean()) for amount in (0.0, 0.3, 0.6, 1.0)]
    assert all(later > earlier * 1.005 for earlier, later in pairwise(energies))
    flat = np.full((64, 64, 3), 0.4, np.float32)
    np.testing.assert_array_equal(sharpen(flat, 1.0), flat)
    assert sharpen(CROP, 0.0) is CROP
    with pytest.raises(RangeError, match="sharpen should be 0-1"):
        sharpen(CROP, 2.0)


def test_all_the_grain_comes_back():
    noisy = CROP + grain(0.03)
    returned = return_grain(CROP, noisy, 1.0)
    assert np.corrcoef(high(returned - CROP).ravel(), high(grain(0.03) + CROP * 0).ravel())[0, 1] > 0.97
    assert (returned - CROP).std() == pytest.approx(high(grain(0.03)).std(), rel=0.1)


def test_grain_is_a_mix_and_none_is_none():
    noisy = CROP + grain(0.03)
    full, half = return_grain(CROP, noisy, 1.0), return_grain(CROP, noisy, 0.5)
    np.testing.assert_allclose(half - CROP, 0.5 * (full - CROP), atol=1e-6)
    assert return_grain(CROP, noisy, 0.0) is CROP
    np.testing.assert_array_equal(return_grain(CROP, CROP, 1.0), CROP)


def test_returning_grain_does_not_return_the_softness():
    """Without the fit to edges, giving back the removed band would undo the sharpening altogether."""
    soft = np.asarray(cv2.GaussianBlur(CROP, (0, 0), 1.5), np.float32)
    lost = float(np.abs(high(CROP) - high(soft)).mean())
    kept = return_grain(CROP, soft, 1.0)
    assert np.abs(high(CROP) - high(kept)).mean() < 0.5 * lost


def test_grain_of_an_enlarged_crop_is_coarser():
    coarse = cv2.GaussianBlur(grain(0.2), (0, 0), 3)[..., None]
    noisy = np.asarray(CROP + coarse, np.float32)
    fine, wide = (return_grain(CROP, noisy, 1.0, plate_pixel=width) - CROP for width in (1.0, 4.0))
    assert wide.std() > 1.8 * fine.std()
    assert np.corrcoef(wide.ravel(), np.broadcast_to(coarse, wide.shape).ravel())[0, 1] > 0.85
    with pytest.raises(RangeError, match="width should be above 0"):
        return_grain(CROP, noisy, 1.0, plate_pixel=0.0)
    with pytest.raises(RangeError, match="grain should be 0-1"):
        return_grain(CROP, noisy, -1.0)
