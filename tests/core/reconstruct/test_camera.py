"""The camera: axes as agreed, derivatives as finite differences say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.camera import (
    Camera,
    HeadPose,
    camera_for_lens,
    project,
    projection_derivatives,
    seen_from,
)

POINTS = np.random.default_rng(2).uniform(-90, 90, (20, 3))
STRAIGHT = HeadPose(np.zeros(3), np.array([0.0, 0.0, 800.0]))

turns = st.tuples(*[st.floats(-3, 3)] * 3).map(np.array)
moves = st.tuples(st.floats(-100, 100), st.floats(-100, 100), st.floats(300, 3000)).map(np.array)


def test_a_head_without_rotation_looks_into_the_lens():
    left_ear, crown, nose = np.eye(3) * 80
    x, y, z = project(np.stack([left_ear, crown, nose]), STRAIGHT, camera_for_lens(640, 480, millimetres=50))
    assert x[0] > 320 and x[1] == 240  # the subject's left is on the picture's right
    assert y[1] < 240 and y[0] == 320  # up is towards row 0
    assert z[2] == 720 and tuple(z[:2]) == (320, 240)  # the nose is nearer


def test_a_lens_sees_what_its_film_is_wide():
    camera = camera_for_lens(1920, 1080, millimetres=36)
    edge = np.array([[400.0, 0, 0]])  # at 800 mm a 36 mm lens sees 800 mm
    assert project(edge, STRAIGHT, camera)[0, 0] == pytest.approx(1920)


@given(turn=turns, move=moves)
def test_a_pose_moves_a_head_without_bending_it(turn, move):
    seen = seen_from(POINTS, HeadPose(turn, move))
    np.testing.assert_allclose(
        np.linalg.norm(seen - seen[0], axis=1), np.linalg.norm(POINTS - POINTS[0], axis=1), atol=1e-9
    )
    np.testing.assert_allclose(seen_from(np.zeros((1, 3)), HeadPose(turn, move))[0], move)


@settings(max_examples=40)
@given(turn=turns, move=moves, focal=st.floats(200, 4000))
def test_derivatives_are_what_finite_differences_say(turn, move, focal):
    camera, step = Camera(focal, (300.0, 200.0)), 1e-5
    by = projection_derivatives(POINTS, HeadPose(turn, move), camera)

    def difference(change):
        ahead, behind = (project(*change(sign * step))[:, :2] for sign in (1, -1))
        return (ahead - behind) / (2 * step)

    for axis, unit in enumerate(np.eye(3)):
        pairs = {
            "turn": lambda s, u=unit: (POINTS, HeadPose(turn + s * u, move), camera),
            "move": lambda s, u=unit: (POINTS, HeadPose(turn, move + s * u), camera),
            "point": lambda s, u=unit: (POINTS + s * u, HeadPose(turn, move), camera),
        }
        for name, change in pairs.items():
            np.testing.assert_allclose(getattr(by, name)[:, :, axis], difference(change), atol=focal * 1e-6)
    by_focal = difference(lambda s: (POINTS, HeadPose(turn, move), Camera(focal + s, camera.centre)))
    np.testing.assert_allclose(by.focal, by_focal, atol=1e-5)


@pytest.mark.parametrize("turn", [np.zeros(3), np.full(3, 1e-7), np.full(3, 2e-5)])
def test_derivatives_hold_where_the_rotation_is_none(turn):
    camera = Camera(1000, (0, 0))
    by = projection_derivatives(POINTS, HeadPose(turn, STRAIGHT.move), camera)
    for axis, unit in enumerate(np.eye(3) * 1e-5):
        ahead, behind = (project(POINTS, HeadPose(turn + s * unit, STRAIGHT.move), camera) for s in (1, -1))
        np.testing.assert_allclose(by.turn[:, :, axis], (ahead - behind)[:, :2] / 2e-5, atol=1e-4)


def test_wrong_input_names_itself():
    with pytest.raises(RangeError, match="focal"):
        Camera(0.0, (1, 1))
    with pytest.raises(ShapeError, match="points should be"):
        seen_from(POINTS[:, :2], STRAIGHT)
