"""What `restore` takes an input for where nobody says: a shot is held steady, stills are restored one by one."""

import json
import shutil

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.core.cli.conftest import GREEN, names_in, pixels_of, report_lines, save, write_png
from tests.core.cli.test_steady import restored
from tests.support.plates import make_picture


def place(seed):
    """Somewhere: (200, 260, 1), scene-linear grey, of some contrast."""
    grey = make_picture(260, 200, seed=seed).mean(axis=2, keepdims=True)
    return (grey - grey.min()) / np.ptp(grey) * 0.6 + 0.01


SCENE = place(5)
FACES = np.random.default_rng(8).uniform(-0.1, 0.1, (40, 24, 24, 1)).astype(np.float32)


def write_frame(path, number, *, scene=None, second=False):
    """A frame of a camera that pans by two pixels a frame, with a green face that stays in place and boils."""
    scene = SCENE if scene is None else scene
    pixels = np.zeros((144, 192, 3), np.float32)
    pixels[:] = scene[20 : 20 + 144, 2 * number : 2 * number + 192]
    pixels[60:84, 84:108] = GREEN + FACES[number]
    if second:
        pixels[100:116, 20:36] = GREEN + FACES[number + 1][:16, :16]
    spec = oiio.ImageSpec(192, 144, 3, oiio.HALF)
    spec.channelnames = ("R", "G", "B")
    save(path, spec, np.clip(pixels, 0, 1))


@pytest.fixture
def shot(tmp_path):
    for number in range(1, 7):
        write_frame(tmp_path / "in" / f"plate.{number:04d}.exr", number)
    return tmp_path / "in"


@pytest.fixture
def stills(tmp_path):
    """Six pictures of other places, each with a face in the same place."""
    for number in range(1, 7):
        scene = place(20 + number)
        write_frame(tmp_path / "stills" / f"img_{number:04d}.exr", number, scene=scene)
    return tmp_path / "stills"


def told(faceplate, plates, out, *words):
    """What was said of an input that became a shot, or in the end of one that did not; and the files."""
    code, said, err = faceplate("restore", plates, "-o", out, *words)
    assert code == 0, err
    return err + said, {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}


def hidden_shots(folder):
    return [name for name in names_in(folder) if name.startswith(".done/shot-")]


def test_frames_whose_neighbours_agree_are_a_shot_and_steady(faceplate, shot, tmp_path):
    err, done = told(faceplate, shot, tmp_path / "out")
    assert "plate.####.exr is a shot" in err and "--as stills" in err
    assert done == restored(faceplate, shot, tmp_path / "said", "--as", "shot")
    assert done == restored(faceplate, shot, tmp_path / "steady", "--steady", "1", "--radius", "2")
    kept = json.loads((tmp_path / "out" / hidden_shots(tmp_path / "out")[0]).read_text())
    assert kept["agree"] > 0.7


def test_a_frame_alone_and_in_a_chunk_is_the_frame_of_the_whole(faceplate, shot, tmp_path):
    whole = restored(faceplate, shot, tmp_path / "whole")
    for part_number, frames in enumerate(("6", "3", "1-2", "4")):
        part = restored(faceplate, shot, tmp_path / f"part{part_number}", "--frames", frames)
        assert part == {name: whole[name] for name in part}
    again = restored(faceplate, shot, tmp_path / "whole", "--frames", "5", "--overwrite")
    assert again == whole, "with the shot that is there already as with the one it was made with"


def test_pictures_that_have_nothing_in_common_are_stills(faceplate, stills, tmp_path):
    err, done = told(faceplate, stills, tmp_path / "out")
    assert "is a row of stills" in err and "--as shot" in err
    assert done == restored(faceplate, stills, tmp_path / "said", "--as", "stills")
    assert not hidden_shots(tmp_path / "out"), "no shot is made of stills, however it is asked"
    for number, (name, content) in enumerate(done.items()):
        alone = restored(faceplate, stills / name, tmp_path / f"alone{number}")
        assert alone == {name: content}, "each is what it would be if there were no others"


def test_a_cut_or_two_do_not_make_stills_of_a_shot(faceplate, tmp_path):
    for number in range(1, 10):
        scene = place(31 if number < 5 else 32)
        write_frame(tmp_path / "in" / f"plate.{number:04d}.exr", number, scene=scene)
    err, _ = told(faceplate, tmp_path / "in", tmp_path / "out", "--frames", "2")
    assert "is a shot" in err
    kept = json.loads((tmp_path / "out" / hidden_shots(tmp_path / "out")[0]).read_text())
    assert kept["cuts"] == [5]


def test_two_pictures_are_no_shot_and_a_single_one_goes_without_saying(faceplate, shot, tmp_path):
    for number in range(3, 7):
        (shot / f"plate.{number:04d}.exr").unlink()
    for words in ((shot,), (shot / "plate.0001.exr",)):
        err, _ = told(faceplate, words[0], tmp_path / f"out{len(str(words[0]))}")
        assert "is a shot" not in err and "stills" not in err


def test_files_without_numbers_are_stills_whatever_they_show(faceplate, tmp_path):
    for number, name in enumerate(("anna", "bert", "carl", "dora")):
        write_frame(tmp_path / "in" / f"{name}.exr", number)
    err, _ = told(faceplate, tmp_path / "in", tmp_path / "out")
    assert "shot" not in err and not hidden_shots(tmp_path / "out")


