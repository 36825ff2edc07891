"""Measures a parsing net on renders and portraits of people it never saw, and prints a table.

    python -m faceplate_training.parse_face.evaluate --weights WEIGHTS [--renders DIR] --shared DIR [--sheet PNG]

WEIGHTS is an ONNX file or a run's checkpoint.pt. Overlap is intersection over union of the likeliest class at the
crop's own 256 px, over all pixels of a set together. Glasses count as an occluder in the issue's ten classes, of which
"mean" is the mean. Renders: people and panoramas that were never trained on, crops misplaced as a detector misplaces
them; once as they are drawn, once through `degrade`. Where --renders holds none, they are drawn.
London: unseen people, features from the head fitted to their points and the rest told by colour, UNTOLD left out.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.nets.parse_net import SIDE, ParseNet
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.stages.parse import CLASSES
from faceplate_training.degrade import degrade
from faceplate_training.parse_face.portraits import CLASS_OF_REGION, UNTOLD, portraits
from faceplate_training.parse_face.scenes import SCENES
from faceplate_training.parse_face.views import GLASSES, OCCLUDER, crop_matrix, exposed, warped, warped_labels
from faceplate_training.photos import TEACHER
from faceplate_training.renders.make import Renders
from faceplate_training.trained_net import TrainedNet

"""How many held-out renders there are."""

CHANCE = 2026
"""Seed of crops and damage."""

COLOURS = np.array([
    [60, 60, 60], [220, 170, 140], [90, 60, 20], [255, 255, 255], [40, 90, 255], [230, 120, 90], [220, 40, 60],
    [120, 0, 30], [120, 80, 200], [0, 220, 230], [0, 230, 0],
], np.uint8)  # fmt: skip
"""What the sheet paints each class in."""


def open_weights(path: Path) -> Net:
    """A net from an ONNX file or a checkpoint."""
    if path.suffix == ".pt":
        return TrainedNet(ParseNet(len(CLASSES)), path, template="ffhq_512")
    return OnnxNet(
        path.read_bytes(), id=path.stem, template="ffhq_512", providers=("CPUExecutionProvider",), threads=1
    )


@dataclass(frozen=True)
class Case:
    """A crop (SIDE, SIDE, 3) uint8 RGB, its labels (SIDE, SIDE) and how far the head is turned, degrees."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    yaw: float


def render_cases(renders: Renders, *, worn: bool) -> Iterator[Case]:
    """Every held-out render as the net is shown it."""
    for place in range(len(renders)):
        rng = np.random.default_rng([CHANCE, place])
        matrix = crop_matrix(renders.points[place], rng)
        pixels = exposed(warped(renders.pixels[place], matrix), rng)
        labels = warped_labels(CLASS_OF_REGION[renders.regions[place]], matrix)
        yield Case(_worn(pixels, rng) if worn else pixels, labels, float(np.degrees(renders.yaw[place])))


def portrait_cases(shared: Path, store: Path, *, worn: bool) -> Iterator[Case]:
    """London's unseen people, neutral and smiling."""
    found = portraits(shared / "photos", shared / TEACHER, store, held_out=True)
    for place in range(len(found.pixels)):
        rng = np.random.default_rng([CHANCE, 1, place])
        matrix = crop_matrix(found.points[place], rng)
        pixels, labels = warped(found.pixels[place], matrix), warped_labels(found.labels[place], matrix)
        yield Case(_worn(pixels, rng) if worn else pixels, labels, 0.0)


def _worn(pixels: np.ndarray, rng: np.random.Generator) -> NDArray[np.uint8]:
    return degrade(pixels.astype(np.float32), SIDE / 512, rng).astype(np.uint8)


