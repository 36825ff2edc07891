"""Small pictures as cameras, scalers and codecs make them, and the detail that a Lanczos enlargement of them lacks.

Noise, grain and compression are added to what the net sees but not to what is asked of it: the missing detail of the
clean picture. So it learns to add detail and to let grain pass as Lanczos does, neither removed nor sharpened.
"""

from typing import NamedTuple

import cv2
import numpy as np

from faceplate.colour import linear_from_srgb, srgb_from_linear
from faceplate.stages.enlarge import lanczos
from faceplate_training.degrade import compress, grain, noise
from faceplate_training.upscale.pictures import Picture

PATCH, RIM = 48, 8
"""Side of a patch the loss looks at, pixels of the small picture, and what the net sees around it."""

VIEW, PATCHES = 128, 4
"""Side of a view, pixels of the small picture, and how many patches are cut from it: so it is damaged only once."""

SHARES = (0.35, 0.15, 0.2, 0.3)
"""How often a view is of a studio photo, a portrait, surroundings, leaves."""


class Pair(NamedTuple):
    """`small`: (B, P, P, 3) float32, 0-1, P = PATCH + 2 RIM. `missing`: (B, 2 PATCH, 2 PATCH, 3), without the rim."""

    small: np.ndarray
    missing: np.ndarray


class Pairs:
    """Endless batches, each a pure function of the seed and its number."""

    def __init__(self, shelves: list[list[Picture]], seed: int, *, views: int = 4) -> None:
        self.shelves, self.seed, self.views = shelves, seed, views
        there = np.array([bool(shelf) for shelf in shelves]) * np.array(SHARES[: len(shelves)])
        self.shares = there / there.sum()

    def batch(self, number: int) -> Pair:
        """Batch `number`: `views` x PATCHES patches."""
        rng = np.random.default_rng([self.seed, number])
        patches = [patch for _ in range(self.views) for patch in self.view(rng)]
        return Pair(*(np.stack(column).astype(np.float32) for column in zip(*patches, strict=True)))

    def view(self, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
        """PATCHES pairs from one place of one picture, turned and mirrored; of two patches the one that lacks more."""
        shelf = self.shelves[rng.choice(len(self.shelves), p=self.shares)]
        large = _turned(sharp_view(shelf[rng.integers(len(shelf))], rng), rng)
        small = reduced(large, rng)
        missing = (large - lanczos(small, 2)) / 255
        seen = damaged(small, rng) / 255
        total, found = PATCH + 2 * RIM, []
        for _ in range(PATCHES):
            y, x = max(rng.integers(0, small.shape[0] - total + 1, (2, 2)), key=lambda c: _power(missing, *c))
            found.append((seen[y : y + total, x : x + total], _inner(missing, y, x)))
        return found


def _inner(missing: np.ndarray, y: int, x: int) -> np.ndarray:
    """What a patch lacks that begins at these pixels of the small picture, without its rim."""
    return missing[2 * (y + RIM) : 2 * (y + RIM + PATCH), 2 * (x + RIM) : 2 * (x + RIM + PATCH)]


def _power(missing: np.ndarray, y: int, x: int) -> float:
    return float(np.square(_inner(missing, y, x)[::2, ::2]).sum())


def sharp_view(picture: Picture, rng: np.random.Generator) -> np.ndarray:
    """(2 VIEW, 2 VIEW, 3) float32, 0-255, from anywhere on a picture, reduced until it is sharp, or further."""
    side = 2 * VIEW
    room = min(picture.pixels.shape[:2]) / side
    factor = min(float(picture.sharp * np.exp(rng.uniform(-0.2, 0.6))), room)
    cut = round(side * max(factor, 1.0))
    height, width = picture.pixels.shape[:2]
    y, x = rng.integers(0, height - cut + 1), rng.integers(0, width - cut + 1)
    part = picture.pixels[y : y + cut, x : x + cut].astype(np.float32)
    return part if cut == side else cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA)


def reduced(large: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture at half its size, float32, 0-255: by area, in light or as shown, a little soft, or by a scaler."""
    size = (large.shape[1] // 2, large.shape[0] // 2)
    kind = rng.random()
    if kind < 0.4:
        return cv2.resize(large, size, interpolation=cv2.INTER_AREA)
    if kind < 0.6:
        light = cv2.resize(
            linear_from_srgb(np.asarray(large / 255, np.float32)), size, interpolation=cv2.INTER_AREA
        )
        return srgb_from_linear(np.asarray(light, np.float32)) * np.float32(255)
    if kind < 0.85:
        soft = cv2.GaussianBlur(large, (0, 0), rng.uniform(0.3, 1.2))
        return cv2.resize(soft, size, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(large, (0, 0), rng.uniform(0.4, 0.8))
    return np.clip(cv2.resize(soft, size, interpolation=cv2.INTER_CUBIC), 0, 255)


def damaged(small: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera and a file do to a small picture, float32, 0-255; four in ten stay clean but for rounding."""
    kind = rng.random()
    if kind < 0.2:
        return small
    if kind >= 0.4:
        small = noise(small, rng.uniform(0.3, 5), rng) if rng.random() < 0.6 else small
        small = grain(small, rng.uniform(1, 7), rng) if rng.random() < 0.4 else small
        small = compress(small, rng, qualities=(70, 98)) if rng.random() < 0.5 else small
    return np.clip(np.round(small), 0, 255).astype(np.float32)


def _turned(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turned = np.rot90(picture, int(rng.integers(4)))
    return np.ascontiguousarray(turned[:, ::-1] if rng.random() < 0.5 else turned)
