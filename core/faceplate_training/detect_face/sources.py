"""What scenes are made of: portraits with a teacher's box and points, and pictures without any face.

Prepared once into a folder and read back through a memory map, so that several loaders share the same pages.
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceplate_client.errors import InputError
from faceplate_training.photos import photos

TALLEST_FACE = 220
"""A stored portrait is shrunk until its face is at most this high, pixels."""

MIRRORED = [1, 0, 2, 4, 3]
"""Order of the five points after a mirror: the image's left eye stays first."""


@dataclass(frozen=True)
class Portrait:
    """`pixels` (H, W, 3) uint8 RGB; `box` x0 y0 x1 y1 and `points` (5, 2) of its one face, pixels, centres at +0.5."""

    pixels: np.ndarray
    box: np.ndarray
    points: np.ndarray

    def mirrored(self) -> "Portrait":
        """The portrait as in a mirror."""
        width = self.pixels.shape[1]
        points = (self.points * (-1, 1) + (width, 0))[MIRRORED].astype(np.float32)
        box = np.array([width - self.box[2], self.box[1], width - self.box[0], self.box[3]], np.float32)
        return Portrait(self.pixels[:, ::-1], box, points)

    def halved(self) -> "Portrait":
        """The portrait at exactly half its size (an odd row or column is dropped): the cheapest way to shrink."""
        height, width = (length // 2 for length in self.pixels.shape[:2])
        even = np.ascontiguousarray(self.pixels[: 2 * height, : 2 * width])
        return Portrait(
            cv2.resize(even, (width, height), interpolation=cv2.INTER_LINEAR), self.box / 2, self.points / 2
        )


class Teacher:
    """YuNet's boxes and points."""

    def __init__(self, model: Path, *, threshold: float = 0.8) -> None:
        self.model, self.threshold = str(model), threshold
        self.detectors: dict[tuple[int, int], cv2.FaceDetectorYN] = {}

    def faces(self, rgb: np.ndarray) -> np.ndarray:
        """(N, 15) x0 y0 x1 y1, five points, score; in pixels of (H, W, 3) uint8 RGB; as the teacher says it, once."""
        size = (rgb.shape[1], rgb.shape[0])
        if size not in self.detectors:  # planning the graph for a new size costs more than many looks
            if len(self.detectors) > 16:
                self.detectors.clear()
            self.detectors[size] = cv2.FaceDetectorYN.create(self.model, "", size, self.threshold, 0.3, 50)
        found = self.detectors[size].detect(np.ascontiguousarray(rgb[..., ::-1]))[1]
        if found is None:
            return np.zeros((0, 15), np.float32)
        found[:, 2:4] += found[:, :2]
        return found

    def portrait(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Box (4,) and points (5, 2) of the one face, or None: no face, several, or a mirror image that disagrees.

        The mean over the photo and its mirror image is a steadier label than either look.
        """
        scale = min(1.0, 384 / max(rgb.shape[:2]))
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        seen, mirror = self.faces(small), self.faces(np.ascontiguousarray(small[:, ::-1]))
        if len(seen) != 1 or len(mirror) != 1:
            return None
        other = Portrait(small, mirror[0, :4], mirror[0, 4:14].reshape(5, 2)).mirrored()
        points = seen[0, 4:14].reshape(5, 2)
        apart = np.abs(points - other.points).max()
        if apart > 0.06 * (seen[0, 3] - seen[0, 1]):
            return None
        return (seen[0, :4] + other.box) / 2 / scale, (points + other.points) / 2 / scale


def read_rgb(file: Path, how: int = cv2.IMREAD_COLOR) -> np.ndarray:
    """(H, W, 3) RGB of a file, in its own type with cv2.IMREAD_UNCHANGED.

    Raises:
        InputError: the file is missing or damaged.
    """
    bgr = cv2.imread(str(file), how)
    if bgr is None:
        raise InputError(
            f"{file} cannot be read as a picture; fetch the photos again or take it out of the folder"
        )
    return np.ascontiguousarray(bgr[..., 2::-1])


def portrait_files(root: Path) -> list[Path]:
    """Every T photo that may train the detector: nobody of the held-out people, prints and tiny faces left out.

    The congress filter is wider than the restorer's: a soft or yellowed portrait is still a face to find.
    """
    files = [photo.path for photo in photos(root) if photo.source != "congress" and not photo.held_out]
    with open(root / "congress" / "index.csv", newline="") as table:
        for row in csv.DictReader(table):
            if 25 < float(row["laplacian"]) < 2000 and float(row["iod_px"]) > 24:
                files.append(root / "congress" / row["file"])
    return files


def turn_head(rgb: np.ndarray, box: np.ndarray, points: np.ndarray, yaw: float, pitch: float) -> np.ndarray:
    """The portrait with its head turned a little, by parallax over a rough head: an ellipsoid with a nose.

    Args:
        rgb: (H, W, 3) uint8. box, points: of its face, pixels. yaw, pitch: radians, to about 0.6.

    Returns:
        (H, W, 3) uint8. The background stays, the hidden cheek is squeezed, not hidden.
    """
    height, width = rgb.shape[:2]
    unit = max(float(np.hypot(*(points[1] - points[0]))), 0.3 * float(box[2] - box[0]))
    middle = points[:2].mean(0)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x + 0.5 - middle[0]) / unit, (y + 0.5 - middle[1]) / unit
    head = np.exp(-((x / 1.25) ** 2 + ((y - 0.45) / 1.6) ** 2))
    nose = np.exp(-((x / 0.36) ** 2 + ((y - 0.55) / 0.4) ** 2))
    depth = 0.95 * head + 0.22 * nose
    near = np.exp(-(((x / 1.9) ** 2 + ((y - 0.4) / 2.3) ** 2) ** 2))
    aside = np.sin(yaw) * (depth - 0.45 * near) + near * x * (np.cos(yaw) - 1)
    up = np.sin(pitch) * (depth - 0.45 * near) + near * y * (np.cos(pitch) - 1)
    map_x = ((x - aside) * unit + middle[0] - 0.5).astype(np.float32)
    map_y = ((y - up) * unit + middle[1] - 0.5).astype(np.float32)
    return cv2.remap(rgb, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def prepare(root: Path, teacher: Path, cache: Path, *, seed: int = 7, limit: int = 0) -> "Album":
    """Label every portrait and a turned copy of it, store them below `cache`, and open the result."""
    if not (cache / "portraits.json").exists():
        cache.mkdir(parents=True, exist_ok=True)
        guide, rng, rows, start = Teacher(teacher), np.random.default_rng(seed), [], 0
        files = portrait_files(root)[: limit or None]
        with open(cache / "portraits.raw", "wb") as store:
            for portrait in _portraits(files, guide, rng):
                store.write(portrait.pixels.tobytes())
                rows.append(
                    [
                        start,
                        *portrait.pixels.shape[:2],
                        *portrait.box.tolist(),
                        *portrait.points.ravel().tolist(),
                    ]
                )
                start += portrait.pixels.nbytes
        np.save(cache / "scenery.npy", scenery(root.parent / "hdri"))
        (cache / "portraits.json").write_text(json.dumps(rows))
    return Album(cache)


def _portraits(files: list[Path], guide: Teacher, rng: np.random.Generator) -> Iterator[Portrait]:
    for file in files:
        rgb = read_rgb(file)
        label = guide.portrait(rgb)
        if label is None:
            continue
        scale = min(1.0, TALLEST_FACE / float(label[0][3] - label[0][1]))
        rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        box, points = label[0] * scale, label[1] * scale
        yield Portrait(rgb, box, points)
        yaw, pitch = rng.uniform(0.2, 0.62) * rng.choice([-1, 1]), rng.uniform(-0.3, 0.3)
        turned = turn_head(rgb, box, points, yaw, pitch)
        label = guide.portrait(turned)
        if label is not None:
            yield Portrait(turned, *label)


def scenery(folder: Path) -> np.ndarray:
    """(N, 512, 1024, 3) uint8 RGB: every environment map of `folder` at three exposures, display-encoded."""
    shown = []
    for file in sorted(folder.glob("*.hdr")):
        linear = read_rgb(file, cv2.IMREAD_UNCHANGED).astype(np.float32)
        middle = np.exp(np.log(linear.mean(2) + 1e-4).mean())
        for stops in (-1.0, 0.0, 1.2):
            light = linear * (0.18 / middle * 2.0**stops)
            shown.append(np.clip(light / (1 + 0.3 * light), 0, 1) ** (1 / 2.2) * 255)
    return np.round(np.array(shown)).astype(np.uint8)


class Album:
    """The prepared portraits and scenery, mapped from disk."""

    def __init__(self, cache: Path) -> None:
        self.raw = np.memmap(cache / "portraits.raw", np.uint8, "r")
        self.rows = json.loads((cache / "portraits.json").read_text())
        self.scenery = np.load(cache / "scenery.npy", mmap_mode="r")

    def __len__(self) -> int:
        return len(self.rows)

    def portrait(self, number: int) -> Portrait:
        start, height, width, *label = self.rows[number]
        pixels = self.raw[start : start + height * width * 3].reshape(height, width, 3)
        return Portrait(
            pixels, np.array(label[:4], np.float32), np.array(label[4:], np.float32).reshape(5, 2)
        )
