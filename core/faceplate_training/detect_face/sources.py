"""What scenes are made of: portraits with a teacher's box and points, and pictures without any face.

Prepared once into a folder and read back through a memory map, so that several loaders share the same pages.
"""

import csv
import json
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

import cv2
import numpy as np

from faceplate.stages.face_rows import as_rows, mirrored
from faceplate_client.errors import InputError
from faceplate_training.detect_face.turning import turn_away
from faceplate_training.photos import photos

TALLEST_FACE = 220
"""A stored portrait is shrunk until its face is at most this high, pixels."""

TALLEST_FINE = 440
"""The same for the few portraits that are sharp at this size: what ears and earrings look like from near."""

LOOKS = (128, 180, 256)
"""Heights, pixels, at which the teacher sees a face for its label, each with its mirror image.

Chosen on London's hand-marked pupils: the mean of these six is off by 2.6 % of the eyes' distance and not to one side;
single looks are off by 3.3 to 6.5 %, every height in another direction.
"""

WITNESS = 0.6
"""Score from which the teacher's word counts that a hidden face can still be seen."""

ENLARGED = 1.5
"""A small face is enlarged at most this much for the teacher."""


def in_a_mirror(boxes: np.ndarray, points: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) and points (N, 5, 2) of a picture `width` pixels wide as in a mirror; float32."""
    told = (np.concatenate([[0], box, five.ravel()]) for box, five in zip(boxes, points, strict=True))
    rows = as_rows([mirrored(row, width) for row in told])
    return rows[:, 1:5], rows[:, 5:].reshape(-1, 5, 2)


@dataclass(frozen=True)
class Portrait:
    """`pixels` (H, W, 3) uint8 RGB; `box` x0 y0 x1 y1 and `points` (5, 2) of its one face, pixels, centres at +0.5."""

    pixels: np.ndarray
    box: np.ndarray
    points: np.ndarray

    def mirrored(self) -> "Portrait":
        """The portrait as in a mirror."""
        boxes, points = in_a_mirror(self.box[None], self.points[None], self.pixels.shape[1])
        return Portrait(self.pixels[:, ::-1], boxes[0], points[0])

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
        """Box (4,) and points (5, 2) of the one face, or None: no face, several, or looks that disagree."""
        size = np.array(rgb.shape[1::-1])
        scale = min(1.0, 384 / size.max())
        whole, shift = cut_around(rgb, size / 2, scale, 384)
        seen = self.faces(whole)
        return self.steady(rgb, (seen[0, :4] - np.tile(shift, 2)) / scale) if len(seen) == 1 else None

    def steady(self, rgb: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """The mean of six looks at the face in `box`: box (4,) and points (5, 2), pixels of `rgb`.

        None where one of the looks finds no face there or their points lie further apart than 6 % of its height,
        standard deviation.
        """
        tall = float(box[3] - box[1])
        looks = []
        for height in LOOKS:
            side = 2 * height
            scale = min(height / tall, ENLARGED)
            close, shift = cut_around(rgb, (box[:2] + box[2:]) / 2, scale, side)
            middle = np.tile((box[:2] + box[2:]) / 2 * scale + shift, 2)
            expected = middle + np.array([-0.5, -0.5, 0.5, 0.5]) * np.tile((box[2:] - box[:2]) * scale, 2)
            for turned in (False, True):
                shown = np.ascontiguousarray(close[:, ::-1]) if turned else close
                seen = [Portrait(shown, row[:4], row[4:14].reshape(5, 2)) for row in self.faces(shown)]
                seen = [one.mirrored() if turned else one for one in seen]
                shares = [share(one.box, expected) for one in seen]
                if not seen or max(shares) < 0.4:
                    return None
                best = seen[int(np.argmax(shares))]
                looks.append(np.concatenate([best.box.reshape(2, 2), best.points]) - shift)
                looks[-1] /= scale
        places = np.array(looks)
        if places[:, 2:].std(0).max() > 0.06 * tall:
            return None
        mean = places.mean(0).astype(np.float32)
        return mean[:2].ravel(), mean[2:]


def cut_around(rgb: np.ndarray, middle: np.ndarray, scale: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side, 3) around a point, scaled, black beyond the picture; and the (2,) shift that scaled pixels got."""
    reach = side / scale / 2
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach), rgb.shape[1::-1]).astype(int)
    part = np.ascontiguousarray(rgb[low[1] : high[1], low[0] : high[0]])
    size = np.maximum(np.round((high - low) * scale), 1).astype(int)
    kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(part, (int(size[0]), int(size[1])), interpolation=kernel)
    corner = np.round(side / 2 + (low - middle) * scale).astype(int)
    first, last = np.maximum(corner, 0), np.minimum(corner + size, side)
    cut = np.zeros((side, side, 3), np.uint8)
    inside = part[first[1] - corner[1] : last[1] - corner[1], first[0] - corner[0] : last[0] - corner[0]]
    cut[first[1] : last[1], first[0] : last[0]] = inside
    return cut, corner - low * scale


