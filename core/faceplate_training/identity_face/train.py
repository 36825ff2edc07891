"""Distil a small face embedder from a large one, so that damaged faces land where their clean originals do.

The student sees a damaged crop, the teacher the clean one; the loss is one minus their cosine. Faces of two people
are also blended in pairs and shown to both, because a few thousand people are few.

    python -m faceplate_training.identity_face.train --shared ../shared --out DIR
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import torch
from torch.utils.data import DataLoader, Dataset

from faceplate.faces import ARCFACE_112, FFHQ_512
from faceplate.geometry import fit_similarity
from faceplate.nets.identity_net import SIDE, IdentityNet, MirroredIdentityNet
from faceplate_training import command_line, loop
from faceplate_training.degrade import degrade, monochrome
from faceplate_training.export import export_onnx, load_onnx_weights
from faceplate_training.identity_face.turned import template_from_frame, turned
from faceplate_training.photos import TEACHER, Frame, frames

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
SPREAD = np.array([0.229, 0.224, 0.225], np.float32)
CROP_FROM_TEMPLATE = fit_similarity(FFHQ_512, ARCFACE_112)
UNIT = float(np.hypot(CROP_FROM_TEMPLATE[0, 0], CROP_FROM_TEMPLATE[1, 0]))
"""Side of the FFHQ square in an arcface_112 crop / 512."""


class Crops(Dataset):
    """Endless pairs of a clean and a damaged crop, each a pure function of the seed and its number.

    Half of the faces are bent into people who do not exist, and some get other light and colour: the teacher names
    whatever it is shown, and the photos show too few people to learn from as they are.
    """

    def __init__(self, pool: list[Frame], seed: int, length: int) -> None:
        self.pool, self.seed, self.length = pool, seed, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([self.seed, number])
        clean = self.crop(rng)
        if rng.random() < 0.4:
            share = rng.uniform(0.3, 0.7)
            clean = clean * share + self.crop(rng) * (1 - share)
        if rng.random() < 0.5:
            clean = bent(clean, rng)
        if rng.random() < 0.4:
            clean = relit(clean, rng)
        damaged = degrade(clean, UNIT, rng) if rng.random() < 0.7 else clean
        if rng.random() < 0.1:
            damaged = monochrome(damaged, rng)
        if rng.random() < 0.3:
            damaged = degrade(damaged, UNIT, rng)
        return clean / 255, damaged / 255

    def crop(self, rng: np.random.Generator) -> np.ndarray:
        """One (112, 112, 3) float32 crop, 0-255, with the small misplacements a detector makes."""
        frame = self.pool[rng.integers(len(self.pool))]
        matrix = (
            CROP_FROM_TEMPLATE @ template_from_frame(frame) if rng.random() < 0.3 else jittered(frame, rng)
        )
        shrink = 1 / float(np.hypot(matrix[0, 0], matrix[1, 0]))
        pixels = frame.pixels
        if shrink > 1.3:
            pixels = cv2.GaussianBlur(pixels, (0, 0), 0.35 * shrink)
        crop = cv2.warpAffine(
            pixels, matrix[:2], (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return np.ascontiguousarray(crop, np.float32)


def bent(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop after a smooth random distortion of some 2 px: another face, with its features where a face has them."""
    coarse = rng.normal(0, rng.uniform(1, 3.5), (5, 5, 2)).astype(np.float32)
    field = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    return cv2.remap(
        crop, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def relit(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A crop with another gamma, another tint, and light that falls off to one side."""
    slope = rng.normal(0, 0.25, 2)
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    light = np.exp(slope[0] * x + slope[1] * y)[..., None] * np.exp(rng.normal(0, 0.08, 3))
    lit = 255 * np.clip(crop / 255, 0, 1) ** np.exp(rng.normal(0, 0.25)) * light
    return np.clip(lit, 0, 255).astype(np.float32)


def jittered(frame: Frame, rng: np.random.Generator) -> np.ndarray:
    """The crop's matrix after errors of a few per cent in place, size and angle."""
    angle, size = rng.normal(0, 0.05), np.exp(rng.normal(0, 0.05))
    middle = SIDE / 2
    c, s = np.cos(angle) * size, np.sin(angle) * size
    shift = rng.normal(0, 2.0, 2)
    turn = np.array(
        [
            [c, -s, middle - c * middle + s * middle + shift[0]],
            [s, c, middle - s * middle - c * middle + shift[1]],
            [0, 0, 1],
        ]
    )
    return turn @ CROP_FROM_TEMPLATE @ template_from_frame(frame)


class Teacher:
    """MobileFaceNet: (B, 112, 112, 3) RGB 0-1 -> (B, 128) unit vectors."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        content = for_any_batch(onnx.load(str(path))).SerializeToString()
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        batch = np.ascontiguousarray(((crops - MEAN) / SPREAD).transpose(0, 3, 1, 2))
        vectors = np.asarray(self.session.run(None, {self.session.get_inputs()[0].name: batch})[0])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def for_any_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same net for batches of any size: the teacher's file is for one picture, and flattens to one row."""
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "B"
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for node in model.graph.node:
        if node.output[0] in shapes:
            wanted = onnx.numpy_helper.to_array(node.attribute[0].t).copy()
            wanted[0] = 0  # as many as come in
            node.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(wanted))
    del model.graph.value_info[:]
    return model


def train(options: argparse.Namespace) -> None:
    """Run the recipe, from its last checkpoint if there is one, and export the averaged weights."""
    torch.manual_seed(options.seed)
    pool = frames(
        options.shared / "photos", options.shared / TEACHER, options.out / "cache", smallest_side=100
    )
    pool = [frame for frame in pool if not frame.photo.held_out]
    pool += turned(
        pool,
        head=options.shared / "data" / "ict_facekit_light.npz",
        teacher=options.shared / TEACHER,
        store=options.out / "cache" / "turned.npz",
        seed=options.seed,
    )
    torch.set_num_threads(options.threads)
    net = IdentityNet()
    if options.begin_with:
        load_onnx_weights(net, options.begin_with)
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    averaged = loop.Averaged(net, 0.998)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=0.01)
    start = loop.load_checkpoint(options.out / "checkpoint.pt", net, averaged, optimiser)
    log = loop.Log(options.out / "log.csv", ["loss", "rate"], from_step=start)
    teacher = Teacher(options.shared / "models" / "MobileFaceNet.onnx")
    crops = Crops(pool, options.seed, options.steps * options.batch)
    todo = range(start * options.batch, len(crops))
    batches = DataLoader(crops, options.batch, sampler=todo, num_workers=options.workers, prefetch_factor=8)
    seen: list[float] = []
    for step, (clean, damaged) in enumerate(batches, start):
        wanted = torch.from_numpy(teacher(clean.numpy()))
        with torch.autocast("cpu", torch.bfloat16):
            vector = net(damaged.permute(0, 3, 1, 2))
        loss = (1 - (vector.float() * wanted).sum(1)).mean()
        rate = loop.rate_at(step, options.steps, peak=options.rate)
        if loop.finite_step(loss, net, optimiser, clip=1.0, rate=rate):
            averaged.follow(net, step)
        seen.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            log.row(step + 1, loss=float(np.mean(seen)), rate=rate)
            seen.clear()
        if (step + 1) % 250 == 0:
            loop.save_checkpoint(options.out / "checkpoint.pt", step + 1, net, averaged, optimiser)
    export(averaged.net, options.out / "identity-face.onnx")


def export(net: torch.nn.Module, path: Path) -> None:
    """Write the shipped file: input `crop` (B, 3, 112, 112) RGB 0-1, output `vector` (B, 128)."""
    dynamic = {"crop": {0: "B"}, "vector": {0: "B"}}
    both_ways = MirroredIdentityNet()
    both_ways.load_state_dict(net.state_dict())
    export_onnx(
        both_ways, torch.zeros(1, 3, SIDE, SIDE), path, inputs=["crop"], outputs=["vector"], dynamic=dynamic
    )


def main() -> None:
    parser = command_line.recipe(__doc__, steps=6000, rate=2e-3, threads=2, batch=32, workers=1)
    parser.add_argument(
        "--begin-with", type=Path, help="shipped weights to go on from instead of a fresh net"
    )
    command_line.run(parser, train)


if __name__ == "__main__":
    main()
