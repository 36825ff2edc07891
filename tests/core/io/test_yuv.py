"""Planes to colour and back: what is not changed keeps its number, what is arrives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.io.yuv import (
    deeper,
    is_planar,
    layout_of,
    planes_of,
    planes_plus,
    rgb_from_planes,
    yuv_from_rgb,
)
from faceplate_client.errors import InputError
from tests.support.movies import ramp_planes

FORMATS = ["yuv420p", "yuv422p10le", "yuv444p12le", "yuvj420p", "gbrp10le", "gray", "yuva444p10le", "yuv411p"]


def random_planes(layout, width, height, seed):
    random = np.random.default_rng(seed)
    sizes = [layout.size(plane, width, height) for plane in range(layout.count)]
    return tuple(
        random.integers(0, 2**layout.bits, (down, across)).astype(layout.dtype) for across, down in sizes
    )


@given(
    name=st.sampled_from(FORMATS),
    width=st.integers(2, 33),
    height=st.integers(2, 33),
    seed=st.integers(0, 999),
)
def test_no_change_in_colour_is_no_change_in_the_planes(name, width, height, seed):
    layout = layout_of(name)
    planes = random_planes(layout, width, height, seed)
    rgb = rgb_from_planes(planes, layout, matrix=1, full=layout.full)
    assert rgb.shape == (height, width, 3)
    assert rgb.dtype == np.float32
    same = planes_plus(planes, np.zeros_like(rgb), layout, matrix=1, full=layout.full)
    for now, was in zip(same, planes, strict=True):
        np.testing.assert_array_equal(now, was)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("matrix", [1, 6, 9])
@pytest.mark.parametrize("full", [False, True])
def test_flat_colours_go_in_and_come_out(name, matrix, full):
    layout = layout_of(name)
    for colour in [(0, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5), (0.8, 0.3, 0.2)]:
        if layout.family == "grey":
            colour = (colour[1],) * 3
        rgb = np.full((8, 8, 3), colour, np.float32)
        planes = planes_of(rgb, layout, matrix=matrix, full=full)
        back = rgb_from_planes(planes, layout, matrix=matrix, full=full)
        np.testing.assert_allclose(back, rgb, atol=2.5 / 2**layout.bits)


def test_black_and_white_have_their_numbers():
    layout = layout_of("yuv420p10le")
    white = planes_of(np.ones((4, 4, 3), np.float32), layout, matrix=1, full=False)
    black = planes_of(np.zeros((4, 4, 3), np.float32), layout, matrix=1, full=False)
    assert (white[0][0, 0], white[1][0, 0], black[0][0, 0], black[2][0, 0]) == (940, 512, 64, 512)
    full = planes_of(np.ones((4, 4, 3), np.float32), layout_of("yuvj420p"), matrix=6, full=True)
    assert (full[0][0, 0], full[1][0, 0]) == (255, 128)


@pytest.mark.parametrize(("matrix", "luma"), [(1, 0.2126), (6, 0.299), (9, 0.2627)])
def test_each_standard_weighs_red_its_own_way(matrix, luma):
    assert yuv_from_rgb(matrix)[0, 0] == pytest.approx(luma)
    np.testing.assert_allclose(yuv_from_rgb(matrix)[1:].sum(axis=1), 0, atol=1e-12)


def test_a_change_stays_where_it_is():
    layout = layout_of("yuv420p10le")
    planes = tuple(ramp_planes(0, bits=10))
    delta = np.zeros((48, 64, 3), np.float32)
    delta[20:30, 20:30] = 0.1
    moved = planes_plus(planes, delta, layout, matrix=1, full=False)
    luma = moved[0] != planes[0]
    assert luma[20:30, 20:30].all()
    assert luma.sum() == 100
    np.testing.assert_allclose(moved[0][luma].astype(int) - planes[0][luma], 87.6, atol=0.5)
    coloured = np.zeros_like(delta)
    coloured[20:30, 20:30, 0] = 0.1
    chroma = planes_plus(planes, coloured, layout, matrix=1, full=False)[2] != planes[2]
    assert chroma[10:15, 10:15].all()
    assert not chroma[:9].any() and not chroma[17:].any() and not chroma[:, 17:].any()


def test_chroma_lies_left_of_its_pair():
    layout = layout_of("yuv422p")
    planes = (
        np.full((1, 4), 128, np.uint8),
        np.array([[128, 148]], np.uint8),
        np.full((1, 2), 128, np.uint8),
    )
    blue = rgb_from_planes(planes, layout, matrix=1, full=True)[0, :, 2] * 255 - 128
    np.testing.assert_allclose(blue, np.array([0, 10, 20, 20]) * 1.8556, atol=0.01)


def test_more_bits_lose_nothing_and_fewer_round():
    eight, ten = layout_of("yuv420p"), layout_of("yuv420p10le")
    planes = tuple(ramp_planes(3))
    for back, was in zip(deeper(deeper(planes, eight, ten), ten, eight), planes, strict=True):
        np.testing.assert_array_equal(back, was)
    assert deeper((np.array([[1023, 6, 5]], np.uint16),), ten, eight)[0].tolist() == [[255, 2, 1]]


@pytest.mark.parametrize("name", ["nv12", "rgb24", "p010le", "bayer_rggb8"])
def test_packed_formats_have_no_planes_here(name):
    assert not is_planar(name)
    with pytest.raises(InputError, match=name):
        layout_of(name)
