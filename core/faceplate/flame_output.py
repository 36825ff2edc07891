"""A reconstructed head in the coefficients of the user's own FLAME: fitted, and written beside the head."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.farm.store import publish
from faceplate.reconstruct.camera import CAMERA_FROM_FACING, HeadPose
from faceplate.reconstruct.flame import FlameModel, read_flame
from faceplate.reconstruct.flame_fit import (
    FlameExpression,
    FlameHead,
    fit_flame_expression,
    fit_flame_shape,
    meet_flame,
    vector_of,
)
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.pipeline import Reconstructed
from faceplate.registry.catalogue import manifest_named, read_weights
from faceplate_client.errors import OutputError, RequestError

TASK = "head.flame"

_METRES = 0.001


@dataclass(frozen=True)
class FlameCoefficients:
    """FLAME's parameters for N photos of one person, named as its authors' code names them.

    `betas` (S,), `expression` (N, E): standard deviations. `global_orient`, `neck_pose`, `jaw_pose`, `leye_pose`,
    `reye_pose`: (N, 3) rotation vectors, radians. `transl` (N, 3): metres. With all of them FLAME's mesh stands before
    the photo's camera: x to the right of the picture, y up, z towards the lens, the lens at the origin.

    `shape_off`: mm, how far FLAME's neutral surface is from ours in the face (RMS). `expression_off`: (N,) mm, the same
    of how far expressions move it.
    """

    betas: NDArray[np.float32]
    expression: NDArray[np.float32]
    global_orient: NDArray[np.float32]
    neck_pose: NDArray[np.float32]
    jaw_pose: NDArray[np.float32]
    leye_pose: NDArray[np.float32]
    reye_pose: NDArray[np.float32]
    transl: NDArray[np.float32]
    shape_off: float
    expression_off: tuple[float, ...]


def open_flame(words: str, *, policy: str = "") -> tuple[FlameModel, str]:
    """The user's FLAME by its id, and its name with its version.

    Raises:
        RequestError: a model that is no FLAME. ModelError: it is not here, not accepted, not allowed, damaged.
    """
    manifest = manifest_named(words)
    if manifest.task != TASK:
        raise RequestError(
            f"--flame {words} is a model for {manifest.task} and no FLAME. Import your own copy: "
            "`faceplate models import generic_model.pkl --like flame`."
        )
    return read_flame(read_weights(manifest, policy=policy)), manifest.name


def flame_coefficients(head: HeadModel, flame: FlameModel, made: Reconstructed) -> FlameCoefficients:
    """FLAME's coefficients for a reconstructed head and every photo it was made from.

    Raises:
        RangeError: a FLAME that our head meets nowhere.
    """
    meeting = meet_flame(head, flame)
    face = head.mask("face") if "face" in head.mask_names else np.ones(len(head.mean), np.float32)
    shaped = fit_flame_shape(flame, meeting, made.neutral, face)
    found = [
        fit_flame_expression(head, flame, meeting, shaped, head.with_correctives(expression), face)
        for expression in made.fit.expressions
    ]
    stood = [
        _before_camera(flame, shaped, each, pose) for each, pose in zip(found, made.fit.poses, strict=True)
    ]

    def rows(values: list[np.ndarray]) -> NDArray[np.float32]:
        return np.array(values, np.float32)

    return FlameCoefficients(
        betas=shaped.shape,
        expression=rows([each.weights for each in found]),
        global_orient=rows([turn for turn, _ in stood]),
        neck_pose=np.zeros((len(found), 3), np.float32),
        jaw_pose=rows([each.jaw for each in found]),
        leye_pose=rows([each.eye_left for each in found]),
        reye_pose=rows([each.eye_right for each in found]),
        transl=rows([move * _METRES for _, move in stood]),
        shape_off=shaped.off,
        expression_off=tuple(each.off for each in found),
    )


def _before_camera(
    flame: FlameModel, shaped: FlameHead, shown: FlameExpression, pose: HeadPose
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """FLAME's global rotation vector and its move in mm. Its root lies elsewhere when it has an expression."""
    neutral = flame.joint_regressor[0] @ flame.rest(shaped.shape)
    root = flame.joint_regressor[0] @ flame.rest(shaped.shape, shown.weights)
    own, seen = rotation(shaped.turn), rotation(pose.turn)
    turn = seen @ own
    in_head = neutral + shaped.move - own @ neutral
    return vector_of(turn), seen @ in_head + CAMERA_FROM_FACING.T @ pose.move + turn @ root - root


def coefficients_path(output: Path) -> Path:
    """Where the coefficients of a head lie: beside it."""
    return output.with_name(f"{output.stem}.flame.npz")


def write_flame_coefficients(path: Path, found: FlameCoefficients, model: str) -> None:
    """Write coefficients as .npz, whole or not at all; `model` is the name of the FLAME they are for.

    Raises:
        OutputError: the file cannot be written.
    """

    def write(to: Path) -> None:
        with to.open("wb") as file:
            np.savez_compressed(file, **{**vars(found), "flame": np.array(model)})

    publish(path, write, verify=_expect_coefficients)


def _expect_coefficients(path: Path) -> None:
    with np.load(path, allow_pickle=False) as held:
        if not len(held["betas"]):
            raise OutputError(f"{path} is not what was written; check the disk and try again")
