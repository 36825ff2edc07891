"""Laws of face detection, tried with a net that sees white squares instead of faces."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.errors import RangeError, ShapeError
from faceplate.plate import Plate, Rect
from faceplate.registry.catalogue import manifest_for
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import (
    FIRST,
    THRESHOLD,
    TILE,
    TILE_OVERLAP,
    detect_faces,
    exposure_for,
    tiles,
)

SPOTS = np.array([[0.25, 0.3], [0.75, 0.3], [0.5, 0.55], [0.3, 0.8], [0.7, 0.8]], np.float32)
"""Where the square net puts eyes, nose and mouth, as shares of the square."""


class SquareNet:
    """Answers one row for every bright blob between 10 and 400 pixels; keeps the shapes it was shown."""

    id, template, seconds = "squares", "", 0.0

    def __init__(self, score: float = 0.9) -> None:
        self.score, self.shown = score, []

    def __call__(self, batch):
        self.shown.append(batch.shape)
        assert np.isfinite(batch).all() and batch.min() >= 0 and batch.max() <= 1
        answers = [self._rows(picture) for picture in batch]
        most = max(1, max(len(rows) for rows in answers))
        out = np.zeros((len(batch), most, 15), np.float32)
        for place, rows in zip(out, answers, strict=True):
            place[: len(rows)] = rows
        return (out,)

    def _rows(self, picture):
        bright = (picture.min(0) > 0.78).astype(np.uint8)
        rows = []
        for x, y, width, height, _ in cv2.connectedComponentsWithStats(bright)[2][1:]:
            if 10 <= height <= 400:
                points = np.array([x, y], np.float32) + SPOTS * (width, height)
                rows.append([self.score, x, y, x + width, y + height, *points.ravel()])
        return np.array(rows, np.float32).reshape(-1, 15)


def plate_with(*squares, size=(360, 480), encoding=SRGB, bright=0.9, dark=0.2):
    pixels = np.full((*size, 3), dark, np.float32)
    for x, y, side in squares:
        pixels[y : y + side, x : x + side] = bright
    return Plate.of(pixels, encoding=encoding)


def test_no_face_is_an_empty_list():
    assert detect_faces(plate_with(), SquareNet()) == []


def test_a_face_is_found_where_it_is():
    (face,) = detect_faces(plate_with((200, 120, 80)), SquareNet())
    np.testing.assert_allclose(face.box, (200, 120, 280, 200), atol=2)
    np.testing.assert_allclose(face.points, (200, 120) + SPOTS * 80, atol=2)


def test_faces_come_largest_first():
    found = detect_faces(plate_with((20, 20, 30), (300, 200, 120), (150, 60, 60)), SquareNet())
    assert [round(face.height / 10) for face in found] == [12, 6, 3]


@settings(max_examples=25)
@given(x=st.integers(0, 1700), y=st.integers(0, 40), side=st.integers(26, 200))
def test_a_face_anywhere_on_a_large_plate_is_found_once(x, y, side):
    plate = plate_with((x, y, side), size=(240, 1900))
    (face,) = detect_faces(plate, SquareNet(), smallest=24, refine=False)
    np.testing.assert_allclose(face.box, (x, y, x + side, y + side), atol=3)


def test_tiles_are_never_larger_than_the_net_is_timed_for():
    net = SquareNet()
    detect_faces(plate_with((900, 500, 40), size=(700, 1200)), net)
    assert max(max(shape[2:]) for shape in net.shown) <= TILE
    assert all(side % 32 == 0 for shape in net.shown for side in shape[2:])


@settings(max_examples=5)
@given(x=st.integers(-300, 300), y=st.integers(-300, 300))
def test_coordinates_count_from_the_display_window(x, y):
    plate = plate_with((200, 120, 80))
    moved = Plate(plate.pixels, 1, Rect(x, y, x + 480, y + 360), Rect(0, 0, 480, 360))
    (here,), (there,) = detect_faces(plate, SquareNet()), detect_faces(moved, SquareNet())
    np.testing.assert_allclose(np.subtract(there.box, here.box), (x, y, x, y), atol=1e-3)
    np.testing.assert_allclose(there.points - here.points, np.tile([x, y], (5, 1)), atol=1e-3)


def test_broken_pixels_neither_reach_the_net_nor_hide_a_face():
    plate = plate_with((200, 120, 80))
    pixels = plate.pixels.copy()
    pixels[150, 230], pixels[20, 20, 1], pixels[300:310, 5] = np.nan, np.inf, -np.inf
    (face,) = detect_faces(plate.with_pixels(pixels), SquareNet())
    np.testing.assert_allclose(face.box, (200, 120, 280, 200), atol=2)


@pytest.mark.parametrize("stops", [-8, -4, 0, 4, 8])
def test_a_scene_linear_plate_is_searched_at_a_normal_exposure(stops):
    plate = plate_with((200, 120, 80), encoding=LINEAR_REC709, bright=0.8, dark=0.1)
    pixels = plate.pixels.copy()
    pixels[:, 300:] = 0.02
    (face,) = detect_faces(plate.with_pixels(pixels * np.float32(2.0**stops)), SquareNet(), refine=False)
    np.testing.assert_allclose(face.box, (200, 120, 280, 200), atol=2)


def test_the_same_plate_gives_the_same_faces():
    plate = plate_with((20, 20, 30), (300, 200, 120))
    first, second = detect_faces(plate, SquareNet()), detect_faces(plate, SquareNet())
    assert len(first) == 2
    assert [face.box for face in first] == [face.box for face in second]


def test_a_face_lower_than_asked_for_is_left_out():
    assert len(detect_faces(plate_with((20, 20, 30), (300, 200, 120)), SquareNet(), smallest=40)) == 1


def test_small_plates_are_enlarged_for_small_faces():
    (face,) = detect_faces(plate_with((40, 40, 9), size=(128, 128)), SquareNet(), smallest=7, refine=False)
    np.testing.assert_allclose(face.box, (40, 40, 49, 49), atol=1.5)


class CloseUpBlindNet(SquareNet):
    """Believes in every square at first and in none at the second look."""

    def __call__(self, batch):
        (rows,) = super().__call__(batch)
        return (rows * np.float32(len(batch) == 1),)


def test_a_second_look_that_sees_nothing_takes_the_face_away():
    assert detect_faces(plate_with((200, 120, 80)), CloseUpBlindNet(score=0.6)) == []
    assert len(detect_faces(plate_with((200, 120, 80)), CloseUpBlindNet(score=0.6), refine=False)) == 1


class DoubtfulNet(SquareNet):
    """Is as sure as told of every square at first, and as sure as told at the second look."""

    def __init__(self, first: float, second: float) -> None:
        super().__init__(1.0)
        self.first, self.second = first, second

    def __call__(self, batch):
        (rows,) = super().__call__(batch)
        rows[..., 0] *= self.first if len(batch) == 1 else self.second
        return (rows,)


@given(first=st.floats(0.3, 1.0), second=st.floats(0.3, 1.0))
@settings(max_examples=25)
def test_the_second_look_decides_and_the_first_has_a_say(first, second):
    found = detect_faces(plate_with((200, 120, 80)), DoubtfulNet(first, second))
    score = FIRST * first + (1 - FIRST) * second
    assert len(found) == (second > first / 2 and score >= THRESHOLD)
    if found:
        assert found[0].score == pytest.approx(score, abs=1e-5)


class OneSidedNet(SquareNet):
    """From near it sees a face in the picture or in its mirror image, not in both."""

    def __init__(self, blind: int) -> None:
        super().__init__(0.9)
        self.blind = blind

    def __call__(self, batch):
        (rows,) = super().__call__(batch)
        if len(batch) == 2:
            rows[self.blind, :, 0] = 0.0
        return (rows,)


@pytest.mark.parametrize("blind", [0, 1])
def test_one_of_a_face_and_its_mirror_image_is_enough(blind):
    (face,) = detect_faces(plate_with((200, 120, 80)), OneSidedNet(blind))
    assert face.score == pytest.approx(0.9) and face.box == pytest.approx((200, 120, 280, 200), abs=1)


class CrowdedNet(SquareNet):
    """From near it sees a neighbour more clearly than the face it was sent to."""

    def __call__(self, batch):
        if len(batch) == 1:
            return super().__call__(batch)
        middle, beside = np.array([48, 48, 144, 144], np.float32), np.array([35, 0, 35, 0], np.float32)
        rows = [[self._row(0.8, middle), self._row(0.95, middle + way * beside)] for way in (1, -1)]
        return (np.array(rows, np.float32),)

    def _row(self, score, box):
        return [score, *box, *(box[:2] + SPOTS * (box[2:] - box[:2])).ravel()]


def test_the_second_look_stays_with_the_face_it_was_sent_to():
    (face,) = detect_faces(plate_with((200, 120, 80)), CrowdedNet())
    np.testing.assert_allclose(face.box, (200, 120, 280, 200), atol=1)


class LopsidedNet(SquareNet):
    """Sees every point three pixels too far to the image's right."""

    def _rows(self, picture):
        rows = super()._rows(picture)
        rows[:, 5::2] += 3
        return rows


