"""A head that can be anybody: coefficients in, vertices in millimetres out.

One format for several heads (docs/heads.md): our own, ICT-FaceKit, FLAME. A head is a mean, linear identity and
expression bases, and joints that turn. x points to the subject's left, y up, z out of the face.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError

POSE_NAMES = (
    *(f"head_rotate_{axis}" for axis in "xyz"),
    *(f"head_move_{axis}" for axis in "xyz"),
    *(f"neck_rotate_{axis}" for axis in "xyz"),
    *(f"jaw_rotate_{axis}" for axis in "xyz"),
    *(f"eye_left_rotate_{axis}" for axis in "xyz"),
    *(f"eye_right_rotate_{axis}" for axis in "xyz"),
    "camera_focal",
    "camera_centre_x",
    "camera_centre_y",
)
"""What a pose holds: rotation vectors in radians, the head's place in mm, the camera in pixels."""

ROLES = ("arkit", "extra", "viseme", "corrective")
"""arkit: one of the 52 names of ARKit. extra: independent of those. viseme: a mix of arkit shapes under one name.
corrective: follows from two others, see `HeadModel.with_correctives`."""


@dataclass(frozen=True)
class Embedding:
    """Points on a mesh: point n is the mean of `vertices[n]` (N, 3) int, weighted by `weights[n]` (N, 3), sum 1."""

    vertices: NDArray[np.int32]
    weights: NDArray[np.float32]

    def on(self, values: np.ndarray) -> np.ndarray:
        """(N, ...) the points' values, from values of every vertex (V, ...), for instance their places (V, 3)."""
        picked = values[self.vertices]
        return (picked * self.weights.reshape(*self.weights.shape, *([1] * (values.ndim - 1)))).sum(1)


@dataclass(frozen=True)
class HeadModel:
    """A statistical head; every array is described in docs/heads.md and was checked by `read_head`.

    `mean` (V, 3) mm. `identity` (K, V, 3) mm for one standard deviation. `expressions` (E, V, 3) mm at weight 1, named
    and with a role each; `drivers` (E, 2) int, the two expressions a corrective follows from, -1 for all others.
    `quads`, `quad_uv` (F, 4) int, -1 as the fourth corner of a triangle; `uv` (T, 2) 0-1 in one tile, v up, `udim`
    (T, 2) the same over several. `quad_region` (F,) int into `region_names`. `masks` (M, V) 0-1. `mirror` (V,) the
    vertex on the other side. `joint_regressor` (J, V) gives joints from vertices at rest; `joint_parents` (J,), the
    first is -1; `skin` (V, J), rows sum to 1.
    """

    id: str
    licence: str
    credit: str
    mean: NDArray[np.float32]
    identity: NDArray[np.float32]
    expressions: NDArray[np.float32]
    expression_names: tuple[str, ...]
    expression_roles: tuple[str, ...]
    drivers: NDArray[np.int32]
    quads: NDArray[np.int32]
    uv: NDArray[np.float32]
    udim: NDArray[np.float32]
    quad_uv: NDArray[np.int32]
    region_names: tuple[str, ...]
    quad_region: NDArray[np.int32]
    mask_names: tuple[str, ...]
    masks: NDArray[np.float32]
    mirror: NDArray[np.int32]
    landmarks: Mapping[str, Embedding]
    joint_names: tuple[str, ...]
    joint_parents: NDArray[np.int32]
    joint_regressor: NDArray[np.float32]
    skin: NDArray[np.float32]

    @cached_property
    def triangles(self) -> NDArray[np.int32]:
        """(N, 3), every quad as two triangles, in the order of the quads."""
        return triangles_of(self.quads)[0]

    @cached_property
    def fitted(self) -> NDArray[np.bool_]:
        """(E,), the expressions that a fit may move: the independent ones."""
        return np.array([role in ("arkit", "extra") for role in self.expression_roles])

    @cached_property
    def arkit(self) -> NDArray[np.int64]:
        """(A,), where the expressions with ARKit's names are, in this head's order."""
        return np.flatnonzero([role == "arkit" for role in self.expression_roles])

    def mask(self, name: str) -> NDArray[np.float32]:
        """(V,) 0-1, one of the soft selections by name."""
        return self.masks[_place(self.mask_names, name, "mask")]

    def weights(self, named: Mapping[str, float]) -> NDArray[np.float32]:
        """(E,) expression weights from names; those not named are 0.

        Raises:
            RangeError: a name that this head does not have.
        """
        weights = np.zeros(len(self.expression_names), np.float32)
        for name, weight in named.items():
            weights[_place(self.expression_names, name, "expression")] = weight
        return weights

    def with_correctives(self, expression: np.ndarray) -> NDArray[np.float32]:
        """(E,) the weights with every corrective set to what its two drivers ask for.

        Two different drivers ask for their product: shapes that are wrong when both are on. A driver named twice asks
        for 4 w (1 - w), 1 in the middle: shapes that bend a straight way into an arc.
        """
        expression = np.array(expression, np.float32)
        held = np.clip(expression, 0, 1)
        for place in np.flatnonzero(self.drivers[:, 0] >= 0):
            a, b = self.drivers[place]
            expression[place] = 4 * held[a] * (1 - held[a]) if a == b else held[a] * held[b]
        return expression

    def rest(
        self, identity: Sequence[float] | np.ndarray = (), expression: Sequence[float] | np.ndarray = ()
    ) -> NDArray[np.float32]:
        """(V, 3) mm, before any joint turns.

        Args:
            identity: up to K coefficients in standard deviations; those left out are 0.
            expression: up to E weights, 0-1 by custom; none is clipped, and correctives are taken as they are given.

        Raises:
            RangeError: more coefficients than there are components.
        """
        points = self.mean.copy()
        for name, given, basis in (
            ("identity", identity, self.identity),
            ("expression", expression, self.expressions),
        ):
            given = np.asarray(given, np.float32)
            if given.ndim != 1 or len(given) > len(basis):
                raise RangeError(
                    f"{name} should be at most {len(basis)} coefficients of {self.id}, got {given.shape}"
                )
            used = np.flatnonzero(given)
            if len(used):
                points += np.tensordot(given[used], basis[used], 1)
        return points

    def joints(self, rest: np.ndarray) -> NDArray[np.float32]:
        """(J, 3) mm, where the joints of a head at rest (V, 3) lie. Give it a head without expression."""
        return self.joint_regressor @ rest

    def posed(
        self, rest: np.ndarray, joints: np.ndarray, turns: Mapping[str, Sequence[float] | np.ndarray]
    ) -> NDArray[np.float32]:
        """Turn joints, and carry the skin along (linear blend skinning).

        Args:
            rest: (V, 3) mm. joints: (J, 3) mm, from `joints`.
            turns: joint name -> rotation vector (3,), radians, about the axes of the head; others do not turn.

        Raises:
            ShapeError, RangeError: arrays of other sizes; a joint that this head does not have.
        """
        expect_shapes(
            {"V": len(self.mean), "J": len(self.joint_names)}, rest=(rest, "V 3"), joints=(joints, "J 3")
        )
        turned = {_place(self.joint_names, name, "joint"): np.asarray(turn) for name, turn in turns.items()}
        world = np.zeros((len(joints), 3, 4))
        for joint, parent in enumerate(self.joint_parents):
            turn = rotation(turned.get(joint, np.zeros(3)))
            own = np.column_stack([turn, joints[joint] - turn @ joints[joint]])
            world[joint] = own if parent < 0 else _chained(world[parent], own)
        # shares rounded to float16 no longer sum to 1, which far from the origin would show
        share = self.skin / self.skin.sum(1, keepdims=True)
        blended = (share @ world.reshape(len(joints), 12).astype(np.float32)).reshape(-1, 3, 4)
        return np.einsum("vab,vb->va", blended[:, :, :3], rest).astype(np.float32) + blended[:, :, 3]


