"""Measures a quality net on people it was never trained on, against the judge's own network, and prints a table.

    python -m faceplate_training.quality_face.evaluate --weights WEIGHTS --shared DIR [--set london|lfw]

WEIGHTS is an ONNX file or a run's checkpoint.pt. The 28 photos of 14 London people, or one of each of the 100 of
lfw_dev, are damaged by the judge's presets; faces are found on the damaged picture by the pack's own detector, and
where they are not, taken from the clean one. The rank correlation is Spearman's, of all faces of all presets together,
between the net's number and the judge's similarity of the damaged face to the clean one. `own` is the label itself:
what our embedder says, which knows the clean picture. `known`: how often our embedder still takes another photo of the
same person for the nearest, among all clean photos of the set.
"""

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.faces import Face
from faceplate.model_choice import PLAIN_CHOICE, choose_models
from faceplate.nets.quality_net import QualityNet
from faceplate.plate import Plate
from faceplate.restore.likeness import Identity, identity_on, similarity
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate.stages.quality import quality_on
from faceplate_training.judging import judge_of
from faceplate_training.photos import photos
from faceplate_training.trained_net import TrainedNet

PRESETS = ("clean", "film", "web", "blur", "cctv48", "cctv32", "cctv24", "cctv20", "cctv16")
SIDE, SEED = 512, 1
BANDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


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
        return TrainedNet(QualityNet(), path, template="arcface_112")
    providers = ("CPUExecutionProvider",)
    return OnnxNet(path.read_bytes(), id=path.stem, template="arcface_112", providers=providers, threads=1)


@dataclass(frozen=True)
class Portrait:
    """A photo of somebody never trained on: `clean` is the judge's frame of it, uint8 BGR, `points` its five."""

    name: str
    person: str
    clean: NDArray[np.uint8]
    points: NDArray[np.float32]


class Bench:
    """The judge, the pack's detector and embedder, and who is on the undamaged photos of a set."""

    def __init__(self, shared: Path, net: Net, files: dict[Path, str]) -> None:
        """Args: `files`: photo -> who it shows."""
        self.tools, self.net = judge_of(shared), net
        self.judge = self.tools.Judge()
        chosen = choose_models(PLAIN_CHOICE, needs=("face.detect", "face.identity"))
        self.detector, self.embedder = (open_net(chosen[task]) for task in ("face.detect", "face.identity"))
        framed = (self._framed(path, person) for path, person in sorted(files.items()))
        self.portraits = {portrait.name: portrait for portrait in framed if portrait is not None}
        self.who: dict[str, Identity] = {}
        for portrait in self.portraits.values():
            plate = _plate(portrait.clean)
            if (face := self._face(plate)) is not None:
                self.who[portrait.name] = identity_on(plate, face, self.embedder)

    def probe(self, name: str, preset: str, number: int) -> Probe | None:
        """Damage a photo and look at it; None where even undamaged no face is found on it."""
        portrait = self.portraits.get(name)
        if portrait is None or name not in self.who:
            return None
        clean, rng = portrait.clean, np.random.default_rng([SEED, number])
        damaged = clean if preset == "clean" else self.tools.degrade(clean, preset, rng)
        one, other = (self.judge.embed(picture, portrait.points) for picture in (clean, damaged))
        plate, undamaged = _plate(damaged), self._face(_plate(clean))
        assert undamaged is not None
        face = self._face(plate)
        seen = identity_on(plate, face or undamaged, self.embedder)
        at_its_place = identity_on(plate, undamaged, self.embedder)
        others = [other for other in self.who if other != name]
        nearest = max(others, key=lambda each: float(self.who[each] @ seen))
        return Probe(
            preset,
            quality_on(plate, face or undamaged, self.net),
            float(one @ other),
            _share(similarity(self.who[name], at_its_place)),
            self.portraits[nearest].person == portrait.person,
            face is not None,
        )

    def _framed(self, path: Path, person: str) -> Portrait | None:
        bgr = cv2.imread(str(path))
        found = None if bgr is None else self.judge.points(bgr)
        clean = None if found is None else self.tools.frame(bgr, found, SIDE)
        points = None if clean is None else self.judge.points(clean)
        return None if clean is None or points is None else Portrait(path.stem, person, clean, points)

    def _face(self, plate: Plate) -> Face | None:
        found = detect_faces(plate, self.detector)
        return found[0] if found else None


def london(shared: Path) -> tuple[dict[Path, str], list[str]]:
    """The London photos and who they show, and the names of those of held-out people."""
    listed = [photo for photo in photos(shared / "photos") if photo.source == "london"]
    return {photo.path: photo.person for photo in listed}, [p.path.stem for p in listed if p.held_out]


def lfw(shared: Path) -> tuple[dict[Path, str], list[str]]:
    """The photos of lfw_dev and who they show, and the name of each person's first."""
    files = {
        path: path.stem.rsplit("_", 1)[0] for path in sorted((shared / "photos" / "lfw_dev").glob("*.jpg"))
    }
    first = {person: path.stem for path, person in reversed(files.items())}
    return files, sorted(first.values())


SETS = {"london": london, "lfw": lfw}


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
    words.add_argument("--set", choices=SETS, default="london", help="whose photos")
    asked = words.parse_args()
    net = open_weights(asked.weights)
    files, names = SETS[asked.set](asked.shared)
    bench = Bench(asked.shared, net, files)
    looked = (bench.probe(name, preset, number) for preset in PRESETS for number, name in enumerate(names))
    rows = [row for row in looked if row is not None]
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


def _plate(bgr: np.ndarray) -> Plate:
    return Plate.of(np.ascontiguousarray(bgr[..., ::-1], np.float32) / np.float32(255))


def _share(cosine: float) -> float:
    return max(0.0, 1.0 - float(np.arccos(min(cosine, 1.0))) * 2 / np.pi)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place]


if __name__ == "__main__":
    main()
