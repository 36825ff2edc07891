"""What the enlarger learns from: sharp photos, surroundings, and pictures of leaves; and what it is measured on."""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceplate.colour import srgb_from_linear
from faceplate_training.detect_face.sources import read_rgb
from faceplate_training.photos import is_photograph, photos
from faceplate_training.renders.light import panoramas
from faceplate_training.upscale.leaves import leaves

PORTRAITS, LEAVES, LEAF_SIDE = 260, 96, 448
"""Congress portraits that are used, of the sharpest; pictures of leaves, and their side in pixels."""

SMALLEST_SIDE = 300
"""Photos with a shorter side, pixels, are left out."""


@dataclass(frozen=True)
class Picture:
    """`pixels`: (H, W, 3) uint8 RGB, display-encoded. `sharp`: reduced this many times, every pixel is one."""

    pixels: np.ndarray
    sharp: float


def training_pictures(shared: Path, seed: int) -> list[list[Picture]]:
    """Studio photos, portraits, surroundings and leaves: a list each, always the same for a seed."""
    studio = [
        Picture(read_rgb(photo.path), 1.2)
        for photo in photos(shared / "photos")
        if not photo.held_out and photo.source != "congress"
    ]
    rng = np.random.default_rng(seed)
    around = [Picture(shown, 1.3) for shown in surroundings(shared / "hdri", rng)]
    coloured = [picture.pixels for picture in (*studio[::8], *around)]
    drawn = [
        Picture(leaves(LEAF_SIDE, coloured[rng.integers(len(coloured))], rng), 1.0) for _ in range(LEAVES)
    ]
    return [studio, _portraits(shared / "photos" / "congress"), around, drawn]


def held_out_pictures(shared: Path) -> dict[str, np.ndarray]:
    """Name -> (H, W, 3) uint8: the London photos of people who are never trained on."""
    return {photo.path.stem: read_rgb(photo.path) for photo in photos(shared / "photos") if photo.held_out}


def surroundings(folder: Path, rng: np.random.Generator) -> list[np.ndarray]:
    """Every panorama at three exposures as a display shows it, without the stretched rows at its poles."""
    shown = []
    for panorama in panoramas(folder):
        height = panorama.pixels.shape[0]
        rows = panorama.pixels[int(0.2 * height) : int(0.85 * height)]
        for stops in rng.uniform(-2.5, 1.5, 3):
            encoded = np.clip(srgb_from_linear(rows * np.float32(2.0**stops)), 0, 1)
            shown.append(np.round(encoded * 255).astype(np.uint8))
    return shown


def _portraits(folder: Path) -> list[Picture]:
    """Of the congress portraits that are photographs and in colour, the sharpest that are large enough."""
    with open(folder / "index.csv", newline="") as table:
        rows = [row for row in csv.DictReader(table) if is_photograph(row)]
    rows = [row for row in rows if float(row["saturation_gray"]) > 12 and float(row["laplacian"]) < 1500]
    rows.sort(key=lambda row: -float(row["laplacian"]))
    found = []
    for row in rows:
        if len(found) == PORTRAITS:
            break
        read = cv2.imread(str(folder / row["file"]))
        if read is not None and min(read.shape[:2]) >= SMALLEST_SIDE:
            found.append(Picture(np.ascontiguousarray(read[..., ::-1]), 1.3))
    return found
