"""What a shot may be made of in the worst case: one frame, uneven time, faces that leave, plates that do not fit."""

import numpy as np
import OpenImageIO as oiio
import pytest

from faceplate.io.movie import MovieReader
from tests.core.cli.conftest import pixels_of, report_lines, save, write_exr, write_png
from tests.support.movies import save_movie

STEADY = ("--steady", "1", "--quiet")


def write_leaving(folder, *, frames=6, step=16):
    """A green face that slides out of the left edge of a still, grainy room; on the last frames it is gone."""
    for place in range(frames):
        pixels = np.random.default_rng(place).integers(20, 90, (96, 128, 3), np.uint8)
        x0, x1 = (max(0, x - step * place) for x in (40, 64))
        pixels[36:60, x0:x1] = (30, 220, 30)
        save(folder / f"take.{place + 1:04d}.png", oiio.ImageSpec(128, 96, 3, oiio.UINT8), pixels)
    return folder


def test_a_face_that_leaves_the_frame_is_restored_to_its_last_and_the_rest_stays(tmp_path, faceplate):
    plates, report = write_leaving(tmp_path / "in"), tmp_path / "report.jsonl"
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "out", *STEADY, "--report", report)
    assert code == 0, err
    told = {line["frame"]: line["status"] for line in report_lines(report)}
    assert told[1] == told[2] == "restored" and told[6] == "no_face" and len(told) == 6
    gone, source = (pixels_of(folder / "take.0006.png", "uint8") for folder in (tmp_path / "out", plates))
    for name in "RGB":
        np.testing.assert_array_equal(gone[name], source[name])
    for frame in (2, 3):  # beside the edge, and the first that is cut by it
        code, *_ = faceplate("restore", plates, "-o", tmp_path / f"a{frame}", *STEADY, "--frames", frame)
        name = f"take.{frame:04d}.png"
        assert code == 0
        assert (tmp_path / f"a{frame}" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


@pytest.mark.parametrize(
    "words", [(), ("--repair", "--deflicker", "1"), ("--layers", "forward,backward,stmap,repaired")]
)
def test_a_shot_of_one_frame_is_a_shot(tmp_path, faceplate, words):
    write_exr(tmp_path / "plate.1001.exr")
    code, _, err = faceplate("restore", tmp_path / "plate.1001.exr", "-o", tmp_path / "out", *STEADY, *words)
    assert code == 0, err
    done = pixels_of(tmp_path / "out" / "plate.1001.exr")
    assert (done["G"] != pixels_of(tmp_path / "plate.1001.exr")["G"]).any()
    if "--layers" in words:
        assert not done["forward.u"].any() and not done["repaired.a"].any()
        assert done["stmap.u"][0, 0] == pytest.approx(0.5 / 192)


def test_one_frame_cannot_say_whether_it_is_interlaced(tmp_path, faceplate):
    write_png(tmp_path / "still.png")
    words = ("--deinterlace", "auto", "--quiet")
    code, _, err = faceplate("restore", tmp_path / "still.png", "-o", tmp_path / "out", *words)
    assert code == 0 and "nothing says whether these plates are interlaced" in err


def test_a_movie_of_uneven_time_keeps_it(tmp_path, faceplate):
    stamps = [0, 24, 48, 120, 144, 300]
    grey = np.full((96, 128), 100, np.uint8)
    frames = []
    for place in range(len(stamps)):
        planes = [
            grey + np.random.default_rng(place).integers(0, 30, grey.shape, np.uint8),
            grey + 28,
            grey + 28,
        ]
        for plane, value in zip(planes, (150, 60, 40), strict=True):  # green
            plane[36:60, 52:76] = value
        frames.append(planes)
    movie = save_movie(tmp_path / "take.mov", frames, pix_fmt="yuv444p", stamps=stamps)
    report = tmp_path / "report.jsonl"
    code, _, err = faceplate("restore", movie, "-o", tmp_path / "out.mov", *STEADY, "--report", report)
    assert code == 0, err
    assert [line["status"] for line in report_lines(report)] == ["restored"] * 6
    with MovieReader(movie) as was, MovieReader(tmp_path / "out.mov") as now:
        assert was.facts.variable and now.facts.variable
        times = [[reader.stamp(n) * reader.facts.time_base for n in range(1, 7)] for reader in (was, now)]
    assert times[0] == times[1]


def test_plates_of_different_sizes_are_refused_before_anything_is_rendered(plates, tmp_path, faceplate):
    write_exr(plates / "plate.1005.exr", size=(160, 120))
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "out", *STEADY)
    assert code == 64 and "frame 1005 is 160 x 120, those before it 192 x 144" in err and "--frames" in err
    assert not list((tmp_path / "out").glob("*.exr"))


def test_a_damaged_shot_names_its_line_and_nothing_is_rendered(plates, tmp_path, faceplate):
    shot = tmp_path / "shot.json"
    assert faceplate("analyse", plates, "-o", shot, "--quiet")[0] == 0
    lines = shot.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if '"1004": {"box"' in line)
    lines[place] = lines[place].replace('"box": [', '"box": [[')
    shot.write_text("\n".join(lines))
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "out", "--shot", shot, "--quiet")
    assert code != 0 and f"shot.json, line {place + 1}: " in err and "mend the line" in err
    assert not (tmp_path / "out").exists()