def answer(net: Net, pixels: np.ndarray) -> NDArray[np.uint8]:
    """(SIDE, SIDE) the likeliest class of every pixel of a crop."""
    batch = (np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]) / 255).astype(np.float32)
    shown = net(batch)[0][0].transpose(1, 2, 0)
    large = cv2.resize(np.ascontiguousarray(shown), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return large.argmax(2).astype(np.uint8)


def counted(said: np.ndarray, labels: np.ndarray) -> NDArray[np.int64]:
    """(C, C) pixels by label and by answer, of those that are told."""
    known = labels != UNTOLD
    both = labels[known].astype(np.int64) * len(CLASSES) + said[known]
    return np.bincount(both, minlength=len(CLASSES) ** 2).reshape(len(CLASSES), len(CLASSES))


def overlaps(counts: np.ndarray) -> NDArray[np.float64]:
    """Intersection over union of each class of a table of counts; NaN where nothing is labelled so."""
    same = np.diag(counts)
    union = counts.sum(0) + counts.sum(1) - same
    return np.where(counts.sum(1) > 0, same / np.maximum(union, 1), np.nan)


def ten(counts: np.ndarray) -> NDArray[np.int64]:
    """The table with glasses counted as an occluder."""
    merged = counts.copy()
    merged[OCCLUDER] += merged[GLASSES]
    merged[:, OCCLUDER] += merged[:, GLASSES]
    kept = [place for place in range(len(CLASSES)) if place != GLASSES]
    return merged[np.ix_(kept, kept)]


def report(name: str, counts: np.ndarray, number: int) -> None:
    """One line: mean of the ten classes, then every class, and in brackets the two that the occluder is made of."""
    of_ten, of_all = overlaps(ten(counts)), overlaps(counts)
    names = [word for word in CLASSES if word != "glasses"]
    parts = " ".join(
        f"{word} {value:.3f}" for word, value in zip(names, of_ten, strict=True) if np.isfinite(value)
    )
    print(
        f"{name:26} n {number:4} mean {np.nanmean(of_ten):.3f}  {parts}  "
        f"(glasses {of_all[GLASSES]:.3f}, others {of_all[OCCLUDER]:.3f})",
        flush=True,
    )


def measured(net: Net, name: str, cases: list[Case]) -> None:
    """The line of a set, and for renders one for each band of yaw."""
    tables = [counted(answer(net, case.pixels), case.labels) for case in cases]
    report(name, np.sum(tables, 0), len(cases))
    if name == "renders":
        for low, high in ((0, 30), (30, 60), (60, 80)):
            chosen = [t for t, case in zip(tables, cases, strict=True) if low <= abs(case.yaw) < high]
            report(f"  yaw {low}-{high}", np.sum(chosen, 0), len(chosen))


def milliseconds(net: Net, *, times: int = 30) -> float:
    """Median time of one crop."""
    batch = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32)
    net(batch)
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        net(batch)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def sheet(net: Net, cases: list[Case], *, columns: int = 6) -> NDArray[np.uint8]:
    """Crops beside what the net says of them."""
    tiles = []
    for case in cases:
        painted = (0.4 * case.pixels + 0.6 * COLOURS[answer(net, case.pixels)]).astype(np.uint8)
        tiles.append(np.hstack([case.pixels, painted]))
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    return np.vstack([np.hstack(tiles[k : k + columns]) for k in range(0, len(tiles), columns)])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with photos, panoramas and teacher")
    words.add_argument(
        "--renders", type=Path, help="folder of the held-out renders; default: drawn for this run"
    )
    words.add_argument("--sheet", type=Path, help="where to write crops and what was said of them")
    chosen = words.parse_args()
    net = open_weights(chosen.weights)
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.renders or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        drawn = SCENES.held_out(folder, chosen.shared)
        clean = list(render_cases(drawn, worn=False))
        people = list(portrait_cases(chosen.shared, folder / "london_held_out.npz", worn=False))
        measured(net, "renders", clean)
        measured(net, "renders, damaged", list(render_cases(drawn, worn=True)))
        measured(net, "London", people)
        measured(
            net,
            "London, damaged",
            list(portrait_cases(chosen.shared, folder / "london_held_out.npz", worn=True)),
        )
    print(f"one crop: {milliseconds(net):.1f} ms, one thread")
    if chosen.sheet:
        cv2.imwrite(str(chosen.sheet), sheet(net, clean[:24] + people[::2])[..., ::-1])


if __name__ == "__main__":
    main()