def share(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    common = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(common / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - common + 1e-6))


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
    """Label every portrait and two turned copies of it, store them below `cache`, and open the result.

    Every file has a generator of its own, so the result does not depend on how many processes share the work.
    """
    if not (cache / "portraits.json").exists():
        cache.mkdir(parents=True, exist_ok=True)
        rows, start = [], 0
        files = portrait_files(root)[: limit or None]
        head = root.parent / "data" / "ict_facekit_light.npz"
        jobs = [(file, teacher, head, [seed, number]) for number, file in enumerate(files)]
        with open(cache / "portraits.raw", "wb") as store, processes() as pool:
            for made in pool.imap(_portraits, jobs, chunksize=16):
                for portrait in made:
                    store.write(portrait.pixels.tobytes())
                    label = [*portrait.box.tolist(), *portrait.points.ravel().tolist()]
                    rows.append([start, *portrait.pixels.shape[:2], *label])
                    start += portrait.pixels.nbytes
        np.save(cache / "scenery.npy", scenery(root.parent / "hdri"))
        (cache / "portraits.json").write_text(json.dumps(rows))
    return Album(cache)


def processes() -> Pool:
    """One for every core, begun afresh: a copy of this one would wait for ever for OpenCV's threads, which it lacks."""
    return get_context("spawn").Pool()


@cache
def _teacher(model: Path) -> Teacher:
    """One teacher a process: opening the file costs more than many looks."""
    cv2.setNumThreads(1)
    return Teacher(model)


def _portraits(job: tuple[Path, Path, Path, list[int]]) -> list[Portrait]:
    """A file's portrait, the same turned a little and the same turned far, each where the teacher finds its face."""
    file, model, head, seed = job
    guide, rng, rgb = _teacher(model), np.random.default_rng(seed), read_rgb(file)
    label = guide.portrait(rgb)
    if label is None:
        return []
    tallest = TALLEST_FACE if file.parent.parent.name == "congress" else TALLEST_FINE
    scale = min(1.0, tallest / float(label[0][3] - label[0][1]))
    rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    box, points = label[0] * scale, label[1] * scale
    made = [Portrait(rgb, box, points)]
    yaw, pitch = rng.uniform(0.2, 0.62) * rng.choice([-1, 1]), rng.uniform(-0.3, 0.3)
    turned = turn_head(rgb, box, points, yaw, pitch)
    away = turn_away(rgb, points, rng.uniform(0.55, 1.2) * rng.choice([-1, 1]), head)
    for picture in (turned, away):
        label = guide.portrait(picture)
        if label is not None:
            made.append(Portrait(picture, *label))
    return made


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
        heights = np.array([row[6] - row[4] for row in self.rows])
        self.fine = np.flatnonzero(heights > 1.1 * TALLEST_FACE)
        """Portraits that are sharp from near."""

    def __len__(self) -> int:
        return len(self.rows)

    def portrait(self, number: int) -> Portrait:
        start, height, width, *label = self.rows[number]
        pixels = self.raw[start : start + height * width * 3].reshape(height, width, 3)
        return Portrait(
            pixels, np.array(label[:4], np.float32), np.array(label[4:], np.float32).reshape(5, 2)
        )
