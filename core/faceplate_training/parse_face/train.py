"""Train the parsing net on renders, London portraits and photos that must agree with themselves.

    python -m faceplate_training.parse_face.train --renders DIR --shared DIR --out DIR

`--renders`: what `faceplate_training.parse_face.scenes` drew. A run that was stopped goes on from its last checkpoint.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from faceplate.nets.parse_net import SIDE, ParseNet
from faceplate.stages.parse import CLASSES
from faceplate_training import command_line, loop
from faceplate_training.export import export_onnx
from faceplate_training.parse_face.portraits import portraits
from faceplate_training.parse_face.scenes import SCENES, split_light
from faceplate_training.parse_face.views import Sources, Views
from faceplate_training.photos import TEACHER, frames
from faceplate_training.renders.light import panoramas

SURE = 0.7
"""Pixels of a calm look whose likeliest class is less likely than this are not expected of the other look."""

TAUGHT_FROM, TAUGHT_FULLY = 200, 600
"""Steps between which the photos' share of the loss grows: at first the averaged net knows nothing."""

WEIGHTS = {"brows": 1.3, "eyes": 1.5, "iris": 1.5, "lips": 1.2, "mouth": 1.3, "glasses": 1.4, "occluder": 1.3}
"""Cross entropy of the small classes counts a little more; all others 1."""


def shares(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Labels (B, S, S) uint8 -> what the net should say (B, C, S/2, S/2), and how much is told (B, S/2, S/2)."""
    index = F.pixel_unshuffle(labels.long().clamp(max=len(CLASSES))[:, None], 2)
    counts = torch.zeros(len(labels), len(CLASSES) + 1, *index.shape[2:])
    mean = counts.scatter_add_(1, index, torch.full(index.shape, 0.25))[:, :-1]
    told = mean.sum(1)
    return mean / told.clamp(min=1e-6)[:, None], told


@torch.no_grad()
def expected(
    teacher: torch.nn.Module, calm: Tensor, calm_from_shown: Tensor, size: int
) -> tuple[Tensor, Tensor]:
    """What the averaged net says of the calm looks, moved to where the other looks show it, and where it is sure.

    (B, C, size, size) and (B, size, size) 0 or 1; 0 beyond the calm look's rim.
    """
    with torch.autocast("cpu", torch.bfloat16):
        said = torch.softmax(teacher.logits(calm).float(), 1)  # pyright: ignore[reportCallIssue]
    grid = F.affine_grid(calm_from_shown, [len(calm), 1, size, size], align_corners=False)
    moved = F.grid_sample(said, grid, align_corners=False)
    total = moved.sum(1)
    moved = moved / total.clamp(min=1e-6)[:, None]
    return moved, ((moved.amax(1) > SURE) & (total > 0.98)).float()


def losses(logits: Tensor, target: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Cross entropy against shares, and one less the Dice overlap of each class, both over what is told.

    After: Milletari et al., "V-Net", 3DV 2016 (Dice).
    """
    of_class = torch.tensor([WEIGHTS.get(name, 1.0) for name in CLASSES])[None, :, None, None]
    log = F.log_softmax(logits.float(), 1)
    entropy = -(of_class * target * log).sum(1)
    said, told = log.exp() * weight[:, None], target * weight[:, None]
    both = (said * told).sum((0, 2, 3))
    overlap = (2 * both + 10) / ((said**2).sum((0, 2, 3)) + (told**2).sum((0, 2, 3)) + 10)
    return {
        "entropy": (entropy * weight).sum() / weight.sum().clamp(min=1),
        "overlap": 0.5 * (1 - overlap).mean(),
    }


def sources(options: argparse.Namespace) -> Sources:
    """Renders, portraits, photos and skies of the people and panoramas that may train."""
    root, teacher = options.shared / "photos", options.shared / TEACHER
    return Sources(
        SCENES.read(options.renders, held_out=False),
        portraits(root, teacher, options.out / "london_train.npz", held_out=False),
        [frame for frame in frames(root, teacher, options.cache or options.out) if not frame.photo.held_out],
        split_light(panoramas(options.shared / "hdri"), held_out=False),
    )


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    views = Views(sources(options), options.seed, options.steps * options.batch)
    net = ParseNet(len(CLASSES))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net, 0.997)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.02)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", ["entropy", "overlap", "photos", "sure", "rate"], from_step=start)
    todo = range(start * options.batch, len(views))
    batches = DataLoader(views, options.batch, sampler=todo, num_workers=options.workers)
    past: list[dict[str, float]] = []
    for step, (shown, calm, labels, calm_from_shown, asked) in enumerate(batches, start):
        target, weight = shares(labels)
        photo = asked > 0
        share = float(np.clip((step - TAUGHT_FROM) / (TAUGHT_FULLY - TAUGHT_FROM), 0, 1))
        sure = torch.zeros(())
        if share and photo.any():
            said, sure = expected(averaged.net, crops(calm[photo]), calm_from_shown[photo], target.shape[-1])
            own = weight[photo] > 0.5
            target[photo] = torch.where(own[:, None], target[photo], said)
            weight[photo] = torch.where(own, 1.0, sure * share)
        with torch.autocast("cpu", torch.bfloat16):
            logits = net.logits(crops(shown))
        terms = losses(logits, target, weight)
        rate = loop.rate_at(step, options.steps, peak=options.rate, warm_up=100)
        if loop.finite_step(torch.stack(list(terms.values())).sum(), net, optimiser, clip=1.0, rate=rate):
            averaged.follow(net, step)
        past.append(
            {name: float(term.detach()) for name, term in terms.items()}
            | {"photos": share, "sure": float(sure.mean())}
        )
        if (step + 1) % 25 == 0:
            log.row(
                step + 1, rate=rate, **{name: float(np.mean([row[name] for row in past])) for name in past[0]}
            )
            past.clear()
        if (step + 1) % 100 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net, options.out / "parse-face.onnx")


def crops(pixels: Tensor) -> Tensor:
    """(B, S, S, 3) uint8 -> (B, 3, S, S) float32, 0-1."""
    return (pixels.permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: `crop` (B, 3, 256, 256) RGB 0-1 -> `shown` (B, 11, 128, 128), probabilities."""
    dynamic = {name: {0: "B"} for name in ("crop", "shown")}
    export_onnx(net, torch.zeros(1, 3, SIDE, SIDE), path, inputs=["crop"], outputs=["shown"], dynamic=dynamic)


def main() -> None:
    parser = command_line.recipe(__doc__, steps=13000, batch=16, rate=2e-3, workers=1)
    parser.add_argument("--renders", type=Path, required=True, help="folder of the renders")
    parser.add_argument("--cache", type=Path, help="folder of the aligned photos; default: that of --out")
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
