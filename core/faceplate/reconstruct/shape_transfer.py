"""Our shapes on a mesh of other topology that has none: what each of its vertices does when ours does something.

Vertices are met as in `correspondence.py`, and once more with our lids laid on the other's: space is bent so that the
rims of our lids lie on its rims, and our moves are bent with it. So what closes on our head closes there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.closest import Surface
from faceplate.reconstruct.correspondence import (
    LIPS,
    Correspondence,
    OtherHead,
    correspond,
    lip_sides,
    quads_of,
    sides,
    trust_in,
)
from faceplate.reconstruct.eye_opening import Eye, Opening, opening
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.poisson import edges_of, integrate

_SKIN = ("face", "skull", "neck", "mouth")
_SOCKETS = ("eye_socket_left", "eye_socket_right")
_SIDES = ("left", "right")

_BALL = 0.195  # of the distance between the eyes, a ball's radius where nobody says: people's are 12 mm wide of 62
_LIDS = (25.0, 15.0)  # mm about an eye: how far its lids are told apart, and by how much one is to be nearer
_BENT = (16.0, 34.0)  # mm from an eye's centre, up to which space is bent, and from where it is not
_FIRM = 20.0  # how much a vertex that was met counts against its neighbours
_FADES = 12.0  # mm over which moves fade where nothing was met
_CLEAR = 0.3  # mm that skin keeps from a ball
_STILL = 0.01  # mm below which a vertex does not move


@dataclass(frozen=True)
class CarriedShapes:
    """`moves` (K, V, 3) in the other's own unit, exactly 0 where a vertex stays.
    `trust` (V,) 0-1, where ours was found.
    `lids`: whether the openings of both eyes were found, without which blinks close only about.
    """

    moves: NDArray[np.float32]
    trust: NDArray[np.float32]
    lids: bool


def carry_shapes(
    head: HeadModel,
    other: OtherHead,
    moves: np.ndarray,
    *,
    radii: Sequence[float] | np.ndarray | None = None,
    on_shape: Callable[[], object] = lambda: None,
) -> CarriedShapes:
    """What shapes of our head do on another head's mesh.

    Args:
        head: as `correspond` wants it.
        other: in any unit; its eyes say how large it is. Vertices at the same place are taken for one.
        moves: (K, ours, 3) mm, what each shape does on our mesh at weight 1, for instance `head.expressions`.
        radii: of the left and the right ball, in the other's unit; by default as people's are.
        on_shape: told before each shape. It may raise to stop the work.

    Raises:
        ShapeError: arrays of other sizes. RangeError: a head that meets ours nowhere, eyes in one place.
    """
    expect_shapes({"ours": len(head.mean)}, moves=(moves, "K ours 3"))
    expect_shapes(points=(other.points, "V 3"), triangles=(other.triangles, "F 3"), eyes=(other.eyes, "2 3"))
    apart = float(np.linalg.norm(other.eyes[0] - other.eyes[1]))
    if not apart > 0:
        raise RangeError("The other head's eyes are both in one place.")
    balls = _joints(head, head.mean)
    unit = float(np.linalg.norm(balls[0] - balls[1])) / apart
    first, again = _welded(other.points)
    flat = again[other.triangles]
    real = (flat[:, 0] != flat[:, 1]) & (flat[:, 1] != flat[:, 2]) & (flat[:, 2] != flat[:, 0])
    whole = OtherHead(
        (other.points[first] * unit).astype(np.float32),
        flat[real].astype(np.int32),
        (other.eyes * unit).astype(np.float32),
    )
    sizes = np.asarray(radii, np.float64) * unit if radii is not None else np.full(2, _BALL * apart * unit)
    carried, trust, lids = _carry(head, whole, moves, sizes, on_shape)
    return CarriedShapes((carried / unit)[:, again].astype(np.float32), trust[again], lids)


def _carry(
    head: HeadModel, other: OtherHead, moves: np.ndarray, radii: np.ndarray, on_shape: Callable[[], object]
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    meeting = correspond(head, other)
    placed = (meeting.scale * head.rest(meeting.identity) @ meeting.turn.T + meeting.move).astype(np.float64)
    eyes = [
        Eye(other.eyes[k].astype(np.float64), float(radii[k]), _axes(head, placed, side))
        for k, side in enumerate(_SIDES)
    ]
    bends, pairs = [], []
    for k, side in enumerate(_SIDES):
        both = _openings(head, placed, other, eyes[k], side)
        if both is not None:
            bends.append(_Bend.between(both[0].rims, both[1].rims, eyes[k].centre))
            pairs.append(both)
    bent = _bent(placed, bends)
    meeting = _met_again(head, other, bent, pairs, meeting)
    edges = edges_of(other.triangles)
    long = float(np.linalg.norm(other.points[edges[:, 0]] - other.points[edges[:, 1]], axis=1).mean())
    firm = _FIRM * meeting.trust.astype(np.float64) ** 2
    loose = (long / _FADES) ** 2
    found = np.zeros((len(moves), len(other.points), 3), np.float32)
    for number, own in enumerate(moves):
        on_shape()
        ours = _bent(placed + meeting.scale * own @ meeting.turn.T, bends) - bent
        wanted = meeting.on(ours) * (firm / (firm + loose))[:, None]
        field = integrate(edges, None, wanted, held=np.zeros(len(firm), bool), pull=firm + loose)
        for eye in eyes if len(bends) == 2 else ():
            field = _off_ball(other.points, field, eye)
        field[np.linalg.norm(field, axis=1) < _STILL] = 0
        found[number] = field
    return found, meeting.trust, len(bends) == 2


def _welded(points: np.ndarray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(first vertex at each place, the place of each vertex (V,)); meshes cut along UV seams have two at one."""
    _, first, again = np.unique(
        np.asarray(points, np.float32), axis=0, return_index=True, return_inverse=True
    )
    return first, again.reshape(-1)


