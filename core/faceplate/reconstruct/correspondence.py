"""Which spot of our head each vertex of another head is: heads whose meshes have nothing in common but being heads.

Our model is fitted to the other's surface, person and place, so that features lie on features; what is nearest then
belongs together.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.closest import Spots, Surface, along_edges
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of

_ROUNDS = 12
_EVERY = 3  # of the face's vertices, which the fit looks at
_REACH = (20.0, 4.0)  # mm, how far a vertex may be from the other surface, at first and at last
_OUTLIER = 3.0  # mm, from which on it counts less
_SLIDE = 0.1  # how much of a vertex' say it has along the surface
_PRIOR = 20.0  # what a standard deviation of identity costs, in mm^2
_EYES = 100.0  # how many vertices an eye's centre is worth
_FAR = 0.7  # mm between surfaces, on average, from where a fit is doubted
_NODS = (0.35, -0.35)  # radians
LIPS = (51, 57)
"""Of the 68 points: the middle of the upper and of the lower lip's outer rim."""

_AROUND = 50.0  # mm along the skin, how far from them lips are told apart
_APART = 12.0  # mm, by how much one of them is to be nearer than the other
_SURE, _LOST = 2.0, 8.0  # mm between surfaces, up to where trust is full and from where there is none


@dataclass(frozen=True)
class OtherHead:
    """Another head's mesh at rest, without expression, and what of it is known.

    `points` (V, 3) mm, x to the subject's left, y up, z out of the face; where it stands is found. `triangles` (F, 3)
    of its skin, outwards. `eyes` (2, 3): centres of the left and the right eyeball.
    """

    points: NDArray[np.float32]
    triangles: NDArray[np.int32]
    eyes: NDArray[np.float32]


@dataclass(frozen=True)
class Correspondence:
    """Where the vertices of another head lie on ours.

    `vertices` (V, 3) int and `weights` (V, 3), sum 1: corners of our mesh and their shares. `trust` (V,) 0-1, 0 where
    nothing of ours belongs to a vertex, and where it is not of the skin. `turn` (3, 3), `scale`, `move` (3,) mm: ours
    stands in the other's place as `scale * turn @ x + move`. `identity` (K,): who of ours it looks like.
    """

    vertices: NDArray[np.int32]
    weights: NDArray[np.float32]
    trust: NDArray[np.float32]
    turn: NDArray[np.float64]
    scale: float
    move: NDArray[np.float64]
    identity: NDArray[np.float32]

    def on(self, values: np.ndarray) -> np.ndarray:
        """(V, ...) values at the other's vertices, from values at ours (ours, ...)."""
        shares = self.weights.reshape(*self.weights.shape, *([1] * (values.ndim - 1)))
        return (values[self.vertices] * shares).sum(1)


def correspond(head: HeadModel, other: OtherHead) -> Correspondence:
    """Find where the vertices of another head lie on ours.

    Args:
        head: with joints `eye_left` and `eye_right`, the mask `face`, landmarks `68`; regions `face`, `skull`, `neck`
            and `mouth` as far as it has them.
        other: upright and facing along z, give or take 30 degrees.

    Raises:
        ShapeError: arrays of other sizes. RangeError: a head that meets ours nowhere.

    After: Amberg, Romdhani and Vetter, "Optimal Step Nonrigid ICP Algorithms for Surface Registration", CVPR 2007, with
    a statistical model in the place of their stiffness.
    """
    expect_shapes(points=(other.points, "V 3"), triangles=(other.triangles, "F 3"), eyes=(other.eyes, "2 3"))
    fit = _Fit(head, other)
    state = fit.settled(0.0)
    if fit.apart(state) > _FAR:
        # a head that nods lies nearer to another way of looking at it
        tries = [state, *(fit.settled(nod) for nod in _NODS)]
        state = min(tries, key=fit.apart)
    spots = _meet(head, other, fit.placed(state))
    trust = trust_in(spots, other.triangles)
    if (trust > 0).sum() < 100:
        raise RangeError(
            "The other head meets ours nowhere. It should be in millimetres, upright, and look along z."
        )
    return Correspondence(
        spots.vertices,
        spots.weights,
        trust,
        state.turn,
        state.scale,
        state.move,
        state.identity.astype(np.float32),
    )


