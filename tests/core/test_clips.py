"""Who is meant in a clip that shows several people."""

import numpy as np
import pytest

from faceplate.clips import choose_person
from faceplate.faces import Face
from faceplate.stages.shot import Track
from faceplate_client.errors import InputError, RequestError

NUMBERS = list(range(1001, 1101))


def track(id: int, name: str, first: int, last: int, height: float, *, lost: tuple[int, ...] = ()) -> Track:
    """Somebody on places `first` to `last`, standing further right the higher the track's id."""
    points = np.zeros((5, 2), np.float32)
    return Track(
        id,
        name,
        {k: Face((100.0 * id, 50.0, 100.0 * id + height, 50.0 + height), points, 0.0 if k in lost else 0.9)
         for k in range(first, last + 1)},
    )  # fmt: skip


def test_one_person_is_taken_through_all_tracks_and_without_bridged_frames():
    found = choose_person(
        [track(1, "A", 0, 9, 80, lost=(3, 4)), track(3, "A", 40, 49, 80)], NUMBERS, "clip.mov", None
    )
    assert [place for place, _, _ in found] == [0, 1, 2, *range(5, 10), *range(40, 50)]
    assert {stretch for _, stretch, _ in found} == {1, 3}


def test_two_people_are_asked_about_and_the_answer_is_taken():
    tracks = [track(1, "A", 0, 99, 60), track(2, "B", 20, 99, 90)]
    with pytest.raises(
        RequestError, match=r"There are 2 people in clip\.mov: 1 at x 245.*frame 1021 \(90 px high\), 2 at"
    ) as told:
        choose_person(tracks, NUMBERS, "clip.mov", None)
    assert told.value.code == "request.face" and "--face N" in str(told.value)
    assert choose_person(tracks, NUMBERS, "clip.mov", 2)[0][1] == 1
    with pytest.raises(RequestError, match=r"--face 3 was asked for, and clip\.mov shows 2"):
        choose_person(tracks, NUMBERS, "clip.mov", 3)


def test_a_passer_by_is_nobody_to_ask_about():
    tracks = [track(1, "A", 0, 99, 60), track(2, "B", 20, 30, 90)]
    assert choose_person(tracks, NUMBERS, "clip.mov", None)[0][1] == 1


def test_nobody_is_an_error():
    with pytest.raises(InputError, match=r"No face was found in clip\.mov, frames 1001-1100") as told:
        choose_person([], NUMBERS, "clip.mov", None)
    assert told.value.code == "input.face"
