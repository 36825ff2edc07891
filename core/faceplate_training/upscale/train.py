"""Train the enlarger: small pictures in, the detail that Lanczos cannot give back out.

python -m faceplate_training.upscale.train --shared ../shared --out DIR
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from faceplate.nets.upscale_net import UpscaleNet
from faceplate_training import command_line, loop
from faceplate_training.export import export_onnx
from faceplate_training.upscale.pairs import RIM, Pair, Pairs
from faceplate_training.upscale.pictures import training_pictures

CLIP = 0.1
SOFT = 1e-3
"""Differences below this, display values, count by their square: after Charbonnier et al., ICIP 1994."""

COLUMNS = ["loss", "gain", "rate"]


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pairs = Pairs(training_pictures(options.shared, options.seed), options.seed)
    print([len(shelf) for shelf in pairs.shelves], "pictures to train on", flush=True)
    net = UpscaleNet().to(device)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net)
    optimiser = torch.optim.AdamW(net.parameters(), betas=(0.9, 0.99), weight_decay=1e-5)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", COLUMNS, from_step=start)
    seen = []
    for step in range(start, options.steps):
        rate = loop.rate_at(step, options.steps, peak=options.rate)
        seen.append(learn(net, pairs.batch(step), optimiser, rate, device))
        averaged.follow(net, step)
        if (step + 1) % 100 == 0:
            loss, gain = np.mean(seen, axis=0)
            log.row(step + 1, loss=loss, gain=gain, rate=rate)
            seen.clear()
        if (step + 1) % 250 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net.cpu(), options.out / "upscale-x2.onnx")


def learn(
    net: UpscaleNet, pair: Pair, optimiser: torch.optim.Optimizer, rate: float, device: torch.device
) -> tuple[float, float]:
    """One step: the loss, and the dB of missing detail that was given back."""
    small = torch.from_numpy(pair.small).to(device).permute(0, 3, 1, 2)
    missing = torch.from_numpy(pair.missing).to(device).permute(0, 3, 1, 2)
    with torch.autocast(device.type, torch.bfloat16):
        made = net(small)
    left = made.float()[:, :, 2 * RIM : -2 * RIM, 2 * RIM : -2 * RIM] - missing
    loss = (left.square() + SOFT**2).sqrt().mean()
    loop.finite_step(loss, net, optimiser, clip=CLIP, rate=rate)
    with torch.no_grad():
        gain = 10 * torch.log10(missing.square().mean() / left.square().mean())
    return float(loss.detach()), float(gain)


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: input `picture` (B, 3, H, W) RGB 0-1, output `missing` (B, 3, 2 H, 2 W)."""
    dynamic = {"picture": {0: "B", 2: "H", 3: "W"}, "missing": {0: "B", 2: "H2", 3: "W2"}}
    export_onnx(net, torch.rand(1, 3, 32, 32), path, inputs=["picture"], outputs=["missing"], dynamic=dynamic)


def main() -> None:
    parser = command_line.recipe(__doc__, steps=5000, rate=1e-3, threads=2)
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
