"""The jaw's motion: the lower teeth, carried by it alone, lie where the shapes have them."""

import numpy as np
import pytest

from faceplate.reconstruct.jaw import jaw_motion
from faceplate.reconstruct.morphable import rotation
from tests.support.heads import make_head


def off_of(head, neutral, weights) -> float:
    """mm, the farthest that a lower tooth is from where its shapes have it."""
    found = jaw_motion(head, neutral, weights)
    assert found is not None
    turn, move = found
    teeth = np.unique(head.quads[head.quad_region == head.region_names.index("teeth_lower")])
    teeth = teeth[teeth >= 0]
    joint = head.joints(neutral)[head.joint_names.index("jaw")]
    carried = (neutral[teeth] - joint) @ rotation(turn).T + joint + move
    shaped = neutral[teeth] + np.tensordot(weights, head.expressions[:, teeth], 1)
    return float(np.linalg.norm(carried - shaped, axis=1).max())


@pytest.mark.parametrize("jaw", ["jawOpen", "jawLeft", "jawRight", "jawForward"])
@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_teeth_carried_by_the_joint_lie_where_the_shapes_have_them(head, jaw, amount):
    person = head.rest(np.random.default_rng(4).normal(size=60) * 0.7)
    smile = {"mouthSmileLeft": 0.8, "browInnerUp": 0.5}
    weights = head.with_correctives(head.weights({jaw: amount, **smile}))
    assert off_of(head, person, weights) < 0.5


def test_an_open_mouth_turns_the_jaw_about_its_joint(head):
    """By some 25 degrees at 1, evenly on the way, and downwards: about x, with next to no move."""
    angles = []
    for amount in (0.25, 0.5, 1.0):
        found = jaw_motion(head, head.mean, head.with_correctives(head.weights({"jawOpen": amount})))
        assert found is not None
        turn, move = found
        assert np.abs(turn[1:]).max() < 0.01 and np.linalg.norm(move) < 0.5
        angles.append(np.degrees(turn[0]) / amount)
    assert 20 < angles[-1] < 30 and np.ptp(angles) < 1


def test_what_is_not_the_jaws_leaves_it(head):
    still = head.with_correctives(head.weights({"eyeBlinkLeft": 1.0, "browInnerUp": 1.0}))
    for weights in (still, np.zeros(len(head.expressions), np.float32)):
        found = jaw_motion(head, head.mean, weights)
        assert found is not None
        np.testing.assert_allclose(np.concatenate(found), 0, atol=1e-3)


def test_a_head_without_teeth_has_no_jaw():
    egg = make_head()
    assert jaw_motion(egg, egg.mean, egg.weights({"jawOpen": 1.0})) is None
