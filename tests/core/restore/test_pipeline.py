"""The main job end to end, on stub nets."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.plate import Rect
from faceplate.restore.pipeline import LEAST_QUALITY, RestoreNets, RestoreParams, restore_frame
from faceplate.restore.styles import STYLES
from faceplate_client.errors import ModelError
from tests.support.nets import (
    StubNet,
    brightening_net,
    detail_net,
    eager_net,
    identity_stub,
    red_occludes_net,
    softening_net,
    unchanged_net,
)
from tests.support.plates import make_face, make_plate

FACE = make_face(200)
NATURAL = RestoreParams()


def restored(plate, faces=(FACE,), net=None, **params):
    return restore_frame(
        plate, list(faces), nets=RestoreNets(net or detail_net()), params=RestoreParams(**params)
    )


def bits(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels).view(np.uint32)


def test_no_faces_is_no_error():
    plate = make_plate()
    done = restored(plate, faces=())
    assert done.plate is plate and done.faces == [] and not done.matte.any()


def test_what_is_held_before_a_face_keeps_its_bits_and_the_face_around_it_is_restored():
    """A red bar across the lower face: not one of its pixels changes; above it the face is restored as ever."""
    plate = make_plate()
    pixels = plate.pixels * np.float32(0.2)
    x0, y0, x1, y1 = (round(value) for value in FACE.box)
    middle = (y0 + y1) // 2
    bar = (slice(middle + 10, y1 - 10), slice(x0, x1))
    pixels[bar] = (1.0, 0.0, 0.0, *([1.0] * (pixels.shape[2] - 3)))
    plate = replace(plate, pixels=pixels)
    params = RestoreParams()
    plain = restore_frame(plate, [FACE], nets=RestoreNets(detail_net()), params=params)
    nets = RestoreNets(detail_net(), parse=red_occludes_net())
    done, again = (restore_frame(plate, [FACE], nets=nets, params=params) for _ in range(2))
    np.testing.assert_array_equal(bits(done.plate.pixels), bits(again.plate.pixels))
    inside = (slice(bar[0].start + 3, bar[0].stop - 3), slice(bar[1].start + 3, bar[1].stop - 3))
    assert plain.matte[inside].max() > 0.9 and done.matte[inside].max() < 1e-6
    np.testing.assert_array_equal(bits(done.plate.pixels[inside]), bits(plate.pixels[inside]))
    above = slice(0, middle - 20)
    np.testing.assert_array_equal(done.matte[above], plain.matte[above])
    assert done.matte[above].max() == 1.0


def test_strength_zero_gives_the_plate_back_and_asks_no_net():
    plate, net = make_plate(linear=True), detail_net()
    done = restored(plate, net=net, strength=0.0)
    assert done.plate is plate and done.plate.pixels is plate.pixels
    assert not done.matte.any() and not net.batches
    assert [face.status for face in done.faces] == ["off"]


@settings(max_examples=20)
@given(
    linear=st.booleans(),
    alpha=st.sampled_from(["none", "straight", "premultiplied"]),
    square=st.floats(60, 500),
    turn=st.floats(-3, 3),
    exposure=st.sampled_from([0.02, 1.0, 6.0]),
)
def test_a_net_with_nothing_to_repair_leaves_the_plate_alone(linear, alpha, square, turn, exposure):
    plate = make_plate(160, 150, linear=linear, alpha=alpha, exposure=exposure if linear else 1.0)
    done = restored(plate, [make_face(square, (80, 70), turn=turn)], net=unchanged_net())
    np.testing.assert_allclose(done.plate.pixels, plate.pixels, atol=1e-5)


def test_only_the_face_changes_and_the_layers_say_where():
    plate = make_plate(origin=(-30, -20), linear=True)
    pixels = plate.pixels.copy()
    pixels[0, 0], pixels[-1, -1], pixels[2, 300, 1] = np.nan, -3.0, 40.0
    plate = plate.with_pixels(pixels)
    done = restored(plate, [make_face(150, (120, 110))], net=detail_net(period=16))
    untouched = done.matte == 0
    assert 0.05 < (~untouched).mean() < 0.5
    np.testing.assert_array_equal(bits(done.plate.pixels)[untouched], bits(plate.pixels)[untouched])
    assert np.abs(done.plate.pixels - plate.pixels)[done.matte == 1].mean() > 0.003
    assert not done.invented[untouched].any() and done.invented.max() > 0.3


def test_strength_is_a_mix():
    plate = make_plate()
    full, half = (restored(plate, strength=amount).plate.pixels - plate.pixels for amount in (1.0, 0.5))
    np.testing.assert_allclose(half, 0.5 * full, atol=2e-3)


def test_a_net_that_grades_is_overruled():
    plate = make_plate()
    done = restored(plate, net=brightening_net(0.1))
    assert np.abs(done.plate.pixels - plate.pixels).max() < 0.01


def test_fidelity_takes_invented_detail_out():
    plate = make_plate()
    changes = [
        float(np.abs(restored(plate, fidelity=amount).plate.pixels - plate.pixels).mean())
        for amount in (0.0, 0.5, 1.0)
    ]
    assert changes[2] < 0.35 * changes[0] and changes[0] > changes[1] > changes[2]


def test_film_gives_back_grain_that_a_net_took():
    plate = make_plate(finest=1.5)
    noisy = plate.with_pixels(
        np.clip(plate.pixels + np.random.default_rng(0).normal(0, 0.05, (300, 320, 1)), 0, 1).astype(
            np.float32
        )
    )
    face = make_face(512, (160, 150))
    removed, returned = (
        float(
            np.abs(
                restored(noisy, [face], net=softening_net(), grain=amount).plate.pixels - noisy.pixels
            ).mean()
        )
        for amount in (0.0, 1.0)
    )
    assert returned < 0.5 * removed


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("level", [0.03, 1.0, 30.0])
def test_a_net_sees_a_normal_exposure_on_scene_linear_plates_only(linear, level):
    net = unchanged_net()
    plate = make_plate(linear=linear, exposure=level)
    done = restored(plate, net=net)
    assert (done.faces[0].gain == 1.0) == (not linear or level == 1.0)
    if linear:
        assert 0.2 < net.batches[0].mean() < 0.85


def test_a_dark_face_is_restored_like_a_bright_one():
    bright, dark = make_plate(linear=True), make_plate(linear=True, exposure=0.05)
    changes = [restored(plate).plate.pixels - plate.pixels for plate in (bright, dark)]
    assert np.abs(changes[1]).mean() > 0.3 * 0.05 * np.abs(changes[0]).mean()
    assert np.isfinite(changes[1]).all()


def test_every_face_is_reported_in_the_order_given():
    plate = make_plate(640, 400)
    nowhere = Face((0, 0, 9, 9), np.full((5, 2), np.nan, np.float32), 0.4)
    faces = [make_face(120, (100, 100)), make_face(12, (400, 300)), make_face(100, (-300, 0)), nowhere]
    faces.append(make_face(320, (420, 200)))
    done = restored(plate, faces)
    assert [face.status for face in done.faces] == [
        "thin_evidence",
        "too_small",
        "outside",
        "no_points",
        "thin_evidence",
    ]
    assert [face.side for face in done.faces] == [256, 0, 0, 0, 512]
    assert done.faces[2].box == faces[2].box and done.faces[0].score == faces[0].score
    small = restored(plate, faces[1:4])
    assert small.plate is plate  # nothing to restore


def test_reports_tell_support_from_invention():
    plate = make_plate()
    kept = restored(plate, net=unchanged_net()).faces[0]
    made_up = restored(plate, net=detail_net(0.2)).faces[0]
    assert (kept.status, kept.invented) == ("restored", 0.0)
    assert made_up.status == "thin_evidence" and made_up.invented > 0.4
    assert 0 < made_up.confidence < kept.confidence <= FACE.score


def test_confidence_falls_with_size_and_score():
    plate = make_plate(640, 400)
    faces = [make_face(300, (200, 200)), make_face(60, (500, 100)), make_face(300, (200, 200), score=0.5)]
    found = [restored(plate, [face], net=unchanged_net()).faces[0].confidence for face in faces]
    assert found[0] == pytest.approx(0.9) and found[1] < 0.6 and found[2] == pytest.approx(0.5)


def test_likeness_is_measured_on_the_finished_plate():
    plate = make_plate()
    assert restored(plate).faces[0].similarity is None
    nets = RestoreNets(unchanged_net(), identity_stub())
    assert restore_frame(plate, [FACE], nets=nets, params=NATURAL).faces[0].similarity == pytest.approx(1.0)
    larger = restore_frame(plate, [FACE], nets=nets, params=RestoreParams(scale=2)).faces[0].similarity
    assert larger == pytest.approx(1.0, abs=0.02)

    def checkered(batch: np.ndarray) -> np.ndarray:
        square = batch.shape[2] // 8
        return 0.5 * batch + 0.5 * np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((square, square)))

    other = StubNet(checkered)
    nets = RestoreNets(other, identity_stub())
    changed = restore_frame(plate, [FACE], nets=nets, params=NATURAL).faces[0].similarity
    assert changed is not None and changed < 0.98


def test_a_larger_output_keeps_windows_and_layers_in_step():
    plate = make_plate(120, 100, origin=(-8, 6))
    done = restored(plate, [make_face(160, (50, 55))], scale=2)
    assert done.plate.data_window == Rect(-16, 12, 224, 212)
    assert done.matte.shape == done.plate.pixels.shape[:2] == (200, 240)
    assert done.faces[0].side == 512 and done.matte.max() == 1


def test_overlapping_faces_come_out_the_same_in_any_order():
    plate = make_plate(linear=True)
    faces = [make_face(150, (130, 140)), make_face(150, (190, 150)), make_face(90, (160, 120))]
    forwards, backwards = restored(plate, faces), restored(plate, faces[::-1])
    np.testing.assert_array_equal(bits(forwards.plate.pixels), bits(backwards.plate.pixels))
    assert forwards.faces == backwards.faces[::-1]


def test_a_frame_comes_out_the_same_again():
    plate = make_plate(linear=True)
    np.testing.assert_array_equal(bits(restored(plate).plate.pixels), bits(restored(plate).plate.pixels))


def test_what_the_plate_shows_of_a_face_is_told_and_lowers_what_is_believed_of_it():
    plate = make_plate()

    def told(value: float):
        nets = RestoreNets(unchanged_net(), quality=StubNet(lambda batch: np.array([[value]])))
        return restore_frame(plate, [FACE], nets=nets, params=NATURAL)

    good, poor = told(0.9), told(LEAST_QUALITY - 0.01)
    assert (good.faces[0].quality, good.faces[0].status) == (pytest.approx(0.9), "restored")
    assert poor.faces[0].status == "thin_evidence"
    np.testing.assert_array_equal(poor.plate.pixels, good.plate.pixels)  # a warning, no refusal
    share = poor.faces[0].confidence / good.faces[0].confidence
    assert share == pytest.approx((LEAST_QUALITY - 0.01) / 0.9, rel=1e-4)
    np.testing.assert_allclose(poor.confidence, share * good.confidence, atol=1e-6)
    assert restored(plate).faces[0].quality is None


def test_an_enlarging_net_works_where_no_face_is_restored_and_only_when_asked():
    plate = make_plate(200, 180)
    nets, face = RestoreNets(unchanged_net(), upscale=eager_net()), make_face(90, (100, 90))
    made = {
        how: restore_frame(plate, [face], nets=nets, params=RestoreParams(scale=2, enlarge=how))
        for how in ("net", "lanczos")
    }
    differs = (made["net"].plate.pixels != made["lanczos"].plate.pixels).any(axis=2)
    outside, inside = made["net"].matte == 0, made["net"].matte == 1
    assert differs[outside].mean() > 0.9
    gap = np.abs(made["net"].plate.pixels - made["lanczos"].plate.pixels)[inside]
    assert inside.any() and gap.max() < 1e-6
    with pytest.raises(RangeError, match="enlarge should be one of net, lanczos"):
        RestoreParams(enlarge="best")


def test_time_is_told_by_stage():
    seconds = restored(make_plate()).seconds
    named = "align quality restore matte tone evidence enlarge composite likeness"
    assert set(seconds) == set(named.split())
    assert all(spent >= 0 for spent in seconds.values())


def test_a_broken_net_stops_the_frame():
    with pytest.raises(ModelError, match="NaN"):
        restored(make_plate(), net=StubNet(lambda batch: batch * np.nan))


@pytest.mark.parametrize("name", ["strength", "fidelity", "sharpen", "grain"])
@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
def test_parameters_out_of_range_are_named(name, value):
    with pytest.raises(RangeError, match=f"{name} should be 0-1"):
        replace(NATURAL, **{name: value})


def test_scales_are_one_two_or_four():
    with pytest.raises(RangeError, match="one of 1, 2, 4, got 3"):
        RestoreParams(scale=3)


def test_styles_set_visible_parameters_and_differ():
    plate, net = make_plate(), softening_net()
    looks = {style: restored(plate, net=net, **values).plate.pixels for style, values in STYLES.items()}
    assert set(looks) == {"natural", "clear", "film"}
    assert replace(NATURAL, **STYLES["natural"]) == NATURAL
    assert replace(NATURAL, **STYLES["film"]).grain > 0
    for one, other in (("natural", "clear"), ("natural", "film"), ("clear", "film")):
        assert np.abs(looks[one] - looks[other]).mean() > 1e-4
