"""What INPUT names, and what is said when frames are not there."""

import numpy as np
import pytest

from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate.io.sequence import open_input
from faceplate_client.errors import InputError, RequestError
from tests.support.movies import ramp_planes, save_movie
from tests.support.pictures import save_picture


def frames(folder, *numbers, name="plate", ending="exr"):
    folder.mkdir(exist_ok=True)
    for number in numbers:
        pixels = np.full((2, 3, 3), number / 2000, np.float16 if ending == "exr" else np.uint8)
        save_picture(
            folder / f"{name}.{number:04}.{ending}",
            pixels.astype(np.float16 if ending == "exr" else np.uint8),
        )
    return folder


@pytest.mark.parametrize("words", ["plate.####.exr", "plate.%04d.exr", "plate.@@@@.exr", ""])
def test_a_sequence_however_it_is_named(words, tmp_path):
    folder = frames(tmp_path / "shot", 1001, 1002, 1003)
    (folder / ".done").mkdir()
    (folder / ".plate.1004.exr").write_bytes(b"hidden")
    (folder / "notes.txt").write_text("not a frame")
    footage = open_input(folder / words if words else folder)
    assert (footage.kind, footage.range, len(footage)) == ("sequence", "1001-1003", 3)
    assert [frame.path.name for frame in footage.frames] == [f"plate.{n}.exr" for n in (1001, 1002, 1003)]
    with footage.reader() as reader:
        picture = reader.read(footage.frames[1])
    assert isinstance(picture, Picture)
    assert picture.path.name == "plate.1002.exr"


def test_one_frame_of_a_sequence_is_one_frame(tmp_path):
    footage = open_input(frames(tmp_path / "shot", 1001, 1002) / "plate.1002.exr")
    assert [frame.number for frame in footage.frames] == [1002]


def test_frames_are_chosen(tmp_path):
    folder = frames(tmp_path / "shot", *range(1001, 1011))
    assert open_input(folder, frames="1003-1009x3").range == "1003-1009x3"
    assert len(open_input(folder, frames="1003-1009x3")) == 3


def test_a_gap_is_named_and_can_be_skipped(tmp_path):
    folder = frames(tmp_path / "shot", *(n for n in range(1001, 1017) if n not in (1007, 1011, 1012, 1013)))
    with pytest.raises(InputError, match=r"frames 1007, 1011-1013 are missing.*--skip-missing") as refused:
        open_input(folder / "plate.####.exr")
    assert refused.value.exit_code == 65
    assert len(open_input(folder, skip_missing=True)) == 12
    with pytest.raises(InputError, match="frame 1007 is missing"):
        open_input(folder, frames="1006-1008")
    assert [f.number for f in open_input(folder, frames="1006-1008", skip_missing=True).frames] == [
        1006,
        1008,
    ]


def test_frames_that_are_all_missing_are_an_error_even_when_skipping(tmp_path):
    folder = frames(tmp_path / "shot", 1001, 1002)
    with pytest.raises(InputError, match="check --frames"):
        open_input(folder, frames="2001-2002", skip_missing=True)


def test_a_sequence_on_twos_has_no_gaps(tmp_path):
    footage = open_input(frames(tmp_path / "reel", 100, 102, 104, 106))
    assert (footage.kind, len(footage)) == ("sequence", 4)


def test_unrelated_stills_are_taken_one_by_one(tmp_path):
    folder = frames(tmp_path / "stills", 7, name="anna", ending="png")
    frames(folder, 3, 9, name="bert", ending="jpg")
    save_picture(folder / "carla.tif", np.zeros((2, 2, 3), np.uint8))
    footage = open_input(folder)
    assert footage.kind == "stills"
    assert [(frame.number, frame.path.name) for frame in footage.frames] == [
        (1, "anna.0007.png"), (2, "bert.0003.jpg"), (3, "bert.0009.jpg"), (4, "carla.tif"),
    ]  # fmt: skip


def test_two_sequences_in_one_folder_are_named_both(tmp_path):
    folder = frames(tmp_path / "shot", 1, 2, 3, name="bg")
    frames(folder, 1, 2, 3, name="fg")
    with pytest.raises(RequestError, match=r"bg\.####\.exr 1-3; fg\.####\.exr 1-3"):
        open_input(folder)
    assert len(open_input(folder / "fg.####.exr")) == 3


@pytest.mark.parametrize(
    "words", ["gone", "gone/plate.####.exr", "plate.####.exr", "still.png", "take.mov", "a.gif"]
)
def test_what_is_not_there_is_named(words, tmp_path):
    with pytest.raises(InputError, match=words.split("/")[0].split(".")[0]):
        open_input(tmp_path / words)


def test_an_empty_folder_says_what_it_should_hold(tmp_path):
    with pytest.raises(InputError, match="holds no EXR"):
        open_input(tmp_path)


def test_a_missing_frame_number_is_answered_with_those_there_are(tmp_path):
    folder = frames(tmp_path / "shot", 1001, 1002)
    with pytest.raises(InputError, match="has 1001-1002"):
        open_input(folder / "plate.1003.exr")


def test_a_movie_is_numbered_from_one(tmp_path):
    path = save_movie(tmp_path / "take.mov", [ramp_planes(place) for place in range(5)])
    footage = open_input(path)
    assert (footage.kind, footage.range, footage.rate) == ("movie", "1-5", 25)
    chosen = open_input(path, frames="2-4x2")
    with chosen.reader() as reader:
        read = [reader.read(frame) for frame in chosen.frames]
    assert [frame.number for frame in read if isinstance(frame, MovieFrame)] == [2, 4]
    with pytest.raises(InputError, match="frames 6-7 are missing"):
        open_input(path, frames="5-7")


def test_the_film_reel_is_a_sequence_on_twos(shared):
    footage = open_input(shared / "film" / "reel_001")
    assert (footage.kind, len(footage)) == ("sequence", 12)
