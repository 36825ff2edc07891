"""`--layers forward,backward,stmap`: a known pan comes out as Nuke's motion vectors and holds its face still."""

import numpy as np
import OpenImageIO as oiio
import pytest

from tests.core.cli.conftest import GREEN, pixels_of, save
from tests.core.stabilise.test_motion import warped
from tests.support.plates import make_picture

LAST = 1004
WORDS = ("--steady", "1", "--layers", "matte,forward,backward,stmap", "--quiet")


@pytest.fixture
def plates(tmp_path):
    """1001-1004: a face and all around it go 3 pixels to the left and 2 up from frame to frame."""
    world = make_picture(200, 170, finest=4.0) * np.array([0.5, 0.15, 0.5], np.float32)
    world[70:94, 90:114] = GREEN
    for place, frame in enumerate(range(1001, LAST + 1)):
        spec = oiio.ImageSpec(160, 128, 3, oiio.HALF)
        pixels = world[20 + 2 * place : 148 + 2 * place, 20 + 3 * place : 180 + 3 * place]
        save(tmp_path / "in" / f"plate.{frame}.exr", spec, np.ascontiguousarray(pixels))
    return tmp_path / "in"


@pytest.fixture
def layers(plates, tmp_path, faceplate):
    code, _, err = faceplate("restore", plates, "-o", tmp_path / "out", *WORDS)
    assert code == 0, err
    return {frame: pixels_of(tmp_path / "out" / f"plate.{frame}.exr") for frame in range(1001, LAST + 1)}


def middle(channel):
    return channel[24:-24, 24:-24]


def test_vectors_lead_to_the_frames_beside_and_end_with_the_shot(layers):
    for frame, told in layers.items():
        for name, sign, end in (("forward", -1, LAST), ("backward", 1, 1001)):
            u, v = middle(told[f"{name}.u"]), middle(told[f"{name}.v"])
            if frame == end:
                assert not told[f"{name}.u"].any() and not told[f"{name}.v"].any()
            else:
                assert np.abs(u - 3 * sign).mean() < 0.15 and np.abs(v + 2 * sign).mean() < 0.15


def test_the_map_holds_the_face_where_the_first_frame_has_it(layers):
    first, later = (np.stack([layers[frame][name] for name in "RGB"], axis=2) for frame in (1001, LAST))
    held = warped(later, layers[LAST]["stmap.u"], layers[LAST]["stmap.v"])
    face = np.s_[46:78, 66:98]
    assert np.abs(held - first)[face].mean() < 0.4 * np.abs(later - first)[face].mean()
    np.testing.assert_allclose(
        warped(first, layers[1001]["stmap.u"], layers[1001]["stmap.v"]), first, atol=2e-3
    )


def test_vectors_are_float_beside_half_and_the_same_alone(plates, layers, tmp_path, faceplate):
    code, *_ = faceplate("restore", plates, "-o", tmp_path / "alone", *WORDS, "--frames", "1002")
    alone, whole = (tmp_path / folder / "plate.1002.exr" for folder in ("alone", "out"))
    assert code == 0 and alone.read_bytes() == whole.read_bytes()
    file = oiio.ImageInput.open(str(whole))
    assert file is not None
    spec = file.spec()
    kinds = {name: str(spec.channelformat(place)) for place, name in enumerate(spec.channelnames)}
    file.close()
    assert {kinds[name] for name in "RGB"} == {"half"} == {kinds["matte.a"]}
    assert {kinds[f"{name}.{axis}"] for name in ("forward", "backward", "stmap") for axis in "uv"} == {
        "float"
    }


def test_an_enlarged_frame_has_vectors_of_its_own_size(plates, layers, tmp_path, faceplate):
    words = (*WORDS, "--scale", "2", "--frames", "1002")
    assert faceplate("restore", plates, "-o", tmp_path / "big", *words)[0] == 0
    told = pixels_of(tmp_path / "big" / "plate.1002.exr")
    assert told["forward.u"].shape == (256, 320)
    assert (
        abs(float(np.median(told["forward.u"])) + 6) < 0.2
        and abs(float(np.median(told["backward.v"])) + 4) < 0.2
    )


def test_layers_of_motion_need_a_shot_and_an_exr(plates, tmp_path, faceplate):
    for words, told in (
        (("-o", tmp_path / "no", "--layers", "forward", "--as", "stills"), "needs a shot"),
        (("-o", tmp_path / "no.####.png", "--layers", "stmap", "--steady", "1"), "only an EXR can"),
        (("-o", tmp_path / "no.mov", "--layers", "backward", "--steady", "1"), "only an EXR can"),
    ):
        code, _, err = faceplate("restore", plates, *words, "--quiet")
        assert code != 0 and told in err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("no")]
