"""What the net is shown: renders and London portraits with labels, and photos that only have to agree with themselves.

A labelled view has a label for every pixel, or UNTOLD. A photo without labels is shown twice: calm, to the averaged
net, whose answer is then expected of the other look, which is moved, mirrored, recoloured, damaged and partly covered.

After: Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017; Olsson et al., "ClassMix",
WACV 2021 (what is pasted in brings its own label).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from faceplate.arrays import Matrix, Points
from faceplate.colour import SRGB
from faceplate.faces import FFHQ_512
from faceplate.geometry import fit_similarity, inverse, scaling, translation
from faceplate.nets.parse_net import SIDE
from faceplate.stages.landmarks import five_of
from faceplate.stages.parse import CLASSES
from faceplate_training.degrade import degrade, monochrome
from faceplate_training.landmarks_face.views import misplaced
from faceplate_training.parse_face.portraits import CLASS_OF_REGION, UNTOLD, Portraits
from faceplate_training.photos import MARGIN, Frame
from faceplate_training.renders import wear
from faceplate_training.renders.light import Panorama
from faceplate_training.renders.make import Renders

TEMPLATE: Points = (FFHQ_512 * (SIDE / 512)).astype(np.float32)

LONDON_SHARE, PHOTO_SHARE = 0.14, 0.2
"""How many of the views are portraits with labels, and photos without; all others are renders."""

MISPLACED = 0.5
"""Detectors place crops about this much better than those that the landmark net must bear."""

WORN = 0.33
"""Share of the views that go through `degrade`."""

BACKGROUND, OCCLUDER, GLASSES = (CLASSES.index(name) for name in ("background", "occluder", "glasses"))


class View(NamedTuple):
    """One example: `shown`, `calm` (SIDE, SIDE, 3) uint8 RGB; `labels` (SIDE, SIDE) uint8 into CLASSES or UNTOLD;
    `calm_from_shown` (2, 3) float32 between the two looks, in coordinates -1 to 1; `asked`: 1 where the calm look's
    answer is expected of pixels without labels.
    """

    shown: NDArray[np.uint8]
    calm: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    calm_from_shown: NDArray[np.float32]
    asked: np.float32


@dataclass(frozen=True)
class Sources:
    """What views are made of."""

    renders: Renders
    portraits: Portraits
    photos: list[Frame]
    skies: list[Panorama]


class Views(Dataset):
    """Endless views, each a pure function of the seed and its number."""

    def __init__(self, sources: Sources, seed: int, length: int) -> None:
        self.sources, self.seed, self.length = sources, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> View:
        rng = np.random.default_rng([self.seed, number])
        kind = rng.random()
        if kind < PHOTO_SHARE:
            return agreeing(self.sources, rng)
        return (
            told_portrait(self.sources, rng)
            if kind < PHOTO_SHARE + LONDON_SHARE
            else rendered(self.sources, rng)
        )


def rendered(sources: Sources, rng: np.random.Generator) -> View:
    """A render with its exact labels."""
    place = int(rng.integers(len(sources.renders)))
    matrix = crop_matrix(sources.renders.points[place], rng)
    pixels = warped(sources.renders.pixels[place], matrix)
    labels = warped_labels(CLASS_OF_REGION[sources.renders.regions[place]], matrix)
    return labelled_view(exposed(pixels, rng), labels, rng)


def told_portrait(sources: Sources, rng: np.random.Generator) -> View:
    """A London portrait, often before another background, often with something before it."""
    place = int(rng.integers(len(sources.portraits.pixels)))
    stretch = np.eye(3)
    stretch[:2, :2] += rng.normal(0, 0.05, (2, 2))
    middle = translation(SIDE / 2, SIDE / 2)
    matrix = middle @ stretch @ inverse(middle) @ crop_matrix(sources.portraits.points[place], rng)
    pixels = warped(sources.portraits.pixels[place], matrix)
    labels = warped_labels(sources.portraits.labels[place], matrix)
    if rng.random() < 0.7:
        pixels = moved_elsewhere(pixels, labels, sky(sources, rng))
    if rng.random() < 0.5:
        pixels, cover = covered(pixels, sources, rng)
        labels = np.where(cover < UNTOLD, cover, labels)
    return labelled_view(pixels, labels, rng)


def agreeing(sources: Sources, rng: np.random.Generator) -> View:
    """A photo without labels, seen calmly and otherwise; what is pasted over it has its label."""
    frame = sources.photos[int(rng.integers(len(sources.photos)))]
    rim = frame.pixels.shape[0] * (1 - 1 / MARGIN) / 2
    calm_matrix = jitter(rng) @ scaling(SIDE / frame.template_side) @ translation(-rim, -rim)
    flip = np.diag([-1.0, 1.0, 1.0]) if rng.random() < 0.5 else np.eye(3)
    angle, grow = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.1))
    turn = np.eye(3)
    turn[:2, :2] = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) * grow
    middle, shift = translation(SIDE / 2, SIDE / 2), translation(*(rng.normal(0, 0.04, 2) * SIDE))
    shown_from_calm = shift @ middle @ turn @ flip @ inverse(middle)
    calm = warped(frame.pixels, calm_matrix)
    shown = warped(frame.pixels, shown_from_calm @ calm_matrix)
    labels = np.full((SIDE, SIDE), UNTOLD, np.uint8)
    if rng.random() < 0.55:
        shown, labels = covered(shown, sources, rng)
    unit = scaling(2 / SIDE)
    normal = translation(-1, -1) @ unit
    theta = (normal @ inverse(shown_from_calm) @ inverse(normal))[:2]
    return View(damaged(shown, rng), calm, labels, theta.astype(np.float32), np.float32(1))


def labelled_view(pixels: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> View:
    """Mirrored or not, recoloured, damaged."""
    if rng.random() < 0.5:
        pixels, labels = pixels[:, ::-1], labels[:, ::-1]
    pixels = np.ascontiguousarray(pixels)
    shown = damaged(pixels, rng)
    return View(shown, shown, np.ascontiguousarray(labels), np.eye(3, dtype=np.float32)[:2], np.float32(0))


def crop_matrix(points: Points, rng: np.random.Generator) -> Matrix:
    """The net's crop of a face with these 68 points, about as well placed as a detector places it."""
    five = five_of(points)
    placed = five + MISPLACED * (misplaced(five, rng) - five)
    return fit_similarity(placed.astype(np.float32), TEMPLATE)


