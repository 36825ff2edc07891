"""`restore` with a shot: faces held steady, every frame the same however it is asked for."""

import json

import numpy as np
import pytest

from tests.core.cli.conftest import bits_of, names_in, pixels_of, report_lines, write_exr, write_png


@pytest.fixture
def faces(tmp_path):
    """Five frames, 1001-1005, with the same face in the same place and other noise."""
    for frame in range(1001, 1006):
        write_exr(tmp_path / "in" / f"plate.{frame}.exr", seed=frame)
    return tmp_path / "in"


@pytest.fixture
def shot(faces, tmp_path, faceplate):
    code, _, err = faceplate("analyse", faces, "-o", tmp_path / "shot.json", "--quiet")
    assert code == 0, err
    return tmp_path / "shot.json"


def restored(faceplate, plates, out, *words):
    code, _, err = faceplate("restore", plates, "-o", out, "--quiet", *words)
    assert code == 0, err
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()}


def test_alone_in_chunks_backwards_and_whole_give_the_same_files(faceplate, faces, shot, tmp_path):
    whole = restored(faceplate, faces, tmp_path / "whole", "--shot", shot)
    assert len(whole) == 5
    for number, frames in enumerate(("1005", "1003", "1001-1002", "1004")):
        part = restored(faceplate, faces, tmp_path / f"part{number}", "--shot", shot, "--frames", frames)
        assert part == {name: whole[name] for name in part}


def test_png_comes_out_the_same_alone(faceplate, tmp_path):
    for frame in range(1, 5):
        write_png(tmp_path / "in" / f"take.{frame:04d}.png", seed=frame)
    whole = restored(faceplate, tmp_path / "in", tmp_path / "whole", "--steady", "1")
    alone = restored(faceplate, tmp_path / "in", tmp_path / "alone", "--steady", "1", "--frames", "3")
    assert alone == {"take.0003.png": whole["take.0003.png"]}


def test_neighbours_calm_a_face_and_leave_the_rest_alone(faceplate, faces, shot, tmp_path):
    restored(faceplate, faces, tmp_path / "lone")
    restored(faceplate, faces, tmp_path / "steady", "--shot", shot, "--layers", "matte")

    def seen(folder, frame):
        file = pixels_of(tmp_path / folder / f"plate.{frame}.exr")
        return np.nan_to_num(np.stack([file[name] for name in "RGB"], axis=-1), posinf=0, neginf=0)

    matte = pixels_of(tmp_path / "steady" / "plate.1003.exr")["matte.a"]
    inside, outside = matte > 0.99, matte == 0
    assert inside.sum() > 50
    for before, after in ((1001, 1002), (1002, 1003), (1003, 1004)):
        flicker = [np.abs(seen(f, before) - seen(f, after))[inside].mean() for f in ("lone", "steady")]
        assert (
            flicker[1] < 0.95 * flicker[0]
        )  # the faces are mostly noise, which neighbours cannot follow far
    for name in "RGB":
        source = pixels_of(faces / "plate.1003.exr")[name].view(np.uint32)
        done = pixels_of(tmp_path / "steady" / "plate.1003.exr")[name].view(np.uint32)
        assert (source == done)[outside].all()


def test_steady_0_is_frame_by_frame(faceplate, faces, shot, tmp_path):
    one = restored(faceplate, faces, tmp_path / "0", "--shot", shot, "--steady", "0", "--frames", "1003")
    other = restored(faceplate, faces, tmp_path / "r", "--shot", shot, "--radius", "0", "--frames", "1003")
    assert one == other != {}
    steady = restored(faceplate, faces, tmp_path / "1", "--shot", shot, "--frames", "1003")
    assert steady != one


def test_a_shot_that_is_missing_is_made_where_it_was_named(faceplate, faces, tmp_path):
    shot = tmp_path / "made" / "shot.json"
    restored(faceplate, faces, tmp_path / "out", "--shot", shot, "--frames", "1002")
    assert set(json.loads(shot.read_text())["plates"]) == {str(frame) for frame in range(1001, 1006)}


def test_a_shot_that_nobody_named_is_hidden_and_knows_nobody(faceplate, faces, tmp_path):
    out = tmp_path / "out"
    restored(faceplate, faces, out, "--steady", "1")
    hidden = [name for name in names_in(out) if "shot" in name]
    assert len(hidden) == 1 and hidden[0].startswith(".done/shot-")
    again = tmp_path / "report.jsonl"
    code, _, _ = faceplate(
        "restore", faces, "-o", out, "--steady", "1", "--resume", "--report", again, "--quiet"
    )
    assert code == 0 and all(line["resumed"] for line in report_lines(again))


def test_people_are_asked_for_by_name(faceplate, faces, shot, tmp_path):
    assert faceplate("shot", "rename", shot, "1", "anna")[0] == 0
    report = tmp_path / "report.jsonl"
    words = ("--shot", shot, "--frames", "1001", "--report", report)
    restored(faceplate, faces, tmp_path / "out", *words, "--faces", "anna")
    face = report_lines(report)[0]["faces"][0]
    assert (face["name"], face["track"], face["status"]) == ("anna", 1, "restored")
    code, _, err = faceplate(
        "restore", faces, "-o", tmp_path / "no", "--shot", shot, "--faces", "bert", "--quiet"
    )
    assert code != 0 and "bert" in err and "anna" in err and not (tmp_path / "no").exists()


def test_a_name_without_a_shot_is_refused(faceplate, faces, tmp_path):
    code, _, err = faceplate("restore", faces, "-o", tmp_path / "no", "--faces", "anna", "--quiet")
    assert code != 0 and "--shot" in err


def test_other_plates_than_the_shots_are_refused(faceplate, faces, shot, tmp_path):
    write_exr(faces / "plate.1004.exr", seed=99)
    code, _, err = faceplate("restore", faces, "-o", tmp_path / "out", "--shot", shot, "--quiet")
    assert code == 65 and "other plates" in err
    # 1001 does not look as far as 1004; the others do
    assert [name for name in names_in(tmp_path / "out") if name.endswith(".exr")] == ["plate.1001.exr"]
    assert bits_of(tmp_path / "out" / "plate.1001.exr").keys() >= {"R", "G", "B"}


def test_a_missing_neighbour_is_named(faceplate, faces, shot, tmp_path):
    (faces / "plate.1005.exr").unlink()
    words = ("restore", faces, "-o", tmp_path / "out", "--shot", shot, "--frames", "1004", "--quiet")
    code, _, err = faceplate(*words)
    assert code == 65 and "frame 1005 is missing" in err and "1004" in err


def test_a_changed_neighbour_or_shot_is_another_frame(faceplate, faces, shot, tmp_path):
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    restored(faceplate, faces, out, "--shot", shot)
    assert faceplate("shot", "rename", shot, "1", "anna")[0] == 0
    code, _, _ = faceplate(
        "restore",
        faces,
        "-o",
        out,
        "--shot",
        shot,
        "--resume",
        "--report",
        report,
        "--quiet",
        "--radius",
        "1",
    )
    assert code == 0 and not any(line["resumed"] for line in report_lines(report))
