"""The values everything is said in: arrays, windows, plates, transfer curves, faces."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.arrays import expect_shapes
from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.errors import RangeError, ShapeError
from faceplate.faces import TEMPLATES, Face, template_points
from faceplate.plate import Plate, Rect
from tests.support.plates import make_face, make_plate

finite = st.floats(-1e4, 1e5, width=32)


def test_a_letter_means_one_size():
    picture, matte = np.zeros((4, 5, 3)), np.zeros((4, 6))
    assert expect_shapes(picture=(picture, "H W 3")) == {"H": 4, "W": 5}
    with pytest.raises(ShapeError, match="matte should be 4 x 5, got 4 x 6"):
        expect_shapes(picture=(picture, "H W 3"), matte=(matte, "H W"))
    with pytest.raises(ShapeError, match="picture should be H x W x 4, got 4 x 5 x 3"):
        expect_shapes(picture=(picture, "H W 4"))
    with pytest.raises(ShapeError, match="picture should be H x W"):
        expect_shapes(picture=(picture, "H W"))


@given(value=finite)
def test_encoding_is_undone_by_decoding(value):
    for encoding in (SRGB, LINEAR_REC709):
        pixel = np.full((1, 1, 3), value, np.float32)
        back = encoding.decode(encoding.encode(pixel))
        assert back.dtype == np.float32
        np.testing.assert_allclose(back, pixel, rtol=1e-5, atol=1e-7)


@given(low=finite, high=finite)
def test_encoding_keeps_order_and_sign(low, high):
    low, high = sorted((low, high))
    first, second = LINEAR_REC709.encode(np.array([low, high], np.float32))
    assert first <= second and np.sign(first) == np.sign(np.float32(low))


def test_the_srgb_curve_goes_through_its_known_points():
    found = LINEAR_REC709.encode(np.array([0.0, 0.0031308, 0.18, 0.2140411, 1.0], np.float32))
    np.testing.assert_allclose(found, [0.0, 0.04045, 0.4613561, 0.5, 1.0], atol=2e-6)


@pytest.mark.parametrize("corners", [(0, 0, 0, 5), (0, 0, 5, 0), (4, 0, 3, 5), (0, 9, 5, 2)])
def test_an_empty_or_inverted_window_is_refused(corners):
    with pytest.raises(RangeError, match="at least one pixel"):
        Rect(*corners)


corner, length = st.integers(-50, 50), st.integers(1, 60)
rects = st.builds(lambda x, y, w, h: Rect(x, y, x + w, y + h), corner, corner, length, length)


@given(one=rects, other=rects)
def test_the_common_part_of_two_windows_is_what_both_contain(one, other):
    def cells(rect):
        return {(x, y) for x in range(rect.x0, rect.x1) for y in range(rect.y0, rect.y1)}

    both = one.within(other)
    assert (cells(both) if both else set()) == cells(one) & cells(other)
    assert other.within(one) == both


@given(window=rects, inner=rects)
def test_slices_cut_what_the_window_names(window, inner):
    part = inner.within(window)
    if part is None:
        return
    x = np.tile(np.arange(window.x0, window.x1), (window.height, 1))
    assert list(x[part.slices(window)][0]) == list(range(part.x0, part.x1))
    assert x[part.slices(window)].shape == (part.height, part.width)


def test_windows_grow_scale_and_cover():
    assert Rect(-3, 2, 4, 5).scaled(2) == Rect(-6, 4, 8, 10)
    assert Rect(-3, 2, 4, 5).grown(1) == Rect(-4, 1, 5, 6)
    assert Rect.around(-0.2, 1.0, 3.1, 2.5) == Rect(-1, 1, 4, 3)


def test_a_plate_fits_its_data_window():
    plate = make_plate(20, 10, origin=(-4, -6))
    assert plate.data_window == Rect(-4, -6, 16, 4)
    with pytest.raises(ShapeError, match="pixels should be 10 x 20 x 3"):
        plate.with_pixels(plate.pixels[1:])
    with pytest.raises(ShapeError, match="alpha should be 10 x 20"):
        Plate(
            plate.pixels,
            1,
            plate.data_window,
            plate.display_window,
            SRGB,
            np.ones((3, 3), np.float32),
            "straight",
        )
    with pytest.raises(ShapeError, match="premultiplied alpha should carry one"):
        Plate(plate.pixels, 1, plate.data_window, plate.display_window, SRGB, None, "premultiplied")


def test_templates_are_upright_faces_and_scale_with_the_crop():
    for name, (points, side) in TEMPLATES.items():
        eyes, nose, mouth = points[:2], points[2], points[3:]
        assert eyes[0, 0] < nose[0] < eyes[1, 0] and mouth[0, 0] < nose[0] < mouth[1, 0], name
        assert eyes[:, 1].max() < nose[1] < mouth[:, 1].min() < side, name
        np.testing.assert_allclose(template_points(name, 3 * side), 3 * points, rtol=1e-6)
    with pytest.raises(RangeError, match=r"'ffhq_511'.*arcface_112, ffhq_512"):
        template_points("ffhq_511", 512)


def test_a_face_grows_with_its_frame():
    face = make_face(100.0, (80.0, 60.0))
    larger = face.scaled(2)
    assert isinstance(larger, Face) and larger.points.dtype == np.float32
    assert (larger.width, larger.height) == pytest.approx((2 * face.width, 2 * face.height))
    np.testing.assert_allclose(larger.points, 2 * face.points)
