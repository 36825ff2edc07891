"""Expressions of ours on another head's rig: weights of its keys and a turn of its jaw, by bounded least squares."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.bounded import bounded_least_squares
from faceplate.reconstruct.correspondence import Correspondence, OtherHead
from faceplate.reconstruct.morphable import HeadModel, rotation

JAW = (np.array([-0.1, -0.3, -0.2]), np.array([0.7, 0.3, 0.2]))
"""Radians that a jaw may turn about x, y and z; about x it opens."""

_NOISE = 0.5  # mm, how far a vertex may be off before weights are asked for more than they like
_ROUNDS = 8
_SETTLED = 1e-4
_NUDGE = 1e-4
_HEARD = 1e-3  # trust below which a vertex has no say and is left out


@dataclass(frozen=True)
class Jaw:
    """A joint that opens a mouth. `place` (3,) mm. `share` (V,) 0-1, how far each vertex follows. `bends` (9, V, 3) mm,
    or None: what each entry of the turn's matrix less the identity adds, before the turn.
    """

    place: NDArray[np.float32]
    share: NDArray[np.float32]
    bends: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class OtherRig:
    """Another head that can move: `head` at rest, `keys` (K, V, 3) mm at weight 1, and how far they may go, `low` and
    `high` (K,); `jaw`, or None where keys alone open the mouth.
    """

    head: OtherHead
    keys: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    jaw: Jaw | None = None

    def moved(self, weights: np.ndarray, turn: np.ndarray) -> NDArray[np.float64]:
        """(V, 3) mm, how far each vertex is from rest; `turn` (3,) is the jaw's rotation vector, radians."""
        moves = np.tensordot(weights, self.keys, 1).astype(np.float64)
        if self.jaw is None:
            return moves
        turned = rotation(turn) - np.eye(3)
        if self.jaw.bends is not None:
            moves = moves + np.tensordot(turned.ravel(), self.jaw.bends, 1)
        arms = self.head.points + moves - self.jaw.place
        return moves + self.jaw.share[:, None] * (arms @ turned.T)

    def carried(self, turn: np.ndarray) -> NDArray[np.float64]:
        """(V, 3, 3): how the jaw's turn turns what a key moves."""
        if self.jaw is None:
            return np.broadcast_to(np.eye(3), (len(self.head.points), 3, 3))
        return np.eye(3) + self.jaw.share[:, None, None] * (rotation(turn) - np.eye(3))


@dataclass(frozen=True)
class RigPose:
    """What a rig shows: `weights` (K,) of its keys, `jaw` (3,) rotation vector in radians, 0 without a jaw; `off`: mm,
    RMS of how far the trusted vertices move otherwise than ours.
    """

    weights: NDArray[np.float32]
    jaw: NDArray[np.float64]
    off: float


def fit_rig(
    head: HeadModel, rig: OtherRig, meeting: Correspondence, expression: np.ndarray, face: np.ndarray
) -> RigPose:
    """The pose of a rig that moves its skin as an expression moves ours.

    Args:
        meeting: of `rig.head`, from `correspondence.correspond`.
        expression: (E,) weights of ours, correctives included. face: (ours,) 0-1, how much each vertex of ours matters.

    Raises:
        ShapeError: arrays of other sizes.
    """
    sizes = expect_shapes(points=(rig.head.points, "V 3"), keys=(rig.keys, "K V 3"))
    expect_shapes(sizes, low=(rig.low, "K"), high=(rig.high, "K"))
    moves = np.tensordot(np.asarray(expression, np.float32), head.expressions, 1)
    wanted = meeting.scale * meeting.on(moves) @ meeting.turn.T
    trust = trusted(meeting, face)
    return fit_moves(
        wanted,
        trust,
        rig.keys,
        rig.low,
        rig.high,
        rig.moved,
        lambda _, turn: rig.carried(turn),
        rig.jaw is not None,
    )


def trusted(meeting: Correspondence, face: np.ndarray) -> NDArray[np.float64]:
    """(V,) how much each of the other's vertices has to say: met by ours, and of the face."""
    return (meeting.trust * meeting.on(face)).astype(np.float64)


def fit_moves(
    wanted: np.ndarray,
    trust: np.ndarray,
    keys: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    moved: Callable[[np.ndarray, np.ndarray], np.ndarray],
    carried: Callable[[np.ndarray, np.ndarray], np.ndarray],
    jaw: bool,
) -> RigPose:
    """Weights and a turn of the jaw whose moves are those wanted, after Gauss and Newton.

    Args:
        wanted: (V, 3) mm. trust: (V,). keys: (K, V, 3) mm. low, high: (K,).
        moved: weights (K,) and turn (3,) -> (V, 3) mm. carried: of the same, (V, 3, 3), how keys are turned.
        jaw: whether it may turn, within `JAW`.
    """
    heard = np.flatnonzero(trust > _HEARD)
    own, say, count = keys[:, heard], np.repeat(trust[heard], 3), len(keys)
    free = count + (3 if jaw else 0)
    low, high = np.append(low, JAW[0])[:free], np.append(high, JAW[1])[:free]
    prior = np.append(np.full(count, _NOISE**2), np.full(3, 1e-6))[:free]
    state = np.clip(np.zeros(free), low, high)

    def parts(state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return state[:count], np.append(state[count:], np.zeros(3))[:3]

    for _ in range(_ROUNDS):
        weights, turn = parts(state)
        here = moved(weights, turn)[heard]
        rows = np.zeros((len(heard), 3, free))
        rows[:, :, :count] = np.einsum("vab,kvb->vak", carried(weights, turn)[heard], own)
        for axis in range(free - count):
            nudged = moved(weights, turn + _NUDGE * np.eye(3)[axis])[heard]
            rows[:, :, count + axis] = (nudged - here) / _NUDGE
        step = bounded_step(rows, wanted[heard] - here, say, state, low, high, prior)
        state = state + step
        if np.abs(step).max(initial=0) < _SETTLED:
            break
    weights, turn = parts(state)
    return RigPose(weights.astype(np.float32), turn, rms(moved(weights, turn) - wanted, trust))


def bounded_step(
    jacobian: np.ndarray,
    off: np.ndarray,
    say: np.ndarray,
    state: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    prior: np.ndarray,
) -> NDArray[np.float64]:
    """The step that makes the weighted squares least, the state after it within its bounds.

    Args:
        jacobian: (V, 3, K). off: (V, 3), what is left. say: (3 V,). state, low, high: (K,).
        prior: (K,), what the square of each unknown costs.
    """
    rows = jacobian.reshape(-1, len(state))
    weighted = rows * say[:, None]
    gram = weighted.T @ rows + np.diag(prior)
    # the unknown is the state after the step
    return bounded_least_squares(gram, weighted.T @ (off.ravel() + rows @ state), low, high) - state


def rms(off: np.ndarray, trust: np.ndarray) -> float:
    """Root mean square length of (V, 3) vectors, weighted by (V,)."""
    return float(np.sqrt(trust @ (off**2).sum(1) / max(trust.sum(), 1e-9)))
