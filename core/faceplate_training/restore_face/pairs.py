"""Clean and damaged views of aligned faces, each a pure function of a seed and a number."""

from typing import NamedTuple

import cv2
import numpy as np
from torch.utils.data import Dataset

from faceplate.faces import ARCFACE_112, FFHQ_512
from faceplate.geometry import fit_similarity
from faceplate_training.degrade import degrade, monochrome
from faceplate_training.photos import Frame
from faceplate_training.restore_face.typical import typical_damage

STUDIO = ("london", "canada", "cc0")
"""Sets photographed in a studio, 1024 px and more."""

RIM = 32
"""Pixels rendered around a view before it is damaged, so that its edges are damaged like its middle."""


SHARP = 1.25
"""A target is reduced at least this much from its photo where it is to be sharp: soft targets teach soft answers."""

TYPICAL_SHARE = 0.8
"""Share of views with damage within narrow limits; the others may have met anything."""

MOVED_SHARE = 0.5
"""Share of views resampled after the damage, as a face in a plate is on its way into a crop."""

STUDIO_SHARE = 0.6
"""Share of views from the studio sets: few people, but sharp to the last pixel."""


class Pairs(NamedTuple):
    """A batch: (B, S, S, 3) float32 RGB 0-1 each, and the (B, 2, 3) maps of whole faces to the 112 px crop."""

    damaged: np.ndarray
    clean: np.ndarray
    view_from_crop: np.ndarray
    whole: np.ndarray


