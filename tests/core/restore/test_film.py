"""Flicker goes and nothing else changes; dirt of one frame goes, and what moves or stays is left alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.plate import Plate
from faceplate.restore.film import deflicker, find_dirt, repair_dirt
from faceplate.stabilise.flow import find_flow
from tests.support.plates import make_picture, make_plate

WORLD = make_picture(240, 180, finest=4.0)


def frame(place: int, *, grain: float = 0.01, seed: int = 0) -> np.ndarray:
    """The camera pans (3, 1) pixels a frame over a grainy scene."""
    cut = WORLD[20 + place : 148 + place, 30 + 3 * place : 190 + 3 * place]
    noise = np.random.default_rng((seed, place)).normal(0, grain, cut.shape)
    return np.clip(cut + noise, 0, 1).astype(np.float32)


def dirtied(picture: np.ndarray, seed: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Specks, a blotch, a hair and a scratch, dark or bright; and where they are."""
    random, where = np.random.default_rng(seed), np.zeros(picture.shape[:2], np.uint8)
    for _ in range(12):
        x, y = (int(value) for value in random.integers(8, 120, 2))
        cv2.circle(where, (x, y), int(random.integers(1, 4)), 1, -1)
    cv2.ellipse(where, (100, 60), (9, 5), 30, 0, 360, 1, -1)
    cv2.polylines(where, [np.array([[20, 100], [40, 90], [55, 105]], np.int32)], False, 1, 1)
    cv2.line(where, (130, 0), (131, 127), 1, 1)
    shade = np.where(picture.mean(axis=2) > 0.5, 0.05, 0.95).astype(np.float32)
    return np.where(where[..., None] > 0, shade[..., None], picture), where > 0


@given(gain=st.tuples(*[st.floats(0.5, 2.0)] * 3), linear=st.booleans())
def test_a_flicker_is_taken_back_exactly(gain, linear):
    plate = make_plate(32, 24, linear=linear, exposure=3.0 if linear else 1.0)
    there = deflicker(plate, tuple(1 / g for g in gain))
    np.testing.assert_allclose(deflicker(there, gain).pixels, plate.pixels, rtol=2e-4, atol=1e-5)


def test_a_frame_without_flicker_is_itself_and_odd_values_stay():
    plate = make_plate(32, 24, linear=True)
    assert deflicker(plate, (1, 1, 1)) is plate
    plate.pixels[0, 0] = (np.nan, np.inf, -1.0)
    done = deflicker(plate, (2, 2, 2)).pixels[0, 0]
    assert np.isnan(done[0]) and np.isinf(done[1]) and done[2] == -0.5
    for gain in ((0, 1, 1), (1, 1), (1, np.nan, 1)):
        with pytest.raises(RangeError, match="three numbers above 0"):
            deflicker(plate, gain)


@settings(max_examples=4)
@given(seed=st.integers(0, 1000), grain=st.sampled_from([0.0, 0.01, 0.02]))
def test_dirt_is_repaired_and_the_rest_stays(seed, grain):
    clean = frame(1, grain=grain, seed=seed)
    dirty, where = dirtied(clean, seed)
    matte, done = find_dirt(
        dirty, frame(0, grain=grain, seed=seed), frame(2, grain=grain, seed=seed), find=find_flow
    )
    near = np.abs(done - clean).max(axis=2) < 0.06 + 4 * grain
    assert (near & where).sum() > 0.85 * where.sum()
    away = cv2.dilate(where.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert -10 * np.log10(np.mean((done - clean)[away] ** 2) + 1e-12) > 45
    np.testing.assert_array_equal(done[matte == 0], dirty[matte == 0])


@settings(max_examples=4)
@given(seed=st.integers(0, 1000), step=st.sampled_from([-0.08, 0.08]))
def test_faint_dirt_is_told_from_grain_by_hanging_together(seed, step):
    """Specks that stand out by four times the grain: no single pixel of them could be told."""
    clean = frame(1, grain=0.02, seed=seed)
    where = dirtied(clean, seed)[1]
    matte, done = find_dirt(
        clean + np.float32(step) * where[..., None].astype(np.float32),
        frame(0, grain=0.02, seed=seed),
        frame(2, grain=0.02, seed=seed),
        find=find_flow,
    )
    assert (np.abs(done - clean).mean(axis=2) < 0.04)[where].mean() > 0.85
    away = cv2.dilate(where.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert (matte[away] > 0).mean() < 2e-3


def test_a_clean_frame_is_itself():
    plates = [Plate.of(frame(place), frame=place) for place in range(3)]
    done = repair_dirt(plates[1], plates[0], plates[2], find=find_flow)
    assert done.matte.mean() < 1e-4
    still = repair_dirt(plates[1], plates[1], plates[1], find=find_flow)
    assert still.plate is plates[1] and not still.matte.any()


def test_what_stays_and_what_flashes_is_no_dirt():
    """The same mark on all three frames is the scene's, or a scratch this stage does not claim."""
    marked = [dirtied(frame(0), 4)[0]] * 3
    assert not find_dirt(*marked, find=find_flow)[0].any()
    flash = np.clip(frame(1) + 0.4 * make_picture(160, 128, seed=8), 0, 1)
    assert not find_dirt(flash.astype(np.float32), frame(0), frame(2), find=find_flow)[0].any()


def test_what_passes_through_is_left_alone():
    """A ball that crosses the picture is on every frame, somewhere else on each."""
    balls = []
    for place in range(3):
        picture = frame(0).copy()
        cv2.circle(picture, (50 + 9 * place, 64), 10, (0.9, 0.2, 0.1), -1, cv2.LINE_AA)
        balls.append(picture)
    matte, done = find_dirt(balls[1], balls[0], balls[2], find=find_flow)
    assert np.abs(done - balls[1])[54:75, 48:71].mean() < 0.01 and matte.mean() < 0.01


def test_a_linear_plate_keeps_its_values_where_it_is_clean():
    plates = [make_plate(96, 80, linear=True, exposure=4.0) for _ in range(3)]
    dirty = plates[1].with_pixels(plates[1].pixels.copy())
    dirty.pixels[20:24, 30:34] = 0.0
    dirty.pixels[0, 0] = np.nan
    done = repair_dirt(dirty, plates[0], plates[2], find=find_flow)
    assert np.abs(done.plate.pixels - plates[1].pixels)[21:23, 31:33].max() < 0.1
    clean = done.matte == 0
    assert np.isnan(done.plate.pixels[0, 0]).all() and clean[60:].all()
    np.testing.assert_array_equal(done.plate.pixels[clean], dirty.pixels[clean])


def test_frames_of_different_size_are_refused():
    with pytest.raises(ShapeError, match="before should be"):
        find_dirt(frame(1), frame(0)[:50], frame(2), find=find_flow)
