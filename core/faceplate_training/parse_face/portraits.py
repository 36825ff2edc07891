"""London photos with labels: features from the head fitted to them, the rest told by colour before a plain backdrop.

London's people sit in white shirts before one grey wall: what is neither is person, what of it has the face's colour
is skin, and what is far from it is hair. Where colour does not say, nothing is said.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from faceplate.arrays import Points
from faceplate.faces import FFHQ_512, Face
from faceplate.geometry import fit_similarity
from faceplate.plate import Plate
from faceplate.reconstruct.camera import project
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.raster import rasterise
from faceplate.registry.catalogue import manifest_for, verify
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.landmarks import find_landmarks, five_of
from faceplate.stages.parse import CLASSES
from faceplate_training.photos import Teacher, photos
from faceplate_training.renders.london import fit_head, marked, read_photo
from faceplate_training.renders.scene import REGIONS, Studio

UNTOLD = 255
"""Label of a pixel of which nothing is said."""

SIDE, SQUARE = 320, 256
"""Side of a stored portrait and of the FFHQ square in its middle, pixels."""

CLASS_OF_REGION = np.array([
    CLASSES.index({"nothing": "background", "teeth": "mouth"}.get(region, region)) for region in REGIONS
], np.uint8)  # fmt: skip

_PALE = 12.0
"""CIELAB: how far wall and shirt may be from grey."""


@dataclass(frozen=True)
class Portraits:
    """Photos with labels: `pixels` (N, SIDE, SIDE, 3) uint8 RGB, `labels` (N, SIDE, SIDE) into CLASSES or UNTOLD,
    `points` (N, 68, 2) in their pixels.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    points: NDArray[np.float32]


def portraits(root: Path, teacher: Path, store: Path, *, held_out: bool) -> Portraits:
    """London's people, neutral and smiling, labelled once and kept in `store`.

    Args:
        root: the folder of the photo sets. teacher: YuNet, which finds the faces that come without points.
        held_out: the people who are never trained on, or all others.
    """
    if not store.exists():
        studio = Studio(read_head(verify(manifest_for("head.model"))), np.zeros((1, 1, 1, 3), np.uint8), [])
        made = [
            labelled(studio, photo, points) for photo, points in _pointed(root, teacher, held_out=held_out)
        ]
        pixels, labels, points = (np.stack(parts) for parts in zip(*made, strict=True))
        store.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(store, pixels=pixels, labels=labels, points=points)
    with np.load(store) as data:
        return Portraits(data["pixels"], data["labels"], data["points"])


