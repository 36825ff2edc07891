"""Laws of the demonstration's figures."""

import numpy as np
import pytest

from faceplate.demo.measure import measure
from faceplate.errors import ShapeError

RNG = np.random.default_rng(7)
PICTURE = RNG.uniform(0.1, 0.9, (40, 50, 3)).astype(np.float32)
EVERYWHERE = np.ones((40, 50), np.float32)


def test_a_picture_is_like_itself():
    same = measure(PICTURE, PICTURE, EVERYWHERE)
    assert same.ssim == pytest.approx(1.0)
    assert same.psnr > 100


def test_a_known_error_has_its_known_psnr():
    off = measure(PICTURE, PICTURE + 0.1, EVERYWHERE)  # nothing clips: the picture ends at 0.9
    assert off.psnr == pytest.approx(20.0, abs=1e-4)


def test_what_lies_outside_the_matte_does_not_count():
    matte = EVERYWHERE.copy()
    matte[:, 20:] = 0
    spoilt = PICTURE.copy()
    spoilt[:, 20 + 6 :] = 0  # SSIM's window reaches five pixels over the matte's edge
    inside = measure(PICTURE, spoilt, matte)
    assert inside.psnr > 100
    assert inside.ssim == pytest.approx(1.0)


def test_noise_costs_both_and_more_noise_costs_more():
    noise = RNG.normal(0, 0.05, PICTURE.shape).astype(np.float32)
    little, much = (measure(PICTURE, PICTURE + noise * times, EVERYWHERE) for times in (1, 3))
    assert little.psnr > much.psnr + 5
    assert 1 > little.ssim > much.ssim


def test_an_exposure_shift_is_an_error():
    assert measure(PICTURE, PICTURE * 0.9, EVERYWHERE).psnr < 30


def test_a_matte_of_another_size_is_named():
    with pytest.raises(ShapeError, match="matte should be"):
        measure(PICTURE, PICTURE, EVERYWHERE[:-1])
