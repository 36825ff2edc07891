"""Plates in files of another kind: the same look, in the numbers that kind of file holds."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from faceplate.colour import LINEAR_REC709, SRGB, linear_from_srgb
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.conversion import movie_frame_of, picture_of
from faceplate.io.images import read_picture, verify_picture, write_picture
from faceplate.io.layers import outputs_of
from faceplate.io.movie import MovieReader
from faceplate.io.movie_format import format_new
from faceplate.io.movie_writer import MovieWriter, verify_movie
from faceplate.io.plates import to_plate
from faceplate.plate import Plate, Rect

SHOWN = np.linspace(0, 1, 8 * 12 * 3, dtype=np.float32).reshape(8, 12, 3)
STEP = {".exr": 6e-4, ".png": 1e-5, ".tif": 1e-5, ".dpx": 6e-4, ".jpg": 0.03}


def there_and_back(plate, path):
    picture = picture_of(plate, path)
    for name, each in outputs_of(path, picture):
        write_picture(name, each)
        verify_picture(name, each)
    found = read_picture(path)
    return to_plate(found, 1, encoding_for(guess_space(found)))


@pytest.mark.parametrize("ending", STEP)
@pytest.mark.parametrize("space", ["srgb", "lin_rec709", "ACEScg", "cineon"])
def test_the_look_stays_whatever_the_file(ending, space, tmp_path):
    encoding = encoding_for(space)
    plate = Plate.of(encoding.decode(SHOWN), encoding=encoding)
    out = there_and_back(plate, tmp_path / f"a{ending}")
    np.testing.assert_allclose(out.encoding.encode(out.pixels), SHOWN, atol=STEP[ending])


def test_a_linear_plate_goes_into_an_exr_as_it_is(tmp_path):
    pixels = np.array([[[12.0, -0.5, 0.25]]], np.float32)
    out = there_and_back(Plate.of(pixels, encoding=LINEAR_REC709), tmp_path / "a.exr")
    np.testing.assert_array_equal(out.pixels, pixels)


def test_windows_stay_in_an_exr_and_are_filled_elsewhere(tmp_path):
    plate = replace(
        Plate.of(np.full((4, 6, 3), 0.5, np.float32)),
        data_window=Rect(-2, 1, 4, 5),
        display_window=Rect(0, 0, 5, 4),
    )
    out = there_and_back(plate, tmp_path / "a.exr")
    assert (out.data_window, out.display_window) == (plate.data_window, plate.display_window)
    flat = there_and_back(plate, tmp_path / "a.png")
    assert flat.data_window == Rect(0, 0, 5, 4)
    assert not flat.pixels[0].any() and not flat.pixels[:, 4].any()
    np.testing.assert_allclose(flat.pixels[1:, :4], 0.5, atol=1e-5)


def test_alpha_is_premultiplied_in_an_exr_and_straight_in_a_png(tmp_path):
    straight, alpha = np.full((2, 2, 3), 0.6, np.float32), np.full((2, 2), 0.5, np.float32)
    plate = replace(Plate.of(straight, encoding=SRGB), alpha=alpha, alpha_kind="straight")
    png, exr = there_and_back(plate, tmp_path / "a.png"), there_and_back(plate, tmp_path / "a.exr")
    assert (png.alpha_kind, exr.alpha_kind) == ("straight", "premultiplied")
    np.testing.assert_allclose(png.pixels, 0.6, atol=1e-4)
    np.testing.assert_allclose(exr.pixels, linear_from_srgb(straight) * 0.5, atol=1e-3)
    again = there_and_back(exr, tmp_path / "b.png")
    np.testing.assert_allclose(again.pixels, 0.6, atol=1e-3)


@pytest.mark.parametrize("ending", [".exr", ".jpg"])
def test_layers_come_along(ending, tmp_path):
    matte = np.full((8, 12), 0.5, np.float32)
    picture = picture_of(Plate.of(SHOWN), tmp_path / f"a{ending}", {"matte": matte})
    files = outputs_of(tmp_path / f"a{ending}", picture)
    if ending == ".exr":
        assert len(files) == 1
        assert "matte.a" in files[0][1].part.names
    else:
        assert [path.name for path, _ in files] == ["a.jpg", "a.matte.png"]


def test_linear_light_becomes_a_movie(tmp_path):
    shown = np.tile(np.linspace(0.1, 0.9, 64, dtype=np.float32)[None, :, None], (48, 1, 3))
    plate = Plate.of(linear_from_srgb(shown), encoding=LINEAR_REC709)
    path = tmp_path / "a.mp4"
    form = format_new(path, (64, 48), Fraction(24000, 1001))
    with MovieWriter(path, form) as writer:
        for place in range(4):
            writer.write(movie_frame_of(plate, form, place))
    verify_movie(path, form, 4)
    with MovieReader(path) as movie:
        assert movie.facts.rate == Fraction(24000, 1001)
        assert movie.facts.pix_fmt == "yuv420p10le"
        assert tuple(vars(movie.facts.tags).values()) == (1, 1, 1, 1)
        np.testing.assert_allclose(movie.read(4).rgb(), shown, atol=0.01)