def test_the_mirrored_look_cancels_a_lopsided_net():
    (face,) = detect_faces(plate_with((200, 120, 80)), LopsidedNet())
    np.testing.assert_allclose(face.points, (200, 120) + SPOTS * 80, atol=1)


@pytest.mark.parametrize(
    "wrong", [{"smallest": 2}, {"smallest": np.nan}, {"threshold": 0.0}, {"threshold": 1.5}]
)
def test_parameters_out_of_range_are_named(wrong):
    with pytest.raises(RangeError, match="should"):
        detect_faces(plate_with(), SquareNet(), **wrong)


def test_a_net_of_another_kind_is_refused():
    class Restorer(SquareNet):
        def __call__(self, batch):
            return (batch,)

    with pytest.raises(ShapeError, match="15"):
        detect_faces(plate_with(), Restorer())


@given(st.integers(1, 9000))
def test_tiles_cover_a_length_and_overlap(length):
    starts = tiles(length)
    assert starts[0] == 0 and starts[-1] + TILE >= length and starts[-1] <= max(0, length - TILE)
    assert all(b - a <= TILE - TILE_OVERLAP + 1 for a, b in pairwise(starts))


def test_exposure_leaves_a_normal_picture_alone():
    ramp = np.linspace(0, 0.9, 300, dtype=np.float32).reshape(10, 10, 3)
    assert exposure_for(ramp, scene_linear=True) == 1.0
    assert exposure_for(ramp, scene_linear=False) == 1.0


