"""Train the reconstruction net: points, coefficients and texture of one trunk, on renders and on photos.

    python -m faceplate_training.reconstruct_face.train --shared DIR --out DIR [--renders DIR] [--head FILE]
        [--begin-with FILE.onnx] [--finetune DIR [--freeze-trunk]]

`--renders`: what `reconstruct_face.scenes` drew; where there are none, a few are drawn. A run that was stopped goes on
from its last checkpoint.
`--finetune` goes on from shipped weights with a folder of other photos, a hundred of a small data set's people say:
with their 68 points beside them (.pts, .json) where there are any. `--freeze-trunk` leaves what all heads look through
as it is, so that few photos cannot spoil it.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from faceplate.nets.reconstruct_net import ReconstructNet
from faceplate.reconstruct.head_file import read_head
from faceplate.reconstruct.morphable import HeadModel
from faceplate.registry.catalogue import manifest_for, verify
from faceplate_training import command_line, loop
from faceplate_training.export import load_onnx_weights
from faceplate_training.landmarks_face.views import london
from faceplate_training.photos import TEACHER, Teacher, frames
from faceplate_training.reconstruct_face.losses import FIRST_BELIEVED, TEXTURED, Losses
from faceplate_training.reconstruct_face.own_photos import joined, own_photos
from faceplate_training.reconstruct_face.scenes import SCENES
from faceplate_training.reconstruct_face.shipped import Whole, export
from faceplate_training.reconstruct_face.views import KNOWN, UNTOLD, Mirror, Sample, Views
from faceplate_training.renders.make import shipped_head

COLUMNS = [
    "points",
    "spread",
    "seen",
    "turn",
    "weights",
    "identity",
    "doubt",
    "tied",
    "agreed",
    "texture",
    "rate",
]
DRAWN = 2000
"""How many renders are drawn where there are none: enough to fine-tune beside, few to train on."""

OWN_SHARES = (0.4, 0.3)
"""When fine-tuning: marked photos and others; the rest are renders, so that nothing is forgotten."""


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    head = read_head(options.head) if options.head else shipped_head()
    if not SCENES.drawn(options.renders, held_out=False):
        SCENES.draw(options.renders, options.shared, head, DRAWN, held_out=False)
    views = views_of(options, head)
    net = begun(options, head, views).to(device)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net, 0.998)
    learning = [weight for weight in net.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(learning, weight_decay=0.01)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", COLUMNS, from_step=start)
    with np.load(options.renders / "skins_train.npz") as stored:
        losses = Losses(head, stored["skins"])
    todo = range(start * options.batch, len(views))
    batches = DataLoader(views, options.batch, sampler=todo, num_workers=options.workers, prefetch_factor=6)
    past: list[dict[str, float]] = []
    for step, batch in enumerate(batches, start):
        batch = Sample(*(part.to(device) for part in batch))
        terms = learn(net, averaged, losses, batch, taught=bool(options.finetune) or step >= FIRST_BELIEVED)
        rate = loop.rate_at(step, options.steps, peak=options.rate, warm_up=200)
        if loop.finite_step(torch.stack(list(terms.values())).sum(), net, optimiser, clip=3.0, rate=rate):
            averaged.follow(net, step)
        past.append({name: float(term.detach()) for name, term in terms.items()})
        if (step + 1) % 25 == 0:
            log.row(step + 1, rate=rate, **loop.mean_of(past))
            past.clear()
        if (step + 1) % 100 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    assert isinstance(averaged.net, ReconstructNet)
    export(averaged.net.cpu(), head, options.out)


def views_of(options: argparse.Namespace, head: HeadModel) -> Views:
    """Renders and the T photos, and somebody's own photos before them where they are asked for."""
    renders, length = SCENES.read(options.renders, held_out=False), options.steps * options.batch
    marked = london(options.shared / "photos", head, held_out=False)
    teacher = options.shared / TEACHER
    if not options.finetune:
        every = frames(options.shared / "photos", teacher, options.out / "cache")
        untold = [frame for frame in every if not frame.photo.held_out]
        return Views(renders, marked, untold, head, options.seed, length)
    own = own_photos(options.finetune, head, Teacher(teacher))
    print(
        f"{len(own.marked.pixels) if own.marked else 0} photos with points, {len(own.untold)} without",
        flush=True,
    )
    both = marked if own.marked is None else joined(own.marked, marked)
    return Views(renders, both, own.untold, head, options.seed, length, OWN_SHARES)


def begun(options: argparse.Namespace, head: HeadModel, views: Views) -> ReconstructNet:
    """A fresh net that expects points where they usually are, or shipped weights, their normalisation held."""
    net = ReconstructNet()
    if options.begin_with or options.finetune:
        shipped = options.begin_with or verify(manifest_for("head.guess"))
        # partly: the camera that ties points to coefficients is not in the file
        load_onnx_weights(Whole(net, Mirror.of(head)), shipped, partly=True)
    else:
        usual = np.stack([s.points for s in map(views.__getitem__, range(256)) if s.kind != UNTOLD])
        net.expect(torch.from_numpy(usual.mean(0)), torch.from_numpy(usual.std(0).mean(1)))
    if options.freeze_trunk:
        for part in net.trunk():
            part.requires_grad_(False).eval()
    if options.finetune:  # a hundred photos are too few to measure it on
        for part in net.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
    return net


def learn(
    net: ReconstructNet, averaged: loop.Averaged, losses: Losses, batch: Sample, *, taught: bool
) -> dict[str, Tensor]:
    """Every term of one batch; `taught`: whether the averaged net is asked about photos that nobody marked."""
    device = batch.pixels.device.type
    with torch.autocast(device, torch.bfloat16):
        found = net.shape(crops(batch.pixels))
    told, calm = None, torch.nonzero(batch.kind == UNTOLD)[:, 0]
    if taught and len(calm):
        with torch.no_grad(), torch.autocast(device, torch.bfloat16):
            told = averaged.net.shape(crops(batch.calm[calm]))  # pyright: ignore[reportCallIssue]
    terms = losses(found, batch, told)
    drawn = torch.nonzero(batch.kind == KNOWN)[:TEXTURED, 0]
    with torch.autocast(device, torch.bfloat16):
        textures = net.texture(found[-2][drawn])
    return {**terms, "texture": losses.texture(textures, batch, drawn)}


def crops(pixels: Tensor) -> Tensor:
    """(B, 3, SIDE, SIDE) 0-1 from (B, SIDE, SIDE, 3) uint8."""
    return (pixels.permute(0, 3, 1, 2).float() / 255).contiguous(memory_format=torch.channels_last)


def main() -> None:
    parser = command_line.recipe(__doc__, steps=10000, batch=32, rate=2e-3, workers=1, threads=2)
    parser.add_argument(
        "--renders", type=Path, help="folder of the renders; default: renders/ in that of --out"
    )
    parser.add_argument("--head", type=Path, help="faceplate-head's .npz; default: the open pack's")
    parser.add_argument(
        "--begin-with", type=Path, help="shipped weights to go on from instead of a fresh net"
    )
    parser.add_argument(
        "--finetune", type=Path, help="folder of photos to learn from besides; goes on from shipped weights"
    )
    parser.add_argument("--freeze-trunk", action="store_true", help="train the three heads alone")
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
