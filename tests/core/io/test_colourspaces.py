"""Named colour spaces: the way to the net and back, what files say of themselves, and names that are not there."""

import numpy as np
import pytest

from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.io.colourspaces import config_in_use, encoding_for, guess_space, spaces
from faceplate.io.images import read_picture
from faceplate.io.movie_frame import MovieFrame, Tags
from faceplate_client.errors import InputError, RequestError
from tests.support.pictures import noise, save_picture

CONFIG = """
ocio_profile_version: 2
roles: {default: show_linear, scene_linear: show_linear, aces_interchange: ap0}
file_rules: [!<Rule> {name: Default, colorspace: default}]
displays: {sRGB: [!<View> {name: Raw, colorspace: show_linear}]}
colorspaces:
  - !<ColorSpace> {name: ap0}
  - !<ColorSpace> {name: show_linear, to_scene_reference: !<ExponentTransform> {value: [1, 1, 1, 1]}}
  - !<ColorSpace> {name: show_gamma, to_scene_reference: !<ExponentTransform> {value: [2.2, 2.2, 2.2, 1]}}
"""


@pytest.fixture
def show_config(tmp_path, monkeypatch):
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG)
    monkeypatch.setenv("OCIO", str(path))
    return path


@pytest.mark.parametrize(
    "name",
    ["srgb", "lin_rec709", "ACEScg", "ACES2065-1", "Linear Rec.2020", "Linear P3-D65", "Rec.1886 Rec.709 - Display",
     "sRGB - Display", "Gamma 2.4 Encoded Rec.709", "scene_linear", "lin_ap1"],
)  # fmt: skip
def test_the_way_back_is_the_way_there(name):
    space = encoding_for(name)
    random = np.random.default_rng(3)
    pixels = random.random((20, 30, 3), dtype=np.float32)
    if space.scene_linear:
        pixels = random.normal(0.3, 3, (20, 30, 3)).astype(np.float32)
    shown = space.encode(pixels)
    assert shown.dtype == np.float32
    assert shown.shape == pixels.shape
    np.testing.assert_allclose(space.decode(shown), pixels, atol=2e-5 * max(1, np.abs(pixels).max()))


@pytest.mark.parametrize("name", ["cineon", "ACEScct", "ARRI LogC3 (EI800)", "S-Log3 S-Gamut3", "ADX10"])
def test_logs_come_back_where_film_has_an_image(name):
    space = encoding_for(name)
    grey = np.linspace(0.3, 0.7, 50, dtype=np.float32)[:, None].repeat(3, axis=1)
    assert not space.scene_linear
    np.testing.assert_allclose(space.decode(space.encode(grey)), grey, atol=1e-4)


def test_values_that_mean_the_same_look_the_same():
    white = np.array([[1, 1, 1]], np.float32)
    for name in ("ACEScg", "ACES2065-1", "Linear P3-D65", "lin_rec709", "srgb"):
        np.testing.assert_allclose(encoding_for(name).encode(white), white, atol=1e-4)
    np.testing.assert_allclose(encoding_for("cineon").encode(white * (685 / 1023)), white, atol=1e-6)
    np.testing.assert_allclose(encoding_for("cineon").encode(white * (95 / 1023)), 0, atol=1e-6)
    red = encoding_for("ACEScg").encode(np.array([[0.613097, 0.070194, 0.020616]], np.float32))
    np.testing.assert_allclose(red, [[1, 0, 0]], atol=1e-3)


def test_nothing_is_clipped_and_the_input_is_left_alone():
    pixels = np.array([[[50.0, -2.0, 0.5]]], np.float32)
    kept = pixels.copy()
    shown = encoding_for("ACEScg").encode(pixels)
    assert shown.max() > 3 and shown.min() < -1
    np.testing.assert_array_equal(pixels, kept)
    strided = np.zeros((4, 4, 4), np.float32)[..., :3]
    assert encoding_for("ACEScg").encode(strided).shape == (4, 4, 3)


@pytest.mark.parametrize("name", ["Linear Rec.709 (sRGB)", "LIN_REC709", "lin_srgb"])
def test_the_commonest_spaces_need_no_config(name):
    assert encoding_for(name) is LINEAR_REC709
    assert encoding_for("sRGB Encoded Rec.709 (sRGB)") is SRGB


