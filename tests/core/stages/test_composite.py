"""Patches over a plate: outside the mattes not one bit changes, whatever the plate holds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceplate.colour import LINEAR_REC709
from faceplate.errors import ShapeError
from faceplate.geometry import apply, inverse
from faceplate.plate import Plate, Rect
from faceplate.stages.align import align_face, points_in_crop
from faceplate.stages.composite import Composited, Patch, composite
from faceplate.stages.enlarge import enlarge
from faceplate.stages.matte import face_matte
from tests.support.nets import eager_net
from tests.support.plates import make_face, make_picture, make_plate


def make_patch(
    plate: Plate, face, delta, *, side: int = 128, gain: float = 1.0, confidence: float = 0.8
) -> Patch:
    """A patch for a face: `delta` is a number, or (side, side, 3)."""
    crop = align_face(plate, face, side=side, gain=gain)
    matte = face_matte(side, points_in_crop(face, crop.plate_from_crop), inside=crop.inside)
    change = np.broadcast_to(np.float32(delta), (side, side, 3)).copy()
    invented = np.full((side, side), 0.25, np.float32)
    return Patch(change, matte, invented, confidence, crop.plate_from_crop, gain)


def bits(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels).view(np.uint32)


wild = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.sampled_from(
    [0.0, -0.0, 2.5, -0.3, 65504.0]
)


@st.composite
def wild_plates(draw) -> Plate:
    """Any plate: values over 1, negative, NaN with any payload, Inf, alpha of each kind, any window, any space."""
    plate = make_plate(
        draw(st.integers(24, 60)),
        draw(st.integers(24, 60)),
        seed=draw(st.integers(0, 999)),
        origin=(draw(st.integers(-40, 40)), draw(st.integers(-40, 40))),
        linear=draw(st.booleans()),
        exposure=draw(st.sampled_from([0.02, 1.0, 8.0])),
        alpha=draw(st.sampled_from(["none", "straight", "premultiplied"])),
    )
    pixels = plate.pixels.copy()
    flat = pixels.reshape(-1)
    for place, value in draw(st.lists(st.tuples(st.integers(0, flat.size - 1), wild), max_size=60)):
        flat[place] = value
    payload = draw(st.integers(0x7F800001, 0x7FFFFFFF))
    flat.view(np.uint32)[draw(st.integers(0, flat.size - 1))] = payload
    return plate.with_pixels(pixels)


def somewhere(plate: Plate, place: tuple[float, float], square: float, turn: float):
    window = plate.data_window
    return make_face(
        square, (window.x0 + place[0] * window.width, window.y0 + place[1] * window.height), turn=turn
    )


placed = st.tuples(st.tuples(st.floats(0, 1), st.floats(0, 1)), st.floats(22, 90), st.floats(-3, 3))


@settings(max_examples=50)
@given(plate=wild_plates(), where=st.lists(placed, min_size=1, max_size=3), delta=st.floats(-0.5, 0.5))
def test_outside_the_matte_every_bit_stays(plate, where, delta):
    before = bits(plate.pixels.copy())
    patches = [make_patch(plate, somewhere(plate, *place), delta, side=64) for place in where]
    comp = composite(plate, patches)
    untouched = comp.matte == 0
    np.testing.assert_array_equal(bits(comp.plate.pixels)[untouched], before[untouched])
    np.testing.assert_array_equal(bits(plate.pixels), before)  # nor is the plate that came in written to
    assert np.isfinite(comp.plate.pixels[~untouched]).all()
    assert comp.plate.alpha is plate.alpha
    assert (comp.plate.data_window, comp.plate.display_window) == (plate.data_window, plate.display_window)
    assert not comp.invented[untouched].any() and not comp.confidence[untouched].any()
    for layer in (comp.matte, comp.invented, comp.confidence):
        assert layer.dtype == np.float32 and layer.min() >= 0 and layer.max() <= 1


@settings(max_examples=25)
@given(plate=wild_plates(), where=placed, gain=st.floats(0.1, 8))
def test_no_difference_leaves_every_finite_value_as_it_was(plate, where, gain):
    gain = gain if plate.encoding.scene_linear else 1.0
    comp = composite(plate, [make_patch(plate, somewhere(plate, *where), 0.0, side=64, gain=gain)])
    finite = np.isfinite(plate.pixels)
    np.testing.assert_array_equal(comp.plate.pixels[finite], plate.pixels[finite])


def test_without_patches_the_plate_is_the_same_object():
    plate = make_plate(40, 30)
    comp = composite(plate, [])
    assert comp.plate is plate and not comp.matte.any()
    far = make_patch(make_plate(40, 30, origin=(500, 0)), make_face(30, (515, 15)), 0.1)
    assert composite(plate, [far]).plate.pixels is plate.pixels


def test_the_difference_arrives_in_full_under_the_matte():
    plate, face = make_plate(linear=True), make_face(200)
    comp = composite(plate, [make_patch(plate, face, 0.05)])
    full = comp.matte == 1
    assert full.mean() > 0.1
    encode = LINEAR_REC709.encode
    np.testing.assert_allclose(
        encode(comp.plate.pixels)[full], np.minimum(encode(plate.pixels) + 0.05, 1)[full], atol=2e-5
    )


def test_values_above_one_and_below_zero_survive_under_the_matte():
    plate, face = make_plate(linear=True), make_face(200)
    pixels = plate.pixels.copy()
    pixels[150, 160], pixels[152, 160] = (7.0, 9.0, 11.0), (-0.2, -0.3, -0.1)
    comp = composite(plate.with_pixels(pixels), [make_patch(plate, face, -0.01)])
    assert comp.matte[150, 160] == 1
    np.testing.assert_allclose(comp.plate.pixels[150, 160], pixels[150, 160], atol=0.05)
    np.testing.assert_allclose(comp.plate.pixels[152, 160], pixels[152, 160], atol=0.05)


def test_a_broken_pixel_under_the_matte_becomes_its_restored_surroundings():
    plate, face = make_plate(linear=True), make_face(200)
    pixels = plate.pixels.copy()
    pixels[150:153, 160:163, 1] = np.nan
    patch = make_patch(plate.with_pixels(pixels), face, 0.05)
    mended = composite(plate.with_pixels(pixels), [patch]).plate.pixels
    whole = composite(plate, [patch]).plate.pixels
    np.testing.assert_allclose(mended[150:153, 160:163], whole[150:153, 160:163], atol=0.05)
    np.testing.assert_array_equal(mended[150:153, 160:163, 0], whole[150:153, 160:163, 0])


def test_exposure_is_undone_on_the_way_back():
    """The same face at a fiftieth of the light, seen at fifty times the exposure, gets a fiftieth of the change."""
    face, dark = make_face(200), make_plate(linear=True, exposure=0.02)
    bright = make_plate(linear=True)
    change = composite(bright, [make_patch(bright, face, 0.05)]).plate.pixels - bright.pixels
    dim_change = composite(dark, [make_patch(dark, face, 0.05, gain=50.0)]).plate.pixels - dark.pixels
    np.testing.assert_allclose(dim_change * 50, change, atol=1e-4)


@settings(max_examples=15)
@given(order=st.permutations(range(4)), seed=st.integers(0, 99))
def test_no_order_of_patches_looks_different(order, seed):
    plate = make_plate(160, 150, seed=seed, linear=True)
    pixels = plate.pixels.copy()
    pixels[60:90:7, 70:90:5] = np.nan
    plate = plate.with_pixels(pixels)
    places = [((70, 75), 0.2), ((90, 70), -0.1), ((80, 90), 0.05), ((80, 90), -0.2)]
    patches = [make_patch(plate, make_face(80, centre), delta, side=64) for centre, delta in places]
    straight, shuffled = composite(plate, patches), composite(plate, [patches[i] for i in order])
    np.testing.assert_array_equal(bits(straight.plate.pixels), bits(shuffled.plate.pixels))
    for name in ("matte", "invented", "confidence"):
        np.testing.assert_array_equal(getattr(straight, name), getattr(shuffled, name))


def test_twice_the_same_patch_is_that_patch():
    """Overlaps share a pixel, they do not add up on it."""
    plate, face = make_plate(), make_face(200)
    patch = make_patch(plate, face, 0.1)
    once, twice = composite(plate, [patch]), composite(plate, [patch, patch])
    full = once.matte == 1
    np.testing.assert_allclose(twice.plate.pixels[full], once.plate.pixels[full], atol=1e-6)
    assert twice.matte.max() == 1


def test_premultiplied_differences_are_carried_by_the_alpha():
    straight, premultiplied = make_plate(alpha="straight"), make_plate(alpha="premultiplied")
    face = make_face(250)
    full_change = composite(straight, [make_patch(straight, face, 0.05)]).plate.pixels - straight.pixels
    change = (
        composite(premultiplied, [make_patch(premultiplied, face, 0.05)]).plate.pixels - premultiplied.pixels
    )
    assert premultiplied.alpha is not None
    seen = premultiplied.alpha > 0.02
    np.testing.assert_allclose(change[seen], (full_change * premultiplied.alpha[..., None])[seen], atol=1e-4)
    np.testing.assert_array_equal(change[premultiplied.alpha == 0], 0)


def test_a_face_larger_than_its_crop_keeps_its_own_detail():
    """A constant change on a fine plate: had the patch been pasted, detail finer than the crop would be gone."""
    plate = make_plate(640, 620, finest=1.5)
    comp = composite(plate, [make_patch(plate, make_face(560, (320, 300)), 0.04, side=64)])
    full = (comp.matte == 1)[..., None] & (plate.pixels < 0.95)
    np.testing.assert_allclose(comp.plate.pixels[full], plate.pixels[full] + 0.04, atol=1e-4)


def test_a_delta_lands_where_its_crop_was_cut():
    """A bright dot put in the crop shows at the plate position that the matrix says, to a fraction of a pixel."""
    plate, face = make_plate(origin=(-20, 30)), make_face(150, (140, 180), turn=0.5)
    dot = np.zeros((256, 256, 3), np.float32)
    y, x = np.mgrid[0:256, 0:256] + 0.5
    dot += (0.1 * np.exp(-((x - 120.0) ** 2 + (y - 140.0) ** 2) / 50))[..., None].astype(np.float32)
    patch = make_patch(plate, face, dot, side=256)
    change = (composite(plate, [patch]).plate.pixels - plate.pixels).sum(axis=2)
    rows, columns = np.mgrid[0 : change.shape[0], 0 : change.shape[1]] + 0.5
    found = np.array([(change * columns).sum(), (change * rows).sum()]) / change.sum() + (
        plate.data_window.x0,
        plate.data_window.y0,
    )
    expected = apply(patch.plate_from_crop, np.array([[120, 140]], np.float32))[0]
    np.testing.assert_allclose(found, expected, atol=0.05)


@pytest.mark.parametrize("scale", [2, 4])
def test_a_larger_output_gets_the_patch_at_its_own_resolution(scale):
    plate, face = make_plate(120, 110, origin=(-10, 4)), make_face(90, (50, 60))
    stripes = 0.1 * np.sin(np.arange(256) * 2 * np.pi / 6)[None, :, None] * np.ones((256, 256, 3))
    comp = composite(plate, [make_patch(plate, face, stripes, side=256)], scale=scale)
    without = composite(plate, [], scale=scale)
    assert comp.plate.data_window == plate.data_window.scaled(scale)
    assert comp.plate.display_window == Rect(0, 0, 120 * scale, 110 * scale)
    assert comp.matte.shape == comp.plate.pixels.shape[:2]
    outside = comp.matte == 0
    np.testing.assert_array_equal(comp.plate.pixels[outside], without.plate.pixels[outside])
    change = np.abs(comp.plate.pixels - without.plate.pixels)[comp.matte == 1].mean()
    carried = {2: 0.008, 4: 0.05}[scale]  # stripes of 6 crop pixels are 4.2 and 8.4 pixels wide here
    assert change > carried


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_a_face_has_its_own_detail_and_not_the_enlarging_nets(linear, strength):
    """Where a face is restored by so much, so much of the net's detail makes room for the patch's."""
    plate, face = make_plate(120, 110, linear=linear), make_face(90, (50, 60))
    patch = replace(make_patch(plate, face, 0.05 * strength), strength=strength)
    sharp, soft = enlarge(plate, 2, eager_net(2.0)), enlarge(plate, 2)
    around, plain = sharp.plate.pixels.copy(), soft.plate.pixels.copy()
    with_net, without = (composite(plate, [patch], scale=2, large=large) for large in (sharp, soft))
    inside = with_net.matte == 1
    rest = (1 - strength) * (around - plain)
    assert np.abs(around - plain)[inside].mean() > 1e-3 and inside.any()
    np.testing.assert_allclose(
        with_net.plate.pixels[inside], (without.plate.pixels + rest)[inside], atol=2e-6
    )
    outside = with_net.matte == 0
    np.testing.assert_array_equal(with_net.plate.pixels[outside], around[outside])


def test_layers_are_weighted_by_the_matte():
    plate, face = make_plate(), make_face(200)
    comp: Composited = composite(plate, [make_patch(plate, face, 0.1, confidence=0.8)])
    np.testing.assert_allclose(comp.invented, 0.25 * comp.matte, atol=1e-5)
    np.testing.assert_allclose(comp.confidence, 0.8 * 0.75 * comp.matte, atol=1e-5)


def test_nothing_reaches_beyond_the_crop():
    plate, face = make_plate(), make_face(150)
    patch = make_patch(plate, face, 0.3)
    comp = composite(plate, [patch])
    rows, columns = np.nonzero(comp.matte)
    inside = apply(
        inverse(patch.plate_from_crop), np.stack([columns + 0.5, rows + 0.5], axis=1).astype(np.float32)
    )
    assert inside.min() > 0 and inside.max() < 128


@given(pixels=hnp.arrays(np.float32, (3, 4, 3), elements=st.floats(0, 1, width=32)))
@settings(max_examples=5)
def test_a_patch_of_the_wrong_shape_names_itself(pixels):
    with pytest.raises(ShapeError, match="delta should be"):
        Patch(pixels, np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32), 1.0, np.eye(3))


def test_a_crop_pixel_is_a_plate_pixel_when_sizes_agree():
    """A patch with the picture's own missing detail gives that picture back."""
    clean = make_picture(300, 300, finest=4)
    face = make_face(256, (150, 150))
    soft = Plate.of(clean * np.float32(0.8) + np.float32(0.1))
    crop, target = align_face(soft, face, side=256), align_face(Plate.of(clean), face, side=256)
    matte = face_matte(256, points_in_crop(face, crop.plate_from_crop))
    patch = Patch(target.pixels - crop.pixels, matte, matte * 0, 1.0, crop.plate_from_crop)
    comp = composite(soft, [patch])
    np.testing.assert_allclose(comp.plate.pixels[comp.matte == 1], clean[comp.matte == 1], atol=2e-3)
