"""Heads of ours in FLAME's coefficients: shape, expression, jaw and eyes that put FLAME's surface on ours."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.bounded import bounded_least_squares
from faceplate.reconstruct.correspondence import Correspondence, OtherHead, correspond
from faceplate.reconstruct.flame import FlameModel
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.morphable import HeadModel, rotation

_FARTHEST = 4.0  # standard deviations, what a coefficient may reach
_NOISE = 0.5  # mm, how far a vertex may be off before coefficients are asked for more than they like
_JAW = (np.array([-0.1, -0.3, -0.2]), np.array([0.7, 0.3, 0.2]))  # radians; it opens by a turn about x
_ROUNDS = 8
_NUDGE = 1e-4


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
    found = correspond(head, OtherHead(flame.template, skin, eyes))
    found.trust[left | right] = 0
    return found


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
    wanted, trust = meeting.on(neutral).astype(np.float64), _trust(meeting, face)
    count = len(flame.shapes)
    shape, turn, move = np.zeros(count), meeting.turn.T, np.zeros(3)
    root = flame.joint_regressor[0] @ flame.template
    move = (trust @ (wanted - (flame.template - root) @ turn.T)) / trust.sum() - root
    points = np.zeros_like(wanted)
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
        low = np.concatenate([np.full(count, -_FARTHEST), np.full(6, -np.inf)])
        step = _step(jacobian, wanted - points, trust, still, low, -low, _prior(count, 6))
        shape = shape + step[:count]
        turn, move = rotation(step[count : count + 3]) @ turn, move + step[count + 3 :]
    rest = flame.rest(shape)
    root = flame.joint_regressor[0] @ rest
    points = (rest - root) @ turn.T + root + move
    return FlameHead(shape.astype(np.float32), vector_of(turn), move, _rms(points - wanted, trust))


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
    trust = _trust(meeting, face)
    neutral = flame.rest(shaped.shape).astype(np.float64)
    count = len(flame.expressions)
    found, jaw = np.zeros(count), np.zeros(3)

    def moved(given: np.ndarray, turn: np.ndarray) -> NDArray[np.float64]:
        return flame.posed(flame_rest(given), {"jaw": turn}).astype(np.float64) - neutral

    def flame_rest(given: np.ndarray) -> NDArray[np.float32]:
        return (neutral + np.tensordot(given, flame.expressions, 1)).astype(np.float32)

    low = np.concatenate([np.full(count, -_FARTHEST), _JAW[0]])
    high = np.concatenate([np.full(count, _FARTHEST), _JAW[1]])
    for _ in range(_ROUNDS):
        here = moved(found, jaw)
        jacobian = np.zeros((len(neutral), 3, count + 3))
        carried = flame.carried(flame_rest(found), {"jaw": jaw})
        jacobian[:, :, :count] = np.einsum("vab,kvb->vak", carried, flame.expressions)
        for axis in range(3):
            nudged = moved(found, jaw + _NUDGE * np.eye(3)[axis])
            jacobian[:, :, count + axis] = (nudged - here) / _NUDGE
        state = np.concatenate([found, jaw])
        state = state + _step(jacobian, wanted - here, trust, state, low, high, _prior(count, 3))
        found, jaw = state[:count], state[count:]
    eyes = eye_turns(head, weights) if weights.any() else {}
    return FlameExpression(
        found.astype(np.float32),
        jaw,
        eyes.get("eye_left", np.zeros(3)),
        eyes.get("eye_right", np.zeros(3)),
        _rms(moved(found, jaw) - wanted, trust),
    )


def _trust(meeting: Correspondence, face: np.ndarray) -> NDArray[np.float64]:
    return (meeting.trust * meeting.on(face)).astype(np.float64)


def _prior(coefficients: int, others: int) -> NDArray[np.float64]:
    """What the square of each unknown costs, in mm^2 of a vertex."""
    return np.concatenate([np.full(coefficients, _NOISE**2), np.full(others, 1e-6)])


def _step(
    jacobian: np.ndarray,
    off: np.ndarray,
    trust: np.ndarray,
    state: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    prior: np.ndarray,
) -> NDArray[np.float64]:
    """The step that makes the weighted squares least, the state after it within its bounds."""
    rows, say = jacobian.reshape(-1, len(state)), np.repeat(trust, 3)
    weighted = rows * say[:, None]
    gram = weighted.T @ rows + np.diag(prior)
    # the unknown is the state after the step
    wanted = weighted.T @ (off.ravel() + rows @ state)
    return bounded_least_squares(gram, wanted, low, high) - state


def _rms(off: np.ndarray, trust: np.ndarray) -> float:
    return float(np.sqrt(trust @ (off**2).sum(1) / max(trust.sum(), 1e-9)))


def vector_of(turn: np.ndarray) -> NDArray[np.float64]:
    """The rotation vector (3,) of a rotation matrix (3, 3) of less than half a turn."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    sine, cosine = float(np.linalg.norm(axis)) / 2, (float(np.trace(turn)) - 1) / 2
    return axis / 2 * (np.arctan2(sine, cosine) / sine if sine > 1e-9 else 1.0)
