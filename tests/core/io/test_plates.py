"""A plate's way out of its file and back: what was not changed is the file's own number, to the bit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.errors import ShapeError
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.images import read_picture, verify_picture, write_picture
from faceplate.io.layers import beside, outputs_of
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate, with_result
from faceplate.plate import Rect
from tests.support.pictures import bits_of, noise, save_picture

FORMATS = {
    "half.exr": (np.float16, 3, 0),
    "rgba.exr": (np.float16, 4, 0),
    "float.exr": (np.float32, 3, 0),
    "eight.png": (np.uint8, 4, 0),
    "sixteen.png": (np.uint16, 3, 0),
    "ten.dpx": (np.uint16, 3, 10),
    "sixteen.tif": (np.uint16, 3, 0),
    "float.tif": (np.float32, 3, 0),
}


def opened(folder, name, *, size=(14, 18), seed=0, **told) -> Picture:
    dtype, channels, bits = FORMATS[name]
    if bits:
        told["oiio__BitsPerSample"] = bits
    return read_picture(
        save_picture(folder / name, noise((*size, channels), dtype, seed=seed, bits=bits), **told)
    )


def plate_of(picture):
    return to_plate(picture, 1001, LINEAR_REC709 if picture.format == "openexr" else SRGB)


def rgb_of(picture):
    return np.stack([picture.part.channel(place) for place in picture.roles.rgb], axis=2)


@given(
    name=st.sampled_from(sorted(FORMATS)),
    seed=st.integers(0, 2**16),
    box=st.tuples(st.integers(0, 10), st.integers(0, 10), st.integers(1, 6), st.integers(1, 6)),
    amount=st.floats(-0.5, 0.5, allow_nan=False, width=32),
    told=st.booleans(),
)
def test_on_disk_nothing_outside_the_change_differs_in_a_bit(tmp_path_factory, name, seed, box, amount, told):
    folder = tmp_path_factory.mktemp("law")
    picture = opened(folder, name, seed=seed)
    plate = plate_of(picture)
    rows, columns = slice(box[0], box[0] + box[2]), slice(box[1], box[1] + box[3])
    pixels = plate.pixels.copy()
    pixels[rows, columns] += np.float32(amount)
    result = with_result(picture, plate.with_pixels(pixels), before=plate if told else None)
    write_picture(folder / f"out_{name}", result)
    out = read_picture(folder / f"out_{name}")
    outside = np.ones(plate.pixels.shape[:2], bool)
    outside[rows, columns] = False
    spare = 16 - picture.part.bits if picture.part.bits in (10, 12) else 0
    for place in range(len(picture.part.names)):
        was, now = bits_of(picture.part.channel(place)), bits_of(out.part.channel(place))
        np.testing.assert_array_equal(was[outside] >> spare, now[outside] >> spare)
    if "A" in picture.part.names:
        np.testing.assert_array_equal(bits_of(picture.part.channel(3)), bits_of(out.part.channel(3)))


@pytest.mark.parametrize("name", FORMATS)
def test_a_plate_that_was_not_changed_changes_nothing(name, tmp_path):
    picture = opened(tmp_path, name)
    plate = plate_of(picture)
    same = with_result(picture, plate.with_pixels(plate.pixels.copy()))
    assert same.changed is False
    assert all(now is was for now, was in zip(same.part.runs, picture.part.runs, strict=True))


@pytest.mark.parametrize("name", FORMATS)
def test_a_change_arrives_as_near_as_the_file_can_say_it(name, tmp_path):
    picture = opened(tmp_path, name)
    plate = plate_of(picture)
    pixels = plate.pixels.copy()
    wanted = np.linspace(0.05, 0.95, 12, dtype=np.float32).reshape(4, 1, 3).repeat(5, axis=1)
    pixels[3:7, 2:7] = wanted
    result = with_result(picture, plate.with_pixels(pixels))
    write_picture(tmp_path / f"out_{name}", result)
    verify_picture(tmp_path / f"out_{name}", result)
    found = plate_of(read_picture(tmp_path / f"out_{name}")).pixels[3:7, 2:7]
    step = {
        "float": 1e-7,
        "half": 2.5e-4,
        "rgba": 2.5e-4,
        "eight": 0.5 / 255,
        "sixteen": 0.5 / 65535,
        "ten": 0.5 / 1023,
    }
    np.testing.assert_allclose(found, wanted, atol=step[name.split(".")[0]] * 1.01)


def test_windows_with_a_negative_origin_reach_the_plate_and_come_back(tmp_path):
    picture = opened(tmp_path, "half.exr", origin=(-6, -4), display=(0, 0, 10, 8))
    plate = plate_of(picture)
    assert plate.data_window == Rect(-6, -4, 12, 10)
    assert plate.display_window == Rect(0, 0, 10, 8)
    out = with_result(picture, plate.with_pixels(plate.pixels + 1))
    assert out.part.data_window == plate.data_window


def test_values_that_no_display_can_show_survive(tmp_path):
    pixels = np.array([[[-3, 60000, np.nan], [np.inf, 1e-7, -0.0]]], np.float16)
    picture = read_picture(save_picture(tmp_path / "a.exr", pixels))
    np.testing.assert_array_equal(plate_of(picture).pixels, pixels.astype(np.float32))


def test_half_does_not_overflow_into_infinity(tmp_path):
    picture = opened(tmp_path, "half.exr")
    plate = plate_of(picture)
    result = with_result(picture, plate.with_pixels(np.full_like(plate.pixels, 1e9)))
    assert np.isfinite(rgb_of(result)).all()


def test_a_grey_picture_stays_grey(tmp_path):
    picture = read_picture(save_picture(tmp_path / "g.png", noise((9, 9, 1), np.uint16)))
    plate = plate_of(picture)
    assert np.array_equal(plate.pixels[..., 0], plate.pixels[..., 2])
    pixels = plate.pixels.copy()
    pixels[2:4, 2:4] = 0.25
    result = with_result(picture, plate.with_pixels(pixels))
    write_picture(tmp_path / "out.png", result)
    out = read_picture(tmp_path / "out.png")
    assert out.part.names == ("Y",)
    np.testing.assert_allclose(plate_of(out).pixels[2:4, 2:4], 0.25, atol=1e-5)
    np.testing.assert_array_equal(out.part.runs[0][4:], picture.part.runs[0][4:])


def test_alpha_is_handed_over_with_its_meaning(tmp_path):
    exr, png = opened(tmp_path, "rgba.exr"), opened(tmp_path, "eight.png")
    assert (plate_of(exr).alpha_kind, plate_of(png).alpha_kind) == ("premultiplied", "straight")
    np.testing.assert_array_equal(plate_of(exr).alpha, exr.part.channel(3).astype(np.float32))
    assert plate_of(opened(tmp_path, "half.exr")).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_on_its_side_is_seen_upright_and_stored_as_it_was(orientation, tmp_path):
    stored = np.zeros((6, 9, 3), np.uint8)
    stored[0, 0] = (255, 0, 0)
    stored[0, -1] = (0, 255, 0)
    picture = read_picture(save_picture(tmp_path / "a.png", stored, Orientation=orientation))
    plate = plate_of(picture)
    height, width = plate.pixels.shape[:2]
    assert (height, width) == ((6, 9) if orientation < 5 else (9, 6))
    # EXIF 2.32: where the stored first row and first column are, seen upright
    row = {1: "top", 2: "top", 3: "bottom", 4: "bottom", 5: "left", 6: "right", 7: "right", 8: "left"}[
        orientation
    ]
    column = {1: "left", 2: "right", 3: "right", 4: "left", 5: "top", 6: "top", 7: "bottom", 8: "bottom"}[
        orientation
    ]
    y = 0 if "top" in (row, column) else height - 1
    x = 0 if "left" in (row, column) else width - 1
    np.testing.assert_array_equal(plate.pixels[y, x], (1, 0, 0))

    pixels = plate.pixels.copy()
    pixels[y, x] = (0, 0, 1)
    matte = np.zeros((height, width), np.float32)
    matte[y, x] = 1
    result = with_result(picture, plate.with_pixels(pixels), {"matte": matte})
    for path, each in outputs_of(tmp_path / "out.png", result):
        write_picture(path, each)
    out = read_picture(tmp_path / "out.png")
    assert out.orientation == orientation
    expected = stored.copy()
    expected[0, 0] = (0, 0, 255)
    np.testing.assert_array_equal(out.part.runs[0], expected)
    beside_it = read_picture(tmp_path / "out.matte.png")
    assert beside_it.orientation == orientation
    assert beside_it.part.runs[0][0, 0, 0] == 65535


def test_layers_become_channels_of_an_exr(tmp_path):
    picture = opened(tmp_path, "rgba.exr")
    plate = plate_of(picture)
    matte = np.zeros(plate.pixels.shape[:2], np.float32)
    matte[3:5, 3:5] = 0.5
    result = with_result(picture, plate, {"matte": matte, "invented": matte * 0.5})
    write_picture(tmp_path / "out.exr", result)
    out = read_picture(tmp_path / "out.exr")
    assert set(out.part.names) == {"R", "G", "B", "A", "matte.a", "invented.a"}
    layer = out.part.channel(out.part.names.index("matte.a"))
    assert layer.dtype == np.float16
    np.testing.assert_array_equal(layer.astype(np.float32), matte)
    again = with_result(out, plate_of(out), {"matte": matte * 0})
    assert sorted(again.part.names) == sorted(out.part.names)
    assert not again.part.channel(again.part.names.index("matte.a")).any()
    np.testing.assert_array_equal(bits_of(rgb_of(again)), bits_of(rgb_of(picture)))


def test_layers_beside_mixed_channels_leave_their_types_alone(tmp_path):
    pixels = np.random.default_rng(0).random((5, 6, 4)).astype(np.float16).astype(np.float32)
    path = save_picture(
        tmp_path / "a.exr", pixels, names=("R", "G", "B", "Z"), kinds=("half", "half", "half", "float")
    )
    picture = read_picture(path)
    result = with_result(picture, plate_of(picture), {"matte": np.full((5, 6), 0.25, np.float32)})
    write_picture(tmp_path / "b.exr", result)
    out = read_picture(tmp_path / "b.exr")
    types = {name: str(out.part.channel(place).dtype) for place, name in enumerate(out.part.names)}
    assert types == {"R": "float16", "G": "float16", "B": "float16", "Z": "float32", "matte.a": "float16"}
    np.testing.assert_array_equal(out.part.channel(out.part.names.index("Z")), pixels[..., 3])


def test_an_aces_container_stays_one_until_it_has_layers(tmp_path):
    pixels = np.full((4, 5, 3), 0.5, np.float16)
    picture = read_picture(
        save_picture(tmp_path / "a.exr", pixels, compression="none", acesImageContainerFlag=1)
    )
    assert encoding_for(guess_space(picture)).name == "ACES2065-1"
    plate = plate_of(picture)
    for layers, flag, compression in (
        ({}, 1, "none"),
        ({"matte": np.zeros((4, 5), np.float32)}, None, "zip"),
    ):
        write_picture(tmp_path / "b.exr", with_result(picture, plate.with_pixels(plate.pixels * 2), layers))
        told = read_picture(tmp_path / "b.exr").part.attributes()
        assert (told.get("acesImageContainerFlag"), told["compression"]) == (flag, compression)
        assert told["chromaticities"] == picture.part.attributes()["chromaticities"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("plate.1001.jpg", "plate.matte.1001.png"),
        ("plate_0007.dpx", "plate.matte_0007.png"),
        ("portrait.png", "portrait.matte.png"),
        ("100.png", "matte.100.png"),
    ],
)
def test_layers_of_other_formats_are_named_before_the_frame_number(name, expected, tmp_path):
    assert beside(tmp_path / name, "matte") == tmp_path / expected


@pytest.mark.parametrize("name", FORMATS)
def test_a_larger_result_takes_everything_with_it(name, tmp_path):
    picture = opened(
        tmp_path, name, **({"origin": (-3, -2), "display": (0, 0, 10, 8)} if "exr" in name else {})
    )
    plate = plate_of(picture)
    data, display = plate.data_window, plate.display_window
    big = replace(
        plate,
        pixels=plate.pixels.repeat(2, axis=0).repeat(2, axis=1),
        alpha=None if plate.alpha is None else plate.alpha.repeat(2, axis=0).repeat(2, axis=1),
        data_window=Rect(data.x0 * 2, data.y0 * 2, data.x1 * 2, data.y1 * 2),
        display_window=Rect(display.x0 * 2, display.y0 * 2, display.x1 * 2, display.y1 * 2),
    )
    result = with_result(picture, big, {"matte": np.zeros(big.pixels.shape[:2], np.float32)}, scale=2)
    write_picture(tmp_path / f"out_{name}", result)
    out = plate_of(read_picture(tmp_path / f"out_{name}"))
    assert (out.data_window, out.display_window) == (big.data_window, big.display_window)
    np.testing.assert_array_equal(bits_of(out.pixels), bits_of(big.pixels))


def test_a_result_of_another_size_is_refused(tmp_path):
    picture = opened(tmp_path, "half.exr")
    with pytest.raises(ShapeError, match="pixels should be"):
        with_result(picture, plate_of(opened(tmp_path, "half.exr", size=(4, 4))))
