"""A larger plate is the same picture: windows scale, nothing spreads, nothing rings."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.colour import LINEAR_REC709, linear_from_srgb
from faceplate.errors import RangeError, ShapeError
from faceplate.plate import Plate, Rect
from faceplate.registry.catalogue import has_model, manifest_for
from faceplate.runtime.pool import open_net
from faceplate.stages.enlarge import REACH, enlarge, enlarge_plate
from tests.support.nets import StubNet, eager_net
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


def with_extremes(plate: Plate) -> Plate:
    """The plate with a lamp, a hole, and pixels that are no numbers."""
    pixels = plate.pixels.copy()
    pixels[10:14, 12:18] = 50.0
    pixels[20:24, 5:9] = -0.5
    pixels[30, 30], pixels[3, 25, 1], pixels[26, 11] = np.nan, np.inf, -np.inf
    return plate.with_pixels(pixels)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("alpha", ["none", "premultiplied"])
def test_what_a_display_cannot_show_passes_a_net_bit_for_bit(linear, alpha):
    plate = with_extremes(make_plate(48, 40, linear=linear, alpha=alpha))
    made = enlarge(plate, 2, eager_net())
    plain, large = made.plain.pixels, made.plate.pixels
    alpha_there = made.plain.alpha
    straight = plain if alpha_there is None else plain / np.maximum(alpha_there, 1e-6)[..., None]
    beyond = ~np.isfinite(plain) | (straight > 1.001) | (straight < -0.001)
    assert beyond.mean() > 0.02 and (large != plain)[~beyond].mean() > 0.5
    np.testing.assert_array_equal(large.view(np.uint32)[beyond], plain.view(np.uint32)[beyond])
    assert np.isfinite(large[np.isfinite(plain)]).all()
    assert made.plate.alpha is made.plain.alpha and made.plate.data_window == made.plain.data_window


@pytest.mark.parametrize("scale", [2, 4])
def test_a_flat_plate_stays_flat_whatever_a_net_says(scale):
    plate = Plate.of(np.full((20, 30, 3), 0.3, np.float32))
    made = enlarge(plate, scale, eager_net())
    np.testing.assert_array_equal(made.plate.pixels, enlarge_plate(plate, scale).pixels)


def test_no_detail_is_larger_than_the_contrast_around_it():
    plate = make_plate(64, 64)
    made = enlarge(plate, 2, eager_net(40.0))
    change = np.abs(made.plate.pixels - made.plain.pixels)
    low, high = (
        change_of(plate.pixels, np.ones((3, 3), np.uint8)).repeat(2, axis=0).repeat(2, axis=1)
        for change_of in (cv2.erode, cv2.dilate)
    )
    assert (change <= high - low + 1e-6).all()


@given(width=st.integers(3, 60), height=st.integers(3, 60), seed=st.integers(0, 99))
def test_tiles_change_nothing(width, height, seed):
    plate = with_extremes(make_plate(48, 40, seed=seed, linear=bool(seed % 2)))
    plate = Plate.of(np.resize(plate.pixels, (height, width, 3)), encoding=plate.encoding)
    whole = enlarge(plate, 2, eager_net()).plate.pixels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("faceplate.stages.enlarge.TILE", 11)
        np.testing.assert_allclose(enlarge(plate, 2, eager_net()).plate.pixels, whole, atol=1e-5)


def test_what_lies_beyond_its_reach_is_nothing_to_a_pixel():
    """A render of a part is the part of a render: regions of interest and overscan do not change the frame."""
    plate = make_plate(90, 80, linear=True)
    part = Plate.of(plate.pixels[9:, 13:], encoding=plate.encoding)
    whole, alone = (enlarge(each, 2, eager_net()).plate.pixels for each in (plate, part))
    rim = 2 * (REACH + 1)
    np.testing.assert_allclose(alone[rim:, rim:], whole[18 + rim :, 26 + rim :], atol=1e-6)


def test_four_times_is_twice_two_times():
    plate = make_plate(30, 26)
    net = eager_net()
    once = enlarge(plate, 2, net).plate
    np.testing.assert_array_equal(enlarge(plate, 4, net).plate.pixels, enlarge(once, 2, net).plate.pixels)


def test_without_a_net_or_detail_it_is_lanczos():
    plate = with_extremes(make_plate(48, 40, linear=True))
    plain = enlarge_plate(plate, 2).pixels.view(np.uint32)
    nothing = StubNet(lambda batch: np.zeros((1, 3, 2 * batch.shape[2], 2 * batch.shape[3])))
    for net in (None, nothing):
        np.testing.assert_array_equal(enlarge(plate, 2, net).plate.pixels.view(np.uint32), plain)
    assert enlarge(plate, 1, nothing).plate is plate


def test_a_net_of_another_scale_is_refused():
    with pytest.raises(ShapeError, match="enlarging net stub-1 should return"):
        enlarge(make_plate(20, 20), 2, StubNet(lambda batch: batch))


@pytest.fixture(scope="module")
def shipped():
    if not has_model("frames.upscale"):
        pytest.skip(
            "models/open holds no net for frames.upscale: its recipe is core/faceplate_training/upscale"
        )
    return open_net(manifest_for("frames.upscale"), device="cpu")


def drawn(seed: int, side: int = 240) -> np.ndarray:
    """(side, side, 3) float32, 0-1: discs and bars at angles, antialiased."""
    rng = np.random.default_rng(seed)
    picture = np.full((4 * side, 4 * side, 3), 0.5, np.float32)
    for _ in range(60):
        x, y = (int(place) for place in rng.integers(0, 4 * side, 2))
        colour = [float(value) for value in rng.uniform(0.15, 0.85, 3)]
        if rng.random() < 0.5:
            cv2.circle(picture, (x, y), int(rng.integers(12, 160)), colour, -1)
        else:
            end = (x + int(rng.integers(-400, 400)), y + int(rng.integers(-400, 400)))
            cv2.line(picture, (x, y), end, colour, int(rng.integers(8, 60)))
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


@pytest.mark.weights
@pytest.mark.parametrize("linear", [False, True])
def test_the_shipped_net_gives_edges_back_that_lanczos_does_not(shipped, linear):
    """In a plate of either kind; it was trained on other drawings."""
    for seed in range(3):
        large = drawn(seed)
        scene = linear_from_srgb(large) if linear else large
        small = np.asarray(cv2.resize(scene, (120, 120), interpolation=cv2.INTER_AREA), np.float32)
        plate = Plate.of(small, encoding=LINEAR_REC709) if linear else Plate.of(small)
        made = enlarge(plate, 2, shipped)
        plain, sharp = (
            float(np.square(plate.encoding.encode(each.pixels) - large).mean())
            for each in (made.plain, made.plate)
        )
        assert sharp < 0.9 * plain


@pytest.mark.weights
def test_the_shipped_net_lets_grain_pass_as_lanczos_does(shipped):
    rng = np.random.default_rng(0)
    for sigma in (0.01, 0.03):
        grain = cv2.GaussianBlur(rng.normal(0, 1, (160, 160, 1)).astype(np.float32), (0, 0), 0.7)[..., None]
        card = np.asarray(0.45 + sigma * grain / grain.std() + np.zeros(3), np.float32)
        made = enlarge(Plate.of(card), 2, shipped)
        ratio = made.plate.pixels.std() / made.plain.pixels.std()
        assert 0.9 < ratio < 1.1
