"""The 68 iBUG points from the 189 that come with the London photos, and heads fitted to them.

Thirty-four of the 68 are points of the 189 or lie half-way between two of them; which, was found by fitting the head
model to the safe ones (corners of eyes and mouth, chin) and comparing where its others fall, averaged over 35 people.
The rest are laid along the contours that the 189 describe, at the shares of length where the head model has them.
After: Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013 (the 68); DeBruine and Jones, "Face Research Lab
London Set", 2017 (the 189).
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Points, expect_shapes
from faceplate.reconstruct.camera import Camera, HeadPose, camera_for_lens
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.morphable import HeadModel
from faceplate_training.photos import Photo, photos

SAME = {
    8: (129,),
    **{31: (64,), 33: (55,), 35: (69,)},
    **{36: (18,), 37: (19,), 38: (20, 21), 39: (22,), 40: (29, 30), 41: (28,)},
    **{42: (23,), 43: (24, 25), 44: (26,), 45: (27,), 46: (33,), 47: (31, 32)},
    **{48 + k: (place,) for k, place in enumerate((87, 88, 89, 90, 91, 92, 93, 108, 107, 106, 105, 104))},
    **{61: (95,), 62: (96,), 63: (97,), 65: (102,), 66: (101,), 67: (100,)},
}
"""Of the 68 -> the one or two of the 189 that it is, or lies between: 34 points whose place is no matter of taste."""

_NEAR = {32: ((180, 170), (0.5, 0.5)), 34: ((181, 172), (0.5, 0.5)),
         60: ((87, 94, 99), (0.6, 0.2, 0.2)), 64: ((93, 98, 103), (0.6, 0.2, 0.2))}  # fmt: skip
"""Points between those of the 189, and their shares."""

_JAW = (
    (109, 185, 110, 186, 111, 125, 126, 127, 128, 129),
    (112, 187, 113, 188, 114, 133, 132, 131, 130, 129),
)
_JAW_SHARES = (0.0, 0.138, 0.264, 0.389, 0.539, 0.686, 0.782, 0.888)
"""Where the head model has points 0-7 along the contour from the ear to the chin, as shares of its length."""

_BROWS = ((71, 72, 73, 74, 75), (78, 79, 80, 81, 82))  # their upper edges, from left to right in the picture
_BRIDGE = ((50, 51, 52, 53, 54), (56, 57, 58, 59, 60))  # both flanks, downwards


def points_68(points: np.ndarray) -> Points:
    """(68, 2) iBUG points from (189, 2) London points, in the same pixels."""
    expect_shapes(points=(points, "189 2"))
    found = np.zeros((68, 2))
    for place, sources in SAME.items():
        found[place] = points[list(sources)].mean(0)
    for place, (sources, shares) in _NEAR.items():
        found[place] = np.array(shares) @ points[list(sources)]
    found[:8] = along(points[list(_JAW[0])], _JAW_SHARES)
    found[16:8:-1] = along(points[list(_JAW[1])], _JAW_SHARES)
    found[17:22] = along(points[list(_BROWS[0])], np.linspace(0, 1, 5))
    found[22:27] = along(points[list(_BROWS[1])], np.linspace(0, 1, 5))
    middle = (points[list(_BRIDGE[0])] + points[list(_BRIDGE[1])]) / 2
    found[27:31] = along(middle, np.linspace(0, 1, 4))
    return found.astype(np.float32)


def along(line: np.ndarray, shares: np.ndarray | tuple[float, ...]) -> NDArray[np.float64]:
    """(K, 2) places on a line of points (N, 2), at these shares of its length."""
    length = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    at = np.asarray(shares) * length[-1]
    return np.stack([np.interp(at, length, line[:, axis]) for axis in (0, 1)], 1)


def read_photo(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) RGB of a photo.

    Raises:
        FileNotFoundError: there is no picture that can be read.
    """
    pixels = cv2.imread(str(path))
    if pixels is None:
        raise FileNotFoundError(f"{path} is no picture that can be read; fetch the photo sets again.")
    return np.ascontiguousarray(pixels[..., ::-1], np.uint8)


@dataclass(frozen=True)
class Marked:
    """A London photo with its 68 points: `points` (68, 2) pixels of the file, centres at +0.5."""

    photo: Photo
    points: Points


def marked(root: Path) -> list[Marked]:
    """Every London photo that has points, in a fixed order. `root`: the folder of the photo sets."""
    found = []
    for photo in photos(root):
        listed = photo.path.with_suffix(".pts189.txt")
        if photo.source == "london" and listed.is_file():
            found.append(Marked(photo, points_68(np.loadtxt(listed) + 0.5)))
    return found


@dataclass(frozen=True)
class Fitted:
    """A head on a photo: `vertices` (V, 3) mm with its expression, and how it is seen. `off`: RMS pixels."""

    vertices: NDArray[np.float32]
    pose: HeadPose
    camera: Camera
    off: float


def fit_head(head: HeadModel, points: Points, size: tuple[int, int]) -> Fitted:
    """The head that shows these 68 points (pixels) in a photo of this (height, width), taken with a long lens."""
    camera = camera_for_lens(size[1], size[0], millimetres=90)
    fit = fit_points(head, [View(points, camera)], FitParams(noise=0.006, expression_spread=0.2))
    return Fitted(head.rest(fit.identity, fit.expressions[0]), fit.poses[0], fit.cameras[0], fit.off[0])
