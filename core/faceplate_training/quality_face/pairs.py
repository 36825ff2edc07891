"""Faces before and after what happened to them, both as a recogniser would be shown them."""

import cv2
import numpy as np

from faceplate.geometry import warp
from faceplate.nets.quality_net import SIDE
from faceplate_training.degrade import compress, degrade, monochrome, noise, recorded, soften
from faceplate_training.identity_face.train import jittered
from faceplate_training.photos import MARGIN, Frame, is_clean

SMALLEST_VIEW, LARGEST_VIEW = 80.0, 300.0
"""Side of a face's FFHQ square when the damage is done, pixels: compression looks finer in a crop of a larger face."""

SHARP_SIDE = 220
"""Frames with smaller faces than this are no reference: what was lost before cannot be told."""

STUDIO = ("london", "canada", "cc0")
STUDIO_SHARE = 0.6
"""How often a face is one of the studio sets', which are sharper than the portraits."""


def sharp(pool: list[Frame]) -> list[Frame]:
    """The frames of a pool that may stand for an undamaged face."""
    return [frame for frame in pool if is_clean(frame) and frame.template_side >= SHARP_SIDE]


class Crops:
    """Pairs of a clean and a damaged crop, each a pure function of the seed and its number."""

    def __init__(self, pool: list[Frame], seed: int, length: int) -> None:
        self.shelves = [
            shelf
            for studio in (True, False)
            if (shelf := [frame for frame in pool if (frame.photo.source in STUDIO) == studio])
        ]
        self.seed, self.length = seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(SIDE, SIDE, 3) float32, 0-1, twice: clean and damaged, cut at the same place."""
        rng = np.random.default_rng([self.seed, number])
        shelf = self.shelves[0 if rng.random() < STUDIO_SHARE else -1]
        view = viewed(shelf[rng.integers(len(shelf))], rng)
        clean = regraded(view.pixels.astype(np.float32), rng)
        damaged = happened(clean, view.template_side / 512, rng)
        matrix = jittered(view, rng)
        clean, damaged = (
            np.clip(warp(np.asarray(picture / 255, np.float32), matrix, (SIDE, SIDE)), 0, 1)
            for picture in (clean, damaged)
        )
        return clean, damaged


def viewed(frame: Frame, rng: np.random.Generator) -> Frame:
    """A frame at the size its face has on some plate, mirrored half the time; never enlarged."""
    side = min(float(np.exp(rng.uniform(np.log(SMALLEST_VIEW), np.log(LARGEST_VIEW)))), frame.template_side)
    total = round(side * MARGIN)
    pixels = cv2.resize(frame.pixels, (total, total), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    return Frame(pixels, total / MARGIN, frame.photo)


def regraded(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another exposure, contrast and tint, or no colour: none of it is damage."""
    if rng.random() < 0.6:
        gain, gamma = rng.uniform(0.7, 1.15), np.exp(rng.normal(0, 0.15))
        clean = 255 * np.clip(clean / 255 * gain, 0, 1) ** gamma * rng.uniform(0.93, 1.0, 3)
    if rng.random() < 0.12:
        clean = monochrome(np.asarray(clean, np.float32), rng)
    return np.asarray(clean, np.float32)


def happened(clean: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """What became of a face, float32, 0-255: nothing, a history, two of them, or a recording at a known small size."""
    kind = rng.random()
    if kind < 0.06:
        return clean
    if kind < 0.5:
        return degrade(clean, unit, rng)
    if kind < 0.6:
        return degrade(degrade(clean, unit, rng), unit, rng)
    small = recorded(clean, unit, float(np.exp(rng.uniform(np.log(9), np.log(90)))) / 0.55, rng)
    small = soften(small, rng.uniform(0.2, 1.2), rng) if rng.random() < 0.4 else small
    small = noise(small * np.float32(rng.uniform(0.55, 1)), rng.uniform(0.5, 7), rng)
    small = compress(small, rng, qualities=(45, 90)) if rng.random() < 0.8 else small
    shown = cv2.resize(small, clean.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(np.round(shown), 0, 255).astype(np.float32)
