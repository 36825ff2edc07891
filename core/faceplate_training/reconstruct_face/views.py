"""What the net is shown: renders, London's marked photos, and photos of which nothing is known but that they agree with
themselves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from faceplate.faces import FFHQ_512
from faceplate.geometry import inverse
from faceplate.nets.reconstruct_net import IDENTITY, SIDE, WEIGHTS
from faceplate.reconstruct.morphable import HeadModel
from faceplate.stages.landmarks import crop_from_points, five_of
from faceplate_training.degrade import degrade
from faceplate_training.landmarks_face.views import (
    LONDON_SHARE,
    UNIT,
    Shown,
    View,
    covered,
    cut,
    mirrored,
    misplaced,
    recoloured,
    rendered,
)
from faceplate_training.photos import MARGIN, Frame
from faceplate_training.reconstruct_face.acting import other_side
from faceplate_training.reconstruct_face.scenes import SIGHT, KnownRenders

SHARES = (LONDON_SHARE, 0.15)
"""How many of the views are marked photos, and how many photos that nobody marked; the rest are renders."""

MARKED, UNTOLD, KNOWN = range(3)
"""Kinds of views: London with points, photos without, renders with coefficients."""


class Sample(NamedTuple):
    """One view for the net as arrays, or a batch of them as tensors.

    `pixels` (SIDE, SIDE, 3) uint8; `calm` the same face as it was before it was changed, and `pixels_from_calm` (3, 3),
    of untold photos alone (elsewhere 0 and the identity); `kind`; `points` (68, 2), `visible`, `told` (68,), `turn`
    (3,) as in `landmarks_face.views.View`; `identity` (60,), `weights` (52,); `skin` (2,), `mixed`, `tone` (3,) and
    `sight` (SIGHT, SIGHT) 0-1, already mirrored where `flipped` is 1.
    """

    pixels: Any
    calm: Any
    pixels_from_calm: Any
    kind: Any
    points: Any
    visible: Any
    told: Any
    turn: Any
    identity: Any
    weights: Any
    skin: Any
    mixed: Any
    tone: Any
    sight: Any
    flipped: Any


@dataclass(frozen=True)
class Mirror:
    """How coefficients change in a mirror: `identity` (60,) signs, `weights` (52,) places."""

    identity: NDArray[np.float32]
    weights: NDArray[np.int64]

    @classmethod
    def of(cls, head: HeadModel) -> "Mirror":
        flipped = head.identity[:IDENTITY][:, head.mirror] * np.array([-1, 1, 1], np.float32)
        agree = np.einsum("kvx,kvx->k", flipped, head.identity[:IDENTITY])
        names = [head.expression_names[place] for place in head.arkit]
        return cls(np.sign(agree).astype(np.float32), other_side(names))


class Views(Dataset):
    """Endless views, each a pure function of the seed and its number."""

    def __init__(
        self,
        renders: KnownRenders,
        photos: Shown,
        untold: Sequence[Frame],
        head: HeadModel,
        seed: int,
        length: int,
        shares: tuple[float, float] = SHARES,
    ) -> None:
        self.shown = rendered(renders)
        self.renders, self.photos, self.untold = renders, photos, untold
        self.places, self.mirror = head.arkit, Mirror.of(head)
        self.seed, self.length, self.shares = seed, length, shares

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> Sample:
        rng = np.random.default_rng([self.seed, number])
        share = rng.random()
        if share < self.shares[0]:
            return self.marked(rng)
        if share < sum(self.shares) and len(self.untold):
            return self.agreeing(rng)
        return self.known(rng)

    def known(self, rng: np.random.Generator) -> Sample:
        """A render."""
        drawn, place = self.renders, int(rng.integers(len(self.renders)))
        view = cut(self.shown, place, misplaced(five_of(self.shown.points[place]), rng))
        identity, weights = drawn.identity[place, :IDENTITY], drawn.weights[place, self.places]
        sight, flipped = drawn.sight[place] / np.float32(255), int(rng.random() < 0.5)
        if flipped:
            view, sight = mirrored(view), sight[:, ::-1]
            identity, weights = identity * self.mirror.identity, weights[self.mirror.weights]
        return _sample(
            worn(view.pixels, rng),
            KNOWN,
            view,
            identity=identity,
            weights=weights,
            skin=drawn.skin[place],
            mixed=np.float32(drawn.mixed[place]),
            tone=drawn.tone[place],
            sight=np.ascontiguousarray(sight, np.float32),
            flipped=flipped,
        )

    def marked(self, rng: np.random.Generator) -> Sample:
        """A London photo."""
        place = int(rng.integers(len(self.photos.pixels)))
        five = misplaced(five_of(self.photos.points[place]), rng)
        view = cut(self.photos, place, five, squeeze=True, rng=rng)
        view = mirrored(view) if rng.random() < 0.5 else view
        view = covered(view, rng) if rng.random() < 0.3 else view
        return _sample(worn(view.pixels, rng), MARKED, view)

    def agreeing(self, rng: np.random.Generator) -> Sample:
        """A photo as it is, and the same one cropped otherwise, damaged and covered."""
        frame = self.untold[int(rng.integers(len(self.untold)))]
        five = FFHQ_512 * (frame.template_side / 512) + frame.template_side * (MARGIN - 1) / 2
        known = Shown(frame.pixels[None], np.zeros((1, 68, 2), np.float32), *_nothing(1))
        steady = cut(known, 0, five.astype(np.float32)).pixels
        moved = misplaced(five.astype(np.float32), rng)
        view = cut(known, 0, moved)
        matrix = crop_from_points(moved) @ inverse(crop_from_points(five.astype(np.float32)))
        pixels = covered(view, rng).pixels if rng.random() < 0.4 else view.pixels
        return _sample(
            worn(pixels, rng), UNTOLD, view, calm=_whole(steady), pixels_from_calm=matrix.astype(np.float32)
        )


def worn(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another exposure; then damaged, soft or as it is."""
    pixels = recoloured(pixels, rng)
    if rng.random() < 0.3:
        pixels = degrade(pixels, UNIT, rng)
    elif rng.random() < 0.5:
        pixels = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.5))
    return _whole(pixels)


def _whole(pixels: np.ndarray) -> NDArray[np.uint8]:
    return np.clip(pixels, 0, 255).round().astype(np.uint8)


def _nothing(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.zeros((count, 68), np.float32),
        np.zeros((count, 68), np.float32),
        np.zeros((count, 3), np.float32),
    )


_UNKNOWN = {
    "calm": np.zeros((SIDE, SIDE, 3), np.uint8),
    "pixels_from_calm": np.eye(3, dtype=np.float32),
    "identity": np.zeros(IDENTITY, np.float32),
    "weights": np.zeros(WEIGHTS, np.float32),
    "skin": np.zeros(2, np.int32),
    "mixed": np.float32(0),
    "tone": np.ones(3, np.float32),
    "sight": np.zeros((SIGHT, SIGHT), np.float32),
    "flipped": 0,
}


def _sample(pixels: np.ndarray, kind: int, view: View, **known) -> Sample:
    """A view, and what is known besides; what is not has its place taken by zeros."""
    return Sample(
        pixels=pixels,
        kind=kind,
        points=view.points,
        visible=view.visible,
        told=view.told,
        turn=view.turn,
        **{**_UNKNOWN, **known},
    )
