"""Files come back as they were: every pixel, every channel's type, every attribute."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.io.images import read_picture, verify_picture, write_picture
from faceplate.io.picture import Picture
from faceplate_client.errors import InputError, OutputError, RequestError
from tests.support.pictures import bits_of, noise, save_picture

LOSSLESS = {
    "half.exr": (np.float16, 3, 0),
    "float.exr": (np.float32, 4, 0),
    "eight.png": (np.uint8, 4, 0),
    "sixteen.png": (np.uint16, 3, 0),
    "grey.png": (np.uint16, 1, 0),
    "ten.dpx": (np.uint16, 3, 10),
    "twelve.dpx": (np.uint16, 3, 12),
    "sixteen.dpx": (np.uint16, 3, 0),
    "eight.tif": (np.uint8, 3, 0),
    "sixteen.tif": (np.uint16, 4, 0),
    "ten.tif": (np.uint16, 3, 10),
    "half.tif": (np.float16, 3, 0),
    "float.tif": (np.float32, 3, 0),
}


def make(folder: Path, name: str, *, size: tuple[int, int] = (13, 17), seed: int = 0) -> Path:
    dtype, channels, bits = LOSSLESS[name]
    told = {"oiio__BitsPerSample": bits} if bits else {}
    return save_picture(folder / name, noise((*size, channels), dtype, seed=seed, bits=bits), **told)


def coded_anew(picture: Picture) -> Picture:
    """The picture as if it came from no file: nothing can be carried over, all of it is coded."""
    return replace(picture, stamp=None)


@pytest.mark.parametrize("name", LOSSLESS)
def test_what_was_read_is_written_bit_for_bit(name, tmp_path):
    picture = read_picture(make(tmp_path, name))
    write_picture(tmp_path / f"again_{name}", picture)
    again = read_picture(tmp_path / f"again_{name}")
    assert again.part.names == picture.part.names
    assert again.part.bits == picture.part.bits
    for found, meant in zip(again.part.runs, picture.part.runs, strict=True):
        assert found.dtype == meant.dtype == LOSSLESS[name][0]
        np.testing.assert_array_equal(bits_of(found), bits_of(meant))
    verify_picture(tmp_path / f"again_{name}", picture)


@given(
    name=st.sampled_from(sorted(LOSSLESS)),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 2**16),
)
def test_any_size_survives(tmp_path_factory, name, height, width, seed):
    folder = tmp_path_factory.mktemp("sizes")
    picture = coded_anew(read_picture(make(folder, name, size=(height, width), seed=seed)))
    write_picture(folder / f"again_{name}", picture)
    verify_picture(folder / f"again_{name}", picture)


def test_each_channel_keeps_its_own_type(tmp_path):
    random = np.random.default_rng(1)
    pixels = random.normal(0.5, 1, (9, 11, 7)).astype(np.float16).astype(np.float32)
    pixels[..., 4] = random.random((9, 11)) * 1e5
    pixels[..., 6] = random.integers(0, 2**24, (9, 11)) / np.float64(2**32 - 1)
    path = save_picture(
        tmp_path / "mixed.exr",
        pixels,
        names=("R", "G", "B", "A", "Z", "N.x", "id"),
        kinds=("half", "half", "half", "half", "float", "half", "uint"),
    )
    picture = coded_anew(read_picture(path))
    types = {name: str(picture.part.channel(place).dtype) for place, name in enumerate(picture.part.names)}
    assert types == {
        "R": "float16", "G": "float16", "B": "float16", "A": "float16",
        "Z": "float32", "N.x": "float16", "id": "uint32",
    }  # fmt: skip
    write_picture(tmp_path / "again.exr", picture)
    again = read_picture(tmp_path / "again.exr")
    for place, name in enumerate(picture.part.names):
        found = again.part.channel(again.part.names.index(name))
        np.testing.assert_array_equal(bits_of(found), bits_of(picture.part.channel(place)), err_msg=name)


def test_ids_that_cannot_be_kept_are_refused_rather_than_rounded(tmp_path):
    picture = read_picture(
        save_picture(
            tmp_path / "ids.exr",
            np.full((4, 4, 4), 0.9, np.float32),
            names=("R", "G", "B", "id"),
            kinds=("half", "half", "half", "uint"),
        )
    )
    with pytest.raises(RequestError, match="whole numbers above 16777215"):
        write_picture(tmp_path / "again.exr", coded_anew(picture))


ATTRIBUTES = {
    "smpte__TimeCode": ("timecode", (0x01020304, 7)),
    "smpte__KeyCode": ("keycode", (1, 2, 3, 4, 5, 6, 7)),
    "chromaticities": ("float[8]", (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)),
    "framesPerSecond": ("rational", (24000, 1001)),
    "worldToCamera": ("matrix", tuple(float(n) for n in range(16))),
    "studio/shot": "abc_010",
    "lens": 35.5,
    "take": 7,
    "PixelAspectRatio": 2.0,
    "screenWindowWidth": 1.5,
}


def test_every_attribute_of_an_exr_survives(tmp_path):
    path = save_picture(
        tmp_path / "a.exr",
        noise((6, 8, 3), np.float16),
        origin=(-5, -7),
        display=(-2, 1, 12, 10),
        compression="zips",
        **ATTRIBUTES,
    )
    picture = coded_anew(read_picture(path))
    told = picture.part.attributes()
    assert {name.replace("__", ":") for name in ATTRIBUTES} <= set(told)
    write_picture(tmp_path / "again.exr", picture)
    again = read_picture(tmp_path / "again.exr")
    assert again.part.attributes() == told
    assert again.part.data_window == picture.part.data_window
    assert (again.part.data_window.x0, again.part.data_window.y0) == (-5, -7)
    assert again.part.display_window == picture.part.display_window


def test_dpx_keeps_its_film_and_television_headers(tmp_path):
    told = {
        "dpx__Transfer": "Logarithmic", "dpx__TimeCode": "01:02:03:04", "dpx__FrameRate": 24.0, "oiio__Endian": "big",
        "dpx__SourceImageFileName": "reel_7", "Artist": "the lab", "oiio__BitsPerSample": 10,
    }  # fmt: skip
    picture = read_picture(save_picture(tmp_path / "a.dpx", noise((6, 8, 3), np.uint16, bits=10), **told))
    assert picture.part.attributes()["dpx:TimeCode"] == "01:02:03:04"
    write_picture(tmp_path / "b.dpx", picture)
    assert read_picture(tmp_path / "b.dpx").part.attributes() == picture.part.attributes()


@pytest.mark.parametrize(
    ("held", "written"),
    [
        ("zip", "zip"), ("zips", "zips"), ("piz", "zip"), ("rle", "zip"), ("none", "zip"), ("dwaa", "zip"),
        ("pxr24", "zip"),
    ],
)  # fmt: skip
def test_exr_is_written_so_that_a_flipped_bit_shows(held, written, tmp_path):
    source = save_picture(tmp_path / "a.exr", noise((20, 20, 3), np.float16), compression=held)
    write_picture(tmp_path / "b.exr", read_picture(source))
    assert read_picture(tmp_path / "b.exr").part.attributes()["compression"] == written


def test_the_compression_can_be_named(tmp_path):
    source = save_picture(tmp_path / "a.exr", noise((20, 20, 3), np.float16))
    write_picture(tmp_path / "b.exr", read_picture(source), compression="piz")
    assert read_picture(tmp_path / "b.exr").part.attributes()["compression"] == "piz"


def test_every_part_of_a_multipart_exr_survives(tmp_path):
    path = tmp_path / "parts.exr"
    content = [
        ("depth", ("Z",), noise((5, 7, 1), np.float32)),
        ("rgba", ("R", "G", "B", "A"), noise((5, 7, 4), np.float16)),
        ("ids", ("id",), noise((5, 7, 1), np.uint32)),
    ]
    specs = []
    for name, channels, pixels in content:
        kind = {"float32": oiio.FLOAT, "float16": oiio.HALF, "uint32": oiio.UINT32}[str(pixels.dtype)]
        spec = oiio.ImageSpec(7, 5, len(channels), kind)
        spec.channelnames = channels
        spec.attribute("oiio:subimagename", name)
        specs.append(spec)
    file = oiio.ImageOutput.create(str(path))
    assert file is not None
    assert file.open(str(path), tuple(specs))
    for place, (_, _, pixels) in enumerate(content):
        assert place == 0 or file.open(str(path), specs[place], "AppendSubimage")
        assert file.write_image(pixels)
    file.close()

    picture = read_picture(path)
    assert picture.main == 1
    write_picture(tmp_path / "again.exr", picture)
    again = read_picture(tmp_path / "again.exr")
    assert [part.spec.get_string_attribute("oiio:subimagename") for part in again.parts] == [
        "depth",
        "rgba",
        "ids",
    ]
    for part, (_, channels, pixels) in zip(again.parts, content, strict=True):
        assert part.names == channels
        np.testing.assert_array_equal(bits_of(part.runs[0]), bits_of(pixels))


def test_an_untouched_jpeg_is_copied_and_not_compressed_again(tmp_path):
    picture = read_picture(save_picture(tmp_path / "a.jpg", noise((16, 16, 3), np.uint8), Orientation=6))
    write_picture(tmp_path / "b.jpg", picture)
    assert (tmp_path / "b.jpg").read_bytes() == (tmp_path / "a.jpg").read_bytes()
    write_picture(tmp_path / "c.jpg", replace(picture, changed=True))
    assert (tmp_path / "c.jpg").read_bytes() != (tmp_path / "a.jpg").read_bytes()
    assert read_picture(tmp_path / "c.jpg").orientation == 6


def test_straight_alpha_is_not_multiplied_in(tmp_path):
    pixels = np.full((4, 4, 4), 200, np.uint8)
    pixels[..., 3] = 10
    picture = read_picture(save_picture(tmp_path / "a.png", pixels))
    assert picture.alpha_kind == "straight"
    np.testing.assert_array_equal(picture.part.runs[0], pixels)


@pytest.mark.parametrize(
    ("names", "rgb", "alpha"),
    [
        (("R", "G", "B", "A"), "RGB", "A"),
        (
            ("Z", "beauty.R", "beauty.G", "beauty.B", "beauty.A"),
            ("beauty.R", "beauty.G", "beauty.B"),
            "beauty.A",
        ),
        (("Y",), "YYY", None),
    ],
)
def test_red_green_and_blue_are_found_by_name(names, rgb, alpha, tmp_path):
    picture = read_picture(
        save_picture(tmp_path / "a.exr", noise((3, 3, len(names)), np.float32), names=names)
    )
    assert tuple(picture.part.names[place] for place in picture.roles.rgb) == tuple(rgb)
    assert (None if picture.roles.alpha is None else picture.part.names[picture.roles.alpha]) == alpha


def test_a_picture_without_colour_says_what_it_has_instead(tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((3, 3, 2), np.float32), names=("Z", "N.x"))
    with pytest.raises(InputError, match=r"holds Z, N\.x|holds N\.x, Z"):
        read_picture(path)


def test_a_file_is_what_its_bytes_say_and_not_its_name(tmp_path):
    source = save_picture(tmp_path / "a.png", noise((4, 4, 3), np.uint8))
    source.rename(tmp_path / "a.jpg")
    assert read_picture(tmp_path / "a.jpg").format == "png"


def test_a_picture_is_not_written_under_another_formats_name(tmp_path):
    picture = read_picture(make(tmp_path, "eight.png"))
    with pytest.raises(RequestError, match="cannot be written as"):
        write_picture(tmp_path / "b.exr", picture)


def test_a_difference_of_one_bit_is_noticed(tmp_path):
    picture = read_picture(make(tmp_path, "half.exr"))
    other = picture.part.runs[0].copy()
    other.view(np.uint16)[3, 4, 1] ^= 1
    changed = replace(picture, parts=(replace(picture.part, runs=(other,)),))
    write_picture(tmp_path / "b.exr", changed)
    with pytest.raises(OutputError, match="other pixels"):
        verify_picture(tmp_path / "b.exr", picture)


def test_a_bomb_is_refused_before_it_goes_off(tmp_path, monkeypatch):
    path = save_picture(tmp_path / "bomb.png", np.zeros((2000, 3000, 3), np.uint8))
    assert path.stat().st_size < 100_000
    monkeypatch.setenv("FACEPLATE_MAX_IMAGE_MB", "16")
    with pytest.raises(InputError, match=r"16 MB.*FACEPLATE_MAX_IMAGE_MB") as refused:
        read_picture(path)
    assert refused.value.code == "input.too_large"
    monkeypatch.setenv("FACEPLATE_MAX_IMAGE_MB", "18")
    assert read_picture(path).part.spec.width == 3000


def test_a_limit_that_is_no_number_is_named(tmp_path, monkeypatch):
    path = make(tmp_path, "eight.png")
    monkeypatch.setenv("FACEPLATE_MAX_IMAGE_MB", "lots")
    with pytest.raises(RequestError, match="FACEPLATE_MAX_IMAGE_MB should be a whole number"):
        read_picture(path)


@pytest.mark.parametrize("content", [None, b"", b"hello, this is no picture at all"])
def test_a_file_that_is_no_picture_is_named(content, tmp_path):
    path = tmp_path / "plate.1001.exr"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"plate\.1001\.exr"):
        read_picture(path)


def test_an_inverted_data_window_is_refused(tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((8, 8, 3), np.float16))
    data = bytearray(path.read_bytes())
    place = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    data[place : place + 16] = np.array([7, 7, 0, 0], "<i4").tobytes()
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.exr"):
        read_picture(path)


def test_a_folder_that_is_not_there_is_an_output_error(tmp_path):
    picture = read_picture(make(tmp_path, "half.exr"))
    with pytest.raises(OutputError, match="gone"):
        write_picture(tmp_path / "gone" / "a.exr", picture)


def test_a_name_in_an_old_encoding_stays_in_the_file(tmp_path):
    path = save_picture(tmp_path / "a.tif", noise((4, 4, 3), np.uint16), Artist="Rene X")
    path.write_bytes(path.read_bytes().replace(b"Rene X", b"Ren\xe9 X"))
    picture = read_picture(path)
    assert "Artist" in picture.part.attributes()
    write_picture(tmp_path / "b.tif", picture)
    assert b"Ren\xe9 X" in (tmp_path / "b.tif").read_bytes()
