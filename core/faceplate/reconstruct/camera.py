"""A pinhole camera and the head's pose in front of it: millimetres to pixels, and the derivatives of that.

The camera looks along +z, x to the right of the picture, y down, as pictures are written. A head without rotation looks
into the lens: its own axes (x to the subject's left, y up, z out of the face) are (x, -y, -z) of the camera.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.morphable import rotation

CAMERA_FROM_FACING = np.diag([1.0, -1.0, -1.0])
"""Turns the axes of a head that looks into the lens into those of the camera."""

FULL_FRAME_WIDTH = 36.0  # mm


@dataclass(frozen=True)
class Camera:
    """A lens without distortion. `focal`: pixels. `centre`: (x, y) pixels, where the optical axis is."""

    focal: float
    centre: tuple[float, float]

    def __post_init__(self) -> None:
        if not (np.isfinite(self.focal) and self.focal > 0):
            raise RangeError(f"focal should be a length in pixels above 0, got {self.focal}")


@dataclass(frozen=True)
class HeadPose:
    """Where a head is. `turn`: (3,) rotation vector, radians, about the head's axes. `move`: (3,) mm along the
    camera's axes, from the lens to the head's origin; its third value is the distance.
    """

    turn: NDArray[np.float64]
    move: NDArray[np.float64]


def camera_for_lens(width: int, height: int, *, millimetres: float) -> Camera:
    """The camera of a picture taken with a lens of a given focal length on full frame, axis in the middle.

    Args:
        width, height: of the picture, pixels; the longer side is what 36 mm of film show.
        millimetres: the lens, full-frame equivalent, above 0.
    """
    return Camera(max(width, height) * millimetres / FULL_FRAME_WIDTH, (width / 2, height / 2))


def camera_from_head(pose: HeadPose) -> NDArray[np.float64]:
    """(3, 4) affine map from the head's millimetres to the camera's."""
    return np.column_stack([CAMERA_FROM_FACING @ rotation(pose.turn), pose.move])


def seen_from(points: np.ndarray, pose: HeadPose) -> NDArray[np.float64]:
    """Points (N, 3) of the head in the camera's axes, mm."""
    expect_shapes(points=(points, "N 3"))
    matrix = camera_from_head(pose)
    return points @ matrix[:, :3].T + matrix[:, 3]


def project(points: np.ndarray, pose: HeadPose, camera: Camera) -> NDArray[np.float64]:
    """(N, 3): where points of the head (N, 3) fall, x and y in pixels, and their distance along the axis in mm.

    This is what `raster.rasterise` reads. Points behind the lens have a distance below 0 and no meaningful pixel.
    """
    seen = seen_from(points, pose)
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = camera.focal * seen[:, :2] / seen[:, 2:] + camera.centre
    return np.column_stack([pixels, seen[:, 2]])


@dataclass(frozen=True)
class Derivatives:
    """How the pixels of N points move: with the head's `turn` (N, 2, 3) and `move` (N, 2, 3), with the point itself
    on the head (N, 2, 3), with the camera's `focal` (N, 2). Pixels for a radian, a mm, a mm, a pixel.
    """

    turn: NDArray[np.float64]
    move: NDArray[np.float64]
    point: NDArray[np.float64]
    focal: NDArray[np.float64]


def projection_derivatives(points: np.ndarray, pose: HeadPose, camera: Camera) -> Derivatives:
    """The derivatives of `project`, exact.

    The turn's uses the right Jacobian of the rotation group: Solà, Deray and Atchuthan, "A micro Lie theory for state
    estimation in robotics", 2018, equation 143.
    """
    matrix = camera_from_head(pose)[:, :3]
    seen = seen_from(points, pose)
    over = 1.0 / seen[:, 2]
    lens = np.zeros((len(points), 2, 3))
    lens[:, 0, 0] = lens[:, 1, 1] = camera.focal * over
    lens[:, :, 2] = -camera.focal * seen[:, :2] * over[:, None] ** 2
    by_turn = -matrix @ _crosses(points) @ _right_jacobian(pose.turn)
    return Derivatives(lens @ by_turn, lens, lens @ matrix, seen[:, :2] * over[:, None])


def _crosses(vectors: np.ndarray) -> NDArray[np.float64]:
    """(N, 3, 3) matrices that take the cross product with each of (N, 3)."""
    x, y, z = np.asarray(vectors, np.float64).T
    o = np.zeros_like(x)
    return np.stack([o, -z, y, z, o, -x, -y, x, o], -1).reshape(-1, 3, 3)


def _right_jacobian(turn: np.ndarray) -> NDArray[np.float64]:
    angle = float(np.linalg.norm(turn))
    cross = _crosses(np.asarray(turn)[None])[0]
    if angle < 1e-5:
        return np.eye(3) - cross / 2 + cross @ cross / 6
    return (
        np.eye(3)
        - (1 - np.cos(angle)) / angle**2 * cross
        + (angle - np.sin(angle)) / angle**3 * (cross @ cross)
    )
