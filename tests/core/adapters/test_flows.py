"""Laws of foreign nets that follow motion: pictures of any size go in as the net takes them, pixels come back as ours.

The self-made net knows a pixel's place by its colour: red rises to the right, green downwards. So it finds a shift of
such a picture exactly, in pixels of whatever it is shown, but for the rim of what it is shown.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from faceplate.adapters.flows import LARGEST, LEAST, STEP, placement
from faceplate.errors import RangeError, ShapeError
from faceplate.registry.manifest import NetInput
from faceplate.stabilise.flow import flow_by, flow_finder, inside, visibility
from faceplate_client.errors import ModelError
from tests.support.foreign_models import foreign_flow

RAMP = 2400.0
"""Pixels over which a picture's colours rise from black to white."""

RAFT = {"adapter": "raft", "input": {"shape": "1 3 H W", "range": [0.0, 255.0]}}
ZOO = {"adapter": "raft", "input": {"shape": "1 3 360 480", "range": [0.0, 255.0]}}


def ramp(width, height, x=0.0, y=0.0):
    """A picture whose colours tell places, moved by (x, y) pixels: (H, W, 3), 0-1."""
    rows, columns = np.indices((height, width), np.float32)
    red, green = 0.3 + (columns - x) / RAMP, 0.3 + (rows - y) / RAMP
    return np.stack([red, green, np.full_like(red, 0.5)], axis=2).astype(np.float32)


def expect_everywhere(flow, x, y, *, atol, rim=8):
    """The same motion in every pixel but those at the rim."""
    inner = flow[rim:-rim, rim:-rim]
    np.testing.assert_allclose(inner, np.broadcast_to(np.array([x, y]), inner.shape), atol=atol)


@pytest.fixture
def raft(opened):
    return opened("frames.flow", foreign_flow(), **RAFT)


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (131, 77), (40, 300)])
def test_a_shift_is_found_in_pixels_of_the_picture(raft, size):
    flow = flow_by(raft, ramp(*size), ramp(*size, x=3.0, y=-1.5))
    assert flow.shape == (size[1], size[0], 2) and flow.dtype == np.float32
    expect_everywhere(flow, 3.0, -1.5, atol=0.01)


@pytest.mark.parametrize("size", [(256, 256), (512, 512), (480, 360), (700, 200)])
def test_a_net_of_one_size_tells_pixels_of_the_picture_all_the_same(opened, size):
    net = opened("frames.flow", foreign_flow(size=(360, 480), coarse=True), **ZOO)
    flow = flow_by(net, ramp(*size), ramp(*size, x=3.0, y=-1.5))
    expect_everywhere(flow, 3.0, -1.5, atol=0.1)  # a resampling kernel ripples on a slope


def test_a_large_plate_is_followed_smaller_and_told_in_its_own_pixels(raft):
    flow = flow_by(raft, ramp(1600, 900), ramp(1600, 900, 8.0, 4.0))
    expect_everywhere(flow, 8.0, 4.0, atol=0.1)


@pytest.mark.parametrize(
    ("order", "limits"), [("RGB", [0.0, 255.0]), ("RGB", [-1.0, 1.0]), ("BGR", [0.0, 255.0])]
)
def test_it_is_fed_in_the_manifests_range_and_order(opened, order, limits):
    seen = []
    net = opened("frames.flow", foreign_flow(), **{**RAFT, "input": {"range": limits, "order": order}})

    class Watched:
        id, template, seconds = "watched@1.0.0", "", 0.0

        def __call__(self, batch):
            seen.append(batch)
            return (np.zeros((1, 2, *batch.shape[2:]), np.float32),)

    net._net = Watched()
    flow_by(net, ramp(256, 128), ramp(256, 128, 5.0))
    low, high = limits
    for place, picture in enumerate((ramp(256, 128), ramp(256, 128, 5.0))):
        wanted = picture[..., :: 1 if order == "RGB" else -1].transpose(2, 0, 1) * (high - low) + low
        np.testing.assert_allclose(seen[0][0, 3 * place : 3 * place + 3], wanted, rtol=1e-5, atol=1e-5)


def test_the_first_picture_is_the_one_that_is_followed(raft):
    there, again = (flow_by(raft, ramp(64, 64), ramp(64, 64, 2.0)) for _ in range(2))
    np.testing.assert_array_equal(there, again)
    back = flow_by(raft, ramp(64, 64, 2.0), ramp(64, 64))
    expect_everywhere(there, 2.0, 0.0, atol=0.01)
    expect_everywhere(back, -2.0, 0.0, atol=0.01)
    assert visibility(there, back)[8:-8, 8:-8].min() > 0.99


def test_of_several_flows_the_last_of_full_size_counts(opened):
    """The zoo's export gives a coarse flow first, torchvision's every step of the refinement."""
    net = opened("frames.flow", foreign_flow(coarse=True), **RAFT)
    expect_everywhere(flow_by(net, ramp(64, 64), ramp(64, 64, 2.0)), 2.0, 0.0, atol=0.01)


def test_a_place_that_is_no_number_leads_out_of_the_picture():
    class Broken:
        id, template, seconds = "broken@1.0.0", "", 0.0

        def __call__(self, batch):
            flow = np.zeros((1, 2, *batch.shape[2:]), np.float32)
            flow[0, 0, :4], flow[0, 1, 4:8], flow[0, 0, 8:12] = np.nan, np.inf, 1e30
            return (flow,)

    flow = flow_by(Broken(), ramp(64, 48), ramp(64, 48))
    assert np.isfinite(flow).all()
    assert not inside(flow)[:12].any() and inside(flow)[12:].all()


@pytest.mark.parametrize("size", [(31, 64), (64, 31)])
def test_a_picture_too_small_to_follow_anything_in_is_refused(raft, size):
    with pytest.raises(RangeError, match="32 pixels"):
        flow_by(raft, ramp(*size), ramp(*size))


def test_a_graph_that_is_no_flow_is_named(opened):
    with pytest.raises(ModelError, match="2 float32 batches") as caught:
        opened("frames.flow", foreign_flow(one=True), **RAFT)
    assert caught.value.code == "model.shape"
    net = opened("frames.flow", foreign_flow(channels=3), **RAFT)
    with pytest.raises(ShapeError, match="flow of shape"):
        flow_by(net, ramp(64, 64), ramp(64, 64))


def test_without_a_net_motion_is_followed_by_search():
    assert flow_finder(None).__name__ == "find_flow"


@given(width=st.integers(32, 6000), height=st.integers(32, 6000), fixed=st.booleans())
@example(width=4096, height=2160, fixed=False)
@example(width=128, height=128, fixed=False)
@settings(deadline=None)
def test_what_is_shown_is_whole_cells_and_holds_the_picture(width, height, fixed):
    shape = ("1", "3", "360", "480") if fixed else ("1", "3", "H", "W")
    place = placement((width, height), NetInput(shape, (0.0, 1.0), "sRGB"))
    for inner, whole, side, start in zip(
        place.inner, place.size, (width, height), (place.left, place.top), strict=True
    ):
        assert 0 < inner <= whole and 0 <= start <= whole - inner
        assert abs(inner - max(side * place.scale, 1)) <= 0.5 + 1e-6
    if fixed:
        assert place.size == (480, 360) and (place.inner[0] == 480 or place.inner[1] == 360)
    else:
        assert not any(side % STEP or side < LEAST for side in place.size)
        assert place.inner[0] * place.inner[1] <= LARGEST * 1.02 and place.scale <= 1.0
