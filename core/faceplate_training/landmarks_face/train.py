"""Train the landmark net on renders and London photos.

    python -m faceplate_training.landmarks_face.train --renders DIR --photos DIR --head FILE --out DIR

`--renders`: what `faceplate_training.renders.make` drew. A run that was stopped goes on from its last checkpoint.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from faceplate.nets.landmarks_net import SIDE, LandmarksNet
from faceplate.stages.landmarks import TEMPLATE
from faceplate_training import command_line, loop
from faceplate_training.export import export_onnx
from faceplate_training.landmarks_face.views import Views, london, rendered

EYES = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))
"""Crop pixels between the eyes of a face that looks into the lens: the unit of the points' loss."""

HIDDEN = 0.4
"""How much a point that is not seen counts."""


def losses(
    found: tuple[Tensor, ...], points: Tensor, visible: Tensor, told: Tensor, turn: Tensor
) -> dict[str, Tensor]:
    """Every term alone, already weighted; their sum is the loss.

    points: mean distance over the eyes' distance. spread: Gaussian negative log-likelihood of what is left, which does
    not move the points. seen: cross entropy of visibility. turn: distance of the rotation vectors.
    """
    at, spread, seen, turned = found
    off = torch.linalg.vector_norm(at - points, dim=2)
    weight = HIDDEN + (1 - HIDDEN) * visible
    likelihood = 2 * torch.log(spread) + off.detach() ** 2 / (2 * spread**2)
    unseen = F.binary_cross_entropy(seen, visible, reduction="none")
    return {
        "points": 10 * (weight * off).sum() / weight.sum() / EYES,
        "spread": 0.1 * likelihood.mean(),
        "seen": 0.3 * (told * unseen).sum() / told.sum().clamp(min=1),
        "turn": torch.linalg.vector_norm(turned - turn, dim=1).mean(),
    }


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    drawn = rendered(options.renders, "train")
    people = london(options.photos, options.head, held_out=False)
    net = LandmarksNet()
    views = Views(drawn, people, options.seed, options.steps * options.batch)
    usual = np.stack([views[n][1] for n in range(256)])
    net.expect(torch.from_numpy(usual.mean(0)), torch.from_numpy(usual.std(0).mean(1)))
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net, 0.995)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    columns = ["points", "spread", "seen", "turn", "rate"]
    log = loop.Log(options.out / "log.csv", columns, from_step=start)
    todo = range(start * options.batch, len(views))
    batches = DataLoader(views, options.batch, sampler=todo, num_workers=options.workers, prefetch_factor=6)
    past: list[dict[str, float]] = []
    for step, (pixels, *truth) in enumerate(batches, start):
        crops = (pixels.permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            found = net(crops)
        terms = losses(found, *truth)
        rate = loop.rate_at(step, options.steps, peak=options.rate, warm_up=100)
        if loop.finite_step(torch.stack(list(terms.values())).sum(), net, optimiser, clip=2.0, rate=rate):
            averaged.follow(net, step)
        past.append({name: float(term.detach()) for name, term in terms.items()})
        if (step + 1) % 25 == 0:
            log.row(step + 1, rate=rate, **loop.mean_of(past))
            past.clear()
        if (step + 1) % 100 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net, options.out / "landmarks-face.onnx")


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: `crop` (B, 3, 192, 192) RGB 0-1 -> `points`, `spread`, `visible`, `turn`."""
    outputs = ["points", "spread", "visible", "turn"]
    dynamic = {name: {0: "B"} for name in ["crop", *outputs]}
    export_onnx(net, torch.zeros(1, 3, SIDE, SIDE), path, inputs=["crop"], outputs=outputs, dynamic=dynamic)


def main() -> None:
    parser = command_line.recipe(__doc__, steps=4200, batch=32, rate=2e-3, workers=1)
    parser.add_argument("--renders", type=Path, required=True, help="folder of the renders")
    parser.add_argument("--photos", type=Path, required=True, help="folder of the photo sets")
    parser.add_argument("--head", type=Path, required=True, help="faceplate-head's .npz")
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
