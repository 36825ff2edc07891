"""FLAME 2020 and 2023 from the user's own copy: shape, expression and pose of its mesh, in millimetres.

After: Li, Bolkart, Black, Li and Romero, "Learning a model of facial shape and expression from 4D scans", SIGGRAPH Asia
2017; the order of its corrective shapes and joints is that of the authors' own code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError, ShapeError
from faceplate.reconstruct.morphable import rotation
from faceplate.reconstruct.packed_arrays import Unreadable, unpacked
from faceplate.reconstruct.plain_pickle import read_plain
from faceplate_client.errors import ModelError

JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
"""FLAME's joints in its own order; the root's rotation is the head's, `global_orient`."""

SHAPES = 300
"""How many of `shapedirs` are of shape; expressions follow."""

_MILLIMETRES = 1000.0
_ARRAYS = {
    "v_template": "V 3", "shapedirs": "V 3 K", "posedirs": "V 3 P", "J_regressor": "J V", "weights": "V J", "f": "F 3",
    "kintree_table": "2 J",
}  # fmt: skip
_WHOLE = ("f", "kintree_table")
_LARGEST = 1_000_000_000


@dataclass(frozen=True)
class FlameModel:
    """FLAME's arrays. Axes are those of `HeadModel`: x to the subject's left, y up, z out of the face.

    `template` (V, 3) mm. `shapes` (S, V, 3), `expressions` (E, V, 3) mm for one standard deviation. `pose_shapes`
    (36, V, 3) mm, for each entry of the rotation matrices of neck, jaw and eyes less the identity. `triangles` (F, 3).
    `joint_regressor` (5, V), `skin` (V, 5).
    """

    template: NDArray[np.float32]
    shapes: NDArray[np.float32]
    expressions: NDArray[np.float32]
    pose_shapes: NDArray[np.float32]
    triangles: NDArray[np.int32]
    joint_regressor: NDArray[np.float32]
    skin: NDArray[np.float32]

    def rest(
        self, shape: Sequence[float] | np.ndarray = (), expression: Sequence[float] | np.ndarray = ()
    ) -> NDArray[np.float32]:
        """(V, 3) mm before any joint turns; coefficients in standard deviations, those left out are 0."""
        points = self.template.copy()
        for name, given, basis in (
            ("shape", shape, self.shapes),
            ("expression", expression, self.expressions),
        ):
            given = np.asarray(given, np.float32)
            if given.ndim != 1 or len(given) > len(basis):
                raise RangeError(f"{name} should be at most {len(basis)} coefficients, got {given.shape}")
            points += np.tensordot(given, basis[: len(given)], 1).astype(np.float32)
        return points

    def posed(
        self, rest: np.ndarray, turns: Mapping[str, Sequence[float] | np.ndarray]
    ) -> NDArray[np.float32]:
        """Turn joints, with the corrective shapes that go with it, and carry the skin along.

        Args:
            rest: (V, 3) mm, from `rest`.
            turns: joint -> rotation vector (3,), radians; others do not turn.

        Raises:
            ShapeError, RangeError: points of another mesh; a joint that FLAME does not have.
        """
        points, matrices = self._bent(rest, turns)
        return (np.einsum("vab,vb->va", matrices[:, :, :3], points) + matrices[:, :, 3]).astype(np.float32)

    def carried(
        self, rest: np.ndarray, turns: Mapping[str, Sequence[float] | np.ndarray]
    ) -> NDArray[np.float64]:
        """(V, 3, 3): how `posed` turns a small move of each vertex of `rest`, the joints' own moves left out."""
        return self._bent(rest, turns)[1][:, :, :3]

    def _bent(
        self, rest: np.ndarray, turns: Mapping[str, Sequence[float] | np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        expect_shapes({"V": len(self.template)}, rest=(rest, "V 3"))
        for name in turns:
            if name not in JOINTS:
                raise RangeError(f"FLAME has no joint {name!r}; it has {', '.join(JOINTS)}.")
        own = [rotation(np.asarray(turns.get(name, np.zeros(3)))) for name in JOINTS]
        joints = self.joint_regressor @ rest
        bends = np.concatenate([(matrix - np.eye(3)).ravel() for matrix in own[1:]]).astype(np.float32)
        points = rest + np.tensordot(bends, self.pose_shapes, 1) if bends.any() else rest
        world = np.zeros((len(JOINTS), 3, 4))
        for joint, (turn, parent) in enumerate(zip(own, _PARENTS, strict=True)):
            local = np.column_stack([turn, joints[joint] - turn @ joints[joint]])
            if parent >= 0:
                outer = world[parent]
                local = np.column_stack([outer[:, :3] @ turn, outer[:, :3] @ local[:, 3] + outer[:, 3]])
            world[joint] = local
        blended = (self.skin.astype(np.float64) @ world.reshape(len(JOINTS), 12)).reshape(-1, 3, 4)
        return points, blended


_PARENTS = (-1, 0, 1, 1, 1)


def read_flame(source: Path | bytes) -> FlameModel:
    """Read FLAME: the authors' .pkl, of which nothing is run, or the .npz that `write_flame` made of it.

    Args:
        source: the file, or its bytes.

    Raises:
        ModelError: `model.missing`, there is no such file; `model.pickle`, a pickle that wants more than arrays;
            `model.damaged`, what is in it is not FLAME, with what was expected.
    """
    name = "this file" if isinstance(source, bytes) else str(source)
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{name} cannot be read: {error.strerror}. Check its path.", code="model.missing"
        ) from error
    held = _unpacked(content, name) if content.startswith(b"PK\x03\x04") else read_plain(content, name)
    return _model(_checked(held, name), name)


def write_flame(model: FlameModel, path: Path) -> None:
    """Write FLAME's arrays under its own names and in its own units as .npz, float32, without a pickle."""
    shapes = np.concatenate([model.shapes, model.expressions])
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            v_template=model.template / np.float32(_MILLIMETRES),
            shapedirs=np.moveaxis(shapes, 0, 2) / np.float32(_MILLIMETRES),
            posedirs=np.moveaxis(model.pose_shapes, 0, 2) / np.float32(_MILLIMETRES),
            J_regressor=model.joint_regressor,
            weights=model.skin,
            f=model.triangles,
            kintree_table=np.array([_PARENTS, range(len(_PARENTS))], np.int64),
        )


