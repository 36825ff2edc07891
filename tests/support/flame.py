"""A head in FLAME's format that is not FLAME: its mesh, and shapes that ours has, carried over.

The mesh is read where it lies beside the checkout and is never written into it. What FLAME's authors learned, shapes,
expressions, weights and corrective shapes, is not in it; those of the rig are our own head's, in another basis.
"""

import pickle
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.closest import Surface
from faceplate.reconstruct.correspondence import Correspondence, OtherHead, correspond
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of

OPEN = 0.35
"""Radians that the rig's jaw turns where ours has `jawOpen` at 1."""

_OURS = ("root", "neck", "head", "jaw", "eye_left", "eye_right")


def topology(shared: Path) -> dict[str, NDArray[Any]]:
    with np.load(shared / "flame_topology" / "flame_topology.npz", allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def points_of(mesh: dict[str, NDArray[Any]], points: np.ndarray) -> NDArray[np.float64]:
    """(68, 3) where the authors of FLAME see the 68 points, on vertices (V, 3)."""
    corners = mesh["triangles"][mesh["lmk_full_lmk_faces_idx"][0]]
    return (points[corners] * mesh["lmk_full_lmk_bary_coords"][0][..., None]).sum(1)


def meet(head: HeadModel, mesh: dict[str, NDArray[Any]]) -> Correspondence:
    """Ours on FLAME's mesh."""
    points = (mesh["v_template_m"] * 1000).astype(np.float32)
    balls = [mesh["mask_left_eyeball"], mesh["mask_right_eyeball"]]
    rigid = np.zeros(len(points), bool)
    rigid[np.concatenate(balls)] = True
    skin = mesh["triangles"][~rigid[mesh["triangles"]].any(1)]
    return correspond(head, OtherHead(points, skin, np.stack([points[ball].mean(0) for ball in balls])))


def meet_by_points(head: HeadModel, mesh: dict[str, NDArray[Any]]) -> Correspondence:
    """Ours on FLAME's mesh so that nose, eyes and lips lie exactly where FLAME's authors have their 41 points.

    A smooth warp (biharmonic, fading away from the face) of where `meet` puts us, then the nearest spots: what somebody
    else who knows those points might have taken for the same spots.
    """
    found = meet(head, mesh)
    points = (mesh["v_template_m"] * 1000).astype(np.float32)
    placed = found.scale * head.rest(found.identity) @ found.turn.T + found.move
    ours, theirs = head.landmarks["68"].on(placed)[27:], points_of(mesh, points)[27:]

    def far(a: np.ndarray, b: np.ndarray) -> NDArray[np.float64]:
        return np.linalg.norm(a[:, None] - b[None], axis=2).astype(np.float64)

    count, plain = len(ours), np.column_stack([np.ones(len(ours)), ours])
    system = np.block([[far(ours, ours) + 1e-3 * np.eye(count), plain], [plain.T, np.zeros((4, 4))]])
    solved = np.linalg.solve(system, np.vstack([theirs - ours, np.zeros((4, 3))]))
    moves = (
        far(placed, ours) @ solved[:count] + np.column_stack([np.ones(len(placed)), placed]) @ solved[count:]
    )
    fading = 1 / (1 + (np.linalg.norm(placed - ours.mean(0), axis=1) / 90) ** 6)
    warped = (placed + moves * fading[:, None]).astype(np.float32)
    skin = np.isin(
        head.quad_region, [head.region_names.index(name) for name in ("face", "skull", "neck", "mouth")]
    )
    triangles, _ = triangles_of(head.quads[skin])
    quads = np.column_stack([mesh["triangles"], np.full(len(mesh["triangles"]), -1)])
    # a lip is a lip as `meet` knows it: its vertices may go anywhere that moves as they do when the mouth opens
    jaw = np.abs(head.expressions[head.expression_names.index("jawOpen"), :, 1])
    low, high = 4.0, 12.0
    labels = np.where(jaw > high, 1, np.where(jaw < low, -1, 0)).astype(np.int8)
    own = found.on(jaw)
    spots = Surface(warped, triangles, labels).nearest(
        points,
        facing=vertex_normals(points, quads),
        labels=np.where(own > high, 1, np.where(own < low, -1, 0)).astype(np.int8),
    )
    return replace(
        found, vertices=spots.vertices, weights=spots.weights, trust=np.where(spots.met, found.trust, 0)
    )


def make_rig(
    head: HeadModel, mesh: dict[str, NDArray[Any]], seed: int = 0, meeting: Correspondence | None = None
) -> dict[str, NDArray[Any]]:
    """FLAME's arrays by its own names, in metres, as float64: 300 shapes, 100 expressions, joints, weights.

    Jaws open by their joint, as FLAME's do: what a turn of the jaw does is taken out of our expressions, and what is
    left is the rig's expressions, mixed.
    """
    random = np.random.default_rng(seed)
    meeting = meeting or meet(head, mesh)
    points = mesh["v_template_m"].astype(np.float64) * 1000
    balls = [mesh["mask_left_eyeball"], mesh["mask_right_eyeball"]]
    skin = _skin(head, meeting, balls)
    joints = _joints(head, meeting, points, balls)
    regressor = np.stack([_regressed(points, place, random) for place in joints])
    for row, ball in zip(regressor[3:], balls, strict=True):
        row[:] = 0
        row[ball] = 1 / len(ball)

    def carried(moves: np.ndarray) -> NDArray[np.float64]:
        """(K, V, 3) in the mesh's own place, from (K, ours, 3)."""
        ours = np.moveaxis(meeting.on(np.moveaxis(moves, 0, -1)), -1, 0).astype(np.float64)
        ours = meeting.scale * ours @ meeting.turn.T * meeting.trust[:, None]
        eyes = np.einsum("jv,kvx->kjx", head.joint_regressor[4:6], moves) @ meeting.turn.T * meeting.scale
        for side, ball in enumerate(balls):
            ours[:, ball] = eyes[:, side, None]
        return ours

    shapes = _mixed(carried(head.identity), random)
    faces = head.expressions[head.fitted].astype(np.float64)
    moves = carried(faces)
    for ball in balls:
        moves[:, ball] = 0
    opened = [name for name, fitted in zip(head.expression_names, head.fitted, strict=True) if fitted]
    turn = rotation(np.array([OPEN, 0, 0]))
    moves[opened.index("jawOpen")] -= ((points - joints[2]) @ (turn - np.eye(3)).T) * skin[:, 2:3]
    left, size, basis = np.linalg.svd(moves.reshape(len(moves), -1), full_matrices=False)
    basis = (basis * size[:, None] / np.sqrt(len(moves)) * 2).reshape(moves.shape)
    del left
    directions = np.zeros((len(points), 3, 400))
    directions[:, :, : len(shapes)] = np.moveaxis(shapes, 0, -1)
    directions[:, :, 300 : 300 + len(basis)] = np.moveaxis(basis, 0, -1)
    bends = np.zeros((len(points), 3, 36))
    bends[:, 2, 9 + 4] = -2.0 * skin[:, 2]  # a jaw that opens goes back by up to 2 mm times 1 - cos
    return {
        "v_template": points / 1000,
        "shapedirs": directions / 1000,
        "posedirs": bends / 1000,
        "J_regressor": regressor,
        "weights": skin,
        "f": mesh["triangles"].astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }


def _skin(head: HeadModel, meeting: Correspondence, balls: list[np.ndarray]) -> NDArray[np.float64]:
    ours = {name: meeting.on(head.skin[:, head.joint_names.index(name)]) for name in _OURS}
    jaw = ours["jaw"] * meeting.trust
    neck = np.clip(ours["head"] + ours["eye_left"] + ours["eye_right"], 0, 1)
    skin = np.stack([1 - np.clip(neck + jaw, 0, 1), np.clip(neck, 0, 1 - jaw), jaw, 0 * jaw, 0 * jaw], 1)
    for joint, ball in enumerate(balls, 3):
        skin[ball] = np.eye(5)[joint]
    return (skin / skin.sum(1, keepdims=True)).astype(np.float64)


def _joints(
    head: HeadModel, meeting: Correspondence, points: np.ndarray, balls: list[np.ndarray]
) -> NDArray[np.float64]:
    ours = head.joints(head.rest(meeting.identity)).astype(np.float64)
    placed = meeting.scale * ours @ meeting.turn.T + meeting.move
    named = dict(zip(head.joint_names, placed, strict=True))
    return np.stack([named["root"], named["neck"], named["jaw"], *(points[ball].mean(0) for ball in balls)])


def _regressed(points: np.ndarray, place: np.ndarray, random: np.random.Generator) -> NDArray[np.float64]:
    """(V,) weights of some vertices, sum 1, that give a place: the shortest such."""
    some = random.choice(len(points), 200, replace=False)
    system = np.vstack([points[some].T, np.ones(len(some))])
    row = np.zeros(len(points))
    row[some] = np.linalg.lstsq(system, np.append(place, 1), rcond=None)[0]
    return row


def _mixed(basis: np.ndarray, random: np.random.Generator) -> NDArray[np.float64]:
    """The same space and the same statistics in another basis."""
    turn, _ = np.linalg.qr(random.normal(size=(len(basis), len(basis))))
    return np.tensordot(turn, basis, 1)


class Ch:
    """What chumpy's arrays look like to a pickle: an object of that name with its array in `x`."""

    def __init__(self, x: np.ndarray) -> None:
        self.x = x
        self._dirty_vars = {"x"}


class csc_matrix:
    """What scipy's sparse matrices, compressed by columns, look like to a pickle."""

    def __init__(self, matrix: np.ndarray) -> None:
        columns = [np.flatnonzero(column) for column in matrix.T]
        self._shape = matrix.shape
        self.indptr = np.cumsum([0, *map(len, columns)]).astype(np.int32)
        self.indices = np.concatenate(columns).astype(np.int32)
        self.data = matrix.T[matrix.T != 0]


def pickled(rig: dict[str, NDArray[Any]], protocol: int) -> bytes:
    """A rig as FLAME comes: a pickled dict of arrays of chumpy, of numpy and of a sparse matrix."""
    held = dict(rig) | {name: Ch(rig[name]) for name in ("v_template", "shapedirs", "posedirs", "weights")}
    held |= {"J_regressor": csc_matrix(rig["J_regressor"]), "bs_style": "lbs"}
    homes = {"chumpy.ch": Ch, "scipy.sparse.csc": csc_matrix}
    names = ("chumpy", "scipy", "scipy.sparse", *homes)
    before = {name: sys.modules.get(name) for name in names}
    try:
        sys.modules |= {name: types.ModuleType(name) for name in names}
        for name, kind in homes.items():
            setattr(sys.modules[name], kind.__name__, kind)
            kind.__module__ = name
        return pickle.dumps(held, protocol)
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def small_rig(seed: int = 0) -> dict[str, NDArray[Any]]:
    """FLAME's arrays over 80 vertices and a few shapes: for what needs the form and no face."""
    random = np.random.default_rng(seed)
    skin = random.dirichlet(np.ones(5), 80)
    return {
        "v_template": random.normal(size=(80, 3)) * 0.1,
        "shapedirs": random.normal(size=(80, 3, 310)) * 0.001,
        "posedirs": random.normal(size=(80, 3, 36)) * 0.001,
        "J_regressor": random.dirichlet(np.ones(80) * 0.05, 5),
        "weights": skin,
        "f": random.integers(0, 80, (120, 3)).astype(np.uint32),
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], range(5)], np.uint32),
    }