@pytest.mark.parametrize(
    ("name", "near"), [("acesgc", "ACEScg"), ("liner rec709", "lin_rec709"), ("sRBG", "srgb")]
)
def test_an_unknown_space_is_answered_with_the_nearest(name, near):
    with pytest.raises(RequestError, match=near) as refused:
        encoding_for(name)
    assert refused.value.code == "plate.space"


def test_data_is_no_colour():
    with pytest.raises(RequestError, match="data, not colour"):
        encoding_for("Raw")


def test_the_shows_own_config_is_used(show_config):
    assert config_in_use() == str(show_config)
    assert "show_gamma" in spaces()
    space = encoding_for("show_gamma")
    pixels = np.random.default_rng(0).random((5, 5, 3), dtype=np.float32)
    np.testing.assert_allclose(space.decode(space.encode(pixels)), pixels, atol=1e-5)
    assert encoding_for("show_linear").scene_linear
    assert encoding_for("ACEScg").scene_linear, "names of the built-in config stay"
    with pytest.raises(RequestError, match="show_gamma"):
        encoding_for("show_gama")


def test_a_config_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("OCIO", str(tmp_path / "gone.ocio"))
    with pytest.raises(RequestError, match=r"gone\.ocio.*\$OCIO"):
        encoding_for("ACEScg")
    assert encoding_for("srgb") is SRGB


AP1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
AP0 = (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767)


@pytest.mark.parametrize(
    ("told", "space"),
    [
        ({}, "lin_rec709"),
        ({"chromaticities": ("float[8]", AP1)}, "ACEScg"),
        ({"chromaticities": ("float[8]", AP0)}, "ACES2065-1"),
        ({"chromaticities": ("float[8]", (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329))}, "lin_rec709"),
        ({"acesImageContainerFlag": 1, "compression": "none"}, "lin_ap0_scene"),
    ],
)
def test_an_exr_is_what_it_says(told, space, tmp_path):
    picture = read_picture(save_picture(tmp_path / "a.exr", noise((3, 3, 3), np.float16), **told))
    assert guess_space(picture) == space
    assert encoding_for(guess_space(picture)).scene_linear


def test_primaries_nobody_knows_have_to_be_named(tmp_path):
    odd = (0.5, 0.4, 0.3, 0.5, 0.2, 0.2, 0.31, 0.33)
    picture = read_picture(
        save_picture(tmp_path / "a.exr", noise((3, 3, 3), np.float16), chromaticities=("float[8]", odd))
    )
    with pytest.raises(InputError, match="--colourspace"):
        guess_space(picture)


def test_an_exr_in_a_show_is_in_the_shows_space(show_config, tmp_path):
    picture = read_picture(save_picture(tmp_path / "a.exr", noise((3, 3, 3), np.float16)))
    assert guess_space(picture) == "scene_linear"
    assert encoding_for("scene_linear").scene_linear


@pytest.mark.parametrize(
    ("name", "dtype", "told", "space"),
    [
        ("a.png", np.uint8, {}, "srgb"),
        ("a.jpg", np.uint8, {}, "srgb"),
        ("a.tif", np.uint16, {}, "srgb"),
        ("a.tif", np.float32, {}, "lin_rec709"),
        ("a.dpx", np.uint16, {}, "srgb"),
        ("a.dpx", np.uint16, {"dpx__Transfer": "Logarithmic"}, "cineon"),
        ("a.dpx", np.uint16, {"dpx__Transfer": "Printing density"}, "cineon"),
        ("a.dpx", np.uint16, {"dpx__Transfer": "Linear"}, "lin_rec709"),
        ("a.dpx", np.uint16, {"dpx__Transfer": "ITU-R 709-4"}, "srgb"),
    ],
)
def test_other_files_are_what_they_usually_are(name, dtype, told, space, tmp_path):
    picture = read_picture(save_picture(tmp_path / name, noise((4, 4, 3), dtype), **told))
    assert guess_space(picture) == space


def movie(tmp_path, transfer):
    return MovieFrame(
        tmp_path / "take.mov", 1, 0, (np.zeros((2, 2), np.uint8),), "gray", Tags(1, transfer, 1, 1)
    )


def test_a_movie_is_what_its_tags_say(tmp_path):
    assert guess_space(movie(tmp_path, 1)) == guess_space(movie(tmp_path, 2)) == "srgb"
    for transfer, name in ((16, "Rec.2100-PQ - Display"), (18, "Rec.2100-HLG - Display")):
        with pytest.raises(RequestError, match=name):
            guess_space(movie(tmp_path, transfer))
        assert encoding_for(name).name == name
