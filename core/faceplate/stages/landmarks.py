"""Sixty-eight points of a face: where its eyes, brows, nose, lips and jaw are, how surely, and how the head is turned.

The face is cropped by its five points and shown to the net beside its mirror image; the points found then say better
where the face is, and it is cropped and shown once more. What both images say is averaged, so that a mirrored plate
has mirrored points.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Matrix, Points
from faceplate.errors import RangeError, ShapeError
from faceplate.faces import FFHQ_512, Face, template_points
from faceplate.geometry import apply, fit_similarity, inverse, scale_of
from faceplate.plate import Plate
from faceplate.runtime.net import Net
from faceplate.stages.align import Crop, align_face

SIDE = 192
"""Side of the crop, pixels."""

SHARE = 0.9
"""How much of the crop's side the FFHQ square takes: a turned head, or one found badly, needs room about it."""

MIRROR = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
])  # fmt: skip
"""Of each of the 68 points, the one on the other side."""

_MEAN_SIDES = FFHQ_512[[1, 0, 2, 4, 3]] * (-1, 1) + (512, 0)
TEMPLATE: Points = (((FFHQ_512 + _MEAN_SIDES) / 2 - 256) * SHARE * SIDE / 512 + SIDE / 2).astype(np.float32)
"""Where a face's five points are laid in the crop: those of FFHQ, both sides made alike."""


@dataclass(frozen=True)
class Landmarks:
    """What is known of a face's 68 points.

    `points`: (68, 2), display window coordinates, iBUG order (0-16 jaw from image left, 17-26 brows, 27-35 nose, 36-47
    eyes, 48-67 lips). `spread`: (68,) standard deviation of each coordinate, plate pixels, as the net believes.
    `visible`: (68,) 0-1; a hidden point is a guess from the rest. `turn`: (3,) rotation vector of the head, radians,
    against the line of sight (x to the subject's left, y up, z out of the face).
    """

    points: Points
    spread: NDArray[np.float32]
    visible: NDArray[np.float32]
    turn: NDArray[np.float32]

    @property
    def yaw(self) -> float:
        """Radians to a side; above 0 the nose points to the right of the picture."""
        return float(np.arctan2(*cv2.Rodrigues(self.turn.astype(np.float64))[0][[0, 2], 2]))

    @property
    def pitch(self) -> float:
        """Radians down; below 0 the head looks up."""
        return float(-np.arcsin(np.clip(cv2.Rodrigues(self.turn.astype(np.float64))[0][1, 2], -1, 1)))

    @property
    def trust(self) -> NDArray[np.float32]:
        """(68,) 0-1, how much a fit should believe each point: `reconstruct.head_fit.View` takes it."""
        sure = np.median(self.spread) / np.maximum(self.spread, 1e-6)
        return np.clip(self.visible * np.minimum(sure, 1.0), 0.0, 1.0).astype(np.float32)


def find_landmarks(plate: Plate, face: Face, net: Net, *, looks: int = 2, gain: float = 1.0) -> Landmarks:
    """The 68 points of one face.

    Args:
        plate: in its own space, any values.
        face: as `detect_faces` gives it, display window coordinates.
        net: a face.landmarks net, see `ReconstructNet.landmarks` in `faceplate.nets.reconstruct_net`: (B, 3, 192, 192)
            0-1 in; points, spread, visible and turn out.
        looks: 1 trusts the face's own five points; 2 crops again by what was found.
        gain: exposure of the net's view, see `tone.expose`.

    Raises:
        RangeError: `looks` below 1; five points that are not finite or lie in one spot; a face outside the plate.
        ShapeError: the net does not answer as a face.landmarks net does.
    """
    if looks < 1:
        raise RangeError(f"looks should be 1 or more, got {looks}")
    found = _look(plate, face.points, face, net, gain)
    for _ in range(looks - 1):
        found = _look(plate, five_of(found.points), face, net, gain)
    return found


def five_of(points: Points) -> Points:
    """(5, 2) a detector's points from the 68: middles of the eyes, tip of the nose, corners of the mouth."""
    return np.stack(
        [points[36:42].mean(0), points[42:48].mean(0), points[30], points[48], points[54]]
    ).astype(np.float32)


def crop_from_points(five: Points) -> Matrix:
    """(3, 3), to the pixels of the crop that the net reads.

    Raises:
        RangeError: points that are not finite or lie in one spot.
    """
    return fit_similarity(five, TEMPLATE)


def cut_face(plate: Plate, five: Points, face: Face, *, gain: float = 1.0) -> Crop:
    """The (SIDE, SIDE) crop that nets of points and of heads read, cut as all crops are, its template laid where ours
    says.

    Args:
        five: (5, 2), display window coordinates; `face` is only told what it is.
        gain: exposure of the view, see `tone.expose`.
    """
    laid = apply(inverse(crop_from_points(five)), template_points("ffhq_512", SIDE))
    return align_face(plate, Face(face.box, laid, face.score), side=SIDE, gain=gain)


def _look(plate: Plate, five: Points, face: Face, net: Net, gain: float) -> Landmarks:
    crop = cut_face(plate, five, face, gain=gain)
    batch = np.stack([crop.pixels, crop.pixels[:, ::-1]]).transpose(0, 3, 1, 2)
    points, spread, visible, turn = _checked(net(np.ascontiguousarray(batch, np.float32)), net)
    other = (points[1] * (-1, 1) + (SIDE, 0))[MIRROR]
    apart = np.abs(points[0] - other).mean(1) / 2  # where both images disagree, neither is sure
    along = np.hypot((spread[0] + spread[1][MIRROR]) / 2, apart) * scale_of(crop.plate_from_crop)
    return Landmarks(
        apply(crop.plate_from_crop, ((points[0] + other) / 2).astype(np.float32)),
        along.astype(np.float32),
        ((visible[0] + visible[1][MIRROR]) / 2).astype(np.float32),
        _turned_with(crop.plate_from_crop, turn[0], turn[1] * (1, -1, -1)),
    )


def _turned_with(plate_from_crop: Matrix, *turns: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3,) the mean of rotation vectors seen in a crop, as it is seen on the plate."""
    c, s = plate_from_crop[0, 0], -plate_from_crop[1, 0]  # y is down on plates, up on heads
    roll = np.array([[c, -s, 0], [s, c, 0], [0, 0, np.hypot(c, s)]]) / np.hypot(c, s)
    mean = sum(cv2.Rodrigues(np.asarray(turn, np.float64))[0] for turn in turns)
    left, _, right = np.linalg.svd(roll @ mean)
    return cv2.Rodrigues(left @ right)[0][:, 0].astype(np.float32)


def _checked(answer: tuple[NDArray[np.float32], ...], net: Net) -> tuple[NDArray[np.float32], ...]:
    wanted = ((2, 68, 2), (2, 68), (2, 68), (2, 3))
    got = tuple(np.shape(part) for part in answer)
    if got != wanted or not all(np.isfinite(part).all() for part in answer):
        raise ShapeError(
            f"the landmarks net {net.id} should answer finite points, spread, visible and turn of shapes {wanted}, "
            f"got {got}; verify the model"
        )
    return answer
