"""The z-buffer: its two makes agree to the bit, it has no cracks, and perspective is undone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import HeadPose, camera_for_lens, project
from faceplate.reconstruct.raster import rasterise, rasterisers
from tests.support.heads import make_head

BOTH = sorted(rasterisers())
HEAD = make_head()


def egg_seen(turn, *, size=96):
    camera = camera_for_lens(size, size, millimetres=50)
    return project(HEAD.mean, HeadPose(np.array(turn), np.array([0.0, 0.0, 500.0])), camera)


@pytest.mark.skipif(
    "native" not in BOTH, reason="the z-buffer was not compiled: build.py found no C++ compiler"
)
@settings(max_examples=30)
@given(
    turn=st.tuples(*[st.floats(-3, 3)] * 3),
    seed=st.integers(0, 1000),
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
)
def test_native_and_numpy_agree_to_the_bit(turn, seed, size):
    soup = np.random.default_rng(seed).uniform((-20, -20, -1), (90, 90, 5), (60, 3))
    soup[::7] = np.round(soup[::7])  # corners on pixel rims, where rules for edges matter
    for points, triangles in (
        (egg_seen(turn), HEAD.triangles),
        (soup, np.arange(60).reshape(-1, 3)),
    ):
        first, second = (rasterise(points, triangles, size, by=by) for by in ("native", "numpy"))
        np.testing.assert_array_equal(first.triangle, second.triangle)
        np.testing.assert_array_equal(first.weights, second.weights)
        np.testing.assert_array_equal(first.depth, second.depth)


@pytest.mark.parametrize("by", BOTH)
@settings(max_examples=25)
@given(seed=st.integers(0, 1000), whole=st.booleans())
def test_a_sheet_is_covered_once_and_without_cracks(by, seed, whole):
    """Each pixel of a wrinkled sheet is seen in exactly one of its triangles, drawn one by one."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0)), -1) * 6 + 4
    grid[1:-1, 1:-1] += random.uniform(-1, 1, (4, 4, 2))  # more would fold a triangle over
    if whole:
        grid = np.round(grid * 2) / 2  # corners on pixel centres
    points = np.column_stack([grid.reshape(-1, 2), np.ones(36)])
    corner = (np.arange(5)[:, None] * 6 + np.arange(5)).ravel()
    triangles = np.concatenate(
        [np.stack([corner, corner + 1, corner + 7], 1), np.stack([corner, corner + 7, corner + 6], 1)]
    )
    alone = [rasterise(points, one[None], (40, 40), by=by).covered for one in triangles]
    times = np.sum(alone, axis=0)
    inside = np.zeros((40, 40), bool)
    inside[5:33, 5:33] = True  # the sheet spans 4 to 34; its rim is the rule's own business
    assert (times[inside] == 1).all()
    assert times.max() == 1
    np.testing.assert_array_equal(rasterise(points, triangles, (40, 40), by=by).covered, times == 1)


@pytest.mark.parametrize("by", BOTH)
@given(turn=st.tuples(*[st.floats(-3, 3)] * 3))
@settings(max_examples=15)
def test_weights_lead_back_to_the_pixel_and_its_depth(by, turn):
    seen = egg_seen(turn)
    raster = rasterise(seen, HEAD.triangles, (96, 96), by=by)
    rows, columns = np.nonzero(raster.covered)
    corners = HEAD.triangles[raster.triangle[rows, columns]]
    weights = raster.weights[rows, columns].astype(np.float64)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    pose = HeadPose(np.array(turn), np.array([0.0, 0.0, 500.0]))
    on_head = (HEAD.mean.astype(np.float64)[corners] * weights[..., None]).sum(1)
    again = project(on_head, pose, camera_for_lens(96, 96, millimetres=50))
    np.testing.assert_allclose(again[:, :2], np.stack([columns, rows], 1) + 0.5, atol=1e-3)
    np.testing.assert_allclose(again[:, 2], raster.depth[rows, columns], rtol=1e-5)


@pytest.mark.parametrize("by", BOTH)
def test_the_nearer_of_two_is_seen_and_the_first_of_equals(by):
    square = np.array([[0, 0], [20, 0], [0, 20]], float)
    layers = np.concatenate([np.column_stack([square, np.full(3, z)]) for z in (3.0, 2.0, 2.0)])
    raster = rasterise(layers, np.arange(9).reshape(3, 3), (10, 10), by=by)
    assert (raster.triangle == 1).all()
    np.testing.assert_allclose(raster.depth, 2.0)


@pytest.mark.parametrize("by", BOTH)
def test_what_is_behind_the_lens_or_beside_the_picture_is_not_seen(by):
    behind = np.array([[0, 0, -1], [9, 0, 1], [0, 9, 1]], float)
    beside = np.array([[50, 50, 1], [60, 50, 1], [50, 60, 1]], float)
    broken = np.array([[np.nan, 0, 1], [9, 0, 1], [0, 9, 1]], float)
    for points in (behind, beside, broken):
        raster = rasterise(points, np.array([[0, 1, 2]]), (10, 10), by=by)
        assert not raster.covered.any() and np.isinf(raster.depth).all() and not raster.weights.any()
    assert not rasterise(np.zeros((0, 3)), np.zeros((0, 3), int), (4, 4), by=by).covered.any()


@pytest.mark.parametrize("by", BOTH)
def test_wrong_input_names_itself(by):
    points, triangles = np.ones((3, 3)), np.array([[0, 1, 2]])
    with pytest.raises(ShapeError, match="points should be"):
        rasterise(points[:, :2], triangles, (4, 4), by=by)
    with pytest.raises(RangeError, match="vertices 0-2"):
        rasterise(points, triangles + 1, (4, 4), by=by)
    with pytest.raises(ShapeError, match="at least 1 x 1"):
        rasterise(points, triangles, (0, 4), by=by)
    with pytest.raises(RangeError, match="by should be"):
        rasterise(points, triangles, (4, 4), by="opengl")