def trust_in(spots: Spots, triangles: np.ndarray) -> NDArray[np.float32]:
    """(V,) 0-1, how sure it is that what was met belongs to each vertex.

    Full up to 2 mm between the surfaces, none from 8 mm on, and none for vertices that are not of the skin's
    `triangles` (F, 3).
    """
    trust = np.clip((_LOST - spots.distance) / (_LOST - _SURE), 0, 1).astype(np.float32)
    skin = np.zeros(len(trust), bool)
    skin[triangles] = True
    trust[~(spots.met & skin)] = 0
    return trust


@dataclass(frozen=True)
class _State:
    identity: NDArray[np.float64]
    turn: NDArray[np.float64]
    scale: float
    move: NDArray[np.float64]


class _Fit:
    """Our model moved onto the other's surface, a linear step at a time."""

    def __init__(self, head: HeadModel, other: OtherHead) -> None:
        self._head, self._other = head, other
        self._surface = Surface(other.points.astype(np.float32), other.triangles)
        face = head.mask("face") > 0.3
        used = np.zeros(len(head.mean), bool)
        used[head.quads[quads_of(head, ("face",))]] = True
        self._chosen = np.flatnonzero(face & used)[::_EVERY]
        self._balls = head.joint_regressor[[head.joint_names.index(f"eye_{s}") for s in ("left", "right")]]
        # (points, 3, K): how the chosen vertices, and the eyes' centres, move with identity
        basis = np.moveaxis(head.identity, 0, -1)
        self._moves = basis[self._chosen].astype(np.float64)
        self._eye_moves = np.tensordot(self._balls, basis, 1).astype(np.float64)

    def settled(self, nod: float) -> _State:
        """The fit that comes of starting with a head turned down by `nod` radians."""
        state = self.start(nod)
        for number in range(_ROUNDS):
            state = self.step(state, _REACH[1] + (_REACH[0] - _REACH[1]) * 0.7**number)
        return state

    def apart(self, state: _State) -> float:
        """mm, how far our face is from the other's surface, on average; what has nothing near counts as far."""
        points = self.placed(state)
        normals = vertex_normals(points, self._head.quads)[self._chosen]
        spots = self._surface.nearest(points[self._chosen], facing=normals, agree=0.5)
        return float(np.minimum(spots.distance, _REACH[0]).mean())

    def start(self, nod: float) -> _State:
        eyes = self._balls @ self._head.mean
        scale = float(
            np.linalg.norm(self._other.eyes[0] - self._other.eyes[1]) / np.linalg.norm(eyes[0] - eyes[1])
        )
        if not 0.2 < scale < 5:
            raise RangeError(
                f"The other head's eyes are {scale:.3g} times as far apart as a person's; it should be in millimetres."
            )
        turn = rotation(np.array([nod, 0.0, 0.0]))
        move = self._other.eyes.mean(0) - scale * turn @ eyes.mean(0)
        return _State(np.zeros(len(self._head.identity)), turn, scale, move.astype(np.float64))

    def placed(self, state: _State) -> NDArray[np.float64]:
        """(ours, 3) mm, our vertices in the other's place."""
        return state.scale * self._head.rest(state.identity).astype(np.float64) @ state.turn.T + state.move

    def step(self, state: _State, reach: float) -> _State:
        points = self.placed(state)
        normals = vertex_normals(points, self._head.quads)[self._chosen]
        mine = points[self._chosen]
        spots = self._surface.nearest(mine, facing=normals, agree=0.5)
        theirs = np.einsum("nc,ncx->nx", spots.weights, self._other.points[spots.vertices])
        off = (theirs - mine).astype(np.float64)
        say = np.where(spots.distance < reach, 1 / (1 + (spots.distance / _OUTLIER) ** 2), 0.0)
        jacobian = self._jacobian(state, mine, self._moves)
        across = np.einsum("nx,nxk->nk", spots.normals, jacobian)
        weighted = across * say[:, None]
        gram = weighted.T @ across
        wanted = weighted.T @ (spots.normals * off).sum(1)
        along, share = jacobian.reshape(-1, gram.shape[0]), np.repeat(say * _SLIDE**2, 3)
        gram += (along * share[:, None]).T @ along
        wanted += (along * share[:, None]).T @ off.ravel()
        centres = self._balls @ points
        eyes = self._jacobian(state, centres, self._eye_moves).reshape(6, -1)
        gram += _EYES * eyes.T @ eyes
        wanted += _EYES * eyes.T @ (self._other.eyes - centres).ravel()
        people = len(state.identity)
        gram[np.arange(people), np.arange(people)] += _PRIOR
        wanted[:people] -= _PRIOR * state.identity
        gram[np.arange(people, people + 7), np.arange(people, people + 7)] += 1e-9
        move = np.linalg.solve(gram, wanted)
        return _State(
            state.identity + move[:people],
            rotation(move[people : people + 3]) @ state.turn,
            state.scale * float(np.exp(move[-1])),
            state.move + move[people + 3 : people + 6],
        )

    def _jacobian(self, state: _State, points: np.ndarray, moves: np.ndarray) -> NDArray[np.float64]:
        """(N, 3, K + 7): identity, a turn about the head's own origin, a move, the scale's logarithm."""
        arms = points - state.move
        zero = np.zeros(len(points))
        x, y, z = arms.T
        turned = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(-1, 3, 3)
        by_identity = state.scale * np.einsum("ab,nbk->nak", state.turn, moves)
        still = np.broadcast_to(np.eye(3), (len(points), 3, 3))
        return np.concatenate([by_identity, turned, still, arms[:, :, None]], 2)


