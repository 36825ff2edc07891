"""The command on real files: what it changes, what it leaves alone, what it says."""

import json

import numpy as np
import pytest

from tests.core.cli.conftest import bits_of, names_in, pixels_of, report_lines, write_exr, write_png


def test_faces_change_and_nothing_else_does(faceplate, plates, tmp_path):
    out = tmp_path / "out"
    code, said, _ = faceplate("restore", plates, "-o", out, "--layers", "matte,invented,confidence")
    assert code == 0
    assert "6 frames: 5 with restored faces, 1 without a face" in said
    for frame in range(1001, 1007):
        before, after = (pixels_of(folder / f"plate.{frame}.exr") for folder in (plates, out))
        outside = after["matte.a"] == 0
        assert outside.any() and outside.all() == (frame == 1003)
        for name in "RGB":
            assert before[name][outside].tobytes() == after[name][outside].tobytes()
        assert before["A"].tobytes() == after["A"].tobytes()
        assert before["Z"].tobytes() == after["Z"].tobytes()
        if frame != 1003:
            face = (slice(64, 80), slice(88, 104))
            assert after["G"][face].std() > 1.1 * before["G"][face].std()
        for layer in ("invented.a", "confidence.a"):
            assert (after[layer][outside] == 0).all()


def test_names_attributes_and_windows_stay(faceplate, plates, tmp_path):
    import OpenImageIO as oiio

    faceplate("restore", plates / "plate.####.exr", "-o", tmp_path / "out")
    assert [name for name in names_in(tmp_path / "out") if not name.startswith(".")] == names_in(plates)
    file = oiio.ImageInput.open(str(tmp_path / "out" / "plate.1001.exr"))
    assert file is not None
    assert file.spec().get_string_attribute("shot") == "sc042"
    assert file.spec().channelformats == (oiio.HALF,) * 4 + (oiio.FLOAT,)


@pytest.mark.parametrize("style", ["natural", "clear", "film"])
def test_strength_0_gives_the_input_bit_for_bit(faceplate, plates, tmp_path, style):
    code, *_ = faceplate("restore", plates, "-o", tmp_path / "out", "--strength", "0", "--style", style)
    assert code == 0
    for name in names_in(plates):
        assert bits_of(plates / name) == bits_of(tmp_path / "out" / name)


def test_eight_bit_pictures_stay_what_they_were_but_for_the_face(faceplate, tmp_path):
    write_png(tmp_path / "in" / "a.png")
    write_png(tmp_path / "in" / "b.png", face=False, seed=1)
    code, *_ = faceplate("restore", tmp_path / "in", "-o", tmp_path / "out", "--layers", "matte")
    assert code == 0
    assert {"a.png", "a.matte.png", "b.png", "b.matte.png"} <= set(names_in(tmp_path / "out"))
    assert bits_of(tmp_path / "in" / "b.png") == bits_of(tmp_path / "out" / "b.png")
    before, after = (pixels_of(tmp_path / folder / "a.png", "uint8") for folder in ("in", "out"))
    (matte,) = pixels_of(tmp_path / "out" / "a.matte.png").values()
    assert (before["G"] != after["G"]).any()
    assert np.array_equal(before["G"][matte == 0], after["G"][matte == 0])


def test_the_report_has_a_line_a_frame(faceplate, plates, tmp_path):
    report = tmp_path / "logs" / "report.jsonl"
    faceplate("restore", plates, "-o", tmp_path / "out", "--report", report)
    lines = report_lines(report)
    assert [line["frame"] for line in lines] == list(range(1001, 1007))
    assert [line["status"] for line in lines] == ["restored"] * 2 + ["no_face"] + ["restored"] * 3
    face = lines[0]["faces"][0]
    x, y = (sum(face["box"][axis::2]) / 2 for axis in (0, 1))
    assert abs(x - 96) < 8 and abs(y - 72) < 8  # the stub sees in cells of 8 pixels
    assert 0 <= face["invented"] <= 1 and -1 <= face["similarity"] <= 1 and face["status"] == "restored"
    assert face["quality"] == pytest.approx(0.8)
    assert {f"{stub}@1.0.0" for stub in ("finder", "crisper", "mean-colour", "content")} <= set(
        lines[0]["models"]
    )
    assert {"read", "detect", "restore", "write"} <= lines[0]["seconds"].keys()


def test_a_frame_comes_out_the_same_in_any_chunk(faceplate, plates, tmp_path):
    faceplate("restore", plates, "-o", tmp_path / "whole")
    for number, frames in enumerate(("1005-1006", "1001-1004x3", "1002,1003")):
        assert faceplate("restore", plates, "-o", tmp_path / "parts", "--frames", frames)[0] == 0, number
    for name in names_in(plates):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_faces_nobody_asked_for_are_left_alone_and_told(faceplate, plates, tmp_path):
    report = tmp_path / "report.jsonl"
    faceplate("restore", plates, "-o", tmp_path / "out", "--faces", "2", "--report", report)
    first = report_lines(report)[0]
    assert (first["status"], first["faces"][0]["status"]) == ("untouched", "not_chosen")
    assert bits_of(plates / "plate.1001.exr") == bits_of(tmp_path / "out" / "plate.1001.exr")


