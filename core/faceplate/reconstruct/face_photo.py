"""A photo as a fit looks at it: cut about the face, brought to a size, and blurred as far as a round wants it."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, expect_shapes
from faceplate.colour import linear_from_srgb
from faceplate.reconstruct.camera import Camera
from faceplate.reconstruct.head_fit import View
from faceplate.reconstruct.layers import Regions

_WORKED = 420
"""Pixels: photos are looked at so that a face is about this high; spots stand four of them apart."""

_MARGIN = 0.35  # of the face's height, kept about it
_ALONG = np.array([[-0.5, 0.0, 0.5]], np.float32)


@dataclass(frozen=True)
class FacePhoto:
    """A photo cut about the face and brought to a size: `view` and `pixels` of that. `scale`: its pixels a pixel of
    the photo; `corner`: (x, y) in the photo of its own origin. `tone`: (3,) scene-linear, what colours are divided by.
    `regions`: (h, w, 3) `layers.Regions.stacked` where a net looked, or None.
    """

    view: View
    pixels: Image
    scale: float
    corner: tuple[float, float]
    tone: NDArray[np.float64]
    regions: Image | None = None

    @classmethod
    def of(cls, view: View, pixels: Image, regions: Regions | None = None) -> "FacePhoto":
        """Cut a photo (H, W, 3), display-encoded sRGB, 0-1, about the face that its points show; regions are of it."""
        if regions is not None:
            expect_shapes({"H": pixels.shape[0], "W": pixels.shape[1]}, regions=(regions.lips, "H W"))
        low, high = view.points.min(0), view.points.max(0)
        tall = float(max(high - low))
        x0, y0 = np.floor(low - _MARGIN * tall - (0, 0.3 * tall)).astype(int).clip(0)
        x0, y0 = min(x0, pixels.shape[1] - 1), min(y0, pixels.shape[0] - 1)
        x1, y1 = np.ceil(high + _MARGIN * tall).astype(int).clip((x0 + 1, y0 + 1))
        cut = pixels[y0:y1, x0:x1]
        scale = min(1.0, _WORKED / tall)
        size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))

        def brought(part: np.ndarray) -> Image:
            return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32)

        small = brought(cut)
        seen = None if regions is None else brought(regions.stacked[y0:y1, x0:x1])
        scale = size[0] / cut.shape[1]
        corner = np.array([x0, y0])
        own = view.camera
        moved = replace(
            view,
            points=((view.points - corner) * scale).astype(np.float32),
            camera=Camera(own.focal * scale, tuple(((np.array(own.centre) - corner) * scale).tolist())),
        )
        return cls(moved, small, scale, (float(x0), float(y0)), np.ones(3), seen)


@dataclass(frozen=True)
class BlurredFace:
    """A photo at one level: `colours` (h, w, 3) scene-linear over the face's tone, blurred; `slopes` (h, w, 6) of it
    along x and y, a pixel.
    """

    colours: Image
    slopes: NDArray[np.float32]

    @classmethod
    def of(cls, pixels: Image, tone: np.ndarray, sigma: float) -> "BlurredFace":
        """From pixels (h, w, 3), display-encoded: over a tone (3,), blurred by `sigma` pixels."""
        linear = (linear_from_srgb(pixels) / tone).astype(np.float32)
        if sigma > 0.3:
            linear = cv2.GaussianBlur(linear, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
        along = [cv2.filter2D(linear, -1, kernel) for kernel in (_ALONG, _ALONG.T)]
        return cls(np.asarray(linear, np.float32), np.concatenate(along, -1).astype(np.float32))

    def at(self, places: np.ndarray) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, 3) colours and (n, 3, 2) their slopes at places (n, 2)."""
        x, y = (places[:, k].astype(np.float32)[None] - np.float32(0.5) for k in range(2))
        found = [cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
                 for part in (self.colours, self.slopes[..., :3], self.slopes[..., 3:])]  # fmt: skip
        return found[0], np.stack(found[1:], -1)
