"""What else a photo shows at the spots of skin beside colours: structure and regions, as layers that a fit lays on it.

Structure: how bright a spot is against what is about it, in local standard deviations, as the last factor of SSIM; a
shadow or a lamp that nine harmonics do not know changes it little. Regions: where a net sees lips and brows, against
where the head has them. Both are pictures that the head's spots are looked up in; how far they are off by themselves is
measured on each photo, in the middle of its spots, so that neither has a weight to be tuned.

After: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004 (half of the mean
squared difference of two locally normalised patches is 1 less their structure term); regions as in Zhu et al., "ReDA:
Reinforced Differentiable Attribute for 3D Face Reconstruction", CVPR 2020 (parsed regions as one more picture).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.skin import smoothed

AROUND = 3.0
"""How many times a picture's blur what is about a spot reaches (standard deviations of Gaussians, both)."""

NAMES = ("lips", "brows")
"""The masks of a head that a parsing net sees as well."""

_FAINT = 0.05  # of the face's tone: contrast that is noise
_SLOPES = np.array([[-0.5, 0.0, 0.5]], np.float32)


@dataclass(frozen=True)
class Regions:
    """Where a net sees what in a photo, each (H, W) 0-1: `lips`, `brows`, and `covered` by hair, glasses or hands."""

    lips: Matte
    brows: Matte
    covered: Matte

    def __post_init__(self) -> None:
        expect_shapes(lips=(self.lips, "H W"), brows=(self.brows, "H W"), covered=(self.covered, "H W"))

    @property
    def stacked(self) -> Image:
        """(H, W, 3), in this order."""
        return np.stack([self.lips, self.brows, self.covered], -1).astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """A picture that should show `wanted` (n, C) at the spots: `shown` (h, w, C), `slopes` (h, w, 2 C) of it along x
    and then y, a pixel; `say` (n,) what a spot that is one off counts.
    """

    shown: Image
    slopes: NDArray[np.float32]
    wanted: NDArray[np.float64]
    say: NDArray[np.float64]

    @classmethod
    def of(cls, shown: Image, wanted: np.ndarray) -> "Layer":
        """A layer that counts nothing yet."""
        along = [_planes(cv2.filter2D(shown, -1, kernel)) for kernel in (_SLOPES, _SLOPES.T)]
        shown, slopes = _planes(shown), np.concatenate(along, -1).astype(np.float32)
        return cls(shown, slopes, np.asarray(wanted, np.float64), np.zeros(len(wanted)))

    def at(self, places: np.ndarray) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """(n, C) how far the picture is off what is wanted at places (n, 2), and (n, C, 2) its slopes there."""
        x, y = (places[:, k].astype(np.float32)[None] - np.float32(0.5) for k in range(2))

        def look(part: np.ndarray) -> np.ndarray:
            found = cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            return found.reshape(len(places), -1)

        slopes = look(self.slopes).reshape(len(places), 2, -1).transpose(0, 2, 1)
        return look(self.shown) - self.wanted, slopes

    def weighed(self, places: np.ndarray, trust: np.ndarray, outlier: float, share: np.ndarray) -> "Layer":
        """The same, counting what is left of it as its own middle deviation says (L1's weights beyond `outlier` of it).

        Args:
            places: (n, 2) where the spots are. trust: (n,) 0-1. share: (n,) how much of an independent thing each is.
        """
        off = np.sqrt((self.at(places)[0] ** 2).mean(1))
        seen = trust > 0.3
        sigma = max(float(np.median(off[seen])) / 0.67 if seen.sum() > 20 else 1.0, 0.02)
        say = trust * share / sigma**2 / np.maximum(off / (outlier * sigma), 1) / self.wanted.shape[1]
        return Layer(self.shown, self.slopes, self.wanted, say)


def structure_of(grey: Image, blur: float, head: Matte) -> Image:
    """(h, w) a picture's structure: grey (h, w), blurred by `blur` pixels already, against what of the head is about
    it; `head` (h, w), 0-1, says where that is.
    """
    about = AROUND * max(blur, 0.5)
    share = np.maximum(cv2.GaussianBlur(head, (0, 0), about), 1e-3)
    low = cv2.GaussianBlur(grey * head, (0, 0), about) / share
    square = cv2.GaussianBlur((grey - low) ** 2 * head, (0, 0), about) / share
    return np.asarray((grey - low) / np.sqrt(square + _FAINT**2), np.float32)


def structure_on(head: HeadModel, grey: np.ndarray, blur: float) -> NDArray[np.float64]:
    """(V,) the same of what a head shows on its vertices, (V,), blurred by `blur` mm already."""
    values = np.asarray(grey, np.float32)[:, None]
    low = smoothed(head, values, AROUND * blur)
    square = smoothed(head, (values - low) ** 2, AROUND * blur)
    return ((values - low) / np.sqrt(square + _FAINT**2))[:, 0].astype(np.float64)


def regions_on(head: HeadModel, names: Sequence[str], blur: float) -> NDArray[np.float64]:
    """(V, C) a head's regions on its vertices as a picture blurred by `blur` mm would show them."""
    masks = np.stack([(head.mask(name) > 0.5).astype(np.float32) for name in names], 1)
    return smoothed(head, masks, blur).astype(np.float64)


def _planes(image: np.ndarray) -> NDArray[np.float32]:
    return np.asarray(image, np.float32).reshape(*image.shape[:2], -1)
