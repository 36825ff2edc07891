"""Rows that did not change are carried over byte for byte, and what was carried is held against its source."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709
from faceplate.io.exr_chunks import Chunks, read_chunks
from faceplate.io.images import read_picture, verify_picture, write_picture
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate, with_result
from faceplate_client.errors import OutputError, RequestError
from tests.support.pictures import bits_of, noise, save_picture


def painted(picture: Picture, rows: slice, value: float = 0.25) -> Picture:
    """The picture with some rows, counted from its data window's top, of another colour."""
    plate = to_plate(picture, 1, LINEAR_REC709)
    pixels = plate.pixels.copy()
    pixels[rows] = value
    return with_result(picture, plate.with_pixels(pixels), before=plate)


def known(path: Path) -> Chunks:
    found = read_chunks(path)
    assert found is not None
    return found


def chunks_of(path: Path) -> list[memoryview]:
    found = known(path)
    return [found.content(place) for place in range(len(found.offsets))]


@given(
    seed=st.integers(0, 2**16),
    size=st.tuples(st.integers(1, 90), st.integers(1, 40)),
    origin=st.tuples(st.integers(-70, 70), st.integers(-70, 70)),
    dtype=st.sampled_from([np.float16, np.float32]),
    channels=st.sampled_from([3, 4]),
    compression=st.sampled_from(["zip", "zips"]),
    order=st.sampled_from(["increasingY", "decreasingY"]),
    rows=st.tuples(st.integers(0, 90), st.integers(0, 30)),
)
def test_only_what_changed_is_coded_again(
    tmp_path_factory, seed, size, origin, dtype, channels, compression, order, rows
):
    folder = tmp_path_factory.mktemp("spliced")
    pixels = noise((*size, channels), dtype, seed=seed)
    path = save_picture(
        folder / "a.exr", pixels, origin=origin, compression=compression, openexr__lineOrder=order, take=seed
    )
    result = painted(read_picture(path), slice(rows[0], rows[0] + rows[1]))
    write_picture(folder / "b.exr", result)
    verify_picture(folder / "b.exr", result)
    assert sorted(each.name for each in folder.iterdir()) == ["a.exr", "b.exr"]
    again, before = read_picture(folder / "b.exr"), known(path)
    np.testing.assert_array_equal(bits_of(again.part.runs[0]), bits_of(result.part.runs[0]))
    assert again.part.attributes() == result.part.attributes()
    assert (again.part.data_window, again.part.display_window) == (
        result.part.data_window,
        result.part.display_window,
    )
    touched = set(before.touched(result.part.changed_rows or ()))
    assert len(touched) <= -(-rows[1] // before.lines) + 1 + 16 // before.lines
    for place, (was, now) in enumerate(zip(chunks_of(path), chunks_of(folder / "b.exr"), strict=True)):
        assert place in touched or was == now
    assert (folder / "b.exr").read_bytes().startswith(before.header)


def test_ids_beside_floats_are_kept_exactly_where_nothing_changed(tmp_path):
    """OpenImageIO would round them on the way: 0.9 of all 32-bit ids lies far above what a float can count."""
    path = save_picture(
        tmp_path / "ids.exr",
        np.full((40, 4, 4), 0.9, np.float32),
        names=("R", "G", "B", "id"),
        kinds=("half", "half", "half", "uint"),
        compression="zip",
    )
    picture = read_picture(path)
    write_picture(tmp_path / "same.exr", picture)
    assert chunks_of(tmp_path / "same.exr") == chunks_of(path)
    with pytest.raises(RequestError, match="whole numbers above 16777215"):
        write_picture(tmp_path / "changed.exr", painted(picture, slice(3, 5)))
    assert not list(tmp_path.glob("*rows*"))


@pytest.mark.parametrize(
    "how",
    [{"compression": "piz"}, {"compression": "none"}, {"openexr__lineOrder": "increasingY", "tiles": 1}],
)
def test_other_kinds_are_left_to_the_library(how, tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((40, 32, 3), np.float16), **{**how, "tiles": 0})
    if "tiles" in how:
        path = tiled(tmp_path / "tiled.exr")
    assert read_chunks(path) is None
    result = painted(read_picture(path), slice(3, 9))
    write_picture(tmp_path / "b.exr", result)
    verify_picture(tmp_path / "b.exr", result)


def tiled(path: Path) -> Path:
    spec = oiio.ImageSpec(32, 40, 3, oiio.HALF)
    spec.tile_width, spec.tile_height = 16, 16
    file = oiio.ImageOutput.create(str(path))
    assert file is not None
    assert file.open(str(path), spec) and file.write_image(noise((40, 32, 3), np.float16)) and file.close()
    return path


def test_a_source_that_was_replaced_meanwhile_is_not_carried_over(tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((40, 32, 3), np.float16, seed=1), compression="zip")
    result = painted(read_picture(path), slice(0, 4))
    save_picture(path, noise((40, 32, 3), np.float16, seed=2), compression="zip", note="another")
    write_picture(tmp_path / "b.exr", result)
    found = read_picture(tmp_path / "b.exr").part.runs[0]
    np.testing.assert_array_equal(bits_of(found), bits_of(result.part.runs[0]))


def test_the_output_may_take_the_inputs_place(tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((40, 32, 3), np.float16), compression="zip")
    result = painted(read_picture(path), slice(20, 24))
    write_picture(path, result)
    np.testing.assert_array_equal(bits_of(read_picture(path).part.runs[0]), bits_of(result.part.runs[0]))


@pytest.mark.parametrize("where", ["carried", "fresh"])
def test_one_flipped_bit_is_noticed_in_either_kind_of_row(where, tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((64, 32, 3), np.float16), compression="zip")
    result, out = painted(read_picture(path), slice(0, 4)), tmp_path / "b.exr"
    write_picture(out, result)
    found, content = known(out), bytearray(out.read_bytes())
    content[found.offsets[0 if where == "fresh" else 2] + 8 + 10] ^= 1
    out.write_bytes(content)
    with pytest.raises(OutputError):
        verify_picture(out, result)


@given(data=st.data())
def test_a_damaged_file_is_another_kind_or_says_so(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    path = save_picture(folder / "a.exr", noise((40, 16, 3), np.float16), compression="zip")
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    found = read_chunks(path)
    if found is None:
        return
    for place in range(len(found.offsets)):
        try:
            assert len(found.content(place)) <= len(content)
        except ValueError as error:
            assert "chunk" in str(error)


def test_layers_are_new_channels_and_so_everything_is_coded(tmp_path):
    path = save_picture(tmp_path / "a.exr", noise((40, 32, 3), np.float16), compression="zip")
    picture = read_picture(path)
    plate = to_plate(picture, 1, LINEAR_REC709)
    result = with_result(picture, plate, {"matte": np.ones((40, 32), np.float32)}, before=plate)
    write_picture(tmp_path / "b.exr", result)
    verify_picture(tmp_path / "b.exr", result)
    assert "matte.a" in read_picture(tmp_path / "b.exr").part.names
    assert replace(result, stamp=None).part.changed_rows is None
