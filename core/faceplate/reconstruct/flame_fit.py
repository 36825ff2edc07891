"""Heads of ours in FLAME's coefficients: shape, expression, jaw and eyes that put FLAME's surface on ours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.correspondence import Correspondence, OtherHead, correspond
from faceplate.reconstruct.flame import FlameModel
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.rig_fit import bounded_step, fit_moves, rms, trusted

_FARTHEST = 4.0  # standard deviations, what a coefficient may reach
_NOISE = 0.5  # mm, how far a vertex may be off before coefficients are asked for more than they like
_ROUNDS = 8


@dataclass(frozen=True)
class FlameHead:
    """A head in FLAME's coefficients, in its own frame.

    `shape` (S,) standard deviations. `turn` (3,) rotation vector, radians, and `move` (3,) mm: how FLAME's neutral
    head, turned about its root joint, stands in the place of ours. `off`: mm, RMS of the trusted vertices.
    """

    shape: NDArray[np.float32]
    turn: NDArray[np.float64]
    move: NDArray[np.float64]
    off: float


@dataclass(frozen=True)
class FlameExpression:
    """One expression: `weights` (E,) standard deviations; rotation vectors (3,), radians, of `jaw`, `eye_left` and
    `eye_right`. The neck is left straight: a fit of ours turns the whole head. `off`: mm, RMS of the trusted vertices.
    """

    weights: NDArray[np.float32]
    jaw: NDArray[np.float64]
    eye_left: NDArray[np.float64]
    eye_right: NDArray[np.float64]
    off: float

    @property
    def turns(self) -> dict[str, NDArray[np.float64]]:
        return {"jaw": self.jaw, "eye_left": self.eye_left, "eye_right": self.eye_right}


def meet_flame(head: HeadModel, flame: FlameModel) -> Correspondence:
    """Where the vertices of FLAME lie on ours; eyeballs are left out, they turn by joints."""
    left, right = flame.skin[:, 3] > 0.5, flame.skin[:, 4] > 0.5
    eyes = np.stack([flame.template[left].mean(0), flame.template[right].mean(0)])
    skin = flame.triangles[~(left | right)[flame.triangles].any(1)]
    return correspond(head, OtherHead(flame.template, skin, eyes))


def fit_flame_shape(
    flame: FlameModel, meeting: Correspondence, neutral: np.ndarray, face: np.ndarray
) -> FlameHead:
    """FLAME's shape, and where it stands, for a neutral head of ours.

    Args:
        meeting: from `meet_flame`. neutral: (ours, 3) mm. face: (ours,) 0-1, how much each vertex of ours matters.

    Raises:
        ShapeError: points of another head.
    """
    expect_shapes({"V": len(face)}, neutral=(neutral, "V 3"))
    wanted, trust = meeting.on(neutral).astype(np.float64), trusted(meeting, face)
    count = len(flame.shapes)
    shape, turn, move = np.zeros(count), meeting.turn.T, np.zeros(3)
    root = flame.joint_regressor[0] @ flame.template
    move = (trust @ (wanted - (flame.template - root) @ turn.T)) / trust.sum() - root
    low = np.concatenate([np.full(count, -_FARTHEST), np.full(6, -np.inf)])
    prior = np.concatenate([np.full(count, _NOISE**2), np.full(6, 1e-6)])
    for _ in range(_ROUNDS):
        rest = flame.rest(shape).astype(np.float64)
        root = flame.joint_regressor[0] @ rest
        arms = (rest - root) @ turn.T
        points = arms + root + move
        jacobian = np.zeros((len(points), 3, count + 6))
        jacobian[:, :, :count] = np.moveaxis(np.tensordot(flame.shapes, turn, (2, 1)), 0, 2)
        x, y, z = arms.T
        zero = np.zeros_like(x)
        jacobian[:, :, count : count + 3] = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(
            -1, 3, 3
        )
        jacobian[:, :, count + 3 :] = np.eye(3)
        still = np.concatenate([shape, np.zeros(6)])
        step = bounded_step(jacobian, wanted - points, np.repeat(trust, 3), still, low, -low, prior)
        shape = shape + step[:count]
        turn, move = rotation(step[count : count + 3]) @ turn, move + step[count + 3 :]
    rest = flame.rest(shape)
    root = flame.joint_regressor[0] @ rest
    points = (rest - root) @ turn.T + root + move
    return FlameHead(shape.astype(np.float32), vector_of(turn), move, rms(points - wanted, trust))


def fit_flame_expression(
    head: HeadModel,
    flame: FlameModel,
    meeting: Correspondence,
    shaped: FlameHead,
    expression: Sequence[float] | np.ndarray,
    face: np.ndarray,
) -> FlameExpression:
    """FLAME's expression, jaw and eyes for an expression of ours.

    What is matched is how far each spot of our skin moves, so that what the two neutral heads differ in does not become
    an expression.

    Args:
        meeting: from `meet_flame`. shaped: from `fit_flame_shape`. expression: (E,) weights of ours, correctives
            included. face: (ours,) 0-1, how much each vertex of ours matters.

    After: bounded least squares by Gauss and Newton: expressions within 4 standard deviations, the jaw within what jaws
    do.
    """
    weights = np.asarray(expression, np.float32)
    moves = np.tensordot(weights, head.expressions, 1) if weights.any() else np.zeros_like(head.mean)
    wanted = meeting.on(moves).astype(np.float64) @ rotation(shaped.turn)
    neutral = flame.rest(shaped.shape).astype(np.float64)

    def rest(given: np.ndarray) -> NDArray[np.float32]:
        return (neutral + np.tensordot(given, flame.expressions, 1)).astype(np.float32)

    bound = np.full(len(flame.expressions), _FARTHEST)
    shown = fit_moves(
        wanted,
        trusted(meeting, face),
        flame.expressions,
        -bound,
        bound,
        lambda given, turn: flame.posed(rest(given), {"jaw": turn}) - neutral,
        lambda given, turn: flame.carried(rest(given), {"jaw": turn}),
        jaw=True,
    )
    eyes = eye_turns(head, weights) if weights.any() else {}
    still = np.zeros(3)
    return FlameExpression(
        shown.weights, shown.jaw, eyes.get("eye_left", still), eyes.get("eye_right", still), shown.off
    )


def vector_of(turn: np.ndarray) -> NDArray[np.float64]:
    """The rotation vector (3,) of a rotation matrix (3, 3) of less than half a turn."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    sine, cosine = float(np.linalg.norm(axis)) / 2, (float(np.trace(turn)) - 1) / 2
    return axis / 2 * (np.arctan2(sine, cosine) / sine if sine > 1e-9 else 1.0)
