"""A veil leaves a handful of colours where a face was, and every bit around it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709
from faceplate.faces import Face
from faceplate.plate import Plate, Rect
from faceplate.stages.veil import CELLS, veil_faces

SIZE = (120, 160)
ANY = st.floats(-40, 200)


def plate(seed=1, origin=(0, 0)):
    random = np.random.default_rng(seed)
    pixels = random.uniform(-0.1, 3, (*SIZE, 3)).astype(np.float32)
    window = Rect(origin[0], origin[1], origin[0] + SIZE[1], origin[1] + SIZE[0])
    return Plate(pixels, 1, window, Rect(0, 0, 160, 120), LINEAR_REC709)


def face(x0, y0, width, height):
    return Face((x0, y0, x0 + width, y0 + height), np.zeros((5, 2), np.float32))


@given(
    x=ANY,
    y=ANY,
    width=st.floats(1, 150),
    height=st.floats(1, 150),
    origin=st.tuples(*[st.integers(-30, 30)] * 2),
)
def test_outside_the_matte_every_bit_stays_and_inside_the_box_all_is_veiled(x, y, width, height, origin):
    before = plate(origin=origin)
    done = veil_faces(before, [face(x, y, width, height)])
    outside = done.matte == 0
    np.testing.assert_array_equal(
        done.plate.pixels[outside].view(np.uint32), before.pixels[outside].view(np.uint32)
    )
    columns = np.arange(SIZE[1]) + 0.5 + origin[0]
    rows = np.arange(SIZE[0]) + 0.5 + origin[1]
    # The box's inscribed ellipse lies well inside the veil.
    inside = (
        np.hypot((rows[:, None] - y - height / 2) / (height / 2), (columns - x - width / 2) / (width / 2)) < 1
    )
    assert (done.matte[inside] == 1).all()


def test_two_faces_with_the_same_averages_look_the_same_afterwards():
    """What tells them apart, detail finer than a cell, is gone: both give the same pixels."""
    someone = face(40, 30, 50, 50)
    flat = plate()
    flat.pixels[:] = 0.5
    checked = plate()
    checked.pixels[:] = 0.5 + 0.3 * ((np.indices(SIZE).sum(0) % 2) * 2 - 1)[..., None]
    one, other = (veil_faces(each, [someone]) for each in (flat, checked))
    whole = one.matte == 1
    assert np.abs(one.plate.pixels - other.plate.pixels)[whole].max() < 0.02


def test_what_is_left_has_few_numbers():
    done = veil_faces(plate(), [face(40, 30, 50, 50)])
    veiled = done.plate.pixels[30:80, 40:90]
    spectrum = np.abs(np.fft.fft2(veiled.mean(axis=2) - veiled.mean()))
    low = np.hypot(*np.meshgrid(np.fft.fftfreq(50), np.fft.fftfreq(50))) <= 1.5 * CELLS / 50
    assert (spectrum[low] ** 2).sum() > 0.9 * (spectrum**2).sum()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_no_pattern_of_broken_pixels_shines_through(bad):
    before = plate()
    before.pixels[50:54, 60:70] = bad
    before.pixels[5, 5] = bad
    done = veil_faces(before, [face(40, 30, 50, 50)])
    assert np.isfinite(done.plate.pixels[done.matte > 0]).all()
    assert not np.isfinite(done.plate.pixels[5, 5]).any()


def test_nobody_to_veil_is_the_plate_itself():
    before = plate()
    assert veil_faces(before, []).plate is before
    assert veil_faces(before, [face(900, 900, 20, 20)]).plate is before