def test_a_movie_is_a_shot(faceplate, shot, tmp_path):
    movie = tmp_path / "take.mov"
    assert faceplate("restore", shot, "-o", movie, "--strength", 0, "--grain", 0, "--quiet")[0] == 0
    err, _ = told(faceplate, movie, tmp_path / "out", "--report", tmp_path / "r.jsonl")
    assert "take.mov is a shot" in err
    assert all(line["faces"][0]["track"] == 1 for line in report_lines(tmp_path / "r.jsonl"))


def test_plates_that_are_written_over_are_restored_one_by_one(faceplate, shot, tmp_path):
    wanted = restored(faceplate, shot, tmp_path / "stills", "--as", "stills")
    err, done = told(faceplate, shot, shot, "--overwrite")
    assert "written over itself" in err and done == wanted


def test_numbers_of_faces_count_by_size_as_they_do_on_stills(faceplate, tmp_path):
    """In a shot that nobody can look into, ids of its tracks would mean nothing to anybody."""
    plates = tmp_path / "in"
    for number in range(1, 6):
        write_frame(plates / f"p.{number:04d}.exr", number, second=number > 1)
    report = tmp_path / "r.jsonl"
    restored(faceplate, plates, tmp_path / "out", "--faces", "2", "--report", report)
    lines = report_lines(report)
    assert [face["status"] for face in lines[0]["faces"]] == ["not_chosen"]
    for line in lines[1:]:
        areas = [np.ptp(face["box"][0::2]) * np.ptp(face["box"][1::2]) for face in line["faces"]]
        assert areas == sorted(areas, reverse=True)
        assert [face["status"] for face in line["faces"]] == ["not_chosen", "restored"]
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "no", "--faces", "face1", "--quiet")
    assert code != 0 and "--shot" in err


def test_a_gap_of_one_frame_number_is_bridged_and_what_lies_further_apart_is_not(faceplate, tmp_path):
    for step, word in ((2, "is a shot"), (5, "is a row of stills")):
        plates = tmp_path / f"by{step}"
        for number in range(1, 6):
            write_frame(plates / f"p.{number * step:04d}.exr", number)
        err, _ = told(faceplate, plates / "p.####.exr", tmp_path / f"out{step}", "--skip-missing")
        assert word in err, step


@pytest.mark.parametrize("words", [("--steady", "1"), ("--repair",), ("--shot", "x.json"), ("--flow", "dis")])
def test_stills_that_shall_be_steady_are_a_contradiction(faceplate, shot, tmp_path, words):
    code, _, err = faceplate("restore", shot, "-o", tmp_path / "no", "--as", "stills", "--quiet", *words)
    assert code == 64 and "--as stills" in err and not (tmp_path / "no").exists()


def test_who_reads_json_is_told_in_json(faceplate, shot, stills, tmp_path):
    for plates, word in ((shot, "shot"), (stills, "stills")):
        code, said, err = faceplate(
            "restore", plates, "-o", tmp_path / f"out_{word}", "--json", "--frames", "2"
        )
        assert (code, json.loads(said)["taken_as"]) == (0, word) and "is a" not in err


def test_no_such_word(faceplate, shot, tmp_path):
    code, _, err = faceplate("restore", shot, "-o", tmp_path / "no", "--as", "movie", "--quiet")
    assert code == 64 and "auto, shot, stills" in err


def test_motion_layers_of_a_shot_need_no_more_words_and_stills_have_none(faceplate, shot, stills, tmp_path):
    words = ("--layers", "forward", "--quiet")
    assert faceplate("restore", shot, "-o", tmp_path / "out", "--frames", "2", *words)[0] == 0
    moved = pixels_of(tmp_path / "out" / "plate.0002.exr")["forward.u"]
    assert abs(np.median(moved) + 2.0) < 0.2, "the camera pans to the right"
    code, _, err = faceplate("restore", stills, "-o", tmp_path / "no", *words)
    assert code == 64 and "--as shot" in err


def test_numbered_noise_is_stills(faceplate, tmp_path):
    for number in range(1, 5):
        write_png(tmp_path / "in" / f"n.{number:04d}.png", seed=number)
    err, _ = told(faceplate, tmp_path / "in", tmp_path / "out")
    assert "is a row of stills" in err


def test_a_cut_blends_nothing(faceplate, tmp_path):
    """What lies beyond a cut may as well not be there: the frames on either side are those of two shots apart."""
    for number in range(1, 9):
        part, name = 1 if number < 5 else 2, f"p.{number:04d}.exr"
        write_frame(tmp_path / "whole" / name, number, scene=place(30 + part))
        (tmp_path / f"part{part}").mkdir(exist_ok=True)
        shutil.copy(tmp_path / "whole" / name, tmp_path / f"part{part}" / name)
    words = ("--steady", "1", "--radius", "4", "--grain", "0")
    whole = restored(faceplate, tmp_path / "whole", tmp_path / "out", *words)
    parts = [
        restored(faceplate, tmp_path / f"part{each}", tmp_path / f"out{each}", *words) for each in (1, 2)
    ]
    assert whole == {**parts[0], **parts[1]} and len(whole) == 8
    alone = restored(faceplate, tmp_path / "whole", tmp_path / "alone", "--steady", "0", "--grain", "0")
    assert all(whole[name] != alone[name] for name in whole), "there is something to blend on either side"
