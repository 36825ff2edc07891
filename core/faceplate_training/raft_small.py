"""RAFT-small's graph, rebuilt for its authors' weights and written as the ONNX file that `--flow raft-small` takes.

    python -m faceplate_training.raft_small raft-small.safetensors -o raft-small.onnx
    faceplate models import raft-small.onnx --like raft-small --id raft-small-mine
    faceplate models accept raft-small-mine
    faceplate restore plate.####.exr -o restored/ --flow raft-small-mine

Nothing is trained and nothing ships: the weights are of class B, see the manifest. Names of layers are those of the
authors' state dict.

After: Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020, the small model.
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

ITERATIONS = 12
"""Times the flow is refined, as in the authors' evaluation of the small model; fixed in the graph."""

LEVELS, RADIUS = 4, 3
"""Levels of the pyramid of correlations, and cells on either side that are looked up on each."""

HIDDEN, CONTEXT, FEATURES = 96, 64, 128
"""Channels of the recurrent state, of what it knows of the first picture, and of what is compared."""

OPSET = 17


class Block(nn.Module):
    """Three convolutions, narrow in the middle, around a way past them."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, normal: bool) -> None:
        super().__init__()
        narrow = outputs // 4
        self.conv1 = nn.Conv2d(inputs, narrow, 1)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, padding=1, stride=stride)
        self.conv3 = nn.Conv2d(narrow, outputs, 1)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride)) if stride > 1 else None
        self.normal = normal

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in (self.conv1, self.conv2, self.conv3):
            y = F.relu(_normal(conv(y), self.normal))
        if self.downsample is not None:
            x = _normal(self.downsample(x), self.normal)
        return F.relu(x + y)


class Encoder(nn.Module):
    """A picture as features of cells of eight pixels. `normal`: each channel of each picture brought to mean 0."""

    def __init__(self, outputs: int, *, normal: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 7, stride=2, padding=3)
        self.layer1 = _stage(32, 32, stride=1, normal=normal)
        self.layer2 = _stage(32, 64, stride=2, normal=normal)
        self.layer3 = _stage(64, 96, stride=2, normal=normal)
        self.conv2 = nn.Conv2d(96, outputs, 1)
        self.normal = normal

    def forward(self, picture: Tensor) -> Tensor:
        x = F.relu(_normal(self.conv1(picture), self.normal))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


def _stage(inputs: int, outputs: int, *, stride: int, normal: bool) -> nn.Sequential:
    first = Block(inputs, outputs, stride=stride, normal=normal)
    return nn.Sequential(first, Block(outputs, outputs, stride=1, normal=normal))


def _normal(x: Tensor, wanted: bool) -> Tensor:
    return F.instance_norm(x) if wanted else x


class MotionEncoder(nn.Module):
    """What was looked up, and the flow that it was looked up at, as features."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 96, 1)
        self.convf1 = nn.Conv2d(2, 64, 7, padding=3)
        self.convf2 = nn.Conv2d(64, 32, 3, padding=1)
        self.conv = nn.Conv2d(128, 80, 3, padding=1)

    def forward(self, flow: Tensor, found: Tensor) -> Tensor:
        here = F.relu(self.convf2(F.relu(self.convf1(flow))))
        both = torch.cat([F.relu(self.convc1(found)), here], dim=1)
        return torch.cat([F.relu(self.conv(both)), flow], dim=1)


class Memory(nn.Module):
    """A gated recurrent unit of convolutions."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.convz, self.convr, self.convq = (
            nn.Conv2d(HIDDEN + inputs, HIDDEN, 3, padding=1) for _ in range(3)
        )

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        both = torch.cat([state, x], dim=1)
        update, reset = torch.sigmoid(self.convz(both)), torch.sigmoid(self.convr(both))
        fresh = torch.tanh(self.convq(torch.cat([reset * state, x], dim=1)))
        return (1 - update) * state + update * fresh


class Head(nn.Module):
    """The state as a step of the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(HIDDEN, 128, 3, padding=1)
        self.conv2 = nn.Conv2d(128, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(state)))


