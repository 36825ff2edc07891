"""What the net is shown: renders and London photos, cropped as the stage crops, moved, recoloured and damaged."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Matrix, Points
from faceplate.geometry import apply, scaling, translation
from faceplate.reconstruct.morphable import HeadModel
from faceplate.stages.landmarks import MIRROR, SHARE, SIDE, crop_from_points, five_of
from faceplate_training.degrade import monochrome
from faceplate_training.renders.london import fit_head, marked, read_photo
from faceplate_training.renders.make import Renders
from faceplate_training.renders.people import Sitter
from faceplate_training.renders.scene import turn_in_view

UNIT = SHARE * SIDE / 512
"""Side of the FFHQ square in the crop / 512, as `degrade` counts."""

STORED = 320
"""Side of a London photo as it is kept: the net's crop, larger, with room to move."""

LONDON_SHARE = 0.15
"""How many of the views are photos: few people, but real ones."""


@dataclass(frozen=True)
class Shown:
    """Pictures with what is known of them: `pixels` (N, S, S, 3) uint8 RGB, `points` (N, 68, 2), `visible` (N, 68) 0-1,
    `told` (N, 68), 1 where visibility is known, `turn` (N, 3) radians.
    """

    pixels: NDArray[np.uint8]
    points: NDArray[np.float32]
    visible: NDArray[np.float32]
    told: NDArray[np.float32]
    turn: NDArray[np.float32]


def rendered(found: Renders) -> Shown:
    """Renders, all that is known of them told."""
    visible = found.visible.astype(np.float32)
    return Shown(found.pixels, found.points, visible, np.ones_like(visible), found.turn)


def london(root: Path, head: HeadModel, *, held_out: bool) -> Shown:
    """London's marked photos."""
    chosen = [item for item in marked(root) if item.photo.held_out == held_out]
    return cut_about_faces(((read_photo(item.photo.path), item.points) for item in chosen), head)


def cut_about_faces(photos: Iterable[tuple[np.ndarray, Points]], head: HeadModel) -> Shown:
    """Photos (H, W, 3) uint8 RGB with their points (68, 2), cut about the face. Whether ears and jaw lie under hair is
    not told.
    """
    pixels, points, turns = [], [], []
    for photo, known in photos:
        fitted = fit_head(head, known, photo.shape[:2])
        turns.append(turn_in_view(Sitter(fitted.vertices, fitted.pose, fitted.camera, 0.0, 0.0)))
        stored = translation(STORED / 2, STORED / 2) @ scaling(1.2) @ translation(-SIDE / 2, -SIDE / 2)
        matrix = stored @ crop_from_points(five_of(known))
        pixels.append(_warped(photo, matrix, STORED))
        points.append(apply(matrix, known))
    told = np.ones((len(points), 68), np.float32)
    told[:, [*range(4), *range(13, 17)]] = 0
    return Shown(np.stack(pixels), np.stack(points), np.ones_like(told), told, np.array(turns, np.float32))


@dataclass(frozen=True)
class View:
    """One crop for the net: `pixels` (SIDE, SIDE, 3) float32 0-255; the rest as in `Shown`, in the crop's pixels."""

    pixels: NDArray[np.float32]
    points: Points
    visible: NDArray[np.float32]
    told: NDArray[np.float32]
    turn: NDArray[np.float32]


def misplaced(five: Points, rng: np.random.Generator) -> Points:
    """Five points with the errors that a detector makes: together, and each on its own."""
    size = np.linalg.norm(five.max(0) - five.min(0))
    angle, grow = rng.normal(0, 0.12), np.exp(rng.normal(0, 0.09))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * grow
    middle = five.mean(0)
    moved = (five - middle) @ turn.T + middle + rng.normal(0, 0.04, 2) * size
    return (moved + rng.normal(0, 0.02, five.shape) * size).astype(np.float32)


def cut(
    source: Shown, place: int, five: Points, *, squeeze: bool = False, rng: np.random.Generator | None = None
) -> View:
    """The net's crop of one picture by these five points; `squeeze` also changes its proportions a little."""
    matrix = crop_from_points(five)
    if squeeze and rng is not None:
        stretch = np.array([[np.exp(rng.normal(0, 0.05)), rng.normal(0, 0.05)], [rng.normal(0, 0.03), 1.0]])
        linear = np.eye(3)
        linear[:2, :2] = stretch
        matrix = translation(SIDE / 2, SIDE / 2) @ linear @ translation(-SIDE / 2, -SIDE / 2) @ matrix
    # the head's turn is told against the picture; the crop is rolled
    c, s = matrix[0, 0], -matrix[1, 0]
    roll = np.array([[c, -s, 0], [s, c, 0], [0, 0, np.hypot(c, s)]]) / np.hypot(c, s)
    turn = cv2.Rodrigues(roll @ cv2.Rodrigues(source.turn[place].astype(np.float64))[0])[0][:, 0]
    return View(
        _warped(source.pixels[place], matrix, SIDE).astype(np.float32),
        apply(matrix, source.points[place]),
        source.visible[place],
        source.told[place],
        turn.astype(np.float32),
    )


def mirrored(view: View) -> View:
    """The same face in a mirror: left and right change names."""
    return View(
        np.ascontiguousarray(view.pixels[:, ::-1]),
        ((view.points * (-1, 1) + (SIDE, 0))[MIRROR]).astype(np.float32),
        view.visible[MIRROR],
        view.told[MIRROR],
        view.turn * np.array([1, -1, -1], np.float32),
    )


def covered(view: View, rng: np.random.Generator) -> View:
    """Something in front of the face: a tilted box of one colour or of noise; what lies under it is hidden."""
    middle, size = rng.uniform(0.1, 0.9, 2) * SIDE, rng.uniform(0.08, 0.4, 2) * SIDE
    box = cv2.boxPoints(
        ((float(middle[0]), float(middle[1])), (float(size[0]), float(size[1])), rng.uniform(0, 90))
    )
    shape = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(shape, [box.astype(np.int32)], (1,))
    pixels = view.pixels.copy()
    colour = rng.uniform(0, 255, 3) + rng.normal(0, 1, (SIDE, SIDE, 1)) * rng.uniform(0, 30)
    pixels[shape > 0] = colour[shape > 0]
    x, y = np.clip(np.floor(view.points).astype(int), 0, SIDE - 1).T
    under = shape[y, x] > 0
    told = np.where(under, 1.0, view.told).astype(np.float32)
    return View(pixels, view.points, np.where(under, 0.0, view.visible).astype(np.float32), told, view.turn)


def recoloured(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.float32]:
    """Another exposure, contrast and white; one in eight without colour."""
    tint = np.exp(rng.normal(0, 0.25) + rng.normal(0, 0.06, 3)).astype(np.float32)
    shown = 255 * np.clip(pixels / 255 * tint, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.2)))
    shown = monochrome(shown, rng) if rng.random() < 0.12 else shown
    return np.asarray(shown, np.float32)


def _warped(pixels: np.ndarray, matrix: Matrix, side: int) -> np.ndarray:
    """A picture through a map of pixels with centres at +0.5, blurred first where it shrinks."""
    shrink = 1 / np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if shrink > 1.3:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 * shrink)
    matrix = translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)
    return cv2.warpAffine(
        pixels, matrix[:2], (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
