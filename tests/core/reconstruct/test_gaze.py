"""Gaze: lids and eyeballs go the same way."""

import numpy as np
import pytest

from faceplate.reconstruct.gaze import LOOK, eye_turns
from faceplate.reconstruct.morphable import rotation
from tests.support.heads import make_head

HEAD = make_head()


def looking(**weights: float) -> dict[str, np.ndarray]:
    """Where each eye looks, its forward axis turned, with shapes of these names."""
    names = tuple(weights)
    object.__setattr__(made := make_head(), "expression_names", names)
    return {
        eye: rotation(turn)[:, 2] for eye, turn in eye_turns(made, np.array(list(weights.values()))).items()
    }


@pytest.mark.parametrize(
    ("shape", "eye", "axis", "sign"),
    [
        ("eyeLookUpLeft", "eye_left", 1, 1),
        ("eyeLookDownRight", "eye_right", 1, -1),
        ("eyeLookOutLeft", "eye_left", 0, 1),
        ("eyeLookInLeft", "eye_left", 0, -1),
        ("eyeLookOutRight", "eye_right", 0, -1),
        ("eyeLookInRight", "eye_right", 0, 1),
    ],
)
def test_an_eye_looks_where_its_shape_says(shape, eye, axis, sign):
    """x is the subject's left, y up."""
    seen = looking(**{shape: 1.0})
    way = next(way for way in LOOK if way in shape)
    assert seen[eye][axis] == pytest.approx(sign * np.sin(np.radians(LOOK[way])), abs=1e-6)
    other = "eye_right" if eye == "eye_left" else "eye_left"
    np.testing.assert_allclose(seen[other], [0, 0, 1])


def test_a_head_without_such_shapes_looks_straight():
    assert all((turn == 0).all() for turn in eye_turns(HEAD, np.ones(5)).values())
