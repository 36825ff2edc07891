"""Typical damage: seeded, of the same size, of each kind what it says, and never a shift of the picture."""

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2")

from faceplate_training.restore_face import typical  # noqa: E402

KINDS = (typical.scanned_film, typical.small_file, typical.shaken_camera, typical.security_camera)


@pytest.fixture(scope="module", params=[244, 256, 320])
def clean(request: pytest.FixtureRequest) -> np.ndarray:
    side = request.param
    coarse = np.random.default_rng(0).uniform(40, 210, (12, 12, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), 0, 255)


@pytest.mark.parametrize("seed", range(8))
def test_damage_is_a_function_of_its_seed_and_keeps_the_size(clean: np.ndarray, seed: int) -> None:
    before = clean.copy()
    one, other = (typical.typical_damage(clean, 0.5, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(clean, before)
    assert one.shape == clean.shape and one.dtype == np.float32
    np.testing.assert_array_equal(one, np.round(one))
    assert one.min() >= 0 and one.max() <= 255


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_moves(clean: np.ndarray, kind) -> None:
    """A restorer taught by pictures that moved would move faces."""
    moved = []
    for seed in range(8):
        damaged = kind(clean, 0.5, np.random.default_rng(seed)).astype(np.float32)
        damaged = cv2.resize(damaged, clean.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        moved.append(shift(clean, damaged))
    assert np.abs(np.mean(moved, 0)).max() < 0.2, moved


def shift(clean: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """(2,) pixels right and down by which one lies beside the other, whatever their exposures: least squares."""
    before, after = (cv2.GaussianBlur(picture[..., 1], (0, 0), 8) for picture in (clean, damaged))
    down, right = np.gradient(before)
    inner = np.s_[30:-30, 30:-30]
    terms = np.stack([part[inner].ravel() for part in (before, np.ones_like(before), right, down)], 1)
    gain, _, *slopes = np.linalg.lstsq(terms, after[inner].ravel(), rcond=None)[0]
    return -np.array(slopes) / gain


def test_a_shift_would_be_seen(clean: np.ndarray) -> None:
    moved = cv2.warpAffine(clean, np.array([[1, 0, 0.5], [0, 1, -0.4]]), clean.shape[1::-1])
    np.testing.assert_allclose(shift(clean, moved * 0.8 + 10), (0.5, -0.4), atol=0.05)


def test_a_larger_face_is_recorded_with_the_same_detail(clean: np.ndarray) -> None:
    """The tiny face of a security camera holds as many pixels whatever the size of the crop it is shown in."""
    sizes = [
        typical.security_camera(cv2.resize(clean, (side, side)), side / 512, np.random.default_rng(3)).shape[
            0
        ]
        for side in (256, 512)
    ]
    assert abs(sizes[0] - sizes[1]) <= 1
