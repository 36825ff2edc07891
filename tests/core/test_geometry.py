"""Where things lie: fits find what was done to the points, warps keep pictures where the matrix says."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import FFHQ_512
from faceplate.geometry import (
    apply,
    extent,
    fit_similarity,
    inverse,
    scale_of,
    scaling,
    translation,
    warp,
)
from tests.support.plates import make_picture


def similarity(scale: float, turn: float, x: float, y: float) -> np.ndarray:
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[a, -b, x], [b, a, y], [0, 0, 1]])


@given(
    scale=st.floats(0.02, 50), turn=st.floats(-3.1, 3.1), x=st.floats(-5000, 5000), y=st.floats(-5000, 5000)
)
def test_a_fit_finds_the_similarity_that_was_applied(scale, turn, x, y):
    truth = similarity(scale, turn, x, y)
    found = fit_similarity(FFHQ_512, apply(truth, FFHQ_512))
    corners = np.array([[0, 0], [512, 0], [0, 512], [512, 512]], np.float32)
    np.testing.assert_allclose(apply(found, corners), apply(truth, corners), atol=0.01 + 1e-5 * scale * 512)


@given(seed=st.integers(0, 2**32 - 1))
def test_no_other_similarity_fits_better(seed):
    rng = np.random.default_rng(seed)
    target = FFHQ_512 + rng.normal(0, 20, FFHQ_512.shape).astype(np.float32)
    found = fit_similarity(FFHQ_512, target)

    def error(matrix):
        return float(((apply(matrix, FFHQ_512) - target) ** 2).sum())

    best = error(found)
    for nudge in (
        scaling(1.01),
        scaling(0.99),
        translation(1, 0),
        translation(0, -1),
        similarity(1, 0.01, 0, 0),
    ):
        assert error(found @ nudge) >= best - 1e-2


def test_a_mirrored_face_is_turned_not_reflected():
    mirrored = FFHQ_512 * (-1, 1) + (512, 0)
    assert np.linalg.det(fit_similarity(mirrored.astype(np.float32), FFHQ_512)) > 0


@pytest.mark.parametrize("spoilt", [np.full((5, 2), 7.0), np.full((5, 2), np.nan), np.full((5, 2), np.inf)])
def test_points_that_say_nothing_are_refused(spoilt):
    with pytest.raises(RangeError, match="face points"):
        fit_similarity(spoilt.astype(np.float32), FFHQ_512)


def test_sets_of_different_length_are_refused():
    with pytest.raises(ShapeError, match="destination should be 5 x 2"):
        fit_similarity(FFHQ_512, FFHQ_512[:4])


def test_there_and_back_is_where_one_was():
    matrix = similarity(1.7, 0.4, -30, 12)
    np.testing.assert_allclose(apply(inverse(matrix), apply(matrix, FFHQ_512)), FFHQ_512, atol=1e-3)
    assert scale_of(matrix) == pytest.approx(1.7)
    with pytest.raises(RangeError, match="no inverse"):
        inverse(np.diag([1.0, 0.0, 1.0]))


def test_an_identity_warp_changes_nothing():
    picture = make_picture(41, 37)
    np.testing.assert_array_equal(warp(picture, np.eye(3), (41, 37)), picture)


def test_whole_pixel_shifts_are_exact_and_outside_is_zero():
    picture = make_picture(40, 30)
    moved = warp(picture, translation(5, -3), (40, 30), border="zero")
    np.testing.assert_array_equal(moved[:27, 5:], picture[3:, :35])
    assert not moved[:, :5].any() and not moved[27:].any()


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_pixel_centres_lie_at_half(factor):
    """Shrinking a ramp of x n times gives the mean of n pixels: x again, in its own coordinates."""
    ramp = np.tile(np.arange(60 * factor, dtype=np.float32) + 0.5, (40, 1))
    small = warp(ramp, scaling(1 / factor), (60, 8))
    np.testing.assert_allclose(small[4, 4:-4], (np.arange(60)[4:-4] + 0.5) * factor, atol=0.02 * factor)


@pytest.mark.parametrize("shrink", [2.0, 3.0, 7.0, 20.0])
def test_shrinking_does_not_alias(shrink):
    """Stripes too fine for the small picture leave grey, not a slower beat; without the filter they would."""
    x = np.arange(1200, dtype=np.float32)
    stripes = np.tile(0.5 + 0.5 * np.sin(2 * np.pi * x / (1.25 * shrink)), (200, 1)).astype(np.float32)
    size = (int(1200 / shrink) - 20, int(200 / shrink))
    shifted = scaling(1 / shrink) @ translation(-10 * shrink, 0)
    filtered = warp(stripes, shifted, size)[:, 4:-4]
    assert filtered.std() < 0.09
    assert filtered.std() < 0.5 * warp(stripes, shifted, size, smooth=False)[:, 4:-4].std()


@pytest.mark.parametrize("turn", [0.0, 0.3])
def test_there_and_back_keeps_a_picture(turn):
    picture = make_picture(300, 300, finest=6)
    larger = similarity(1.8, turn, 40, -20)
    there = warp(picture, larger, (640, 640))
    back = warp(there, inverse(larger), (300, 300))
    centre = slice(110, 190)
    assert np.abs(back - picture)[centre, centre].max() < 0.01


def test_only_the_part_looked_at_is_read():
    """A NaN anywhere else would otherwise spread into the crop; so would its cost."""
    picture = make_picture(400, 300)
    picture[:, :150] = np.nan
    crop = warp(picture, translation(-220, -100), (64, 64))
    assert np.isfinite(crop).all()


@given(seed=st.integers(0, 2**32 - 1), border=st.sampled_from(["reflect", "zero"]))
def test_cutting_out_the_region_first_changes_no_pixel(seed, border):
    """The region of interest is an economy: OpenCV on the whole picture says the same, edges included."""
    rng = np.random.default_rng(seed)
    picture = make_picture(90, 70, seed=seed % 7)
    matrix = similarity(rng.uniform(1.0, 3.0), rng.uniform(-3, 3), *rng.uniform(-80, 80, 2))
    half = translation(0.5, 0.5)
    whole = cv2.warpAffine(
        picture,
        (inverse(half) @ matrix @ half)[:2],
        (50, 40),
        flags=cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT if border == "reflect" else cv2.BORDER_CONSTANT,
    )
    found = warp(picture, matrix, (50, 40), border=border)
    x0, y0, x1, y1 = extent(inverse(matrix), 50, 40)
    if border == "zero" or (x0 > -90 and y0 > -70 and x1 < 180 and y1 < 140):
        np.testing.assert_allclose(found, whole, atol=0.04)  # OpenCV rounds places to 1/32 pixel
        assert np.abs(found - whole).mean() < 0.003


def test_sizes_and_dimensions_are_checked():
    with pytest.raises(RangeError, match="at least one pixel"):
        warp(make_picture(8, 8), np.eye(3), (0, 8))
    with pytest.raises(ShapeError, match="image should be"):
        warp(np.zeros((2, 3, 4, 5), np.float32), np.eye(3), (8, 8))
