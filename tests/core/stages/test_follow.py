"""Tracks through crossings, gaps and cuts; points that do not tremble and do not lag."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.stages.follow import Sighting, follow_faces, group_people, smooth_track

OFFSETS = np.array([[-20, -15], [20, -15], [0, 5], [-15, 25], [15, 25]], np.float32)
ANNA, BORIS = np.eye(8, dtype=np.float32)[:2]


def face(x: float, y: float, height: float = 100.0, score: float = 0.9) -> Face:
    points = (OFFSETS * height / 100 + np.array([x, y], np.float32)).astype(np.float32)
    return Face((x - height / 2, y - height / 2, x + height / 2, y + height / 2), points, score)


def seen(frame: int, x: float, who=None, noise: float = 0.0, seed: int = 0, **place) -> Sighting:
    if who is not None:
        who = who + np.random.default_rng((seed, frame)).normal(0, noise, who.shape)
        who = (who / np.linalg.norm(who)).astype(np.float32)
    return Sighting(frame, face(x, place.get("y", 200.0), place.get("height", 100.0)), who)


def paths_of(*sightings: Sighting, **settings):
    frames: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        frames.setdefault(sighting.frame, []).append(sighting)
    return follow_faces(frames, **settings)


@settings(max_examples=25)
@given(
    speed=st.floats(-15, 15), hidden=st.integers(0, 12), first=st.integers(6, 12), grows=st.floats(0.98, 1.02)
)
def test_a_moving_face_is_one_track_through_a_gap(speed, hidden, first, grows):
    frames = [frame for frame in range(40) if not first <= frame < first + hidden]
    (path,) = paths_of(*(seen(f, 300 + speed * f, height=100 * grows**f) for f in frames))
    assert list(path.faces) == list(range(40)) and path.bridged == set(range(first, first + hidden))
    assert all((path.faces[frame].score == 0) == (frame in path.bridged) for frame in path.faces)


def test_a_face_lost_for_longer_is_another_track():
    paths = paths_of(*(seen(frame, 300) for frame in range(30) if not 10 <= frame < 23))
    assert [next(iter(path.faces)) for path in paths] == [0, 23]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000), speed=st.floats(3, 14), apart=st.floats(0, 40), size=st.floats(0.8, 1.25),
    gap=st.integers(0, 9), noise=st.floats(0.0, 0.3),
)  # fmt: skip
def test_two_people_who_cross_keep_their_tracks(seed, speed, apart, size, gap, noise):
    """The one behind is hidden for some frames while they cross; identities carry noise as a recogniser's do."""
    found, middle = [], 20
    for frame in range(41):
        found.append(seen(frame, 300 + speed * (frame - middle), ANNA, noise, seed))
        if abs(frame - middle) > gap / 2:
            x = 300 - speed * (frame - middle)
            found.append(seen(frame, x, BORIS, noise, seed + 1, y=200 + apart, height=100 * size))
    paths = paths_of(*found)
    assert len(paths) == 2
    for path in paths:
        who = float(path.identity @ ANNA) > 0.5
        way = path.faces[40].box[0] - path.faces[0].box[0]
        assert (way > 0) == who and len(path.faces) == 41


def test_two_who_turn_back_at_the_crossing_are_told_apart_by_who_they_are():
    found = []
    for frame in range(31):
        x = abs(frame - 15) * 9.0
        found += [seen(frame, 300 + x, ANNA, 0.1), seen(frame, 300 - x, BORIS, 0.1, 7)]
    paths = paths_of(*found)
    assert len(paths) == 2
    for path in paths:
        side = 1 if float(path.identity @ ANNA) > 0.5 else -1
        assert all(side * (each.box[0] - 250) >= -6 for each in path.faces.values())


def test_no_track_crosses_a_cut():
    paths = paths_of(*(seen(frame, 300, ANNA) for frame in range(20)), cuts=[8])
    assert [list(path.faces) for path in paths] == [list(range(8)), list(range(8, 20))]
    assert group_people(paths) == [0, 0]


def test_who_is_on_one_frame_is_never_one_person():
    twins = [seen(frame, x, ANNA) for frame in range(5) for x in (100, 500)]
    assert group_people(paths_of(*twins)) == [0, 1]


def test_without_identities_every_track_is_a_person():
    paths = paths_of(*(seen(frame, 300) for frame in range(10)), cuts=[5])
    assert group_people(paths) == [0, 1]


