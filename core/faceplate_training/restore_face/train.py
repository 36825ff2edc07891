"""Train the face restorer: damaged crops in, the same faces repaired, their identity kept.

    python -m faceplate_training.restore_face.train --shared ../shared --out DIR

The identity term uses our own embedder, `--identity`; it joins at `--identity-from`, when the crops look like faces.
"""

import argparse
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from faceplate.nets.identity_net import IdentityNet, frozen
from faceplate.nets.restore_unet import RestoreUNet
from faceplate_training import command_line, loop
from faceplate_training.export import export_onnx, load_onnx_weights
from faceplate_training.photos import TEACHER, frames, is_clean
from faceplate_training.restore_face.losses import Losses
from faceplate_training.restore_face.pairs import Pairs, Views

CLIP = 0.3
"""Largest gradient."""

FACES_TOLD_APART = 4
"""How many faces of a batch the identity term looks at; on a CPU all eight would cost a quarter of a step."""

COLUMNS = ["loss", "pixel", "band", "identity", "gain", "rate"]


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pool = frames(
        options.shared / "photos", options.shared / TEACHER, options.out / "cache", smallest_side=150
    )
    pool = [frame for frame in pool if not frame.photo.held_out and is_clean(frame)]
    print(len(pool), "frames to train on", flush=True)
    net = RestoreUNet()
    if options.begin_with:
        load_onnx_weights(net, options.begin_with, partly=True)
    net.to(device)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net)
    optimiser = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.99), weight_decay=1e-4)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", COLUMNS, from_step=start)
    views = Views(pool, options.seed, options.steps)
    todo = range(start, options.steps)
    batches = DataLoader(
        views,
        None,
        sampler=todo,
        num_workers=options.workers,
        prefetch_factor=8,
    )
    losses, seen = Losses(None, options.identity_weight), []
    for step, batch in enumerate(batches, start):
        if losses.identity is None and step >= options.identity_from:
            embedder = IdentityNet()
            load_onnx_weights(embedder, options.identity)
            losses.identity = frozen(embedder).to(device)
        values = learn(
            net, batch, losses, optimiser, loop.rate_at(step, options.steps, peak=options.rate), device
        )
        averaged.follow(net, step)
        seen.append(values)
        if (step + 1) % 50 == 0:
            log.row(step + 1, **loop.mean_of(seen))
            seen.clear()
        if (step + 1) % 250 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net.cpu(), options.out / "restore-face.onnx")


def learn(
    net: RestoreUNet,
    batch: Pairs,
    losses: Losses,
    optimiser: torch.optim.Optimizer,
    rate: float,
    device: torch.device,
) -> dict[str, float]:
    """One step; the values for the log, `gain` among them: dB won over the damaged input."""
    damaged, clean, maps, whole = (torch.as_tensor(part).to(device) for part in batch)
    damaged, clean = damaged.permute(0, 3, 1, 2), clean.permute(0, 3, 1, 2)
    with torch.autocast(device.type, torch.bfloat16):
        restored = net(damaged)
    restored = restored.float()
    counted = whole * (torch.arange(len(whole), device=device) < FACES_TOLD_APART)
    loss, values = losses(restored, clean, maps, whole, counted)
    loop.finite_step(loss, net, optimiser, clip=CLIP, rate=rate)
    with torch.no_grad():
        before, after = ((x - clean).square().mean((1, 2, 3)).clamp_min(1e-7) for x in (damaged, restored))
        values["gain"] = float((10 * torch.log10(before / after)).median())
    return {**values, "loss": float(loss.detach()), "rate": rate}


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: `crop` (B, 3, S, S) RGB 0-1 in, `restored` of the same shape out, S a multiple of 32."""
    dynamic = {name: {0: "B", 2: "H", 3: "W"} for name in ("crop", "restored")}
    export_onnx(
        net, torch.zeros(1, 3, 256, 256), path, inputs=["crop"], outputs=["restored"], dynamic=dynamic
    )


def main() -> None:
    parser = command_line.recipe(__doc__, steps=5000, rate=6e-4, workers=1)
    parser.add_argument("--identity", type=Path, default=Path("models/open/identity-face-0.2.0.onnx"))
    parser.add_argument(
        "--identity-from", type=int, default=1000, help="step at which the identity term joins"
    )
    parser.add_argument("--identity-weight", type=float, default=0.02)
    parser.add_argument(
        "--begin-with", type=Path, help="shipped weights to go on from instead of a fresh net"
    )
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