@given(st.floats(-10, 10))
def test_exposure_of_a_linear_plate_undoes_stops(stops):
    rng = np.random.default_rng(1)
    pixels = (rng.random((20, 20, 3)) ** 3).astype(np.float32)
    gained = pixels * np.float32(2.0**stops)
    gained = gained * np.float32(exposure_for(gained, scene_linear=True))
    bright = np.percentile(gained.mean(2), 90)
    assert 0.02 <= bright <= 8 or abs(stops) > 8


def test_exposure_without_a_finite_pixel_is_one():
    assert exposure_for(np.full((4, 4, 3), np.nan, np.float32), scene_linear=True) == 1.0


@pytest.fixture(scope="module")
def net():
    return open_net(manifest_for("face.detect"))


@pytest.fixture(scope="module")
def portrait(shared):
    """A photo of a person the detector was never trained on, (512, 512, 3), with the pupils' places."""
    file = shared / "photos" / "london" / "001_neutral.jpg"
    pixels = np.asarray(cv2.imread(str(file)), np.float32)[..., ::-1] / np.float32(255)
    scale = 512 / pixels.shape[0]
    pupils = np.loadtxt(file.with_suffix(".pts189.txt"))[:2] * scale
    return cv2.resize(pixels, (512, 512), interpolation=cv2.INTER_AREA), pupils


@pytest.mark.weights
def test_the_shipped_net_finds_the_eyes_of_a_stranger(net, portrait):
    pixels, pupils = portrait
    (face,) = detect_faces(Plate.of(pixels), net)
    off = np.hypot(*(face.points[:2] - pupils).T) / np.hypot(*(pupils[1] - pupils[0]))
    assert off.max() < 0.12


@pytest.mark.weights
def test_the_shipped_net_finds_a_26_pixel_face_on_a_large_plate(net, portrait):
    pixels, _ = portrait
    plate = np.full((900, 1600, 3), 0.3, np.float32)
    plate[610:666, 1100:1156] = cv2.resize(pixels, (56, 56), interpolation=cv2.INTER_AREA)
    (face,) = detect_faces(Plate.of(plate), net, smallest=18)
    assert 1100 <= face.box[0] < face.box[2] <= 1156 and 610 <= face.box[1] < face.box[3] <= 666


@pytest.mark.weights
def test_the_shipped_net_sees_no_face_in_noise(net):
    noise = np.random.default_rng(1).random((360, 480, 3), dtype=np.float32)
    assert detect_faces(Plate.of(noise), net) == []