@settings(max_examples=30)
@given(speed=st.floats(-20, 20), bend=st.floats(-1, 1), radius=st.integers(0, 5), length=st.integers(1, 15))
def test_smoothing_does_not_lag(speed, bend, radius, length):
    """A face that moves evenly, or gathers speed evenly, comes out where it was."""
    bend = bend if length >= 2 * radius + 1 >= 5 else 0.0
    faces = {frame: face(speed * frame + bend * frame**2, 50.0) for frame in range(length)}
    smooth = smooth_track(faces, radius=radius)
    # At its ends a track has a window on one side only, and too few frames there to see it bend.
    inner = range(length) if bend == 0 else range(radius, length - radius)
    for frame in inner:
        np.testing.assert_allclose(smooth[frame].points, faces[frame].points, atol=1e-3)


def test_smoothing_takes_the_tremor_out():
    random = np.random.default_rng(5)
    rough = {frame: face(*random.normal((300, 200), 1.0)) for frame in range(200)}
    place = lambda faces: np.array([faces[frame].points[2] for frame in range(200)])  # noqa: E731
    assert np.diff(place(smooth_track(rough)), axis=0).std() < 0.5 * np.diff(place(rough), axis=0).std()


def test_the_far_past_and_future_have_no_say():
    """The window is fixed: the same frames around give the same points."""
    faces = {frame: face(10 * np.sin(frame), 5.0 * frame % 7) for frame in range(40)}
    whole, part = smooth_track(faces), smooth_track({frame: faces[frame] for frame in range(10, 30)})
    for frame in range(13, 27):
        np.testing.assert_array_equal(whole[frame].points, part[frame].points)


def test_nothing_to_follow_and_nothing_to_smooth():
    assert follow_faces({}) == [] and follow_faces({1: []}) == []
    with pytest.raises(RangeError, match="hold a face"):
        smooth_track({})
    with pytest.raises(RangeError, match="gap"):
        follow_faces({}, gap=-1)


def test_what_a_face_showed_stays_with_its_frame():
    seen = {frame: replace(face(100.0 + frame, 200.0), quality=frame / 10) for frame in (1, 2, 3, 6, 7)}
    smooth = smooth_track(seen)
    assert {frame: each.quality for frame, each in smooth.items()} == {
        1: 0.1, 2: 0.2, 3: 0.3, 4: None, 5: None, 6: 0.6, 7: 0.7
    }  # fmt: skip


def marked(frame, x, turn):
    """A face at x, with landmarks that lie about it and a turned head."""
    around = np.random.default_rng(1).uniform(-40, 40, (68, 2))
    return replace(
        face(x, 200.0), landmarks=np.add(around, (x, 200.0)).astype(np.float32), turn=(0.1, turn, -0.2)
    )


def test_landmarks_are_smoothed_and_bridged_and_change_nothing_else():
    """They move with the face without lag, and end where nobody looked any more."""
    seen = {
        frame: marked(frame, 100.0 + 3 * frame, 0.02 * frame) for frame in range(12) if frame not in (5, 6)
    }
    seen[12] = face(136.0, 200.0)
    smooth = smooth_track(seen)
    for frame in range(12):
        wanted, told = marked(frame, 100.0 + 3 * frame, 0.02 * frame), smooth[frame]
        assert wanted.landmarks is not None and told.landmarks is not None and told.turn is not None
        np.testing.assert_allclose(told.landmarks, wanted.landmarks, atol=1e-2)
        assert told.turn == pytest.approx(wanted.turn, abs=1e-4)
    assert smooth[12].landmarks is None and smooth[12].turn is None
    plain = smooth_track({frame: replace(each, landmarks=None, turn=None) for frame, each in seen.items()})
    for frame, told in smooth.items():
        np.testing.assert_array_equal(told.points, plain[frame].points)
        assert told.box == plain[frame].box


@pytest.mark.parametrize("away", [35.0, -45.0, 55.0])
def test_who_steps_in_front_for_a_frame_is_not_who_is_hidden(away):
    """A stranger close by, on the one frame on which nobody else is to be seen."""
    found = [seen(frame, 300 - 5 * frame, ANNA, 0.1, frame) for frame in range(21) if frame != 10]
    paths = paths_of(*found, seen(10, 250 + away, BORIS, 0.1, 99))
    assert [list(path.faces) for path in paths] == [list(range(21)), [10]]
    assert paths[0].bridged == {10}


def test_a_head_that_turns_stays_who_it_is():
    """Its looks change in place, or move on without changing: neither makes another track."""
    turned = (ANNA + BORIS) / np.linalg.norm(ANNA + BORIS)
    in_place = [seen(frame, 300 + frame, BORIS if 8 < frame < 12 else ANNA) for frame in range(20)]
    starts = [
        seen(frame, 300 + (0 if frame < 10 else 45), turned if frame == 10 else ANNA) for frame in range(20)
    ]
    for found in (in_place, starts):
        (path,) = paths_of(*found)
        assert list(path.faces) == list(range(20))