def rotation(vector: np.ndarray) -> NDArray[np.float64]:
    """(3, 3) rotation from a rotation vector (3,) in radians. After: Rodrigues."""
    vector = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(vector))
    cross = np.array(
        [[0, -vector[2], vector[1]], [vector[2], 0, -vector[0]], [-vector[1], vector[0], 0]], np.float64
    )
    if angle < 1e-8:
        return np.eye(3) + cross
    return np.eye(3) + np.sin(angle) / angle * cross + (1 - np.cos(angle)) / angle**2 * (cross @ cross)


def quaternion(vector: np.ndarray) -> NDArray[np.float64]:
    """(4,) unit quaternion (x, y, z, w), w at least 0, from a rotation vector (3,) of at most pi radians."""
    vector = np.asarray(vector, np.float64)
    half = float(np.linalg.norm(vector)) / 2
    # numpy's sinc is sin(pi x) / (pi x), which is 1 where nothing turns
    return np.append(vector * np.sinc(half / np.pi) / 2, np.cos(half))


def triangles_of(quads: np.ndarray) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Quads (F, 4), -1 where one is a triangle, as triangles (N, 3), and the quad each came from (N,)."""
    split = np.stack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]], 1).reshape(-1, 3)
    real = split.min(1) >= 0
    owner = np.repeat(np.arange(len(quads), dtype=np.int32), 2)
    return split[real].astype(np.int32), owner[real]


def _chained(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """(3, 4) affine maps: first `inner`, then `outer`."""
    return np.column_stack([outer[:, :3] @ inner[:, :3], outer[:, :3] @ inner[:, 3] + outer[:, 3]])


def _place(names: tuple[str, ...], name: str, what: str) -> int:
    if name not in names:
        raise RangeError(f"This head has no {what} {name!r}; it has {', '.join(names)}.")
    return names.index(name)
