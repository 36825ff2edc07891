"""`restore` with a shot: faces held steady, every frame the same however it is asked for."""

import json

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.core.cli.conftest import bits_of, names_in, pixels_of, report_lines, save, write_exr, write_png


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
    restored(faceplate, faces, tmp_path / "steady", "--shot", shot, "--layers", "matte", "--grain", "0")

    def seen(folder, frame):
        file = pixels_of(tmp_path / folder / f"plate.{frame}.exr")
        return np.nan_to_num(np.stack([file[name] for name in "RGB"], axis=-1), posinf=0, neginf=0)

    matte = pixels_of(tmp_path / "steady" / "plate.1003.exr")["matte.a"]
    inside, outside = matte > 0.99, matte == 0
    assert inside.sum() > 50
    for before, after in ((1001, 1002), (1002, 1003), (1003, 1004)):
        flicker = [np.abs(seen(f, before) - seen(f, after))[inside].mean() for f in ("lone", "steady")]
        # The faces are mostly noise, which neighbours cannot follow far.
        assert flicker[1] < 0.95 * flicker[0]
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


def dirty(path):
    """Put a white speck on a plate; where it is."""
    picture = pixels_of(path)
    order = ("R", "G", "B", "A", "Z")
    pixels = np.stack([picture[name] for name in order], axis=-1)
    pixels[110:114, 30:34, :3] = 0.95
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 5, oiio.HALF)
    spec.channelnames = order
    spec.channelformats = (*[oiio.HALF] * 4, oiio.FLOAT)
    save(path, spec, pixels)
    return slice(110, 114), slice(30, 34)


def test_dirt_is_repaired_marked_and_the_same_alone(faceplate, faces, tmp_path):
    speck = dirty(faces / "plate.1003.exr")
    words = ("--repair", "--layers", "matte,repaired")
    whole = restored(faceplate, faces, tmp_path / "whole", *words)
    for frame in (1002, 1003):
        out = tmp_path / f"alone{frame}"
        alone = restored(faceplate, faces, out, *words, "--frames", frame)
        assert alone == {f"plate.{frame}.exr": whole[f"plate.{frame}.exr"]}
    done, source = (pixels_of(folder / "plate.1003.exr") for folder in (tmp_path / "whole", faces))
    assert source["G"][speck].min() > 0.9 and done["G"][speck].max() < 0.4
    assert done["repaired.a"][speck].min() > 0.9 and (done["matte.a"] >= done["repaired.a"]).all()
    untouched = done["matte.a"] == 0
    assert untouched.mean() > 0.5
    for name in "RGB":
        assert (done[name].view(np.uint32) == source[name].view(np.uint32))[untouched].all()


def test_a_flickering_frame_is_evened_out(faceplate, faces, tmp_path):
    for frame, light in ((1001, 1.0), (1002, 1.0), (1003, 1.3), (1004, 1.0), (1005, 1.0)):
        write_exr(faces / f"plate.{frame}.exr", seed=1, light=light)
    restored(faceplate, faces, tmp_path / "out", "--deflicker", "1", "--faces", "largest")

    def level(folder, frame):
        return np.nanmedian(pixels_of(folder / f"plate.{frame}.exr")["R"])

    before, after = (level(folder, 1003) / level(folder, 1002) for folder in (faces, tmp_path / "out"))
    assert before > 1.25 and abs(after - 1) < 0.1


def test_film_parameters_out_of_range_are_refused(faceplate, faces, tmp_path):
    code, _, err = faceplate("restore", faces, "-o", tmp_path / "no", "--deflicker", "2", "--quiet")
    assert code != 0 and "deflicker" in err and not (tmp_path / "no").exists()


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


def write_two(path, *, seed, second=True):
    """A plate with a green face on the left and, if asked, one on the right."""
    write_exr(path, seed=seed)
    picture = pixels_of(path)
    order = ("R", "G", "B", "A", "Z")
    pixels = np.stack([picture[name] for name in order], axis=-1)
    face = pixels[60:84, 84:108, :3].copy()
    pixels[60:84, 84:108, :3] = pixels[20:44, 84:108, :3]
    pixels[60:84, 24:48, :3] = face
    if second:
        pixels[60:84, 144:168, :3] = face[:, ::-1]
    spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 5, oiio.HALF)
    spec.channelnames = order
    spec.channelformats = (*[oiio.HALF] * 4, oiio.FLOAT)
    save(path, spec, pixels)


VEILED = (slice(64, 80), slice(148, 164))


def test_a_face_lost_for_a_frame_stays_veiled(faceplate, tmp_path):
    plates = tmp_path / "in"
    for frame in range(1, 8):
        write_two(plates / f"p.{frame:04d}.exr", seed=frame, second=frame not in (4, 7))
    assert faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet")[0] == 0
    words = (
        "--shot",
        tmp_path / "shot.json",
        "--faces",
        "1",
        "--anonymise-others",
        "--layers",
        "matte,veiled",
    )
    whole = restored(faceplate, plates, tmp_path / "out", *words)
    for frame in range(1, 8):
        done = pixels_of(tmp_path / "out" / f"p.{frame:04d}.exr")
        source = pixels_of(plates / f"p.{frame:04d}.exr")
        assert done["veiled.a"][VEILED].min() == 1, frame
        rough = [np.abs(np.diff(file["G"][VEILED], 2)).mean() for file in (source, done)]
        assert rough[1] < 0.2 * rough[0]
        outside = done["matte.a"] == 0
        assert (done["veiled.a"][outside] == 0).all()
        assert (done["G"].view(np.uint32) == source["G"].view(np.uint32))[outside].all()
    alone = restored(faceplate, plates, tmp_path / "alone", *words, "--frames", "4")
    assert alone == {"p.0004.exr": whole["p.0004.exr"]}


def test_with_nobody_chosen_everybody_is_veiled_and_stays_veiled(faceplate, tmp_path):
    """As FP_Veil asks for it: nobody is restored, and what is not veiled keeps its bits."""
    plates = tmp_path / "in"
    for frame in range(1, 6):
        write_two(plates / f"p.{frame:04d}.exr", seed=frame, second=frame != 3)
    words = ("--faces", "none", "--anonymise-others", "--strength", 0, "--grain", 0, "--steady", 0)
    restored(faceplate, plates, tmp_path / "out", *words, "--layers", "veiled")
    for frame in range(1, 6):
        done = pixels_of(tmp_path / "out" / f"p.{frame:04d}.exr")
        source = pixels_of(plates / f"p.{frame:04d}.exr")
        assert done["veiled.a"][VEILED].min() == done["veiled.a"][64:80, 28:44].min() == 1, frame
        untouched = done["veiled.a"] == 0
        assert untouched.mean() > 0.3
        for name in "RGBA":
            assert (done[name].view(np.uint32) == source[name].view(np.uint32))[untouched].all()


def test_the_others_are_veiled_without_a_shot_as_well(faceplate, tmp_path):
    write_two(tmp_path / "in" / "p.exr", seed=1)
    report = tmp_path / "report.jsonl"
    words = ("--faces", "largest", "--anonymise-others", "--report", report, "--layers", "veiled")
    restored(faceplate, tmp_path / "in" / "p.exr", tmp_path / "out", *words)
    assert sorted(face["status"] for face in report_lines(report)[0]["faces"]) == ["restored", "veiled"]
    veil = pixels_of(tmp_path / "out" / "p.exr")["veiled.a"]
    assert (veil == 1).sum() > 400