def _meet(head: HeadModel, other: OtherHead, placed: np.ndarray) -> Spots:
    """Each of the other's vertices on our skin, lower lips on lower lips."""
    triangles, _ = triangles_of(head.quads[quads_of(head, ("face", "skull", "neck", "mouth"))])
    lips = head.landmarks["68"].on(placed)[[*LIPS]]
    surface = Surface(placed.astype(np.float32), triangles, lip_sides(placed, triangles, lips))
    quads = np.column_stack([other.triangles, np.full(len(other.triangles), -1)])
    return surface.nearest(
        other.points,
        facing=vertex_normals(other.points, quads),
        labels=lip_sides(other.points, other.triangles, lips),
    )


def lip_sides(points: np.ndarray, triangles: np.ndarray, lips: np.ndarray) -> NDArray[np.int8]:
    """`sides` of a mouth; `lips` (2, 3) mm, the middle of the upper and of the lower lip's red."""
    return sides(points, triangles, lips, _AROUND, _APART)


def sides(
    points: np.ndarray, triangles: np.ndarray, middles: np.ndarray, around: float, apart: float
) -> NDArray[np.int8]:
    """(V,) -1 about the upper of two lips or lids, 1 about the lower one, 0 in their corners and elsewhere.

    Lips that touch are far apart over the skin: the way from one to the other leads round a corner of the mouth.

    Args:
        points: (V, 3) mm. triangles: (F, 3). middles: (2, 3) mm, of the upper and of the lower one.
        around: mm along the skin, how far from them. apart: mm, by how much one of them is to be nearer than the other.
    """
    used = np.unique(triangles)
    upper, lower = (
        along_edges(
            points, triangles, int(used[np.linalg.norm(points[used] - middle, axis=1).argmin()]), around
        )
        for middle in middles
    )
    near = np.minimum(upper, lower) < around
    upper, lower = np.minimum(upper, 2 * around), np.minimum(lower, 2 * around)
    return np.where(
        near & (upper - lower > apart), 1, np.where(near & (lower - upper > apart), -1, 0)
    ).astype(np.int8)


def quads_of(head: HeadModel, regions: Sequence[str]) -> NDArray[np.bool_]:
    """(F,) whether a face is of one of some regions; all of them where the head has none of those."""
    chosen = np.array([name in regions for name in head.region_names])[head.quad_region]
    return chosen if chosen.any() else np.ones(len(head.quads), bool)