def labelled(
    studio: Studio, photo: np.ndarray, points: Points
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Points]:
    """One portrait before a pale wall, cut about the face: its pixels, labels and 68 points.

    Args:
        studio: of any skins; its head is fitted and its regions are drawn.
        photo: (H, W, 3) uint8 RGB. points: (68, 2) in its pixels.
    """
    grow = np.diag([SQUARE / 512, SQUARE / 512, 1.0])
    grow[:2, 2] = (SIDE - SQUARE) / 2
    matrix = grow @ fit_similarity(five_of(points), FFHQ_512)
    shrink = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    soft = cv2.GaussianBlur(photo, (0, 0), 0.4 * shrink) if shrink > 1.3 else photo
    flat = (np.linalg.inv(half) @ matrix @ half)[:2]
    pixels = cv2.warpAffine(soft, flat, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    fitted = fit_head(studio.head, points, photo.shape[:2])
    seen = project(fitted.vertices.astype(np.float64), fitted.pose, fitted.camera)
    own = studio.head.landmarks["68"].on(seen)[:, :2]
    bend = RBFInterpolator(own, points - own, smoothing=1.0, kernel="thin_plate_spline", degree=1)
    near = np.abs(seen[:, :2] - points.mean(0)).max(1) < 1.2 * np.ptp(points[:, 0])
    seen[near, :2] += bend(seen[near, :2])
    seen[:, :2] = seen[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    regions = studio.regions(rasterise(seen, studio.triangles, (SIDE, SIDE)), hairy=False)
    placed = (points @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)
    pixels = np.asarray(pixels, np.uint8)
    return pixels, told(pixels, CLASS_OF_REGION[regions], placed), placed


def told(pixels: np.ndarray, fitted: np.ndarray, points: Points) -> NDArray[np.uint8]:
    """Labels of a portrait before a pale wall, UNTOLD where nothing is known.

    Args:
        pixels: (S, S, 3) uint8 RGB. fitted: (S, S) into CLASSES, the fitted head alone. points: (68, 2).
    """
    side = pixels.shape[0]
    lab = cv2.cvtColor(cv2.bilateralFilter(pixels, 5, 25, 3).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    hull = np.zeros((side, side), np.uint8)
    outline = cv2.convexHull(np.vstack([points, points[17:27] - (0, 0.02 * side)]).astype(np.float32))
    cv2.fillConvexPoly(hull, np.round(outline).astype(np.int32), (1,))
    face = cv2.erode(hull, np.ones((5, 5), np.uint8)) > 0
    flesh = face & (fitted == CLASSES.index("skin"))
    tone, spread = _tone(lab[flesh])
    far = np.abs((lab - tone) / spread).max(2)
    person = _person(lab, hull > 0)
    labels = np.full((side, side), UNTOLD, np.uint8)
    beside = cv2.erode((~person).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels[beside & (fitted == 0)] = CLASSES.index("background")
    inner = cv2.erode(person.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    labels[_joined(inner & (far < 2.2), face)] = CLASSES.index("skin")
    darker = (lab[..., 0] < tone[0] - 2.5 * spread[0]) | (far > 4.5)
    labels[inner & darker & ~face] = CLASSES.index("hair")
    # below the face shadows of the chin are as dark as hair
    low = np.arange(side)[:, None] > points[8, 1]
    labels[
        low & (labels == CLASSES.index("hair")) & (np.abs(np.arange(side) - points[8, 0]) < 0.16 * side)
    ] = UNTOLD
    brow = points[17:27, 1].min() - 0.015 * side
    front = face & (np.arange(side)[:, None] > brow)
    labels[front] = np.where(fitted[front] > 0, fitted[front], UNTOLD)
    # the fitted mouth opens less than people do; the points say how far
    for name, contour in (("lips", points[48:60]), ("mouth", points[60:68])):
        cv2.fillPoly(labels, [np.round(contour * 16 - 8).astype(np.int32)], (CLASSES.index(name),), shift=4)
    return labels


def _joined(flesh: np.ndarray, face: np.ndarray) -> NDArray[np.bool_]:
    """The part of it that hangs together with the face: fair hair has the colour of skin here and there."""
    opened = cv2.morphologyEx(flesh.astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    count, parts = cv2.connectedComponents(opened)
    kept = np.bincount(parts[face & (opened > 0)], minlength=count) > 50
    return kept[np.asarray(parts, np.int32)] & (np.asarray(opened) > 0)


def _tone(flesh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(3,) the middle of the face's colours in CIELAB and how far they spread, light most."""
    middle = np.median(flesh, 0)
    spread = np.median(np.abs(flesh - middle), 0) * 1.4826
    return middle, np.clip(spread, (5.0, 3.0, 3.5), (12.0, 6.0, 7.0))


def _person(lab: np.ndarray, face: np.ndarray) -> NDArray[np.bool_]:
    """(S, S) all that is neither wall nor white shirt and hangs together with the face."""
    side = lab.shape[0]
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    wall = np.concatenate(
        [lab[: side // 8, : side // 8].reshape(-1, 3), lab[: side // 8, -side // 8 :].reshape(-1, 3)]
    )
    level = float(np.median(wall[:, 0]))
    pale = (chroma < _PALE) & (lab[..., 0] > min(level - 14, 62))
    _, parts = cv2.connectedComponents(pale.astype(np.uint8), connectivity=4)
    rim = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    outside = np.isin(parts, rim[rim > 0])
    person = cv2.morphologyEx((~outside).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts = cv2.connectedComponents(person)
    return parts == np.bincount(parts[face & (parts > 0)], minlength=count).argmax()


def _pointed(root: Path, teacher: Path, *, held_out: bool) -> Iterator[tuple[np.ndarray, Points]]:
    """London photos with 68 points: their own, or those that our net finds where they come without."""
    own = {item.photo.path: item.points for item in marked(root)}
    finder, net = Teacher(teacher), open_net(manifest_for("face.landmarks"), device="cpu")
    for photo in photos(root):
        if photo.source == "london" and photo.held_out == held_out:
            pixels = read_photo(photo.path)
            points = own[photo.path] if photo.path in own else _found(pixels, finder, net)
            if points is not None:
                yield pixels, points


def _found(pixels: np.ndarray, finder: Teacher, net: Net) -> Points | None:
    five = finder.points(pixels)
    if five is None:
        return None
    face = Face((0, 0, pixels.shape[1], pixels.shape[0]), five)
    return find_landmarks(Plate.of((pixels / 255).astype(np.float32)), face, net).points
