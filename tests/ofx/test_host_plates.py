"""Plates into images and back: rows turned over once, windows kept, alpha related as the effect was told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.ofx_host.images import floats_of
from faceplate.ofx_host.plates import (
    OPAQUE,
    PREMULTIPLIED,
    STRAIGHT,
    image_from,
    plate_from,
    premultiplication_of,
    window_of,
)
from faceplate.plate import Plate, Rect
from tests.support.ofx_hosting import need_host

pytestmark = pytest.mark.usefixtures("host")

EDGE = st.integers(-6, 6)
SIDE = st.integers(1, 6)


@pytest.fixture(scope="module")
def host():
    need_host()


@st.composite
def rects(draw):
    x, y = draw(EDGE), draw(EDGE)
    return Rect(x, y, x + draw(SIDE), y + draw(SIDE))


@st.composite
def plates(draw):
    """Any windows, any kind of alpha, values beyond 0-1; alpha is never 0, which cannot be divided by."""
    data, display = draw(rects()), draw(rects())
    random = np.random.default_rng(draw(st.integers(0, 99)))
    kind = draw(st.sampled_from(["none", "straight", "premultiplied"]))
    pixels = random.normal(0.5, 2.0, (data.height, data.width, 3)).astype(np.float32)
    alpha = None if kind == "none" else random.uniform(0.1, 1.0, pixels.shape[:2]).astype(np.float32)
    return Plate(pixels, 1, data, display, alpha=alpha, alpha_kind=kind)


@given(plates(), st.sampled_from(["RGBA", "RGB"]), st.sampled_from([PREMULTIPLIED, STRAIGHT]))
def test_there_and_back_is_the_same_plate(plate, components, premultiplication):
    if components == "RGB":
        premultiplication = premultiplication_of(plate)  # without alpha nothing could be divided again
    image = image_from(
        plate, whole=False, depth="Float", components=components, premultiplication=premultiplication
    )
    back = plate_from(plate, image)
    np.testing.assert_allclose(back.pixels, plate.pixels, rtol=1e-6)
    assert (back.alpha is None) == (plate.alpha is None)
    if plate.alpha is not None and back.alpha is not None:
        assert np.array_equal(back.alpha, plate.alpha)
    assert (back.data_window, back.display_window) == (plate.data_window, plate.display_window)


@given(plates())
def test_the_whole_frame_leaves_what_lies_outside_it_alone(plate):
    image = image_from(
        plate, whole=True, depth="Float", components="RGB", premultiplication=premultiplication_of(plate)
    )
    assert image.bounds == (0, 0, plate.display_window.width, plate.display_window.height)
    image.pixels[...] = 7.0
    back = plate_from(plate, image)
    inside = np.zeros(plate.pixels.shape[:2], bool)
    both = plate.display_window.within(plate.data_window)
    if both is not None:
        inside[both.slices(plate.data_window)] = True
    assert (back.pixels[inside] == 7.0).all()
    assert np.array_equal(back.pixels[~inside], plate.pixels[~inside])


def test_the_top_row_has_the_highest_y():
    """A data window that hangs over the frame's top left corner by one column and two rows."""
    pixels = np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)
    plate = Plate(pixels, 1, Rect(9, 18, 14, 22), Rect(10, 20, 16, 30))
    assert window_of(plate, whole=False) == (-1, 8, 4, 12)
    assert window_of(plate, whole=True) == (0, 0, 6, 10)
    image = image_from(plate, whole=False, depth="Float", components="RGB", premultiplication=OPAQUE)
    assert np.array_equal(floats_of(image), pixels)
    assert image.row_bytes > 0  # so memory begins with the bottom row, and the view turns it over


def test_straight_colour_is_multiplied_for_an_effect_that_was_promised_so():
    alpha = np.full((2, 2), 0.5, np.float32)
    plate = Plate(
        np.ones((2, 2, 3), np.float32),
        1,
        Rect(0, 0, 2, 2),
        Rect(0, 0, 2, 2),
        alpha=alpha,
        alpha_kind="straight",
    )
    image = image_from(plate, whole=False, depth="Float", components="RGBA", premultiplication=PREMULTIPLIED)
    assert (floats_of(image) == 0.5).all()
    assert image.premultiplication == PREMULTIPLIED


def test_a_matte_becomes_a_grey_picture():
    plate = Plate.of(np.zeros((2, 2, 3), np.float32))
    image = image_from(plate, whole=False, depth="Float", components="Alpha", premultiplication=OPAQUE)
    image.pixels[...] = 0.25
    assert (plate_from(plate, image).pixels == 0.25).all()