def _joints(head: HeadModel, points: np.ndarray) -> NDArray[np.float64]:
    """(2, 3) the centres of our balls."""
    rows = [head.joint_names.index(f"eye_{side}") for side in _SIDES]
    return (head.joint_regressor[rows] @ points).astype(np.float64)


def _rim(head: HeadModel, side: str) -> NDArray[np.int32]:
    """Our vertices between a lid's skin and what is behind it; empty where the head has no such regions."""
    if f"eye_socket_{side}" not in head.region_names or "face" not in head.region_names:
        return np.zeros(0, np.int32)
    face, socket = (head.quads[quads_of(head, (name,))] for name in ("face", f"eye_socket_{side}"))
    return np.intersect1d(face[face >= 0], socket[socket >= 0])


def _axes(head: HeadModel, placed: np.ndarray, side: str) -> NDArray[np.float64]:
    """(3, 3) rows: along the opening of an eye, up, out of it."""
    rim = _rim(head, side)
    if len(rim) < 3:
        return np.eye(3)
    own = placed[rim] - placed[rim].mean(0)
    _, _, rows = np.linalg.svd(own, full_matrices=False)
    along, out = rows[0] * np.sign(rows[0][0]), rows[2] * np.sign(rows[2][2])
    return np.stack([along, np.cross(out, along), out])


def _openings(
    head: HeadModel, placed: np.ndarray, other: OtherHead, eye: Eye, side: str
) -> tuple[Opening, Opening] | None:
    """What is seen between our lids and between the other's; None where either is shut or has none."""
    name = f"sclera_{side}"
    if not len(_rim(head, side)) or name not in head.region_names:
        return None
    ball = np.unique(head.quads[quads_of(head, (name,))])
    centre = _joints(head, placed)[_SIDES.index(side)]
    radius = float(np.median(np.linalg.norm(placed[ball[ball >= 0]] - centre, axis=1)))
    triangles, _ = triangles_of(head.quads[quads_of(head, (*_SKIN, *_SOCKETS))])
    mine = opening(placed, triangles, replace(eye, centre=centre, radius=radius))
    theirs = opening(other.points, other.triangles, eye)
    return None if mine is None or theirs is None else (mine, theirs)


