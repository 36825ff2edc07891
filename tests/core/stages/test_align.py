"""From plate to crop: points land on the template, and only the face's own region matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import FFHQ_512, Face, template_points
from faceplate.geometry import apply, inverse
from faceplate.plate import Plate
from faceplate.stages.align import (
    align_face,
    choose_side,
    meets_plate,
    points_in_crop,
    sample_scene,
    template_square,
)
from tests.support.plates import make_face, make_plate


@settings(max_examples=25)
@given(
    square=st.floats(40, 600),
    turn=st.floats(-3, 3),
    template=st.sampled_from(["ffhq_512", "arcface_112"]),
    side=st.sampled_from([112, 256]),
)
def test_a_faces_points_land_on_the_template(square, turn, template, side):
    face = make_face(square, (170.0, 140.0), turn=turn)
    crop = align_face(make_plate(), face, template=template, side=side)
    assert crop.pixels.shape == (side, side, 3) and crop.pixels.dtype == np.float32
    landed = points_in_crop(face, crop.plate_from_crop)
    np.testing.assert_allclose(landed, template_points(template, side), atol=0.035 * side)
    if template == "ffhq_512":
        np.testing.assert_allclose(landed, template_points(template, side), atol=0.02)
        assert template_square(face) == pytest.approx(square, rel=1e-3)
        assert crop.plate_pixel == pytest.approx(side / square, rel=1e-3)


def test_a_crop_shows_the_plate_at_its_own_place():
    """A horizontal and a vertical ramp make every crop pixel say where it came from."""
    x, y = np.meshgrid(np.arange(320) + 0.5, np.arange(300) + 0.5)
    plate = Plate.of(np.stack([x / 320, y / 300, 0 * x], axis=2).astype(np.float32))
    crop = align_face(plate, make_face(150, (160, 150), turn=0.4), side=256)
    centres = np.stack(np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5), axis=2).reshape(-1, 2)
    came_from = apply(crop.plate_from_crop, centres.astype(np.float32)).reshape(256, 256, 2)
    np.testing.assert_allclose(crop.pixels[..., 0] * 320, came_from[..., 0], atol=0.15)
    np.testing.assert_allclose(crop.pixels[..., 1] * 300, came_from[..., 1], atol=0.15)


def test_the_data_windows_origin_moves_nothing():
    here = align_face(make_plate(origin=(0, 0)), make_face(120, (150, 140)))
    there = align_face(make_plate(origin=(-37, -210)), make_face(120, (113, -70)))
    np.testing.assert_allclose(there.pixels, here.pixels, atol=1e-4)
    np.testing.assert_array_equal(there.inside, here.inside)


def test_what_lies_far_from_the_face_does_not_matter():
    plate, face = make_plate(), make_face(80, (100, 100))
    elsewhere = plate.pixels.copy()
    elsewhere[:, 200:] = np.nan
    elsewhere[200:] = 1e30
    np.testing.assert_array_equal(
        align_face(plate.with_pixels(elsewhere), face).pixels, align_face(plate, face).pixels
    )


def test_a_scene_linear_plate_is_seen_encoded():
    face = make_face(160)
    encoded, linear = align_face(make_plate(), face), align_face(make_plate(linear=True), face)
    np.testing.assert_allclose(linear.pixels, encoded.pixels, atol=1e-5)
    darker = make_plate(linear=True, exposure=0.25)
    np.testing.assert_allclose(align_face(darker, face, gain=4.0).pixels, encoded.pixels, atol=1e-5)


def test_beyond_the_data_window_is_mirrored_and_said_so():
    plate, face = make_plate(), make_face(200, (20, 150))
    crop = align_face(plate, face, side=256)
    x = apply(
        crop.plate_from_crop, np.stack([np.arange(256) + 0.5, np.full(256, 128.5)], 1).astype(np.float32)
    )
    np.testing.assert_array_equal(crop.inside[128], (x[:, 0] >= 0).astype(np.float32))
    assert 0.3 < 1 - crop.inside.mean() < 0.5
    assert np.isfinite(crop.pixels).all() and crop.pixels[:, :64].std() > 0.02


@pytest.mark.parametrize("centre", [(-400, 150), (150, 900), (1e7, 1e7)])
def test_a_face_off_the_plate_is_named(centre):
    assert not meets_plate(make_plate(), make_face(100, centre))
    with pytest.raises(RangeError, match="outside the data window"):
        align_face(make_plate(), make_face(100, centre))


def test_a_face_in_the_corner_still_meets_the_plate():
    assert meets_plate(make_plate(), make_face(100, (5, 5)))
    assert not meets_plate(make_plate(), make_face(100, (-30, 5)))


@pytest.mark.parametrize(
    ("square", "scale", "side"),
    [
        (30, 1, 256),
        (299, 1, 256),
        (301, 1, 512),
        (151, 2, 512),
        (719, 1, 512),
        (1500, 1, 512),
        (30, 4, 256),
    ],
)
def test_the_side_follows_the_size_on_the_output(square, scale, side):
    assert choose_side(make_face(square, (900, 900)), scale) == side


def test_requests_out_of_range_are_refused():
    with pytest.raises(RangeError, match="at least 32"):
        align_face(make_plate(), make_face(), side=16)
    with pytest.raises(RangeError, match="no crop template"):
        align_face(make_plate(), make_face(), template="ffhq")
    with pytest.raises(RangeError, match="one spot"):
        align_face(make_plate(), Face((0, 0, 1, 1), np.zeros((5, 2), np.float32)))


def test_a_scene_sample_keeps_what_a_net_may_not_see():
    plate = make_plate(linear=True, exposure=40.0)
    spoilt = plate.pixels.copy()
    spoilt[150, 160] = np.nan
    scene = sample_scene(plate.with_pixels(spoilt), make_face(200))
    assert scene.shape == (64, 64, 3) and np.isfinite(scene).all()
    assert scene.max() > 5
    assert scene.mean() == pytest.approx(plate.pixels[50:250, 60:260].mean(), rel=0.05)


def test_the_way_back_is_the_inverse_of_the_way_in():
    crop = align_face(make_plate(), make_face(200, turn=0.2))
    np.testing.assert_allclose(
        apply(inverse(crop.plate_from_crop), make_face(200, turn=0.2).points), FFHQ_512, atol=0.01
    )
