"""Known motion is found, and what cannot be followed is not believed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.stabilise.flow import carry, find_flow, inside, resemblance, visibility
from tests.support.plates import make_picture

BIG = make_picture(220, 200, finest=4.0)
PICTURE = BIG[40:168, 40:168]


def moved(x: int, y: int) -> np.ndarray:
    """The picture shifted by (x, y): its pixel p lies at p + (x, y)."""
    return BIG[40 - y : 168 - y, 40 - x : 168 - x]


@settings(max_examples=12)
@given(x=st.integers(-12, 12), y=st.integers(-12, 12))
def test_a_shift_is_found(x, y):
    flow = find_flow(PICTURE, moved(x, y))
    middle = flow[24:-24, 24:-24]
    np.testing.assert_allclose(np.median(middle, axis=(0, 1)), (x, y), atol=0.2)
    assert np.mean(np.hypot(*(np.moveaxis(middle, 2, 0) - np.array([x, y])[:, None, None])) < 0.5) > 0.97


def test_motion_does_not_depend_on_the_number_of_threads():
    before, other = cv2.getNumThreads(), moved(5, -3)
    try:
        flows = []
        for threads in (1, 2, 3):
            cv2.setNumThreads(threads)
            flows.append(find_flow(PICTURE, other))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(flows[0], flows[1])
    np.testing.assert_array_equal(flows[0], flows[2])


@given(x=st.integers(-20, 20), y=st.integers(-20, 20))
def test_carrying_by_whole_pixels_is_exact(x, y):
    flow = np.full((*PICTURE.shape[:2], 2), (x, y), np.float32)
    there = inside(flow) > 0
    np.testing.assert_allclose(carry(moved(x, y), flow)[there], PICTURE[there], atol=1e-6)


def test_the_sharp_kernel_keeps_more_detail_than_the_linear_one():
    flow = np.full((*PICTURE.shape[:2], 2), 0.5, np.float32)
    back = -flow
    there_and_back = [
        carry(carry(PICTURE, flow, sharp=sharp), back, sharp=sharp)[12:-12, 12:-12] for sharp in (True, False)
    ]
    lost = [float(np.mean((each - PICTURE[12:-12, 12:-12]) ** 2)) for each in there_and_back]
    assert lost[0] < lost[1] / 10


@given(x=st.floats(-30, 30), y=st.floats(-30, 30))
def test_a_flow_and_its_inverse_are_believed_wherever_they_stay_inside(x, y):
    flow = np.full((64, 80, 2), (x, y), np.float32)
    np.testing.assert_array_equal(visibility(flow, -flow), inside(flow))


@given(level=st.floats(0.0, 0.035), grain=st.floats(0, 0.05))
def test_neither_grain_nor_a_shade_makes_another_thing(level, grain):
    flow = np.zeros((*PICTURE.shape[:2], 2), np.float32)
    noise = np.random.default_rng(2).normal(0, grain, PICTURE.shape).astype(np.float32)
    assert resemblance(PICTURE, carry(PICTURE + noise + np.float32(level), flow, sharp=False)).mean() > 0.9
    assert not resemblance(PICTURE, carry(PICTURE + np.float32(0.2), flow, sharp=False)).any()


@given(gap=st.floats(3.0, 50.0))
def test_a_flow_that_does_not_come_back_is_not_believed(gap):
    flow = np.zeros((64, 64, 2), np.float32)
    assert not visibility(flow, flow + np.float32(gap)).any()


def test_what_is_covered_in_the_other_picture_is_not_believed():
    other = moved(3, 0).copy()
    other[40:88, 40:88] = make_picture(48, 48, seed=9, finest=4.0)
    flow = find_flow(PICTURE, other)
    seen = visibility(flow, find_flow(other, PICTURE)) * resemblance(PICTURE, carry(other, flow, sharp=False))
    assert seen[48:80, 45:77].mean() < 0.2
    assert seen[100:120, 20:100].mean() > 0.95


def test_pictures_that_cannot_be_followed_say_so():
    with pytest.raises(ShapeError, match="other should be"):
        find_flow(PICTURE, PICTURE[:50])
    with pytest.raises(RangeError, match="32 pixels"):
        find_flow(PICTURE[:20], PICTURE[:20])
    with pytest.raises(RangeError, match="quality"):
        find_flow(PICTURE, PICTURE, quality="best")  # type: ignore[arg-type]
