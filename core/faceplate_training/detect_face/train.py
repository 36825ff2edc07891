"""Trains DetectNet.

    python -m faceplate_training.detect_face.train --shared ../shared --out DIR

Run again with the same folder to go on where it stopped. DIR gets cache/ (prepared photos), log.csv, checkpoint.pt.
"""

import argparse
import time
from pathlib import Path

import torch

from faceplate.nets.detect_net import DetectNet
from faceplate_training import command_line
from faceplate_training.detect_face.data import Batch, Course, batches
from faceplate_training.detect_face.export import unfold
from faceplate_training.detect_face.losses import detection_loss
from faceplate_training.detect_face.mining import Task, mine
from faceplate_training.detect_face.sources import prepare
from faceplate_training.loop import Averaged, Log, finite_step, load_checkpoint, rate_at, save_checkpoint
from faceplate_training.photos import TEACHER

MINED = 0.4
"""Share of the close-ups that show what the weights begun with take for a face."""

WEIGHTS = {"score": 1.0, "box": 2.0, "points": 25.0}


def main() -> None:
    words = command_line.recipe(__doc__, steps=9000, rate=1.2e-3, threads=2, seed=7)
    words.add_argument("--begin-with", type=Path, help="a shipped detect-face ONNX to go on from")
    words.add_argument("--loaders", type=int, default=1)
    command_line.run(words, train)


def train(words: argparse.Namespace) -> None:
    """The whole run; see the module's first lines."""
    torch.manual_seed(words.seed)
    torch.set_num_threads(words.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    teacher = words.shared / TEACHER
    cache = words.out / "cache"
    prepare(words.shared / "photos", teacher, cache)
    course = Course(words.seed, mined=MINED if words.begin_with else 0.0)
    if words.begin_with:
        mine(Task(cache, words.begin_with, teacher, words.seed, course.side))
    net = DetectNet()
    if words.begin_with and not (words.out / "checkpoint.pt").exists():
        unfold(net, words.begin_with, calibration(cache, course, teacher))
    net = net.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    averaged = Averaged(net, 0.998)
    optimiser = torch.optim.AdamW(net.parameters(), words.rate, weight_decay=0.02)
    checkpoint = words.out / "checkpoint.pt"
    start = load_checkpoint(checkpoint, net, averaged, optimiser)
    log = Log(words.out / "log.csv", ["loss", *WEIGHTS, "rate", "per_second"], from_step=start)
    sums, since = dict.fromkeys(("loss", *WEIGHTS), 0.0), time.monotonic()
    shown = 0
    feed = batches(cache, course, teacher, start=start, steps=words.steps, loaders=words.loaders)
    net.train()
    for step, batch in enumerate(feed, start):
        shown += len(batch[0])
        parts = batch_loss(net, batch, device)
        loss = sum((WEIGHTS[name] * part for name, part in parts.items()), torch.zeros((), device=device))
        rate = rate_at(step, words.steps, peak=words.rate, warm_up=min(200, words.steps // 5))
        if finite_step(loss, net, optimiser, clip=5.0, rate=rate):
            averaged.follow(net, step)
            for name, part in {"loss": loss, **parts}.items():
                sums[name] += float(part.detach())
        if (step + 1) % 50 == 0:
            speed = shown / (time.monotonic() - since)
            log.row(
                step + 1, **{name: total / 50 for name, total in sums.items()}, rate=rate, per_second=speed
            )
            sums, since, shown = dict.fromkeys(sums, 0.0), time.monotonic(), 0
        if (step + 1) % 250 == 0 or step + 1 == words.steps:
            save_checkpoint(checkpoint, step + 1, net, averaged, optimiser)


def calibration(cache: Path, course: Course, teacher: Path) -> torch.Tensor:
    """(B, 3, S, S) pictures, 0-1, on which the normalisation of a folded net is measured."""
    other = Course(course.seed + 1, size=96)
    (pictures, _) = next(batches(cache, other, teacher, start=0, steps=1, loaders=0))
    return pictures.float() / 255


def batch_loss(net: DetectNet, batch: Batch, device: torch.device) -> dict[str, torch.Tensor]:
    """The losses of one batch, the net run in bf16, the losses in fp32."""
    pictures = batch[0].to(device, torch.float32, memory_format=torch.channels_last) / 255
    with torch.autocast(device.type, torch.bfloat16):
        grids = net.grids(pictures)
    # the losses are a few thousand numbers: on the CPU they need no second version
    grids = [(score.float().cpu(), place.float().cpu()) for score, place in grids]
    return {
        name: part.to(device) for name, part in detection_loss(grids, batch[1], pictures.shape[-1]).items()
    }


if __name__ == "__main__":
    main()