def test_a_style_is_overridden_by_hand(faceplate, plates, tmp_path):
    one = ("--frames", "1001")
    faceplate("restore", plates, "-o", tmp_path / "natural", *one)
    faceplate("restore", plates, "-o", tmp_path / "clear", "--style", "clear", *one)
    faceplate("restore", plates, "-o", tmp_path / "by_hand", "--style", "clear", "--sharpen", "0", *one)
    made = [bits_of(tmp_path / name / "plate.1001.exr") for name in ("natural", "clear", "by_hand")]
    assert made[0] == made[2] != made[1]


def test_a_larger_output_is_larger(faceplate, plates, tmp_path):
    code, *_ = faceplate("restore", plates / "plate.1001.exr", "-o", tmp_path / "large.exr", "--scale", "2")
    assert code == 0
    assert pixels_of(tmp_path / "large.exr")["R"].shape == (288, 384)


def test_a_movie_goes_in_and_out(faceplate, plates, tmp_path):
    movie, back = tmp_path / "take.mov", tmp_path / "back"
    assert faceplate("restore", plates, "-o", movie)[0] == 0
    code, said, _ = faceplate("restore", movie, "-o", tmp_path / "again.mov", "--layers", "matte", "--json")
    assert code == 0 and json.loads(said)["frames"] == 6
    assert (tmp_path / "again.matte.0003.png").exists()
    assert faceplate("restore", movie, "-o", back / "f.####.png", "--frames", "2-4")[0] == 0
    assert [name for name in names_in(back) if "done" not in name] == [
        "f.0002.png",
        "f.0003.png",
        "f.0004.png",
    ]
    code, said, _ = faceplate(
        "restore", movie, "-o", tmp_path / "again.mov", "--layers", "matte", "--json", "--resume"
    )
    assert json.loads(said)["resumed"] == 6


def test_json_sums_up_and_quiet_is_quiet(faceplate, plates, tmp_path):
    code, said, complained = faceplate("restore", plates, "-o", tmp_path / "out", "--json", "--quiet")
    told = json.loads(said)
    assert (code, told["frames"], told["restored"], told["no_face"], told["failed"]) == (0, 6, 5, 1, 0)
    assert complained == ""
    code, said, complained = faceplate("restore", plates, "-o", tmp_path / "out2", "--quiet")
    assert (said, complained) == ("", "")


def test_a_real_process_does_the_same(process, faceplate, plates, tmp_path):
    faceplate("restore", plates, "-o", tmp_path / "here")
    with process("restore", plates, "-o", tmp_path / "there") as running:
        said, complained = running.communicate(timeout=60)
    assert (running.returncode, complained) == (0, "")
    assert said.startswith("6 frames")
    for name in names_in(plates):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_a_damaged_frame_is_named_and_the_others_go_on(faceplate, plates, tmp_path):
    broken = plates / "plate.1002.exr"
    broken.write_bytes(broken.read_bytes()[:2000])
    report = tmp_path / "report.jsonl"
    code, _, complained = faceplate("restore", plates, "-o", tmp_path / "out", "--report", report)
    assert code == 65
    assert "frame 1002" in complained and str(broken) in complained
    assert "plate.1002.exr" not in names_in(tmp_path / "out")
    assert len([name for name in names_in(tmp_path / "out") if not name.startswith(".")]) == 5
    line = report_lines(report)[1]
    assert (line["frame"], line["status"], line["error"]["code"]) == (1002, "failed", "input")


def test_a_gap_is_named_and_can_be_passed_over(faceplate, plates, tmp_path):
    (plates / "plate.1004.exr").unlink()
    code, _, complained = faceplate("restore", plates, "-o", tmp_path / "out")
    assert code == 65 and "1004" in complained and "--skip-missing" in complained
    assert not (tmp_path / "out").exists()
    assert faceplate("restore", plates, "-o", tmp_path / "out", "--skip-missing")[0] == 0
    assert len([name for name in names_in(tmp_path / "out") if not name.startswith(".")]) == 5


def test_the_input_can_be_replaced_when_that_is_asked_for(faceplate, tmp_path):
    write_exr(tmp_path / "plate.1001.exr")
    before = bits_of(tmp_path / "plate.1001.exr")
    assert faceplate("restore", tmp_path, "-o", tmp_path)[0] == 64
    assert bits_of(tmp_path / "plate.1001.exr") == before
    assert faceplate("restore", tmp_path, "-o", tmp_path, "--overwrite")[0] == 0
    assert bits_of(tmp_path / "plate.1001.exr") != before