class Update(nn.Module):
    """One refinement: state, context, what was looked up and the flow -> the next state, and a step of the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.gru, self.flow_head = MotionEncoder(), Memory(82 + CONTEXT), Head()

    def forward(self, state: Tensor, context: Tensor, found: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        state = self.gru(state, torch.cat([context, self.encoder(flow, found)], dim=1))
        return state, self.flow_head(state)


class RaftSmall(nn.Module):
    """Two pictures, (1, 3, H, W) RGB 0-255, sides whole multiples of 8 and 128 or more -> (1, 2, H, W) pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet = Encoder(FEATURES, normal=True)
        self.cnet = Encoder(HIDDEN + CONTEXT, normal=False)
        self.update_block = Update()

    def forward(self, picture: Tensor, other: Tensor) -> Tensor:
        picture, other = 2 * (picture / 255) - 1, 2 * (other / 255) - 1
        pyramid = _correlations(self.fnet(picture), self.fnet(other))
        state, context = torch.split(self.cnet(picture), [HIDDEN, CONTEXT], dim=1)
        state, context = torch.tanh(state), F.relu(context)
        start = _places(state)
        places = start
        for _ in range(ITERATIONS):
            state, step = self.update_block(state, context, _look_up(pyramid, places), places - start)
            places = places + step
        return 8 * F.interpolate(places - start, scale_factor=8.0, mode="bilinear", align_corners=True)


def _correlations(one: Tensor, other: Tensor) -> list[Tensor]:
    """Every cell of a picture against every cell of another: (H * W, 1, H', W') a level, half as large each time."""
    channels, height, width = one.shape[1:]
    every = torch.matmul(one.reshape(channels, -1).T, other.reshape(channels, -1)) / channels**0.5
    levels = [every.reshape(-1, 1, height, width)]
    for _ in range(LEVELS - 1):
        levels.append(F.avg_pool2d(levels[-1], 2, stride=2))
    return levels


def _places(like: Tensor) -> Tensor:
    """(1, 2, H, W): every cell's own x and y."""
    ones = torch.ones_like(like[:, :1])
    return torch.cat([ones.cumsum(3) - 1, ones.cumsum(2) - 1], dim=1)


def _look_up(pyramid: list[Tensor], places: Tensor) -> Tensor:
    """(1, 196, H, W): the correlations around where each cell is thought to lie, level by level.

    Of a window the first axis runs across and the second down, which is the order that the weights were trained with.
    """
    height, width = places.shape[2:]
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=places.dtype)
    across, down = torch.meshgrid(steps, steps, indexing="ij")
    window = torch.stack([across, down], dim=-1)
    centres = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    found = []
    for number, level in enumerate(pyramid):
        at = centres / 2**number + window
        # Sizes stay numbers of the graph: as a tensor of constants they would be those of the example.
        x, y = 2 * at[..., 0] / (level.shape[3] - 1) - 1, 2 * at[..., 1] / (level.shape[2] - 1) - 1
        seen = F.grid_sample(level, torch.stack([x, y], dim=-1), align_corners=True)
        found.append(seen.reshape(1, height, width, -1))
    return torch.cat(found, dim=-1).permute(0, 3, 1, 2)


def load_raft_small(weights: Path) -> RaftSmall:
    """The net with its authors' weights.

    Args:
        weights: raft-small.pth of their release, as safetensors; names may begin with "module.".

    Raises:
        SystemExit: the file holds other tensors than RAFT-small's.
    """
    net = RaftSmall()
    held = {name.removeprefix("module."): tensor for name, tensor in load_file(str(weights)).items()}
    held = {name: tensor for name, tensor in held.items() if "norm" not in name}
    try:
        net.load_state_dict(held)
    except RuntimeError as error:
        raise SystemExit(
            f"{weights} does not hold RAFT-small's weights: {str(error).splitlines()[-1].strip()}"
        ) from error
    return net.eval()


def export(net: RaftSmall, path: Path) -> None:
    """Write the net as ONNX, for pictures of any size."""
    sizes = {2: "H", 3: "W"}
    with torch.no_grad():
        torch.onnx.export(
            net,
            (torch.rand(1, 3, 136, 160) * 255, torch.rand(1, 3, 136, 160) * 255),
            str(path),
            input_names=["picture", "other"],
            output_names=["flow"],
            dynamic_axes={"picture": sizes, "other": sizes, "flow": sizes},
            opset_version=OPSET,
            dynamo=False,
        )


def main(words: list[str] | None = None) -> None:
    """Read the command line, and write the file."""
    parser = argparse.ArgumentParser(prog="faceplate_training.raft_small", description=__doc__)
    parser.add_argument("weights", type=Path, metavar="raft-small.safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="raft-small.onnx")
    options = parser.parse_args(words)
    export(load_raft_small(options.weights), options.output)
    print(f"{options.output}: register it with faceplate models import {options.output} --like raft-small")


if __name__ == "__main__":
    main()
