"""A larger plate is the same picture: windows scale, nothing spreads, nothing rings."""

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.plate import Rect
from faceplate.stages.enlarge import enlarge_plate
from tests.support.plates import make_plate


def test_one_time_larger_is_the_plate_itself():
    plate = make_plate(40, 30)
    assert enlarge_plate(plate, 1) is plate
    with pytest.raises(RangeError, match="one of 1, 2, 4"):
        enlarge_plate(plate, 3)


@pytest.mark.parametrize("scale", [2, 4])
def test_windows_alpha_and_pixels_grow_together(scale):
    plate = make_plate(40, 300, origin=(-7, 5), alpha="straight")
    large = enlarge_plate(plate, scale)
    assert large.data_window == Rect(-7 * scale, 5 * scale, 33 * scale, 305 * scale)
    assert large.display_window == Rect(0, 0, 40 * scale, 300 * scale)
    assert large.alpha is not None and large.alpha.min() >= 0 and large.alpha.max() <= 1
    assert (large.frame, large.encoding, large.alpha_kind) == (plate.frame, plate.encoding, "straight")
    back = large.pixels.reshape(300, scale, 40, scale, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(back, plate.pixels, atol=0.02)


def test_strips_leave_no_seams():
    """The strips are an economy: a plate cut above a seam enlarges to the same pixels around it."""
    plate = make_plate(30, 300)
    whole = enlarge_plate(plate, 2).pixels
    lower = make_plate(30, 200).with_pixels(plate.pixels[100:])
    np.testing.assert_allclose(whole[220:], enlarge_plate(lower, 2).pixels[20:], atol=1e-6)


def test_a_lamp_gets_no_black_ring():
    plate = make_plate(40, 40, linear=True)
    pixels = np.full_like(plate.pixels, 0.1)
    pixels[20, 20] = 50.0
    large = enlarge_plate(plate.with_pixels(pixels), 4).pixels
    assert large.min() >= 0.1 - 1e-6 and large.max() <= 50.0


def test_nan_and_inf_stay_in_their_blocks():
    plate = make_plate(40, 40)
    pixels = plate.pixels.copy()
    pixels[10, 12], pixels[0, 0, 1] = np.nan, -np.inf
    large = enlarge_plate(plate.with_pixels(pixels), 2).pixels
    assert np.isnan(large[20:22, 24:26]).all()
    assert (large[:2, :2, 1] == -np.inf).all()
    assert (~np.isfinite(large)).sum() == 4 * 3 + 4
