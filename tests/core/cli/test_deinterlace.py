"""Interlaced footage through the command: told, warned of, made whole, and the same frame however it is asked for."""

import json

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.core.cli.conftest import pixels_of, save
from tests.support.movies import save_movie
from tests.support.plates import make_picture

SCENE = np.round(make_picture(260, 96, finest=4.0) * np.array([200, 90, 200])).astype(
    np.uint8
)  # nothing green
FRAMES = range(1, 6)


def moment(time):
    x = round(10 + 6 * time)
    return SCENE[:, x : x + 128].copy()


def woven(place):
    """Top field first: rows 0, 2, ... at the frame's time, the others half a frame later."""
    frame = moment(place + 0.5)
    frame[0::2] = moment(place)[0::2]
    return frame


@pytest.fixture
def plates(tmp_path):
    for place in FRAMES:
        path = tmp_path / "in" / f"take.{place:04d}.png"
        save(path, oiio.ImageSpec(128, 96, 3, oiio.UINT8), woven(place))
    return tmp_path / "in"


@pytest.fixture
def shot(plates, tmp_path, faceplate):
    code, out, err = faceplate("analyse", plates, "-o", tmp_path / "shot.json", "--quiet", "--json")
    assert code == 0, err
    assert json.loads(out)["fields"] == "top" and "interlaced, top field first; faces" in err
    return tmp_path / "shot.json"


def seen(path):
    file = pixels_of(path)
    return np.round(np.stack([file[name] for name in "RGB"], axis=2) * 255)


def test_frames_are_made_of_their_first_field_and_the_same_alone(plates, shot, tmp_path, faceplate):
    words = ("--shot", shot, "--deinterlace", "auto", "--quiet")
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "whole", *words)
    assert code == 0 and "interlaced" not in err
    code, *_ = faceplate("restore", plates, "-o", tmp_path / "alone", *words, "--frames", "3")
    alone, whole = (tmp_path / folder / "take.0003.png" for folder in ("alone", "whole"))
    assert code == 0 and alone.read_bytes() == whole.read_bytes()
    done, truth, source = seen(whole), moment(3).astype(np.float32), woven(3).astype(np.float32)
    np.testing.assert_array_equal(done[0::2], source[0::2])
    combs, left = (np.abs(each - truth)[4:-4, 8:-8].mean() for each in (source, done))
    assert left < 0.3 * combs


def test_who_does_not_ask_is_warned_and_gets_the_plates_as_they_are(plates, shot, tmp_path, faceplate):
    code, _, err = faceplate(
        "restore", plates, "-o", tmp_path / "out", "--shot", shot, "--frames", "2", "--quiet"
    )
    assert code == 0 and "give --deinterlace auto" in err
    np.testing.assert_array_equal(seen(tmp_path / "out" / "take.0002.png"), woven(2))


def test_a_movie_marked_progressive_is_seen_through(tmp_path, faceplate):
    grey = np.full((96, 128), 128, np.uint8)
    frames = [[np.ascontiguousarray(woven(place)[..., 0]), grey, grey] for place in FRAMES]
    movie = save_movie(tmp_path / "take.mov", frames, pix_fmt="yuv444p")
    code, _, err = faceplate("analyse", movie, "-o", tmp_path / "shot.json", "--quiet")
    assert code == 0 and "interlaced, top field first, although the file calls them progressive" in err


def test_a_field_order_that_is_none_is_refused(plates, tmp_path, faceplate):
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "no", "--deinterlace", "upper", "--quiet")
    assert code != 0 and "deinterlace should be one of off, auto, top, bottom" in err
    assert not (tmp_path / "no").exists()
