"""What a net sees: always 0-1 and finite, and the plate's own colour where the plate has one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceplate.errors import RangeError
from faceplate.plate import Plate, Rect
from faceplate.stages.view import mend, view_plate
from tests.support.plates import make_plate

any_pixels = hnp.arrays(
    np.float32,
    (5, 6, 3),
    elements=st.floats(width=32, allow_nan=True, allow_infinity=True, allow_subnormal=False),
)


@pytest.mark.filterwarnings("error")
@given(pixels=any_pixels, linear=st.booleans(), gain=st.floats(0.03, 32), alpha=st.booleans())
def test_a_net_never_sees_anything_but_finite_0_to_1(pixels, linear, gain, alpha):
    like = make_plate(6, 5, linear=linear, alpha="premultiplied" if alpha else "none")
    shown = view_plate(like.with_pixels(pixels), gain=gain).pixels
    assert shown.dtype == np.float32 and shown.shape == pixels.shape
    assert np.isfinite(shown).all() and shown.min() >= 0 and shown.max() <= 1


def test_a_plain_display_plate_is_shown_as_it_is():
    plate = make_plate(30, 20)
    np.testing.assert_array_equal(view_plate(plate).pixels, plate.pixels)


def test_a_window_is_cut_in_display_coordinates():
    plate = make_plate(30, 20, origin=(-5, 7))
    shown = view_plate(plate, Rect(-3, 9, 10, 12)).pixels
    np.testing.assert_array_equal(shown, plate.pixels[2:5, 2:15])
    with pytest.raises(RangeError, match="inside the data window"):
        view_plate(plate, Rect(-6, 9, 10, 12))


def test_premultiplied_colour_is_divided_out_where_there_is_any():
    plate = make_plate(40, 10, alpha="premultiplied")
    view = view_plate(plate)
    assert plate.alpha is not None and view.cover is not None
    straight = make_plate(40, 10).pixels
    np.testing.assert_allclose(view.pixels[:, 1:], straight[:, 1:], atol=1e-5)
    np.testing.assert_array_equal(view.cover, plate.alpha)
    assert view_plate(make_plate(40, 10, alpha="straight")).cover is None


def test_gain_is_exposure_in_scene_light():
    plate = make_plate(30, 20, linear=True)
    stop_up = view_plate(plate, gain=2.0).pixels
    np.testing.assert_allclose(stop_up, view_plate(plate.with_pixels(plate.pixels * 2)).pixels)
    with pytest.raises(RangeError, match="gain should be above 0"):
        view_plate(plate, gain=0.0)


@given(broken=hnp.arrays(np.bool_, (9, 8, 3)), seed=st.integers(0, 99))
def test_mending_stays_within_its_surroundings_and_leaves_the_sound_alone(broken, seed):
    pixels = make_plate(8, 9, seed=seed, finest=2).pixels
    torn = np.where(broken, np.float32(np.nan), pixels)
    mended = mend(torn, broken)
    assert np.isfinite(mended).all()
    np.testing.assert_array_equal(mended[~broken], pixels[~broken])
    for channel in range(3):
        sound = pixels[..., channel][~broken[..., channel]]
        low, high = (sound.min(), sound.max()) if sound.size else (0.0, 0.0)
        assert mended[..., channel].min() >= low - 1e-5 and mended[..., channel].max() <= high + 1e-5


def test_a_hole_is_mended_from_nearby_not_from_afar():
    pixels = np.zeros((40, 200, 3), np.float32)
    pixels[:, 100:] = 1.0
    broken = np.zeros(pixels.shape, bool)
    broken[18:22, 20:24] = True
    broken[18:22, 170:174] = True
    mended = mend(np.where(broken, np.float32(np.inf), pixels), broken)
    np.testing.assert_allclose(mended, pixels, atol=1e-6)


def test_a_plate_with_nothing_sound_is_black():
    plate = Plate.of(np.full((12, 10, 3), np.nan, np.float32))
    assert not view_plate(plate).pixels.any()
