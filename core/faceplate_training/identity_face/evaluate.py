"""Measures an embedder on people it was not trained on, through the shipped detector, and prints its rates.

    python -m faceplate_training.identity_face.evaluate --weights FILE.onnx --shared DIR

EER: over all pairs of lfw_dev's photos. Rank 1: the smiling photos of the held-out London people, faces 24 pixels
high (the judge's preset cctv24), looked up among clean neutral photos of all London and Canada people; a probe whose
face is not found counts as missed.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.model_choice import PLAIN_CHOICE, choose_models
from faceplate.plate import Plate
from faceplate.restore.likeness import Identity, identity_on
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.detect import detect_faces
from faceplate_training.detect_face.sources import read_rgb
from faceplate_training.photos import photos

LIMITS = (0.15, 0.25, 0.35)
"""Likenesses by which the product tells people apart: a face that comes back, photos of a head, tracks of a shot."""


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with photos, models and tools")
    words.add_argument("--preset", default="cctv24", help="the judge's damage to the probes")
    asked = words.parse_args()
    content = asked.weights.read_bytes()
    net = OnnxNet(
        content, id=asked.weights.stem, template="arcface_112", providers=("CPUExecutionProvider",), threads=2
    )
    detector = open_net(choose_models(PLAIN_CHOICE, needs=("face.detect",))["face.detect"])
    faces = [
        (path.stem.rsplit("_", 1)[0], who)
        for path in sorted((asked.shared / "photos" / "lfw_dev").glob("*.jpg"))
        if (who := embedded(path, detector, net)) is not None
    ]
    rate, same, other = equal_error_rate([name for name, _ in faces], [who for _, who in faces])
    print(f"lfw_dev    EER {rate:.2%}  ({len(faces)} photos, {same} pairs of one person, {other} of two)")
    for limit in LIMITS:
        passed, refused = beyond([name for name, _ in faces], [who for _, who in faces], limit)
        print(
            f"  at {limit:.2f}  {passed:.1%} of strangers pass, {refused:.1%} of pairs of one person are refused"
        )
    found, probes, known = rank_one(asked.shared, asked.preset, detector, net)
    print(
        f"{asked.preset}     rank 1 {found / probes:.1%}  ({found} of {probes} probes, among {known} people)"
    )


def embedded(path: Path, detector: Net, net: Net) -> Identity | None:
    """Who the face nearest to a photo's middle looks like; None where none is found."""
    plate = Plate.of(np.asarray(read_rgb(path), np.float32) / np.float32(255))
    faces = detect_faces(plate, detector)
    if not faces:
        return None
    middle = np.array(plate.pixels.shape[1::-1]) / 2
    nearest = min(faces, key=lambda face: float(np.hypot(*(face.points.mean(0) - middle))))
    return identity_on(plate, nearest, net)


def equal_error_rate(names: Sequence[str], vectors: Sequence[Identity]) -> tuple[float, int, int]:
    """Where as many strangers pass as friends are refused; also the pairs of one person and of two."""
    friends, strangers = in_pairs(names, vectors)
    rates = [
        ((strangers >= limit).mean(), (friends < limit).mean()) for limit in np.linspace(-0.3, 1.0, 1301)
    ]
    passed, refused = min(rates, key=lambda pair: abs(pair[0] - pair[1]))
    return float(passed + refused) / 2, len(friends), len(strangers)


def beyond(names: Sequence[str], vectors: Sequence[Identity], limit: float) -> tuple[float, float]:
    """The shares of strangers' pairs at or above a limit and of one person's below it."""
    friends, strangers = in_pairs(names, vectors)
    return float((strangers >= limit).mean()), float((friends < limit).mean())


def in_pairs(names: Sequence[str], vectors: Sequence[Identity]) -> tuple[np.ndarray, np.ndarray]:
    """The likenesses of all pairs of one person, and of all of two."""
    likeness = np.array(vectors) @ np.array(vectors).T
    one, two = np.triu_indices(len(names), 1)
    same = np.array(names)[one] == np.array(names)[two]
    return likeness[one, two][same], likeness[one, two][~same]


def rank_one(shared: Path, preset: str, detector: Net, net: Net) -> tuple[int, int, int]:
    """How many probes are nearest to their own person, of how many, among how many people."""
    listed = list(photos(shared / "photos"))
    neutral = {
        photo.person: photo.path
        for photo in reversed(listed)  # of two photos the first, which is the neutral one
        if photo.source in ("london", "canada")
    }
    gallery = {person: embedded(path, detector, net) for person, path in neutral.items()}
    people = [person for person, who in gallery.items() if who is not None]
    known: NDArray[np.float32] = np.array([gallery[person] for person in people])
    probes = {
        photo.path.stem: photo for photo in listed if photo.held_out and photo.path != neutral[photo.person]
    }
    found = 0
    with tempfile.TemporaryDirectory() as folder:
        judge = [sys.executable, str(shared / "tools" / "judge.py"), "degrade"]
        files = [str(photo.path) for photo in probes.values()]
        subprocess.run([*judge, *files, "--preset", preset, "--out", folder], check=True, capture_output=True)
        for name, photo in probes.items():
            who = embedded(Path(folder) / f"{name}.in.png", detector, net)
            found += who is not None and people[int(np.argmax(known @ who))] == photo.person
    return found, len(probes), len(people)


if __name__ == "__main__":
    main()
