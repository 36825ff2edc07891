"""A reconstructed head in the coefficients of the user's own FLAME: fitted, and written beside the head."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

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
from faceplate.reconstruct.performance import Performance
from faceplate.reconstruct.pipeline import Reconstructed
from faceplate.registry.catalogue import manifest_named, read_weights
from faceplate_client.errors import OutputError, RequestError

TASK = "head.flame"

_METRES = 0.001


@dataclass(frozen=True)
class FlameCoefficients:
    """FLAME's parameters for N photos of one person, or N frames of a clip, named as its authors' code names them.

    `betas` (S,), `expression` (N, E): standard deviations. `global_orient`, `neck_pose`, `jaw_pose`, `leye_pose`,
    `reye_pose`: (N, 3) rotation vectors, radians. `transl` (N, 3): metres. With all of them FLAME's mesh stands before
    the photo's camera: x to the right of the picture, y up, z towards the lens, the lens at the origin.

    `shape_off`: mm, how far FLAME's neutral surface is from ours in the face (RMS). `expression_off`: (N,) mm, the same
    of how far expressions move it.

    `frames` (N,) and `rate` (2,), frames a second as a fraction, are of a clip alone and None of photos; rows of
    frames without the face are NaN.
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
    expression_off: NDArray[np.float32]
    frames: NDArray[np.int64] | None = None
    rate: NDArray[np.int64] | None = None


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


def flame_coefficients(
    head: HeadModel,
    flame: FlameModel,
    made: Reconstructed,
    performance: Performance | None = None,
    *,
    on_frame: Callable[[], object] = lambda: None,
) -> FlameCoefficients:
    """FLAME's coefficients for a reconstructed head, and every photo it was made from or every frame of a clip.

    Args:
        made: the head. performance: what it does over a clip; None for the photos.
        on_frame: told of every photo or frame that is fitted. It may raise to stop the work.

    Raises:
        RangeError: a FLAME that our head meets nowhere.
    """
    if performance is None:
        return _coefficients(head, flame, made.neutral, made.fit.expressions, made.fit.poses, on_frame)
    rows = np.flatnonzero(performance.found)
    poses = [HeadPose(performance.turns[row], performance.moves[row]) for row in rows]
    found = _coefficients(head, flame, made.neutral, performance.weights[rows], poses, on_frame)
    count = len(performance.frames)

    def on_frames(values: np.ndarray) -> NDArray[np.float32]:
        every = np.full((count, *values.shape[1:]), np.nan, np.float32)
        every[rows] = values
        return every

    return replace(
        found,
        frames=performance.frames,
        rate=np.array(performance.rate.as_integer_ratio(), np.int64),
        **{name: on_frames(getattr(found, name)) for name in _BY_FRAME},
    )


_BY_FRAME = (
    "expression", "global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose", "transl", "expression_off",
)  # fmt: skip


def _coefficients(
    head: HeadModel,
    flame: FlameModel,
    neutral: np.ndarray,
    expressions: Sequence[np.ndarray] | np.ndarray,
    poses: Sequence[HeadPose],
    on_frame: Callable[[], object],
) -> FlameCoefficients:
    """For each of N weights of ours (E,) and the pose beside it; `neutral` (V, 3) mm."""
    meeting = meet_flame(head, flame)
    face = head.mask("face") if "face" in head.mask_names else np.ones(len(head.mean), np.float32)
    shaped = fit_flame_shape(flame, meeting, neutral, face)
    found = []
    for expression in expressions:
        on_frame()
        weights = head.with_correctives(expression)
        found.append(fit_flame_expression(head, flame, meeting, shaped, weights, face))
    stood = [_before_camera(flame, shaped, each, pose) for each, pose in zip(found, poses, strict=True)]

    def rows(values: list[Any]) -> NDArray[np.float32]:
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
        expression_off=rows([each.off for each in found]),
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

    held = {each.name: getattr(found, each.name) for each in fields(found)}
    arrays = {name: value for name, value in held.items() if value is not None}

    def write(to: Path) -> None:
        with to.open("wb") as file:
            np.savez_compressed(file, **arrays, flame=np.array(model))

    publish(path, write, verify=_expect_coefficients)


def write_flame(
    output: Path,
    head: HeadModel,
    opened: tuple[FlameModel, str],
    made: Reconstructed,
    performance: Performance | None = None,
    *,
    on_frame: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Fit and write the coefficients that lie beside a head, and say how far off they are.

    Args:
        output: the head's file. opened: from `open_flame`. Others: see `flame_coefficients`.

    Returns:
        What a report says of it; of a clip the middle and the worst of its frames.

    Raises:
        RangeError: a FLAME that our head meets nowhere. OutputError: the file cannot be written.
    """
    flame, name = opened
    found = flame_coefficients(head, flame, made, performance, on_frame=on_frame)
    write_flame_coefficients(coefficients_path(output), found, name)
    off = found.expression_off[np.isfinite(found.expression_off)]
    told = off.tolist() if performance is None else [float(np.median(off)), float(off.max())]
    return {
        "model": name,
        "output": str(coefficients_path(output)),
        "shape_off_mm": round(found.shape_off, 2),
        "expression_off_mm": [round(each, 2) for each in told],
    }


def _expect_coefficients(path: Path) -> None:
    with np.load(path, allow_pickle=False) as held:
        if not len(held["betas"]):
            raise OutputError(f"{path} is not what was written; check the disk and try again")
