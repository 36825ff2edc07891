"""What OUTPUT means, and that it never is the input by accident."""

import os

import numpy as np
import pytest

from faceplate.io.sequence import open_input
from faceplate.io.target import open_output
from faceplate_client.errors import RequestError
from tests.support.movies import ramp_planes, save_movie
from tests.support.pictures import save_picture


@pytest.fixture
def footage(tmp_path):
    (tmp_path / "in").mkdir()
    for number in (1001, 1002):
        save_picture(tmp_path / "in" / f"plate.{number}.exr", np.zeros((2, 2, 3), np.float16))
    return open_input(tmp_path / "in")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("out", ["out/plate.1001.exr", "out/plate.1002.exr"]),
        ("out/", ["out/plate.1001.exr", "out/plate.1002.exr"]),
        ("out/done.#####.png", ["out/done.01001.png", "out/done.01002.png"]),
        ("out/take.mov", ["out/take.mov", "out/take.mov"]),
    ],
)
def test_output_names(words, names, footage, tmp_path):
    target = open_output(f"{tmp_path}/{words}", footage)
    assert target.kind == ("movie" if words.endswith(".mov") else "pictures")
    assert [target.path_for(frame) for frame in footage.frames] == [tmp_path / name for name in names]
    assert not (tmp_path / "out").exists()


def test_a_movie_into_a_folder_keeps_its_name(tmp_path):
    footage = open_input(save_movie(tmp_path / "take.mp4", [ramp_planes(0)] * 2))
    target = open_output(tmp_path / "out", footage)
    assert (target.kind, target.path) == ("movie", tmp_path / "out" / "take.mp4")


def test_one_name_for_many_frames_is_refused(footage, tmp_path):
    with pytest.raises(RequestError, match=r"one picture for 2 frames.*done\.####\.exr"):
        open_output(tmp_path / "done.exr", footage)
    one = open_input(footage.frames[0].path)
    assert open_output(tmp_path / "done.exr", one).path_for(one.frames[0]) == tmp_path / "done.exr"


def test_an_ending_that_is_not_written_is_refused(footage, tmp_path):
    with pytest.raises(RequestError, match=r"folder, end in \.exr"):
        open_output(tmp_path / "done.psd", footage)


def test_the_input_is_not_the_output(footage, tmp_path):
    for words in (tmp_path / "in", tmp_path / "in" / "plate.####.exr", tmp_path / "x" / ".." / "in"):
        with pytest.raises(RequestError, match=r"--overwrite") as refused:
            open_output(words, footage)
        assert refused.value.exit_code == 64
    assert open_output(tmp_path / "in", footage, overwrite=True).folder == tmp_path / "in"


def test_a_link_to_the_input_is_the_input(footage, tmp_path):
    (tmp_path / "linked").symlink_to(tmp_path / "in")
    hard = tmp_path / "hard"
    hard.mkdir()
    os.link(tmp_path / "in" / "plate.1002.exr", hard / "plate.1002.exr")
    for folder in ("linked", "hard"):
        with pytest.raises(RequestError, match="is the input itself"):
            open_output(tmp_path / folder, footage)


def test_a_movie_is_not_written_over_itself(tmp_path):
    path = save_movie(tmp_path / "take.mp4", [ramp_planes(0)] * 2)
    for words in (path, tmp_path):
        with pytest.raises(RequestError, match="is the input itself"):
            open_output(words, open_input(path))


def test_a_frame_may_not_land_on_another_frame_of_the_input(footage, tmp_path):
    one = open_input(footage.frames[0].path)
    other = open_input(tmp_path / "in")
    assert open_output(footage.frames[1].path, one).kind == "pictures"
    with pytest.raises(RequestError, match="is the input itself"):
        open_output(tmp_path / "in" / "plate.%d.exr", other)