def _unpacked(content: bytes, name: str) -> dict[str, Any]:
    try:
        return unpacked(content, largest=_LARGEST)
    except Unreadable as error:
        raise _refused(name, str(error)) from error


def _checked(held: Mapping[str, Any], name: str) -> dict[str, np.ndarray]:
    """FLAME's arrays, of the sizes that belong together, finite."""
    sizes: dict[str, int] = {"J": len(JOINTS), "P": 9 * (len(JOINTS) - 1)}
    found = {}
    for key, pattern in _ARRAYS.items():
        array = held.get(key)
        if not isinstance(array, np.ndarray):
            raise _refused(name, f"has no array {key}")
        if (
            key == "posedirs" and array.ndim == 2
        ):  # as some converters leave it: a row for each vertex and axis
            array = array.reshape(-1, 3, array.shape[1])
        try:
            sizes |= expect_shapes(sizes, **{key: (array, pattern)})
        except ShapeError as error:
            raise _refused(name, f"does not fit together: {error}") from error
        found[key] = array.astype(np.int64 if key in _WHOLE else np.float32)
        if key not in _WHOLE and not np.isfinite(found[key]).all():
            raise _refused(name, f"has NaN or infinity in {key}")
    return found


def _model(arrays: dict[str, np.ndarray], name: str) -> FlameModel:
    template, triangles = arrays["v_template"], arrays["f"]
    if not 0 <= triangles.min() <= triangles.max() < len(template):
        raise _refused(name, "has faces of vertices that are not there")
    # the root's own parent is written as 2 ** 32 - 1, or as -1
    if tuple(arrays["kintree_table"][0, 1:]) != _PARENTS[1:]:
        raise _refused(name, f"has joints that hang on {arrays['kintree_table'][0].tolist()}")
    if arrays["shapedirs"].shape[2] <= SHAPES:
        raise _refused(name, f"has {arrays['shapedirs'].shape[2]} shapes and no expressions")
    basis = np.moveaxis(arrays["shapedirs"], 2, 0) * np.float32(_MILLIMETRES)
    return FlameModel(
        template=template * np.float32(_MILLIMETRES),
        shapes=np.ascontiguousarray(basis[:SHAPES]),
        expressions=np.ascontiguousarray(basis[SHAPES:]),
        pose_shapes=np.ascontiguousarray(np.moveaxis(arrays["posedirs"], 2, 0)) * np.float32(_MILLIMETRES),
        triangles=triangles.astype(np.int32),
        joint_regressor=arrays["J_regressor"],
        skin=arrays["weights"],
    )


def _refused(name: str, what: str) -> ModelError:
    return ModelError(
        f"{name} {what}; FLAME 2020 or 2023 was expected: generic_model.pkl, flame2023.pkl, or what "
        "`faceplate models import` made of them.",
        code="model.damaged",
    )
