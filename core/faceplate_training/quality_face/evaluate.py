"""Measures a quality net on people it was never trained on, against the judge's own network, and prints a table.

    python -m faceplate_training.quality_face.evaluate --weights WEIGHTS --shared DIR

WEIGHTS is an ONNX file or a run's checkpoint.pt. The 28 photos of 14 London people are damaged by the judge's presets;
faces are found on the damaged picture by the pack's own detector, and where they are not, taken from the clean one. The
rank correlation is Spearman's, of all faces of all presets together, between the net's number and the judge's
similarity of the damaged face to the clean one. `own` is the label itself: what our embedder says, which knows the
clean picture. `known`: how often our embedder still finds the right one among the clean photos of all London people.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from faceplate.faces import Face
from faceplate.model_choice import PLAIN_CHOICE, choose_models
from faceplate.nets.quality_net import QualityNet
from faceplate.plate import Plate
from faceplate.restore.likeness import identity_on, similarity
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate.stages.quality import quality_on
from faceplate_training.detect_face.sources import read_rgb
from faceplate_training.judging import judge_of
from faceplate_training.photos import photos

PRESETS = ("clean", "film", "web", "blur", "cctv48", "cctv32", "cctv24", "cctv20", "cctv16")
SIDE, SEED = 512, 1
BANDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


class TorchNet:
    """A run's averaged weights, called as every net is."""

    template, seconds = "arcface_112", 0.0

    def __init__(self, checkpoint: Path) -> None:
        self.id, self.net = checkpoint.name, QualityNet().eval()
        self.net.load_state_dict(torch.load(checkpoint, weights_only=True)["averaged"])

    @torch.no_grad()
    def __call__(self, batch: np.ndarray) -> tuple[np.ndarray, ...]:
        return (self.net(torch.from_numpy(batch)).numpy(),)


@dataclass(frozen=True)
class Probe:
    """One damaged face: what the net says, the judge's similarity to the clean one, our embedder's label, whether it
    still knows who this is, and whether the detector found the face.
    """

    preset: str
    quality: float
    judged: float
    own: float
    known: bool
    found: bool


def open_weights(path: Path) -> Net:
    """A net from an ONNX file or a checkpoint."""
    if path.suffix == ".pt":
        return TorchNet(path)
    providers = ("CPUExecutionProvider",)
    return OnnxNet(path.read_bytes(), id=path.stem, template="arcface_112", providers=providers, threads=1)


def probes(shared: Path, net: Net) -> list[Probe]:
    """Every held-out London photo in every preset."""
    tools = judge_of(shared)
    judge = tools.Judge()
    chosen = choose_models(PLAIN_CHOICE, needs=("face.detect", "face.identity"))
    detector, embedder = (open_net(chosen[task]) for task in ("face.detect", "face.identity"))
    listed = [photo for photo in photos(shared / "photos") if photo.source == "london"]
    gallery = {photo.path: _face_on(_plate(read_rgb(photo.path)), detector) for photo in listed}
    who = {
        photo.path: identity_on(_plate(read_rgb(photo.path)), face, embedder)
        for photo in listed
        if (face := gallery[photo.path]) is not None
    }
    people, made = {photo.path: photo.person for photo in listed}, []
    for preset in PRESETS:
        for number, photo in enumerate(sorted((p for p in listed if p.held_out), key=lambda p: p.path)):
            bgr = cv2.imread(str(photo.path))
            clean = tools.frame(bgr, judge.points(bgr), SIDE)
            rng = np.random.default_rng([SEED, number])
            damaged = clean if preset == "clean" else tools.degrade(clean, preset, rng)
            points = judge.points(clean)
            judged = float(judge.embed(clean, points) @ judge.embed(damaged, points))
            before, after = (_plate(each[..., ::-1]) for each in (clean, damaged))
            undamaged, face = _face_on(before, detector), _face_on(after, detector)
            assert undamaged is not None, photo.path
            seen = identity_on(after, face or undamaged, embedder)
            own = _share(
                similarity(identity_on(before, undamaged, embedder), identity_on(after, undamaged, embedder))
            )
            nearest = max(
                (path for path in who if path != photo.path), key=lambda path: float(who[path] @ seen)
            )
            made.append(
                Probe(
                    preset,
                    quality_on(after, face or undamaged, net),
                    judged,
                    own,
                    people[nearest] == photo.person,
                    face is not None,
                )
            )
    return made


def rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's: the correlation of ranks, equal values sharing theirs."""
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def milliseconds(net: Net) -> float:
    """Wall time of one crop, the median of thirty."""
    crop, times = np.random.default_rng(0).random((1, 3, 112, 112), np.float32), []
    for _ in range(33):
        start = time.perf_counter()
        net(crop)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times[3:]))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with photos, models and tools")
    asked = words.parse_args()
    net = open_weights(asked.weights)
    rows = probes(asked.shared, net)
    print("preset    n  found  judge  quality   own  known")
    for preset in PRESETS:
        _print(preset, [row for row in rows if row.preset == preset])
    print("quality")
    for low, high in pairwise(BANDS):
        _print(f"{low:.1f}-{min(high, 1):.1f}", [row for row in rows if low <= row.quality < high])
    quality, judged, own = (
        np.array([getattr(row, name) for row in rows]) for name in ("quality", "judged", "own")
    )
    damaged = np.array([row.preset != "clean" for row in rows])
    print(
        f"rank correlation with the judge {rank_correlation(quality, judged):.3f} (n {len(rows)}), without the clean "
        f"{rank_correlation(quality[damaged], judged[damaged]):.3f} (n {damaged.sum()}), of the label itself "
        f"{rank_correlation(own, judged):.3f}"
    )
    away = quality - own
    print(f"mean distance from the label {np.abs(away).mean():.3f}, mean difference {away.mean():+.3f}")
    print(f"{milliseconds(net):.2f} ms a face on one thread")


def _print(name: str, rows: list[Probe]) -> None:
    if not rows:
        return
    judged, quality, own = (np.mean([getattr(row, n) for row in rows]) for n in ("judged", "quality", "own"))
    known, found = np.mean([row.known for row in rows]), sum(row.found for row in rows)
    print(f"{name:8} {len(rows):3}  {found:5}  {judged:.3f}    {quality:.3f}  {own:.3f}  {known:.0%}")


def _plate(rgb: np.ndarray) -> Plate:
    return Plate.of(np.ascontiguousarray(rgb, np.float32) / np.float32(255))


def _face_on(plate: Plate, detector: Net) -> Face | None:
    found = detect_faces(plate, detector)
    return found[0] if found else None


def _share(cosine: float) -> float:
    return max(0.0, 1.0 - float(np.arccos(min(cosine, 1.0))) * 2 / np.pi)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


if __name__ == "__main__":
    main()
