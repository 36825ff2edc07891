"""Measures a reconstruction net on renders of people it never saw, and prints what it tells of heads.

    python -m faceplate_training.reconstruct_face.evaluate --weights FILE.onnx|checkpoint.pt --shared DIR
        [--renders DIR] [--landmarks FILE] [--fit 100]

Renders: `reconstruct_face.scenes --held-out`; faces lie where a detector that errs would put them, and are cropped by
the points that `--landmarks` (default: the pack's net) finds. Weights: correlation and mean distance over all renders,
for the 20 shapes that move a face most, by the net alone; with `--fit N` also of N renders fitted to points, without
and with what the net expects. Identity: mm between shapes at corresponding vertices of the face, neutral, medians over
people, for the mean head and for the net's. Texture: mean distance of display-encoded albedo where the face is seen and
where it is not, for the mean of all skins in the picture's exposure and for the net's.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from faceplate.faces import Face
from faceplate.geometry import apply, inverse
from faceplate.nets.reconstruct_net import IDENTITY, SIDE, ReconstructNet
from faceplate.plate import Plate
from faceplate.reconstruct.camera import camera_for_lens
from faceplate.reconstruct.fit import fit_points
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.initial import DOUBT, Guess, guess_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.registry.catalogue import manifest_for, read_weights
from faceplate.runtime.net import Net
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.runtime.pool import open_net
from faceplate.stages.landmarks import Landmarks, cut_face, find_landmarks, five_of
from faceplate_training.landmarks_face.evaluate import open_weights as open_landmarks
from faceplate_training.landmarks_face.views import misplaced
from faceplate_training.reconstruct_face.losses import Losses, exposed, exposure, larger
from faceplate_training.reconstruct_face.scenes import SCENES, KnownRenders
from faceplate_training.reconstruct_face.shipped import Whole
from faceplate_training.reconstruct_face.views import Mirror
from faceplate_training.trained_net import TrainedNet

SEED = 2027
STRONGEST = 20
"""How many of the ARKit shapes the bar is for: those that move a face most."""

BARE = 0.95
"""Share of the points within a face that are in sight where nothing is said to be before it."""

STRONG = 0.5
"""A true weight of which is asked how much of it is found: careful answers stay below."""


@dataclass(frozen=True)
class Seen:
    """One render: its number, its 68 points as found, and what the net says of it; the crop (192, 192, 3) uint8 that
    the net saw, and the true points in it.
    """

    number: int
    landmarks: Landmarks
    guess: Guess
    crop: np.ndarray
    points: np.ndarray


def open_weights(path: Path, head: HeadModel) -> Net:
    """A net from an ONNX file or a checkpoint."""
    if path.suffix == ".pt":
        trained = TrainedNet(ReconstructNet(), path)
        trained.net = Whole(trained.net, Mirror.of(head)).eval()  # pyright: ignore[reportArgumentType]
        return trained
    return OnnxNet(
        path.read_bytes(), id=path.stem, template="", providers=("CPUExecutionProvider",), threads=1
    )


def look_at(renders: KnownRenders, head: HeadModel, net: Net, landmarks: Net) -> Iterator[Seen]:
    """Every render through the stages that a photo goes through."""
    for number, pixels in enumerate(renders.pixels):
        rng = np.random.default_rng([SEED, number])
        plate = Plate.of(pixels.astype(np.float32) / 255)
        face = Face((0, 0, *pixels.shape[1::-1]), misplaced(five_of(renders.points[number]), rng))
        found = find_landmarks(plate, face, landmarks)
        crop = cut_face(plate, five_of(found.points), face)
        true = apply(inverse(crop.plate_from_crop), renders.points[number])
        shown = np.round(crop.pixels * 255).astype(np.uint8)
        yield Seen(number, found, guess_head(plate, face, found, net, head), shown, true)


def strongest(head: HeadModel) -> np.ndarray:
    """(20,) places among the head's expressions."""
    places, face = head.arkit, head.mask("face") > 0.5
    moved = np.sqrt((head.expressions[places][:, face].astype(np.float32) ** 2).sum(2).mean(1))
    return places[np.argsort(-moved)[:STRONGEST]]


def report_weights(
    name: str, found: np.ndarray, true: np.ndarray, head: HeadModel, each: bool = False
) -> None:
    """found, true: (N, E)."""
    places = strongest(head)
    places = places[true[:, places].std(0) > 0]
    rank = [np.corrcoef(found[:, place], true[:, place])[0, 1] for place in places]
    off = np.abs(found - true)[:, places].mean()
    strong = true[:, places] > STRONG
    share = found[:, places][strong].sum() / true[:, places][strong].sum()
    print(
        f"{name:32} {len(found):4}  correlation {np.mean(rank):.3f}  least {np.min(rank):.3f}  off {off:.3f}  "
        f"of strong ones {share:.2f} is found"
    )
    if each:
        print(
            "  " + "  ".join(f"{head.expression_names[p]} {r:.2f}" for p, r in zip(places, rank, strict=True))
        )


