"""Learn to tell from a crop alone how much of a face's identity is left in it.

The label is taken between the damaged crop and its clean original by our own embedder, `--identity`: the angle between
the two, as a share of a right angle, taken from 1. The judge's network has no part in it.

    python -m faceplate_training.quality_face.train --shared ../shared \
        --identity models/open/identity-face-0.2.0.onnx --out DIR
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from faceplate.nets.identity_net import IdentityNet, frozen
from faceplate.nets.quality_net import SIDE, QualityNet
from faceplate_training import command_line, loop
from faceplate_training.export import export_onnx, load_onnx_weights
from faceplate_training.photos import TEACHER, frames
from faceplate_training.quality_face.pairs import Crops, sharp

COLUMNS = ["loss", "error", "rate"]


ASIDE = 3
"""Pixels that a crop is moved by at most each time it is looked at."""

CHUNK = 250
"""Crops that are made, labelled and kept at a time."""


def left_of(identity: IdentityNet, clean: Tensor, damaged: Tensor) -> Tensor:
    """(B, 1) 0-1: how much of who it is a damaged face shows; both (B, 3, 112, 112), 0-1.

    Angles, not cosines: among slight damage a cosine hardly moves.
    """
    with torch.no_grad():
        likeness = (identity(clean) * identity(damaged)).sum(1, keepdim=True)
    return (1 - torch.arccos(likeness.clamp(-1, 1)) * (2 / torch.pi)).clamp(0, 1)


def labelled(crops: Crops, identity: IdentityNet, folder: Path) -> tuple[Tensor, Tensor]:
    """Every damaged crop, (N, 3, 112, 112) uint8, and its label, (N, 1); made once, a file a chunk.

    Damage costs more than a step of so small a net, so each crop is looked at several times.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for start in range(0, len(crops), CHUNK):
        store = folder / f"{crops.seed}-{start}.npz"
        if not store.exists():
            pairs = [crops[number] for number in range(start, min(start + CHUNK, len(crops)))]
            clean, damaged = (
                torch.from_numpy(np.stack(side)).permute(0, 3, 1, 2).contiguous()
                for side in zip(*pairs, strict=True)
            )
            left = torch.cat(
                [left_of(identity, *both) for both in zip(clean.split(50), damaged.split(50), strict=True)]
            )
            whole = (damaged * 255).round().to(torch.uint8).numpy()
            temporary = store.with_suffix(".part.npz")
            np.savez(temporary, damaged=whole, left=left.numpy())
            temporary.replace(store)
            print(start + len(pairs), "crops labelled", flush=True)
        with np.load(store) as data:
            parts.append((torch.from_numpy(data["damaged"]), torch.from_numpy(data["left"])))
    damaged, left = zip(*parts, strict=True)
    return torch.cat(damaged), torch.cat(left)


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    teacher = options.shared / TEACHER
    pool = frames(options.shared / "photos", teacher, options.out / "cache", smallest_side=150)
    pool = sharp([frame for frame in pool if not frame.photo.held_out])
    print(len(pool), "faces to learn from", flush=True)
    identity = IdentityNet()
    load_onnx_weights(identity, options.identity)
    crops = Crops(pool, options.seed, options.crops)
    damaged, left = labelled(crops, frozen(identity), options.out / "crops")
    net = QualityNet().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net, 0.998)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.05)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", COLUMNS, from_step=start)
    seen = []
    for step in range(start, options.steps):
        rng = np.random.default_rng([options.seed, step])
        chosen = torch.from_numpy(rng.integers(0, len(damaged), options.batch))
        rate = loop.rate_at(step, options.steps, peak=options.rate, warm_up=100)
        seen.append(learn(net, shown(damaged[chosen], rng), left[chosen], optimiser, rate))
        averaged.follow(net, step)
        if (step + 1) % 50 == 0:
            loss, error = np.mean(seen, axis=0)
            log.row(step + 1, loss=loss, error=error, rate=rate)
            seen.clear()
        if (step + 1) % 250 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net, options.out / "quality-face.onnx")


def shown(crops: Tensor, rng: np.random.Generator) -> Tensor:
    """(B, 3, 112, 112) 0-1 of uint8 crops: mirrored half the time, a little lighter or darker, a little aside."""
    seen = crops.float() / 255
    seen = seen * torch.from_numpy(rng.uniform(0.8, 1.1, (len(seen), 1, 1, 1))).float()
    if rng.random() < 0.5:
        seen = seen.flip(3)
    x, y = (int(step) for step in rng.integers(0, 2 * ASIDE + 1, 2))
    around = F.pad(seen.clamp(0, 1), (ASIDE,) * 4, mode="reflect")
    return around[:, :, y : y + SIDE, x : x + SIDE].contiguous(memory_format=torch.channels_last)


def learn(
    net: QualityNet, damaged: Tensor, wanted: Tensor, optimiser: torch.optim.Optimizer, rate: float
) -> tuple[float, float]:
    """One step: the loss, cross-entropy with the label as a chance, and the mean distance from it."""
    with torch.autocast("cpu", torch.bfloat16):
        logit = net.logit(damaged)
    logit = logit.float()
    loss = F.binary_cross_entropy_with_logits(logit, wanted)
    loop.finite_step(loss, net, optimiser, clip=1.0, rate=rate)
    return float(loss.detach()), float((torch.sigmoid(logit.detach()) - wanted).abs().mean())


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: input `crop` (B, 3, 112, 112) RGB 0-1, output `quality` (B, 1), 0-1."""
    dynamic = {"crop": {0: "B"}, "quality": {0: "B"}}
    export_onnx(
        net, torch.rand(1, 3, SIDE, SIDE), path, inputs=["crop"], outputs=["quality"], dynamic=dynamic
    )


def main() -> None:
    parser = command_line.recipe(__doc__, steps=2000, batch=32, rate=2e-3, threads=2)
    parser.add_argument("--identity", type=Path, required=True, help="our own embedder, which labels")
    parser.add_argument("--crops", type=int, default=7000, help="damaged crops that are made and labelled")
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
