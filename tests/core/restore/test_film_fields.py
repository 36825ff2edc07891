"""Interlaced frames are told from whole ones, and made whole: still parts exactly, moving parts without combs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.plate import Plate, Rect
from faceplate.restore.film_fields import Combing, combing, deinterlace, fields_of, rows_of
from tests.support.plates import make_picture, make_plate

WORLD = make_picture(300, 140, finest=2.5)
PARITY = {"top": 0, "bottom": 1}


def moment(time: float, *, speed: float = 4.0) -> np.ndarray:
    """The scene at a time in frames, panning `speed` pixels a frame."""
    x = round(speed * time) + (0 if speed > 0 else 100)
    return WORLD[20:116, 20 + x : 148 + x].copy()


def woven(place: int, first: str, *, speed: float = 4.0) -> np.ndarray:
    """Frame `place`: the first field filmed at its time, the second half a frame later."""
    frame = moment(place + 0.5, speed=speed)
    start = PARITY[first]
    frame[start::2] = moment(place, speed=speed)[start::2]
    return frame


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((one - other)[4:-4, 8:-8] ** 2) + 1e-12))


def rows_in(plates: list[Plate]) -> list[np.ndarray]:
    rows = [each for plate in plates if (each := rows_of(plate)) is not None]
    assert len(rows) == len(plates)
    return rows


def told(frames) -> str:
    rows = rows_in([Plate.of(frame) for frame in frames])
    return fields_of([combing(rows[n], rows[n - 1]) for n in range(1, len(rows))])


@pytest.mark.parametrize("first", ["top", "bottom"])
@pytest.mark.parametrize("speed", [2.0, 4.0, -6.0])
@pytest.mark.parametrize("grain", [0.0, 0.02])
def test_interlaced_footage_is_told_and_its_order(first, speed, grain):
    random = np.random.default_rng(5)
    frames = [woven(place, first, speed=speed) for place in range(1, 8)]
    assert (
        told([frame + random.normal(0, grain, frame.shape).astype(np.float32) for frame in frames]) == first
    )


@pytest.mark.parametrize("speed", [2.0, 4.0, 7.0])
def test_moving_whole_frames_are_progressive_and_still_ones_say_nothing(speed):
    assert told([moment(place, speed=speed) for place in range(8)]) == "progressive"
    assert (
        told([WORLD[place : 96 + place, 20:148] for place in range(8)]) == "progressive"
    )  # a tilt, a row a frame
    assert told([moment(0)] * 8) == ""
    assert fields_of([]) == ""


def test_a_vote_needs_a_majority():
    top, whole, still = Combing(1, 1, 2), Combing(1, 2, 2), Combing(1, 1, 1)
    assert fields_of([top] * 2) == ""
    assert fields_of([top] * 3 + [still] * 50) == "top"
    assert fields_of([top] * 2 + [whole] * 3) == "progressive"
    assert fields_of([top] * 3 + [Combing(1, 2, 1)] * 3) == ""


def test_a_data_window_that_begins_in_the_other_field_is_told_alike():
    frames = [woven(place, "top")[1:] for place in range(6)]
    plates = [Plate(frame, 1, Rect(0, 1, 128, 96), Rect(0, 0, 128, 96)) for frame in frames]
    rows = rows_in(plates)
    assert fields_of([combing(rows[n], rows[n - 1]) for n in range(1, len(rows))]) == "top"
    whole = Plate.of(woven(3, "top"))
    near = [Plate.of(woven(place, "top")) for place in (2, 4)]
    done = deinterlace(plates[3], plates[2], plates[4], first="top").pixels
    np.testing.assert_array_equal(done[3:], deinterlace(whole, *near, first="top").pixels[4:])


@settings(max_examples=8)
@given(first=st.sampled_from(["top", "bottom"]), linear=st.booleans(), place=st.integers(1, 6))
def test_what_stands_still_keeps_every_row_and_the_first_field_every_bit(first, linear, place):
    still = make_plate(48, 40, linear=linear, exposure=2.0 if linear else 1.0)
    done = deinterlace(still, still, still, first=first)
    np.testing.assert_allclose(done.pixels, still.pixels, rtol=2e-5, atol=2e-6)
    moving = Plate.of(woven(place, first))
    done = deinterlace(
        moving, Plate.of(woven(place - 1, first)), Plate.of(woven(place + 1, first)), first=first
    )
    start = PARITY[first]
    np.testing.assert_array_equal(done.pixels[start::2], moving.pixels[start::2])


@pytest.mark.parametrize("first", ["top", "bottom"])
@pytest.mark.parametrize("ends", [(True, True), (False, True), (True, False), (False, False)])
def test_what_moves_is_better_than_woven_and_than_the_mean_of_the_rows(first, ends):
    before, after = (
        Plate.of(woven(place, first)) if there else None for place, there in zip((2, 4), ends, strict=True)
    )
    frame, truth, start = woven(3, first), moment(3), PARITY[first]
    done = deinterlace(Plate.of(frame), before, after, first=first).pixels
    bob = frame.copy()
    other = 1 - start
    bob[2 - start : -1 : 2] = 0
    rows = np.arange(other, 96, 2)
    bob[rows] = (
        frame[np.clip(rows - 1, start, 94 + start)] + frame[np.clip(rows + 1, start, 94 + start)]
    ) / 2
    assert psnr(done, truth) > psnr(frame, truth) + 6
    assert psnr(done, truth) > psnr(bob, truth) - 0.2


def test_a_slanted_edge_is_followed():
    """A line at 27 degrees: the mean of the rows breaks it into steps, the slant does not."""
    y, x = np.mgrid[0:40, 0:80].astype(np.float32)
    truth = np.repeat(np.clip((x - 2 * y + 10) / 2, 0.1, 0.9)[..., None], 3, axis=2).astype(np.float32)
    frame = truth.copy()
    frame[1::2] = 0.5
    done = deinterlace(Plate.of(frame), None, None, first="top").pixels
    mean = truth.copy()
    mean[1:-1:2] = (truth[0:-2:2] + truth[2::2]) / 2
    error, plain = (np.abs(each - truth)[4:-4, 8:-8].mean() for each in (done, mean))
    assert error < 0.35 * plain


def test_odd_values_stay_in_their_field_and_odd_frames_are_refused():
    plate = make_plate(32, 24, linear=True)
    plate.pixels[4, 5], plate.pixels[5, 9] = np.nan, np.inf
    done = deinterlace(plate, None, None, first="top").pixels
    assert np.isnan(done[4, 5]).all() and np.isfinite(done[5]).all()
    low = make_plate(32, 6)
    assert deinterlace(low, None, None, first="top") is low and rows_of(low) is None
    with pytest.raises(RangeError, match="should be top or bottom"):
        deinterlace(plate, None, None, first="progressive")
    with pytest.raises(ShapeError, match="before should be"):
        deinterlace(plate, make_plate(32, 20), plate, first="top")