def report_identity(seen: list[Seen], renders: KnownRenders, head: HeadModel) -> None:
    face = head.mask("face") > 0.5
    basis = head.identity[:, face].astype(np.float32)
    mean, told = [], []
    within = []
    for one in seen:
        true = renders.identity[one.number]
        off = true.copy()
        off[:IDENTITY] -= one.guess.identity.mean
        mean.append(np.median(np.linalg.norm(np.tensordot(true, basis, 1), axis=1)))
        told.append(np.median(np.linalg.norm(np.tensordot(off, basis, 1), axis=1)))
        within.append(np.abs(off[:IDENTITY]) < 1.645 * one.guess.identity.spread / DOUBT)
    print(
        f"identity, mm: mean head {np.median(mean):.2f}, net {np.median(told):.2f} "
        f"({np.median(told) / np.median(mean):.2f}); {np.mean(within):.1%} of coefficients within what should hold 90 %"
    )


def report_texture(seen: list[Seen], renders: KnownRenders, head: HeadModel, skins: np.ndarray) -> None:
    losses, rows = Losses(head, skins), []
    usual = losses.skins.float().mean(0)[None]
    for one in seen:
        place = slice(one.number, one.number + 1)
        sight = larger(torch.from_numpy(renders.sight[place] / np.float32(255)))
        level = exposure(torch.from_numpy(one.crop)[None], torch.from_numpy(one.points)[None])
        mixed = (torch.from_numpy(part[place]) for part in (renders.skin, renders.mixed, renders.tone))
        true = exposed(losses.albedo(*mixed), sight, level)[0].numpy()
        plain = exposed(usual, sight, level)[0].numpy()
        shown = sight[0].numpy() > 0.3
        off = [np.abs(part - true).mean(0) for part in (plain, one.guess.texture.transpose(2, 0, 1))]
        rows.append([(each * where).sum() / max(where.sum(), 1) for where in (shown, ~shown) for each in off])
    numbers = np.mean(rows, 0)
    print("texture: seen {:.4f} mean skin, {:.4f} net; hidden {:.4f}, {:.4f}".format(*numbers))


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--weights", type=Path, required=True)
    words.add_argument("--shared", type=Path, required=True, help="folder with photos and panoramas")
    words.add_argument(
        "--renders", type=Path, help="folder of the held-out renders; default: drawn for this run"
    )
    words.add_argument("--landmarks", type=Path, help="another net for the points than the pack's")
    words.add_argument("--fit", type=int, default=100, help="how many renders to fit as well")
    words.add_argument("--count", type=int, default=250, help="how many renders to look at")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.renders or Path(temporary)
        renders = SCENES.held_out(folder, chosen.shared)
        with np.load(folder / "skins_held_out.npz") as stored:
            drawn_with = stored["skins"]
    head = read_head(read_weights(manifest_for("head.model")))
    landmarks = (
        open_landmarks(chosen.landmarks)
        if chosen.landmarks
        else open_net(manifest_for("face.landmarks"), device="cpu")
    )
    net = open_weights(chosen.weights, head)
    seen = [one for one, _ in zip(look_at(renders, head, net, landmarks), range(chosen.count), strict=False)]
    numbers = [one.number for one in seen]
    told = np.zeros((len(seen), len(head.expressions)), np.float32)
    told[:, head.arkit] = [one.guess.expression.mean[head.arkit] for one in seen]
    report_weights("net alone", told, renders.weights[numbers], head, each=True)
    near = np.abs(np.degrees(renders.yaw[numbers])) < 30
    report_weights("net alone, yaw below 30", told[near], renders.weights[numbers][near], head)
    bare = near & (renders.visible[numbers, 17:].mean(1) > BARE)
    report_weights("the same, nothing before it", told[bare], renders.weights[numbers][bare], head)
    report_identity(seen, renders, head)
    report_texture(seen, renders, head, drawn_with)
    print(f"one face: {milliseconds(net):.1f} ms, one thread")
    for name, expecting in (("fitted to points", False), ("fitted, the net's word expected", True)):
        if chosen.fit:
            some = seen[: chosen.fit]
            fitted = np.array([fitted_weights(one, renders, head, expecting) for one in some])
            report_weights(name, fitted, renders.weights[[one.number for one in some]], head)


def milliseconds(net: Net, times: int = 20) -> float:
    """Median time of one crop and its mirror image."""
    batch, taken = np.random.default_rng(0).random((1, 3, SIDE, SIDE), np.float32), []
    for _ in range(times):
        start = time.perf_counter()
        net(batch)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken))


def fitted_weights(seen: Seen, renders: KnownRenders, head: HeadModel, expecting: bool) -> np.ndarray:
    """(E,) of the fit to a render's points."""
    side = renders.pixels.shape[1]
    view = View(
        seen.landmarks.points, camera_for_lens(side, side, millimetres=50), seen.landmarks.trust,
        seen.guess.expression if expecting else None,
    )  # fmt: skip
    params = FitParams(focal_spread=0.25, expected=seen.guess.identity if expecting else None)
    return fit_points(head, [view], params).expressions[0]


if __name__ == "__main__":
    main()