class Views(Dataset):
    """Endless batches, three kinds in turn, so that one net learns every scale and sees whole faces as it will be run.

    Whole faces at 256 px, patches of 256 px from larger faces, whole faces at 512 px. Each batch costs the same.
    Targets are sharp where the pool allows it, and never enlarged beyond the resolution their photo has.
    """

    def __init__(self, pool: list[Frame], seed: int, batches: int) -> None:
        self.pool, self.seed, self.batches = pool, seed, batches
        studio = [frame for frame in pool if frame.photo.source in STUDIO]
        others = [frame for frame in pool if frame.photo.source not in STUDIO]
        self.shelves = [_Shelf(frames) for frames in (studio, others) if frames]

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, number: int) -> Pairs:
        rng = np.random.default_rng([self.seed, number])
        kind = rng.random()
        if kind < 0.45:
            views = [self.whole(256, rng) for _ in range(8)]
        elif kind < 0.78:
            views = [self.patch(rng) for _ in range(8)]
        else:
            views = [self.whole(512, rng) for _ in range(2)]
        return Pairs(*(np.stack(column).astype(np.float32) for column in zip(*views, strict=True)))

    def patch(self, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """A 256 px view anywhere on a face whose FFHQ square is 300-640 px, half of them about 512, as crops are."""
        square = (
            512 * np.exp(rng.normal(0, 0.06))
            if rng.random() < 0.5
            else np.exp(rng.uniform(*np.log((300, 640))))
        )
        template = float(square)
        frame = self.pick(template, rng)
        template = min(template, frame.template_side * 1.15)
        spread = max(0.0, template * 0.8 - 256) / 2
        middle = rng.uniform(-spread, spread, 2) + np.array([0, 0.05 * template])
        return self.view(frame, 256, template, middle, rng)

    def whole(self, side: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """A whole face in a square of `side`, misplaced as a detector misplaces it."""
        frame = self.pick(side, rng)
        template = min(side * np.exp(rng.normal(0, 0.06)), frame.template_side * 1.15)
        return self.view(frame, side, template, rng.normal(0, 0.02, 2) * template, rng)

    def pick(self, template: float, rng: np.random.Generator) -> Frame:
        """A frame with resolution to spare for a face square of `template` pixels, or the largest there are."""
        shelf = self.shelves[-1] if rng.random() >= STUDIO_SHARE else self.shelves[0]
        return shelf.pick(SHARP * template, rng)

    def view(
        self, frame: Frame, side: int, template: float, middle: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, ...]:
        """Render one view, damage it, and fit the clean one to its exposure."""
        total = side + 2 * RIM
        mirrored = rng.random() < 0.5
        pixels = np.ascontiguousarray(frame.pixels[:, ::-1] if mirrored else frame.pixels)
        scale, centre = template / frame.template_side, (frame.pixels.shape[0] - 1) / 2
        if scale < 0.75:
            pixels = cv2.GaussianBlur(pixels, (0, 0), 0.4 / scale)
        at = (total - 1) / 2 - middle
        view_from_frame = _turned(scale, rng.normal(0, 0.06), at, np.array([centre, centre]))
        clean = _sampled(pixels, view_from_frame, total)
        grey = int(rng.integers(1 << 32)) if rng.random() < 0.12 else None
        clean = clean if grey is None else monochrome(clean, np.random.default_rng(grey))
        damage = typical_damage if rng.random() < TYPICAL_SHARE else degrade
        damaged = damage(clean, template / 512, rng)
        if rng.random() < MOVED_SHARE:
            rim, about = rng.uniform(-0.5, 0.5, 2), np.full(2, (total - 1) / 2)
            moved = _turned(np.exp(rng.normal(0, 0.05)), rng.normal(0, 0.04), about + rim, about)
            view_from_frame = moved @ view_from_frame
            damaged, clean = _sampled(damaged, moved, total), _sampled(pixels, view_from_frame, total)
            clean = clean if grey is None else monochrome(clean, np.random.default_rng(grey))
        target = same_exposure(clean, damaged)
        inner = slice(RIM, RIM + side)
        whole = np.array(template < side * 1.25, np.float32)
        return (
            damaged[inner, inner] / 255,
            target[inner, inner] / 255,
            _crop_matrix(view_from_frame, frame),
            whole,
        )


def _turned(scale: float, angle: float, to: np.ndarray, about: np.ndarray) -> np.ndarray:
    """(3, 3): scale and turn about one point, which goes to another; pixel centres."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    return np.vstack([np.column_stack([turn, to - turn @ about]), [0, 0, 1]])


def _sampled(pixels: np.ndarray, view_from_pixels: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) float32."""
    size, border = (side, side), cv2.BORDER_REFLECT
    view = cv2.warpAffine(pixels, view_from_pixels[:2], size, flags=cv2.INTER_CUBIC, borderMode=border)
    return view.astype(np.float32)


class _Shelf:
    """Frames in the order of their resolution."""

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = sorted(frames, key=lambda frame: frame.template_side)
        self.sides = np.array([frame.template_side for frame in self.frames])

    def pick(self, least: float, rng: np.random.Generator) -> Frame:
        """A frame of at least `least` pixels, or one of the forty largest."""
        first = min(int(np.searchsorted(self.sides, least)), len(self.sides) - 40)
        return self.frames[int(rng.integers(max(first, 0), len(self.sides)))]


def _crop_matrix(view_from_frame: np.ndarray, frame: Frame) -> np.ndarray:
    """(2, 3): arcface_112 pixel centres to pixel centres of the view without its rim.

    The template is symmetric enough that a mirrored face lands in it as well.
    """
    ffhq_from_crop = fit_similarity(ARCFACE_112, FFHQ_512)
    rim = (frame.pixels.shape[0] - frame.template_side) / 2
    unit = frame.template_side / 512
    frame_from_ffhq = np.array([[unit, 0, rim], [0, unit, rim], [0, 0, 1]])
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    without_rim = np.array([[1, 0, -RIM], [0, 1, -RIM], [0, 0, 1]])
    centres = view_from_frame @ np.linalg.inv(half) @ frame_from_ffhq @ ffhq_from_crop @ half
    return (without_rim @ centres)[:2]


def same_exposure(clean: np.ndarray, damaged: np.ndarray) -> np.ndarray:
    """`clean` with the gain and offset per channel that fit `damaged` best at 1/16 of the size.

    Exposure and tint are another stage's business; left in, guessing them is most of what a restorer learns. The fit
    looks at low frequencies only: at full size a blurred picture would ask for a fainter target.
    """
    size = tuple(max(4, length // 16) for length in clean.shape[1::-1])
    x = cv2.resize(clean, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    y = cv2.resize(damaged, size, interpolation=cv2.INTER_AREA).reshape(-1, 3).astype(np.float64)
    x_mean, y_mean = x.mean(0), y.mean(0)
    gain = ((x - x_mean) * (y - y_mean)).mean(0) / np.maximum(x.var(0), 1.0)
    gain = np.clip(gain, 0.2, 1.6)
    offset = y_mean - x_mean * gain
    return clean * gain.astype(np.float32) + offset.astype(np.float32)
