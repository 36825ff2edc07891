"""Damage: seeded, of the same size, within range, and never a shift of the picture."""

import numpy as np
import pytest

pytest.importorskip("cv2")

from faceplate_training import degrade


@pytest.fixture
def clean() -> np.ndarray:
    rng = np.random.default_rng(0)
    coarse = rng.uniform(30, 220, (8, 8, 3)).astype(np.float32)
    return np.kron(coarse, np.ones((16, 16, 1), np.float32))


@pytest.mark.parametrize("seed", range(12))
def test_the_same_seed_gives_the_same_damage(clean: np.ndarray, seed: int) -> None:
    one, other = (degrade.degrade(clean, 0.25, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", range(40))
def test_damage_keeps_the_size_and_gives_whole_steps(clean: np.ndarray, seed: int) -> None:
    damaged = degrade.degrade(clean, 0.25, np.random.default_rng(seed))
    assert damaged.shape == clean.shape and damaged.dtype == np.float32
    assert damaged.min() >= 0 and damaged.max() <= 255
    np.testing.assert_array_equal(damaged, np.round(damaged))


def test_the_input_is_not_written_to(clean: np.ndarray) -> None:
    before = clean.copy()
    for seed in range(30):
        degrade.degrade(clean, 0.25, np.random.default_rng(seed))
    np.testing.assert_array_equal(clean, before)


@pytest.mark.parametrize("seed", range(20))
def test_a_motion_kernel_smears_about_its_middle(seed: int) -> None:
    kernel = degrade.motion_kernel(13.0, np.random.default_rng(seed))
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - kernel.shape[0] // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert abs((kernel * x).sum()) < 0.6 and abs((kernel * y).sum()) < 0.6


@pytest.mark.parametrize("radius", [0.5, 1.0, 3.3])
def test_a_disc_kernel_keeps_the_light_and_the_place(radius: float) -> None:
    kernel = degrade.disc_kernel(radius)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)


def test_a_recording_is_never_enlarged(clean: np.ndarray) -> None:
    rng = np.random.default_rng(0)
    assert degrade.recorded(clean, 0.25, 400, rng).shape == clean.shape
    assert degrade.recorded(clean, 0.25, 64, rng).shape == (64, 64, 3)


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_a_video_codec_changes_the_picture_but_little(clean: np.ndarray, codec: str) -> None:
    coded = degrade.coded_by_video(clean.astype(np.uint8), codec, 30)
    error = np.abs(coded - clean).mean()
    assert 0 < error < 12
