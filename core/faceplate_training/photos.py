"""The photographs that may train weights that ship, who is kept out of training, and aligned frames cut from them.

Only photos marked T in the shared README are listed here. Points come from a teacher detector (YuNet, MIT), because
the sets bring either none or points of another kind.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from faceplate.faces import FFHQ_512
from faceplate.geometry import fit_similarity

MARGIN = 1.25
"""An aligned frame is the FFHQ template's square, enlarged this much about its middle, to leave room for jitter."""

TEACHER = Path("models", "yunet_n_dynamic.onnx")
"""The detector that gives points, in the shared folder."""

HELD_OUT_EVERY = 5
"""Of the London people, in the order of their numbers, every fifth is never trained on."""


@dataclass(frozen=True)
class Photo:
    """One file: `person` is unique over all sets; `source` names the set; `held_out` people are for measuring."""

    path: Path
    person: str
    source: str
    held_out: bool = False


@dataclass(frozen=True)
class Frame:
    """An aligned face: `pixels` (S, S, 3) uint8 RGB, `template_side` pixels for the FFHQ square inside it.

    The template's square lies in the middle, with (MARGIN - 1) / 2 of its side around it.
    """

    pixels: np.ndarray
    template_side: float
    photo: Photo


def photos(root: Path) -> Iterator[Photo]:
    """Every T photo below `root`, the filtered congress portraits included, in a fixed order."""
    london = sorted((root / "london").glob("*.jpg"))
    people = sorted({path.stem.split("_")[0] for path in london})
    out = set(people[::HELD_OUT_EVERY])
    for path in london:
        person = path.stem.split("_")[0]
        yield Photo(path, f"london_{person}", "london", person in out)
    for path in sorted((root / "canada").glob("*.jpg")):
        yield Photo(path, f"canada_{path.stem}", "canada")
    for path in sorted((root / "one_person_cc0").glob("*.jpg")):
        yield Photo(path, "cc0_lisa", "cc0")
    with open(root / "congress" / "index.csv", newline="") as table:
        for row in csv.DictReader(table):
            if is_photograph(row):
                name = Path(row["file"]).stem
                yield Photo(root / "congress" / row["file"], f"congress_{name}", "congress")


def is_photograph(row: dict[str, str]) -> bool:
    """Whether a row of the congress index is likely a photograph, not an engraving, painting or halftone print.

    Prints and engravings are grey, of people born early, and their dots or lines give a very strong Laplacian;
    copies of copies give a very weak one.
    """
    born, grey = int(row["born"] or 0), float(row["saturation_gray"]) < 4
    sharpness = float(row["laplacian"])
    return sharpness > 40 and (born >= 1900 or (not grey and born >= 1880 and sharpness < 1500))


class Teacher:
    """YuNet: five points of the largest face."""

    def __init__(self, model: Path) -> None:
        self.detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), 0.6, 0.3, 50)

    def points(self, rgb: np.ndarray) -> np.ndarray | None:
        """(5, 2) pixels with centres at +0.5 in (H, W, 3) uint8 RGB, or None where no face is found."""
        height, width = rgb.shape[:2]
        scale = min(1.0, 640 / max(height, width))
        size = (round(width * scale), round(height * scale))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        self.detector.setInputSize(size)
        found = self.detector.detect(np.ascontiguousarray(small[..., ::-1]))[1]
        if found is None:
            return None
        best = found[np.argmax(found[:, 2] * found[:, 3])]
        return (best[4:14].reshape(5, 2) / scale).astype(np.float32)


def cut_frame(rgb: np.ndarray, points: np.ndarray, photo: Photo, *, largest: int = 512) -> Frame:
    """The aligned frame of one face, never enlarged beyond the photo's own resolution or `largest`."""
    template_from_photo = fit_similarity(points, FFHQ_512)
    native = 512 / float(np.hypot(template_from_photo[0, 0], template_from_photo[1, 0]))
    side = min(float(largest), native)
    total = round(side * MARGIN)
    grow = np.diag([side / 512, side / 512, 1.0])
    grow[:2, 2] = (total - side) / 2
    matrix = grow @ template_from_photo
    shrink = native / side
    if shrink > 1.3:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.4 * shrink)
    matrix = _to_cv(matrix)
    pixels = cv2.warpAffine(
        rgb, matrix[:2], (total, total), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return Frame(pixels, side, photo)


def _to_cv(matrix: np.ndarray) -> np.ndarray:
    """The same map for OpenCV, whose pixel centres lie at whole numbers."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    return np.linalg.inv(half) @ matrix @ half


def frames(root: Path, teacher: Path, cache: Path, *, smallest_side: int = 150) -> list[Frame]:
    """Aligned frames of every T photo with a face at least `smallest_side` template pixels large.

    The first call writes them to `cache`; later calls with the same photos read them back.
    """
    listed = list(photos(root))
    key = hashlib.sha256("\n".join(f"{p.path.name} {p.held_out}" for p in listed).encode()).hexdigest()[:12]
    store = cache / f"frames-{smallest_side}-{key}.npz"
    if not store.exists():
        cache.mkdir(parents=True, exist_ok=True)
        made = list(_cut_all(listed, Teacher(teacher), smallest_side))
        arrays = {f"pixels_{i}": frame.pixels for i, (frame, _) in enumerate(made)}
        arrays["sides"] = np.array([frame.template_side for frame, _ in made])
        arrays["numbers"] = np.array([number for _, number in made])
        np.savez(store, **arrays)  # pyright: ignore[reportArgumentType]
    with np.load(store) as data:
        return [
            Frame(data[f"pixels_{i}"], float(side), listed[number])
            for i, (side, number) in enumerate(zip(data["sides"], data["numbers"], strict=True))
        ]


def _cut_all(listed: list[Photo], teacher: Teacher, smallest_side: int) -> Iterator[tuple[Frame, int]]:
    for number, photo in enumerate(listed):
        bgr = cv2.imread(str(photo.path))
        if bgr is None:
            continue
        rgb = np.ascontiguousarray(bgr[..., ::-1])
        points = teacher.points(rgb)
        if points is None:
            continue
        frame = cut_frame(rgb, points, photo)
        if frame.template_side >= smallest_side:
            yield frame, number


def is_clean(frame: Frame) -> bool:
    """Whether a frame may be the target of a restorer: little grain, no halftone, and colour or a quiet grey.

    Grain is the median of the diagonal detail over the face (Donoho and Johnstone, Biometrika 1994), in 8-bit steps;
    toned prints tell themselves from colour photographs by their single hue.
    """
    if frame.photo.source != "congress":
        return True
    return grain(frame) < (3.5 if hue_spread(frame) > 6 else 2.0)


def grain(frame: Frame) -> float:
    """Robust standard deviation of the finest diagonal detail over the middle of the face, in 8-bit steps."""
    rim = (frame.pixels.shape[0] - frame.template_side) / 2
    top, bottom, left, right = (int(rim + at * frame.template_side) for at in (0.30, 0.85, 0.25, 0.75))
    grey = cv2.cvtColor(frame.pixels[top:bottom, left:right], cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = cv2.filter2D(grey, -1, np.array([[1, -1], [-1, 1]], np.float32) / 2)
    return float(np.median(np.abs(detail)) / 0.6745)


def hue_spread(frame: Frame) -> float:
    """Standard deviation of the two chroma channels of 8-bit CIELAB over the frame, at 64 x 64 px."""
    small = cv2.resize(frame.pixels, (64, 64), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32)
    return float(np.sqrt(lab[..., 1].var() + lab[..., 2].var()))