def jitter(rng: np.random.Generator) -> Matrix:
    """A small move of a crop, pixels."""
    return translation(*(rng.normal(0, 0.015, 2) * SIDE)) @ scaling(float(np.exp(rng.normal(0, 0.03))))


def warped(pixels: np.ndarray, matrix: Matrix) -> NDArray[np.uint8]:
    """(SIDE, SIDE, 3) of a picture through a map of pixels with centres at +0.5; mirrored beyond its rim."""
    shrink = 1 / np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    if shrink > 1.3:
        pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 * shrink)
    flat = translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)
    shown = cv2.warpAffine(
        pixels, flat[:2], (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(shown, np.uint8)


def warped_labels(labels: np.ndarray, matrix: Matrix) -> NDArray[np.uint8]:
    """(SIDE, SIDE) labels through the same map, whichever has most of a pixel; UNTOLD beyond the rim."""
    flat = (translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5))[:2]
    best = np.zeros((SIDE, SIDE), np.uint8)
    told = np.full((SIDE, SIDE), UNTOLD, np.uint8)
    for one in np.unique(labels):
        share = np.where(labels == one, np.uint8(250), np.uint8(0))
        share = cv2.warpAffine(share, flat, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
        more = share > np.maximum(best, 84)
        told[more], best[more] = one, share[more]
    return told


def exposed(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A render brought, more often than not, to the exposure of a usual photo: a restorer's crops are exposed."""
    level = float(np.percentile(pixels[SIDE // 4 : -SIDE // 4, SIDE // 4 : -SIDE // 4], 60)) / 255
    if rng.random() < 0.3 or level < 0.02:
        return np.asarray(pixels, np.uint8)
    wanted = rng.uniform(0.3, 0.75)
    power = float(np.clip(np.log(wanted) / np.log(min(level, 0.95)), 0.35, 1.6))
    return np.asarray(cv2.LUT(pixels, table(lambda x: x**power)), np.uint8)


def table(curve: Callable[[np.ndarray], np.ndarray]) -> NDArray[np.uint8]:
    """(256,) a curve over 0-1 for 8 bits."""
    return np.round(255 * np.clip(curve(np.arange(256) / 255), 0, 1)).astype(np.uint8)


def recoloured(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another exposure, contrast and white; one in six without colour."""
    gain = np.exp(rng.normal(0, 0.2) + rng.normal(0, 0.07, 3))
    power, lift = np.exp(rng.normal(0, 0.2)), max(0.0, rng.normal(0, 0.04))
    curves = np.stack(
        [table(lambda x, g=g: lift + (1 - lift) * np.clip(x * g, 0, 1) ** power) for g in gain], -1
    )
    shown = cv2.LUT(pixels, curves[None])
    if rng.random() < 0.17:
        shown = np.clip(monochrome(shown.astype(np.float32), rng), 0, 255).round()
    return np.asarray(shown, np.uint8)


def damaged(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Recoloured, and often worn: film, web, motion, security cameras, or only soft."""
    shown = recoloured(pixels, rng)
    if rng.random() < WORN:
        return degrade(shown.astype(np.float32), SIDE / 512, rng).astype(np.uint8)
    if rng.random() < 0.5:
        shown = cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.3, 1.8))
    return np.asarray(shown, np.uint8)


def sky(sources: Sources, rng: np.random.Generator) -> NDArray[np.float32]:
    """(SIDE, SIDE, 3) scene-linear, some piece of the surroundings, sharp or not."""
    panorama = sources.skies[rng.integers(len(sources.skies))]
    shown = np.minimum(panorama.behind(SIDE, SIDE * rng.uniform(0.5, 2.0), rng.random()), 4) * np.exp(
        rng.normal(0, 0.6)
    )
    return cv2.GaussianBlur(shown.astype(np.float32), (0, 0), rng.uniform(0.4, 8))


def moved_elsewhere(pixels: np.ndarray, labels: np.ndarray, behind: np.ndarray) -> NDArray[np.uint8]:
    """The same person before something else; its shirt goes with the wall."""
    alpha = cv2.GaussianBlur((labels == BACKGROUND).astype(np.float32), (0, 0), 0.8)[..., None]
    return np.round(pixels * (1 - alpha) + shown_as(behind) * alpha).astype(np.uint8)


LINEAR = SRGB.decode((np.arange(256) / 255).astype(np.float32))
"""(256,) scene-linear values of 8-bit display values."""

_STEPS = 4096
_SHOWN = np.round(255 * SRGB.encode(np.linspace(0, 1, _STEPS, dtype=np.float32) ** 2)).astype(np.uint8)


def shown_as(linear: np.ndarray) -> NDArray[np.uint8]:
    """Scene-linear -> display-encoded 8 bits, by a table over square roots: a fifth of a power's time."""
    return _SHOWN[(np.sqrt(np.clip(linear, 0, 1)) * (_STEPS - 1) + 0.5).astype(np.int32)]


def covered(
    pixels: np.ndarray, sources: Sources, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Something before the face, and its label; UNTOLD where the picture is as it was."""
    linear = LINEAR[pixels]
    labels = np.full((SIDE, SIDE), UNTOLD, np.uint8)
    canvas = wear.Canvas(linear, np.zeros((SIDE, SIDE), np.float32), np.full((SIDE, SIDE), np.inf))
    third = slice(SIDE * 2 // 5, SIDE * 3 // 5)
    tone = np.median(linear[third, third].reshape(-1, 3), 0) * np.exp(rng.normal(0, 0.2))
    kind = rng.choice(5, p=(0.4, 0.06, 0.22, 0.12, 0.2))
    if kind == 0:
        wear.draw_palm(canvas, skin_of(linear, rng) if rng.random() < 0.7 else tone, rng)
    elif kind == 1:
        wear.draw_hand(canvas, tone, rng)
    elif kind == 2:
        wear.draw_thing(canvas, sky(sources, rng), rng)
    elif kind == 3:
        wear.draw_microphone(canvas, rng)
    else:
        draw_spectacles(canvas, rng)
    labels[canvas.cover > 0.5] = GLASSES if kind == 4 else OCCLUDER
    return shown_as(canvas.pixels), labels


def skin_of(linear: np.ndarray, rng: np.random.Generator) -> NDArray[np.float32]:
    """(SIDE, SIDE, 3) a patch of cheek or forehead of a crop, enlarged to all of it: what hands are covered with."""
    size = int(rng.integers(SIDE // 10, SIDE // 5))
    middle = np.array(((0.36, 0.62), (0.64, 0.62), (0.5, 0.36))[rng.integers(3)]) * SIDE + rng.normal(0, 4, 2)
    x, y = np.clip(middle - size / 2, 0, SIDE - size).astype(int)
    patch = cv2.resize(linear[y : y + size, x : x + size], (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.maximum(cv2.GaussianBlur(patch, (0, 0), rng.uniform(0.5, 4)), 0).astype(np.float32)


def draw_spectacles(canvas: wear.Canvas, rng: np.random.Generator) -> None:
    """Frames about where the template has its eyes, flat; one pair in five is dark."""
    eyes = TEMPLATE[:2] + rng.normal(0, 0.01, (2, 2)) * SIDE
    unit = float(np.linalg.norm(eyes[1] - eyes[0]))
    width, height, corner = unit * rng.uniform(0.33, 0.46), unit * rng.uniform(0.2, 0.38), rng.uniform(2, 5)
    angle = np.linspace(0, 2 * np.pi, 40)
    ring = np.stack([np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / corner) * width,
                     np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / corner) * height], 1)  # fmt: skip
    rims = [eye + ring + (0, unit * 0.04) for eye in eyes]
    lines = [*rims, np.stack([rims[0][0], rims[1][20]])]
    for rim, place, aside in ((rims[0], 20, -1), (rims[1], 0, 1)):
        lines.append(
            np.stack([rim[place], rim[place] + (aside * unit * 0.35, unit * rng.normal(-0.02, 0.04))])
        )
    glass, frame = (np.zeros((SIDE, SIDE), np.float32) for _ in range(2))
    for rim in rims:
        cv2.fillPoly(glass, [_fixed(rim)], (1.0,), cv2.LINE_AA, wear.SUBPIXEL)
    dark = rng.random() < 0.2
    tint = rng.uniform(0, 0.15, 3) * (0.15 if dark else 1)
    canvas.lay(tint, glass * (rng.uniform(0.9, 1.0) if dark else rng.uniform(0, 0.15)))
    if not dark:
        canvas.cover = np.zeros_like(canvas.cover)
    thick = max(1, round(unit * rng.uniform(0.01, 0.08)))
    for line in lines:
        cv2.polylines(frame, [_fixed(line)], False, (1.0,), thick, cv2.LINE_AA, wear.SUBPIXEL)
    canvas.lay(np.exp(rng.uniform(np.log(0.005), np.log(0.3))) * np.exp(rng.normal(0, 0.3, 3)), frame)


def _fixed(places: np.ndarray) -> np.ndarray:
    """(N, 1, 2) int32 in OpenCV's fixed point, from pixels with centres at +0.5."""
    return np.round((places - 0.5) * (1 << wear.SUBPIXEL)).astype(np.int32)[:, None]
