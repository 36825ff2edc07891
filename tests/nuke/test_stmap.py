"""A face's track becomes keys in Nuke's coordinates: y up, pixels, one similarity a frame."""

import cmath
import json
import re
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate_client.errors import InputError, RequestError
from faceplate_nuke.track import matrices, read_points, similarity

FACE = [complex(30, 40), complex(50, 41), complex(40, 30), complex(33, 20), complex(47, 21)]
small = st.floats(-200, 200)


@given(scale=st.floats(0.2, 4), angle=st.floats(-3, 3), x=small, y=small)
def test_a_similarity_is_found_exactly(scale, angle, x, y):
    turn, shift = cmath.rect(scale, angle), complex(x, y)
    found_turn, found_shift = similarity(FACE, [turn * point + shift for point in FACE])
    assert abs(found_turn - turn) < 1e-6 and abs(found_shift - shift) < 1e-6


@given(nudges=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=5, max_size=5))
def test_nothing_near_it_fits_better(nudges):
    """Least squares: any other turn or shift leaves the points further apart."""
    wanted = [point + complex(*nudge) for point, nudge in zip(FACE, nudges, strict=True)]
    turn, shift = similarity(FACE, wanted)

    def far(turn, shift):
        return sum(abs(turn * point + shift - to) ** 2 for point, to in zip(FACE, wanted, strict=True))

    for step in (1e-3, -1e-3, 1e-3j, -1e-3j):
        assert far(turn, shift) <= far(turn + step, shift) + 1e-9
        assert far(turn, shift) <= far(turn, shift + step) + 1e-9


def shot_file(tmp_path, **changed):
    """A shot of 100 x 60 in which the face moves 5 pixels to the right and 2 down the screen, each frame."""
    faces = {
        str(frame): {"points": [[p.real + 5 * step, 60 - p.imag + 2 * step] for p in FACE]}
        for step, frame in enumerate((1001, 1002, 1003))
    }
    shot = {"kind": "faceplate shot", "version": 1, "size": [100, 60], "tracks": [{"id": 7, "faces": faces}]}
    path = tmp_path / "shot.json"
    path.write_text(json.dumps({**shot, **changed}))
    return str(path)


def test_down_on_the_screen_is_down_in_nuke(tmp_path):
    keys = matrices(read_points(shot_file(tmp_path), 7), 1001)
    assert keys[1001] == pytest.approx((1, 0, 0, 0), abs=1e-9)
    assert keys[1003] == pytest.approx((1, 0, 10, -4), abs=1e-9)


def test_the_button_sets_a_key_on_every_frame(app, tmp_path):
    node = sys.modules["nuke"].createNode("FP_SteadyApply")
    app.user_sets(node, "shot", shot_file(tmp_path))
    app.user_sets(node, "track", 7)
    app.user_sets(node, "reference", 1002)
    node["read_track"].execute()
    assert [node["shift_x"].value_at(frame) for frame in (1001, 1002, 1003)] == pytest.approx([-5, 0, 5])
    assert [node["shift_y"].value_at(frame) for frame in (1001, 1002, 1003)] == pytest.approx([2, 0, -2])
    assert node["state"].value() == "frames 1001-1003"


def test_the_node_says_where_its_map_comes_from(app):
    node = sys.modules["nuke"].createNode("FP_SteadyApply")
    for told, state in (
        ("STMap input", "STMap input"),
        ("layer stmap", "layer stmap"),
        ("face track", "no track"),
    ):
        app.user_sets(node, "map", told)
        assert node["state"].value() == state
    assert "press Read Track" in node["status"].value()


def test_reading_again_forgets_the_keys_of_before(app, tmp_path):
    node = sys.modules["nuke"].createNode("FP_SteadyApply")
    node["shift_x"].setAnimated()
    node["shift_x"].setValueAt(99.0, 500)
    app.user_sets(node, "shot", shot_file(tmp_path))
    app.user_sets(node, "track", 7)
    app.user_sets(node, "reference", 1001)
    app.current = 1001
    node["read_track"].execute()
    assert node["shift_x"].value_at(500) == pytest.approx(0)


def test_the_face_lands_on_itself(tmp_path):
    """The matrix says where a pixel of the still picture is fetched: the face's own points on that frame."""
    track = read_points(shot_file(tmp_path), 7)
    for frame, (a, b, u, v) in matrices(track, 1002).items():
        for still, there in zip(track[1002], track[frame], strict=True):
            assert abs(complex(a, b) * still + complex(u, v) - there) < 1e-9


@pytest.mark.parametrize(
    ("changed", "track", "reference", "said"),
    [
        ({"kind": "comp"}, 7, 1001, "is a comp"),
        ({"version": 9}, 7, 1001, "version 9; this release reads version 1"),
        ({}, 8, 1001, "no track 8 in .*; its tracks are 7"),
        ({}, 7, 900, "not on frame 900; it runs from 1001 to 1003"),
    ],
)
def test_what_does_not_fit_is_said_on_the_node(app, tmp_path, changed, track, reference, said):
    node = sys.modules["nuke"].createNode("FP_SteadyApply")
    for name, told in {
        "shot": shot_file(tmp_path, **changed),
        "track": track,
        "reference": reference,
    }.items():
        app.user_sets(node, name, told)
    node["read_track"].execute()
    assert re.search(said, node["status"].value())


def test_a_file_that_is_none_and_a_file_that_is_not_there(app, tmp_path):
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(InputError, match="is no shot file"):
        read_points(str(tmp_path / "other.json"), 1)
    with pytest.raises(InputError, match="cannot be read"):
        read_points(str(tmp_path / "gone.json"), 1)
    with pytest.raises(RequestError, match="No Shot File"):
        read_points("", 1)


def test_points_on_one_spot_have_no_similarity():
    with pytest.raises(InputError, match="on one spot"):
        similarity([1 + 1j] * 5, FACE)
