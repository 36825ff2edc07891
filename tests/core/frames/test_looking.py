"""What is seen of a frame: every face with who it is and how much it shows, by the crop that both are told from."""

from dataclasses import replace

import numpy as np
import pytest

from faceplate.farm.survey import Notes
from faceplate.frames.looking import look_at
from faceplate.restore.likeness import identity_on
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


def test_notes_keep_what_a_face_showed(tmp_path):
    plate = make_plate()
    seen = looked(plate, quality=brightness())
    unseen = replace(looked(plate), frame=2)
    notes = Notes(tmp_path / "shot.json", {}, resume=False)
    notes.add(seen)
    notes.add(unseen)
    notes.close(done=False)
    again = Notes(tmp_path / "shot.json", {}, resume=True)
    again.close(done=True)
    assert again.earlier[seen.frame].faces[0].face.quality == pytest.approx(seen.faces[0].face.quality)
    assert again.earlier[2].faces[0].face.quality is None
