"""Motion as Nuke reads it: a known pan gives its vectors, and an STMap shows a face where it was."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.faces import Face
from faceplate.geometry import apply, scaling, translation
from faceplate.plate import Plate, Rect
from faceplate.stabilise.motion import motion_vectors, steady_map
from tests.support.plates import make_picture

WORLD = make_picture(220, 180, finest=4.0)
POINTS = np.array([[50, 40], [70, 41], [60, 52], [52, 62], [68, 62]], np.float32)


def panned(place: int, *, x: int = 3, y: int = 2) -> Plate:
    """The camera moves (x, y) pixels a frame, right and down, so the scene moves left and up."""
    left, top = 30 + x * place, 30 + y * place
    return Plate.of(WORLD[top : top + 96, left : left + 128].copy(), frame=place)


def face(points: np.ndarray) -> Face:
    return Face((*points.min(axis=0), *points.max(axis=0)), points.astype(np.float32))  # type: ignore[arg-type]


def warped(pixels: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """What Nuke's STMap does: the pixel centres are at +0.5, y is up."""
    height, width = pixels.shape[:2]
    x, y = (u * width - 0.5).astype(np.float32), ((1 - v) * height - 0.5).astype(np.float32)
    return cv2.remap(pixels, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_known_pan_gives_its_vectors_y_up(scale):
    here = panned(1)
    for other, sign in ((panned(2), -1), (panned(0), 1)):
        u, v = motion_vectors(here, other, scale=scale)
        assert u.shape == v.shape == (96 * scale, 128 * scale)
        inside = np.s_[16 * scale : -16 * scale, 16 * scale : -16 * scale]
        assert np.abs(u[inside] - sign * 3 * scale).mean() < 0.1 * scale
        assert np.abs(v[inside] + sign * 2 * scale).mean() < 0.1 * scale


def test_where_there_is_no_other_frame_there_is_no_motion():
    u, v = motion_vectors(panned(1), None)
    assert not u.any() and not v.any()
    small = Plate.of(make_picture(20, 20))
    assert not motion_vectors(small, small)[0].any()


def test_vectors_are_told_where_both_frames_have_pixels():
    whole, next_ = panned(1), panned(2)
    part = Plate(next_.pixels[:, 64:], 2, Rect(64, 0, 128, 96), next_.display_window)
    u, _ = motion_vectors(whole, part)
    assert not u[:, :64].any() and abs(np.median(u[20:-20, 80:110]) + 3) < 0.2


@given(x=st.floats(-20, 20), y=st.floats(-20, 20), grows=st.floats(0.7, 1.4))
def test_a_map_leads_every_pixel_to_the_same_spot_of_the_face(x, y, grows):
    """A pixel that shows an eye on the reference frame is led to that eye on this one."""
    moved = apply(translation(x, y) @ scaling(grows), POINTS)
    plate = Plate(make_picture(128, 96), 1, Rect(-4, -2, 124, 94), Rect(0, 0, 120, 90))
    u, v = steady_map(plate, face(moved), face(POINTS))
    for reference, here in zip(POINTS, moved, strict=True):
        column, row = int(reference[0]) + 4, int(reference[1]) + 2
        led = np.array([u[row, column] * 120, (1 - v[row, column]) * 90])
        np.testing.assert_allclose(led, here + grows * (np.floor(reference) + 0.5 - reference), atol=0.02)


def test_the_map_shows_the_face_where_it_was():
    first, later = panned(0), panned(4)
    u, v = steady_map(later, face(POINTS - [12, 8]), face(POINTS))
    held = warped(later.pixels, u, v)
    area = np.s_[20:80, 30:90]
    assert np.abs(held - first.pixels)[area].mean() < 1e-3 < np.abs(later.pixels - first.pixels)[area].mean()


@pytest.mark.parametrize("scale", [1, 2])
def test_without_a_face_to_hold_the_map_changes_nothing(scale):
    plate = panned(0)
    big = plate.pixels.repeat(scale, axis=0).repeat(scale, axis=1)
    lost = face(np.full((5, 2), 30.0))
    for here, reference in ((None, None), (lost, lost)):
        u, v = steady_map(plate, here, reference, scale=scale)
        np.testing.assert_allclose(warped(big, u, v), big, atol=1e-5)
    assert u[0, 0] == pytest.approx(0.5 / (128 * scale)) and v[0, 0] == pytest.approx(1 - 0.5 / (96 * scale))
