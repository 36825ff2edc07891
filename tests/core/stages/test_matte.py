"""The matte covers a face, stays off the rim, and follows where the face goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.faces import FFHQ_512, template_points
from faceplate.stages.matte import face_matte, mean_inside


@settings(max_examples=40)
@given(
    side=st.sampled_from([64, 96, 256]),
    seed=st.integers(0, 2**32 - 1),
    wild=st.floats(0, 0.3),
    feather=st.floats(0.01, 0.5),
)
def test_whatever_the_points_the_rim_is_exactly_zero(side, seed, wild, feather):
    points = template_points("ffhq_512", side)
    points = points + np.random.default_rng(seed).normal(0, wild * side, (5, 2)).astype(np.float32)
    matte = face_matte(side, points, feather=feather)
    assert matte.dtype == np.float32 and matte.shape == (side, side)
    assert matte.min() >= 0 and matte.max() <= 1
    for rim in (matte[0], matte[-1], matte[:, 0], matte[:, -1]):
        assert not rim.any()


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_forehead_to_chin_is_fully_covered(side):
    """The region that restoration is measured in, x 0.2-0.8 and y 0.27-0.87 of an FFHQ frame."""
    matte = face_matte(side, template_points("ffhq_512", side))
    region = matte[int(0.27 * side) : int(0.87 * side), int(0.2 * side) : int(0.8 * side)]
    assert region.min() > 0.95 and region.mean() > 0.999
    assert matte.mean() < 0.7  # and it is not the whole crop


def test_it_is_soft():
    matte = face_matte(256, template_points("ffhq_512", 256))
    steepest = max(np.abs(np.diff(matte, axis=axis)).max() for axis in (0, 1))
    assert steepest < 2.5 / (0.05 * 256)


def test_a_wider_feather_is_softer():
    points = template_points("ffhq_512", 256)
    sharp, soft = face_matte(256, points, feather=0.03), face_matte(256, points, feather=0.2)
    assert np.abs(np.diff(soft[128])).max() < np.abs(np.diff(sharp[128])).max()


def test_it_turns_with_the_face():
    quarter = np.array([[0, -1], [1, 0]], np.float32)
    turned = (FFHQ_512 - 256) @ quarter.T + 256
    np.testing.assert_allclose(
        face_matte(512, turned.astype(np.float32)), np.rot90(face_matte(512, FFHQ_512), -1), atol=0.002
    )


def test_it_moves_and_shrinks_with_the_face():
    points = template_points("ffhq_512", 512)
    small = (points - 256) * 0.6 + (300, 240)
    matte, original = face_matte(512, small.astype(np.float32)), face_matte(512, points)
    assert matte.sum() < 0.6 * original.sum()
    columns = np.flatnonzero(matte.max(axis=0) > 0.5)
    assert columns.mean() == pytest.approx(300, abs=4)


def test_a_profile_keeps_its_width():
    profile = FFHQ_512.copy()
    profile[1] = profile[0] + (30, 0)
    profile[4] = profile[3] + (25, 0)
    widths = [(face_matte(512, points)[280] > 0.5).sum() for points in (profile, FFHQ_512)]
    assert widths[0] > 0.8 * widths[1]


def test_where_the_plate_has_no_pixel_the_matte_is_zero():
    inside = np.ones((128, 128), np.float32)
    inside[:, :50] = 0
    matte = face_matte(128, template_points("ffhq_512", 128), inside=inside)
    assert not matte[:, :50].any() and matte[64, 60] == 1


def test_bad_requests_are_named():
    with pytest.raises(RangeError, match="feather"):
        face_matte(64, FFHQ_512, feather=0.0)
    with pytest.raises(RangeError, match="coincide"):
        face_matte(64, np.full((5, 2), 30.0, np.float32))
    with pytest.raises(RangeError, match="finite"):
        face_matte(64, np.full((5, 2), np.nan, np.float32))
    with pytest.raises(ShapeError, match="inside should be 64 x 64"):
        face_matte(64, FFHQ_512, inside=np.ones((32, 32), np.float32))


def test_the_mean_inside_ignores_the_outside():
    layer = np.zeros((4, 4), np.float32)
    layer[:, :2] = 0.8
    matte = np.zeros((4, 4), np.float32)
    assert mean_inside(layer, matte) == 0.0
    matte[:, :2] = 0.5
    assert mean_inside(layer, matte) == pytest.approx(0.8)
    matte[:, 2:] = 0.5
    assert mean_inside(layer, matte) == pytest.approx(0.4)
