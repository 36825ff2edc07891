"""What is seen of a frame: every face with who it is and how much it shows, by the crop that both are told from."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import SRGB
from faceplate.farm.survey import Notes
from faceplate.frames.looking import grain_on, look_at, neighbour_of_frame
from faceplate.plate import Plate, Rect
from faceplate.restore.likeness import identity_on
from faceplate.stages.landmarks import TEMPLATE, five_of
from tests.support.nets import StubNet, identity_stub
from tests.support.plates import make_plate


def one_face(batch: np.ndarray) -> np.ndarray:
    """A detector that finds a face in the middle of whatever it is shown."""
    height, width = batch.shape[2:]
    x, y, side = width / 2, height / 2, height / 4
    points = [x - 20, y - 12, x + 20, y - 12, x, y + 4, x - 15, y + 25, x + 15, y + 25]
    row = np.array([0.9, x - side, y - side, x + side, y + side, *points], np.float32)
    return np.broadcast_to(row, (len(batch), 1, 15))


def brightness() -> StubNet:
    return StubNet(lambda batch: batch.mean(axis=(1, 2, 3))[:, None], template="arcface_112")


def looked(plate, **nets):
    found = {"identity": None, **nets}
    return look_at(plate, detector=StubNet(one_face), smallest=16.0, grained=False, **found)


@pytest.mark.parametrize("linear", [False, True])
def test_a_face_is_looked_at_once_for_both(linear):
    plate, who = make_plate(linear=linear), identity_stub()
    plain, both = looked(plate), looked(plate, identity=who, quality=brightness())
    (before,), (seen,) = plain.faces, both.faces
    assert before.face.quality is None and before.identity is None
    assert seen.face.quality is not None and 0 < seen.face.quality < 1
    np.testing.assert_array_equal(seen.face.points, before.face.points)
    assert seen.identity is not None
    np.testing.assert_array_equal(seen.identity, identity_on(plate, before.face, who))


class Template:
    """A landmarks net that sees the face lie exactly where its crop was cut for it."""

    id, template, seconds = "template-1", "", 0.0

    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        points = np.tile(TEMPLATE.mean(axis=0), (68, 1)).astype(np.float32)
        points[36:42], points[42:48], points[[30, 48, 54]] = TEMPLATE[0], TEMPLATE[1], TEMPLATE[2:]
        ones, turn = np.ones((2, 68), np.float32), np.zeros((2, 3), np.float32)
        return np.broadcast_to(points, (2, 68, 2)), ones, ones, turn


def test_landmarks_are_found_where_somebody_asks_for_them():
    plate = make_plate()
    (seen,), (plain,) = looked(plate, landmarks=Template()).faces, looked(plate).faces
    assert plain.face.landmarks is None and plain.face.turn is None
    assert seen.face.landmarks is not None and seen.face.turn == pytest.approx((0, 0, 0), abs=0.1)
    away = np.hypot(*(five_of(seen.face.landmarks) - seen.face.points).T)
    assert away.max() < 0.2 * seen.face.width, "no template fits a face to the pixel"


def grainy(plate: Plate, seed: int) -> Plate:
    noise = np.random.default_rng(seed).normal(0, 0.02, plate.pixels.shape)
    return plate.with_pixels((plate.pixels + noise).astype(np.float32))


def test_grain_is_told_by_the_frame_beside():
    soft = Plate.of(np.full((300, 320, 3), 0.5, np.float32), encoding=SRGB)
    one, other = grainy(soft, 1), grainy(soft, 2)
    told = grain_on(one, other)
    assert told is not None
    np.testing.assert_allclose(told.sigma, 0.02, rtol=0.1)
    assert grain_on(one, None) is None and grain_on(one, one) is None


def test_frames_whose_data_windows_differ_are_held_against_each_other_where_both_have_pixels():
    soft = Plate.of(np.full((300, 320, 3), 0.5, np.float32), encoding=SRGB)
    one, other = grainy(soft, 1), grainy(soft, 2)
    moved = replace(other, data_window=Rect(20, 30, 340, 330))
    told = grain_on(one, moved)
    assert told is not None
    np.testing.assert_allclose(told.sigma, 0.02, rtol=0.12)
    assert grain_on(one, replace(other, data_window=Rect(900, 0, 1220, 300))) is None


@given(frames=st.lists(st.integers(0, 99), min_size=1, max_size=9, unique=True).map(sorted))
def test_every_frame_of_a_run_has_another_beside_it(frames):
    for place, frame in enumerate(frames):
        beside = neighbour_of_frame(frame, frames)
        assert (beside is None) == (len(frames) == 1)
        assert beside is None or abs(frames.index(beside) - place) == 1


def test_notes_keep_what_a_face_showed(tmp_path):
    plate = make_plate()
    seen = looked(plate, quality=brightness())
    marks, turn = np.arange(136, dtype=np.float32).reshape(68, 2), (0.1, 0.2, -0.3)
    (sighting,) = seen.faces
    seen = replace(seen, faces=(replace(sighting, face=replace(sighting.face, landmarks=marks, turn=turn)),))
    unseen = replace(looked(plate), frame=2)
    notes = Notes(tmp_path / "shot.json", {}, resume=False)
    notes.add(seen)
    notes.add(unseen)
    notes.close(done=False)
    again = Notes(tmp_path / "shot.json", {}, resume=True)
    again.close(done=True)
    assert again.earlier[seen.frame].faces[0].face.quality == pytest.approx(seen.faces[0].face.quality)
    noted = again.earlier[seen.frame].faces[0].face
    assert noted.landmarks is not None
    np.testing.assert_array_equal(noted.landmarks, marks)
    assert noted.turn == turn
    assert again.earlier[2].faces[0].face.quality is None and again.earlier[2].faces[0].face.turn is None