@dataclass(frozen=True)
class _Bend:
    """A smooth map of space that takes some places to others and leaves what is far from a middle where it is.

    After: biharmonic interpolation, as in Bookstein, "Principal Warps", PAMI 1989, in three dimensions.
    """

    places: NDArray[np.float64]
    weights: NDArray[np.float64]
    middle: NDArray[np.float64]

    @classmethod
    def between(cls, places: np.ndarray, wanted: np.ndarray, middle: np.ndarray) -> "_Bend":
        count = len(places)
        far = np.linalg.norm(places[:, None] - places[None], axis=2)
        system = np.block(
            [[far + 0.05 * np.eye(count), np.ones((count, 1))], [np.ones((1, count)), np.zeros((1, 1))]]
        )
        weights = np.linalg.solve(system, np.vstack([wanted - places, np.zeros((1, 3))]))
        return cls(places, np.asarray(weights, np.float64), middle)

    def moves(self, points: np.ndarray) -> NDArray[np.float64]:
        """(N, 3) mm."""
        low, high = _BENT
        share = ((high - np.linalg.norm(points - self.middle, axis=1)) / (high - low)).clip(0, 1)
        near = np.flatnonzero(share > 0)
        found = np.zeros((len(points), 3))
        far = np.linalg.norm(points[near, None] - self.places[None], axis=2)
        soft = share[near] ** 2 * (3 - 2 * share[near])
        found[near] = (far @ self.weights[:-1] + self.weights[-1]) * soft[:, None]
        return found


def _bent(points: np.ndarray, bends: Sequence[_Bend]) -> NDArray[np.float64]:
    return points + sum((bend.moves(points) for bend in bends), np.zeros_like(points))


def _met_again(
    head: HeadModel,
    other: OtherHead,
    bent: np.ndarray,
    pairs: Sequence[tuple[Opening, Opening]],
    meeting: Correspondence,
) -> Correspondence:
    """The same meeting with our head bent, upper lids on upper lids."""
    triangles, _ = triangles_of(head.quads[quads_of(head, (*_SKIN, *_SOCKETS))])
    lips = head.landmarks["68"].on(bent)[[*LIPS]]
    ours, theirs = lip_sides(bent, triangles, lips), lip_sides(other.points, other.triangles, lips)
    for number, (_, seen) in enumerate(pairs, 2):
        for labels, points, faces in ((ours, bent, triangles), (theirs, other.points, other.triangles)):
            lids = sides(points, faces, seen.middles, *_LIDS)
            np.copyto(labels, number * lids, where=(labels == 0) & (lids != 0))
    quads = np.column_stack([other.triangles, np.full(len(other.triangles), -1)])
    spots = Surface(bent.astype(np.float32), triangles, ours).nearest(
        other.points, facing=vertex_normals(other.points, quads), labels=theirs
    )
    trust = trust_in(spots, other.triangles)
    return replace(meeting, vertices=spots.vertices, weights=spots.weights, trust=trust)


def _off_ball(points: np.ndarray, moves: np.ndarray, eye: Eye) -> NDArray[np.float64]:
    """The same moves, but that skin which was outside of a ball stays outside."""
    before, after = points - eye.centre, points + moves - eye.centre
    far, now = np.linalg.norm(before, axis=1), np.linalg.norm(after, axis=1)
    least = np.minimum(far, eye.radius + _CLEAR)
    pushed = (now < least) & (np.linalg.norm(moves, axis=1) > _STILL) & (now > 0.5 * eye.radius)
    scale = np.where(pushed, least / np.maximum(now, 1e-6), 1.0)
    return after * scale[:, None] - before
