"""Light on a head and what lies behind it, both from one panorama."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.shade import light_of_surroundings


@dataclass(frozen=True)
class Panorama:
    """`pixels`: (H, W, 3) float32 scene-linear, as `shade.light_of_surroundings` reads them; its mean is 1."""

    pixels: NDArray[np.float32]

    def light(self, turn: float) -> NDArray[np.float64]:
        """(9, 3) harmonics with the panorama turned about the vertical by `turn`, 0-1 of a full circle."""
        small = cv2.resize(self.pixels, (64, 32), interpolation=cv2.INTER_AREA)
        return light_of_surroundings(np.roll(small, round(turn * 64), axis=1))

    def behind(self, side: int, focal: float, turn: float) -> NDArray[np.float32]:
        """(side, side, 3) what a camera sees behind the head before it; `focal` in pixels, `turn` as in `light`."""
        height, width = self.pixels.shape[:2]
        x, y = np.meshgrid(*(np.arange(side) + 0.5 - side / 2,) * 2)
        reach = np.sqrt(x**2 + y**2 + focal**2)
        down = np.arccos(-y / reach)
        # the head looks at the middle column; its back, where the camera looks, lies at the seam
        around = np.arctan2(-x, -focal) / (2 * np.pi) + 0.5 - turn
        columns = ((around % 1.0) * width - 0.5).astype(np.float32)
        rows = (down / np.pi * height - 0.5).astype(np.float32)
        seen = cv2.remap(self.pixels, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(seen, np.float32)


def panoramas(folder: Path) -> list[Panorama]:
    """Every .hdr of a folder, in the order of their names, brought to a mean of 1."""
    found = []
    for path in sorted(folder.glob("*.hdr")):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        pixels = np.ascontiguousarray(pixels[..., ::-1], np.float32)
        found.append(Panorama(np.minimum(pixels / pixels.mean(), 2000)))
    return found
