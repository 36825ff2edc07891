"""The shot file: text and back, edits by hand, windows that end at cuts, and refusals that name the line."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.stages.grain import BANDS, LEVELS, Grain
from faceplate.stages.shot import Shot, Track, flicker_of
from faceplate.stages.shot_edits import dropped, locked, merged, renamed, split, taken_over
from faceplate.stages.shot_text import shot_as_text, shot_from_text
from faceplate_client.errors import InputError, RequestError

GRAIN = Grain(np.full((len(LEVELS), 3), 0.02), np.ones((3, BANDS)), np.eye(3))


def face(x: float = 100.0, score: float = 0.9) -> Face:
    points = np.array([[x - 10, 90], [x + 10, 90], [x, 100], [x - 8, 110], [x + 8, 110]], np.float32)
    return Face((x - 20, 80.0, x + 20, 120.0), points, score)


def track(id: int, first: int, last: int, *, name: str = "", x: float = 100.0, lock: bool = False) -> Track:
    faces = {frame: face(x + frame % 7) for frame in range(first, last + 1)}
    return Track(id, name or f"face {id}", faces, lock)


def shot(*tracks: Track, first: int = 1001, last: int = 1040, cuts: tuple[int, ...] = ()) -> Shot:
    plates = {frame: f"{frame:x}" * 8 for frame in range(first, last + 1)}
    return Shot(
        "plate.####.exr",
        (320, 240),
        plates,
        cuts,
        tracks,
        {1001: (1.0, 0.98, 1.01)},
        GRAIN,
        {"finder-1": "ab"},
        fields="top",
    )


SHOT = shot(track(1, 1001, 1020, name="anna"), track(2, 1005, 1040, name="Børge", x=200), cuts=(1021,))


def same(one: Shot, other: Shot) -> bool:
    return shot_as_text(one) == shot_as_text(other)


def test_how_much_a_face_shows_is_kept_and_told_of_its_track():
    first = track(1, 1001, 1010)
    told = {frame: replace(each, quality=0.4 if frame < 1003 else 0.7) for frame, each in first.faces.items()}
    lost = replace(told[1010], score=0.0, quality=None)
    seen = replace(first, faces={**told, 1010: lost})
    assert first.quality == pytest.approx(0.9)  # nobody looked: the detector's word
    assert seen.quality == pytest.approx(0.7) and replace(first, faces={1010: lost}).quality == 0.0
    again = shot_from_text(shot_as_text(shot(seen)), "s.json").tracks[0]
    assert [face.quality for face in again.faces.values()] == [face.quality for face in seen.faces.values()]
    damaged = shot_as_text(shot(seen)).replace('"quality": 0.4', '"quality": 1.4', 1)
    with pytest.raises(InputError, match='"quality" should be 0-1'):
        shot_from_text(damaged, "s.json")


def test_landmarks_and_the_heads_turn_are_kept_to_a_tenth_of_a_pixel():
    first = track(1, 1001, 1010)
    marks = np.random.default_rng(3).uniform(0, 300, (68, 2)).astype(np.float32)
    faces = dict(first.faces)
    faces[1004] = replace(faces[1004], landmarks=marks, turn=(0.01, -0.5, 0.25))
    text = shot_as_text(shot(replace(first, faces=faces)))
    again = shot_from_text(text, "s.json").tracks[0].faces
    kept = again[1004].landmarks
    assert kept is not None and again[1005].landmarks is None and again[1005].turn is None
    np.testing.assert_allclose(kept, marks, atol=0.051)
    assert again[1004].turn == (0.01, -0.5, 0.25)
    assert shot_as_text(shot_from_text(text, "s.json")) == text
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "landmarks" in line)
    for damaged in (
        text.replace('"turn": [0.01, ', '"turn": ['),
        text.replace('"turn": [0.01, -0.5, 0.25], ', ""),
    ):
        with pytest.raises(InputError, match=f'line {line}: "turn"'):
            shot_from_text(damaged, "s.json")


@settings(max_examples=30)
@given(
    names=st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=3),
    x=st.floats(-5000, 5000), score=st.floats(0, 1), cuts=st.sets(st.integers(1002, 1040)), lock=st.booleans(),
)  # fmt: skip
def test_text_and_back_is_the_same_shot(names, x, score, cuts, lock):
    tracks = []
    for number, name in enumerate(names, 1):
        try:
            tracks.append(Track(number, name, {1003: face(x, score), 1004: face(x, 0.0)}, lock))
        except RangeError:
            continue  # a name nobody could ask for
    text = shot_as_text(shot(*tracks, cuts=tuple(sorted(cuts))))
    again = shot_from_text(text, "shot.json")
    assert shot_as_text(again) == text
    json.loads(text)


def test_a_shot_reads_as_it_was_written():
    again = shot_from_text(shot_as_text(SHOT), "shot.json")
    assert again.fields == "top"
    assert again.cuts == SHOT.cuts and again.plates == SHOT.plates and again.flicker == SHOT.flicker
    assert [(t.id, t.name, t.first, t.last, t.locked) for t in again.tracks] == [
        (1, "anna", 1001, 1020, False), (2, "Børge", 1005, 1040, False)
    ]  # fmt: skip
    np.testing.assert_allclose(again.track(1).faces[1003].points, SHOT.track(1).faces[1003].points, atol=1e-3)
    np.testing.assert_allclose(again.grain.sigma, GRAIN.sigma)  # type: ignore[union-attr]


LINES = shot_as_text(SHOT).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"1003": {"box": [', '"1003": {"box": [,', "expecting value"),
        ('"1003": {"box": [', '"1003": {"box": ["left", ', "box"),
        ('"1003": {"box"', '"1003": {"bux"', '"box" is missing'),
        ('"1003": {"box"', '"first": {"box"', "frame should be"),
        ('"score": 0.9', '"score": 9', "score 0-1"),
        ('"id": 2, "name": "Børge"', '"id": 2, "name": "a,b"', "without a comma"),
        ('"id": 2, "name"', '"id": true, "name"', "whole number"),
        ('"hash": "3eb3eb3', '"hush": "3eb3eb3', '"hash" is missing'),
        ('"fields": "top"', '"fields": "upper"', '"fields" should be'),
        ('"cuts": [1021]', '"cuts": ["soon"]', '"cuts" should hold any numbers'),
        ('"size": [320, 240]', '"size": [320]', '"size" should hold 2 numbers'),
        ('"source": "plate', '"source": 4, "was": "plate', '"source" should be a text'),
        ('"version": 1', '"version": 2', "later Faceplate"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(old, new, told):
    line = next(place for place, each in enumerate(LINES) if old in each)
    spoiled = [*LINES[:line], LINES[line].replace(old, new), *LINES[line + 1 :]]
    with pytest.raises(InputError, match=rf"shot\.json, line {line + 1}: .*{told}") as caught:
        shot_from_text("\n".join(spoiled), "shot.json")
    assert caught.value.code == "shot.damaged"


@settings(max_examples=30)
@given(place=st.integers(0, len(shot_as_text(SHOT)) - 1), letter=st.sampled_from('{}[]",:x0\n'))
def test_a_slip_of_the_finger_is_read_or_refused_never_a_crash(place, letter):
    text = shot_as_text(SHOT)
    try:
        shot_from_text(text[:place] + letter + text[place + 1 :], "shot.json")
    except InputError as error:
        assert "shot.json, line " in str(error)


def test_a_shot_from_before_fields_were_told_is_read():
    older = shot_as_text(SHOT).replace(' "fields": "top",\n', "")
    assert "fields" not in older and shot_from_text(older, "shot.json").fields == ""
    with pytest.raises(InputError, match='"fields" should be "", "progressive", "top" or "bottom"'):
        shot_from_text(shot_as_text(SHOT).replace('"fields": "top"', '"fields": "upper"'), "shot.json")


def test_a_later_version_and_another_file_are_refused():
    with pytest.raises(InputError, match="later Faceplate"):
        shot_from_text(shot_as_text(SHOT).replace('"version": 1', '"version": 2'), "shot.json")
    for other in ("{}", "[1]", "3", "", "[" * 100_000):
        with pytest.raises(InputError, match="line"):
            shot_from_text(other, "shot.json")


@settings(max_examples=40)
@given(frame=st.integers(1001, 1040), radius=st.integers(0, 6), cuts=st.sets(st.integers(1002, 1040)))
def test_a_window_never_reaches_across_a_cut(frame, radius, cuts):
    window = shot(cuts=tuple(sorted(cuts))).window(frame, radius)
    assert frame in window and window == list(range(window[0], window[-1] + 1))
    assert not any(window[0] < cut <= window[-1] for cut in cuts)
    for end, beyond in ((window[0], window[0] - 1), (window[-1], window[-1] + 1)):
        full = abs(end - frame) == radius
        assert full or beyond in (1000, 1041) or max(end, beyond) in cuts


def test_other_plates_are_refused():
    SHOT.check_plate(1001, SHOT.plates[1001])
    for frame, hash in ((1001, "ff"), (999, "ff")):
        with pytest.raises(InputError, match="analyse the plates again") as caught:
            SHOT.check_plate(frame, hash)
        assert caught.value.code == "shot.plates"


def test_faces_are_chosen_by_name_or_id():
    assert SHOT.chosen("anna,2") == {1, 2} and SHOT.chosen("Børge") == {2} and SHOT.chosen("all") == {1, 2}
    assert SHOT.chosen("none") == set()
    with pytest.raises(RequestError, match="nobody called carl; it has Børge, anna"):
        SHOT.chosen("anna,carl")


@given(frame=st.integers(1006, 1040))
def test_what_was_split_merges_back(frame):
    halves = split(SHOT, 2, frame)
    assert [track.id for track in halves.tracks] == [1, 2, 3]
    assert halves.track(2).last == frame - 1 and halves.track(3).first == frame
    if frame != 1021:
        assert same(merged(halves, [2, 3]), SHOT)


def test_a_merge_bridges_what_lies_between():
    apart = shot(track(1, 1001, 1005), track(2, 1009, 1012, x=180))
    one = merged(apart, [2, 1]).track(2)
    assert list(one.faces) == list(range(1001, 1013)) and one.found == 9
    steps = np.diff([one.faces[frame].box[0] for frame in range(1005, 1010)])
    np.testing.assert_allclose(steps, steps[0])


def test_edits_that_make_no_sense_are_refused():
    with pytest.raises(RequestError, match="both on frame 1005"):
        merged(SHOT, [1, 2])
    with pytest.raises(RequestError, match="a cut lies between"):
        merged(shot(track(1, 1001, 1010), track(2, 1015, 1020), cuts=(1012,)), [1, 2])
    with pytest.raises(RequestError, match="two tracks or more"):
        merged(SHOT, [1])
    with pytest.raises(RequestError, match="has no track 9"):
        dropped(SHOT, 9)
    with pytest.raises(RequestError, match="before a frame from 1002"):
        split(SHOT, 1, 1001)
    for name in ("", "all", "largest", "none", "7", "a,b", " a"):
        with pytest.raises(RangeError, match="1-60 letters"):
            renamed(SHOT, 1, name)


def test_a_locked_track_stays_as_it_is():
    safe = locked(renamed(SHOT, 1, "Anna"), 1)
    for edit in (lambda: renamed(safe, 1, "x"), lambda: dropped(safe, 1), lambda: split(safe, 1, 1010)):
        with pytest.raises(RequestError, match="locked"):
            edit()
    assert dropped(locked(safe, 1, lock=False), 1).tracks == SHOT.tracks[1:]
    assert SHOT.track(1).name == "anna"


def test_a_new_analysis_takes_over_what_is_locked():
    old = locked(renamed(SHOT, 1, "Anna"), 1)
    new = shot(track(1, 1005, 1040, x=200), track(2, 1001, 1022), track(3, 1030, 1033, x=290))
    both = taken_over(new, old)
    assert both.track(1) == old.track(1)
    assert sorted((t.first, t.last) for t in both.tracks) == [(1001, 1020), (1005, 1040), (1030, 1033)]


def test_tracks_that_cannot_be_are_refused():
    with pytest.raises(RangeError, match="share an id"):
        shot(track(1, 1001, 1002), track(1, 1004, 1005))
    with pytest.raises(RangeError, match="beyond the plates"):
        shot(track(1, 1001, 1050))
    with pytest.raises(RangeError, match="every frame"):
        replace(track(1, 1001, 1003), faces={1001: face(), 1003: face()})


@settings(max_examples=8)
@given(gains=st.lists(st.floats(0.8, 1.25), min_size=30, max_size=30), slope=st.floats(-0.05, 0.05))
def test_flicker_is_what_stands_out_of_a_steady_fade(gains, slope):
    fade = {frame: np.exp(slope * frame) * np.array([0.2, 0.1, 0.4]) for frame in range(30)}
    for gain in flicker_of(fade).values():
        np.testing.assert_allclose(gain, 1.0, atol=1e-6)
    shaken = {frame: level * gain for (frame, level), gain in zip(fade.items(), gains, strict=True)}
    steadied = {frame: shaken[frame] / flicker for frame, flicker in flicker_of(shaken).items()}
    rough, smooth = (
        np.abs(np.diff([np.log(each[frame][0]) - slope * frame for frame in range(30)])).sum()
        for each in (shaken, steadied)
    )
    assert smooth <= 0.5 * rough + 1e-6


def test_flicker_does_not_look_across_a_cut():
    levels = {frame: np.full(3, 0.1 if frame < 10 else 0.8) for frame in range(20)}
    assert all(gain == pytest.approx((1, 1, 1)) for gain in flicker_of(levels, [10]).values())
    assert any(gain != pytest.approx((1, 1, 1), abs=0.01) for gain in flicker_of(levels).values())


def seen(id: int, scores: dict[int, float], name: str = "") -> Track:
    return Track(id, name or f"face{id}", {frame: face(score=score) for frame, score in scores.items()})


def test_what_was_seen_faintly_on_a_frame_or_two_is_doubtful_and_not_among_all():
    gravel = seen(2, {1004: 0.64, 1005: 0.0, 1006: 0.61})
    sure, short, often = (
        seen(1, {1004: 0.9}),
        seen(3, {1001: 0.62}),
        seen(4, dict.fromkeys(range(1010, 1014), 0.6)),
    )
    made = shot(sure, gravel, often)
    assert [made.is_doubtful(each) for each in made.tracks] == [False, True, False]
    assert made.chosen("all") == {1, 4} and made.chosen("2") == {2}
    assert shot(short, last=1001).chosen("all") == {3}, (
        "in a shot of one frame one sighting is all there can be"
    )
    assert shot(short, cuts=(1002,)).chosen("all") == {3}, "nor can there be more in a stretch of one"


def test_a_doubtful_track_is_vouched_for_by_its_person_by_a_name_and_by_a_lock():
    gravel = seen(2, {1004: 0.64})
    assert shot(gravel).chosen("all") == set()
    assert shot(replace(gravel, name="anna")).chosen("all") == {2}
    assert shot(replace(gravel, locked=True)).chosen("all") == {2}
    assert shot(seen(1, {1001: 0.95}, "face1"), replace(gravel, name="face1")).chosen("all") == {1, 2}
