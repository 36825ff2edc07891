"""The shipped restorer against a net of GFPGAN's size, in the same runtime, turn by turn.

    .venv/bin/python tests/benchmarks/restore_speed.py [--rounds 5]

The other net has GFPGAN 1.4's layers ("clean" form, channel multiplier 2, 512 pixels: a U-Net that conditions half of
StyleGAN2's features) and random weights: its time does not depend on them. Modulation is written as a scaling of the
input and the output of a plain convolution, which is the same sum and no slower. Exit code 1 if ours is less than
20 times faster. After: Wang et al., "Towards Real-World Blind Face Restoration with Generative Facial Prior", CVPR
2021; Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", CVPR 2020.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.registry.catalogue import manifest_for, read_weights

SIDE, STYLE, LEAST = 512, 512, 20.0
UNET = {4: 256, 8: 256, 16: 256, 32: 256, 64: 256, 128: 128, 256: 64, 512: 32}
DECODER = {4: 512, 8: 512, 16: 512, 32: 512, 64: 512, 128: 256, 256: 128, 512: 64}


class Step(nn.Module):
    """A residual block of the U-Net that halves or doubles the picture."""

    def __init__(self, before: int, after: int, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.first, self.second = (
            nn.Conv2d(before, before, 3, padding=1),
            nn.Conv2d(before, after, 3, padding=1),
        )
        self.skip = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        branch = self._scaled(F.leaky_relu(self.first(x), 0.2))
        return F.leaky_relu(self.second(branch), 0.2) + self.skip(self._scaled(x))

    def _scaled(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)


class Modulated(nn.Module):
    """A convolution whose kernel follows a style, and whose output is brought back to one level."""

    def __init__(self, before: int, after: int, size: int = 3, *, level: bool = True) -> None:
        super().__init__()
        self.style, self.level = nn.Linear(STYLE, before), level
        self.conv = nn.Conv2d(before, after, size, padding=size // 2)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        scale = self.style(style)
        made = self.conv(x * scale[:, :, None, None])
        if not self.level:
            return made
        power = self.conv.weight.square().sum((2, 3)) @ scale.square().T
        return F.leaky_relu(made * torch.rsqrt(power.T + 1e-8)[:, :, None, None], 0.2)


class LikeGfpgan(nn.Module):
    """(1, 3, 512, 512) in and out."""

    def __init__(self) -> None:
        super().__init__()
        sides = sorted(UNET)
        self.start = nn.Conv2d(3, UNET[SIDE], 1)
        self.down = nn.ModuleList(Step(UNET[s], UNET[s // 2], 0.5) for s in reversed(sides[1:]))
        self.middle = nn.Conv2d(UNET[4], UNET[4], 3, padding=1)
        self.styles = nn.Linear(UNET[4] * 16, 2 * (len(sides) - 1) * STYLE + 2 * STYLE)
        self.up = nn.ModuleList(Step(UNET[s // 2], UNET[s], 2.0) for s in sides[1:])
        self.scale = nn.ModuleList(self._condition(s) for s in sides[1:])
        self.shift = nn.ModuleList(self._condition(s) for s in sides[1:])
        self.constant = nn.Parameter(torch.randn(1, DECODER[4], 4, 4))
        self.first, self.first_rgb = (
            Modulated(DECODER[4], DECODER[4]),
            Modulated(DECODER[4], 3, 1, level=False),
        )
        self.grow = nn.ModuleList(Modulated(DECODER[s // 2], DECODER[s]) for s in sides[1:])
        self.refine = nn.ModuleList(Modulated(DECODER[s], DECODER[s]) for s in sides[1:])
        self.rgb = nn.ModuleList(Modulated(DECODER[s], 3, 1, level=False) for s in sides[1:])

    @staticmethod
    def _condition(side: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(UNET[side], UNET[side], 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(UNET[side], DECODER[side] // 2, 3, padding=1),
        )

    def forward(self, picture: Tensor) -> Tensor:
        x, kept = F.leaky_relu(self.start(picture), 0.2), []
        for step in self.down:
            kept.append(x)
            x = step(x)
        x = F.leaky_relu(self.middle(x), 0.2)
        styles = self.styles(x.flatten(1)).view(1, -1, STYLE)
        skips, conditions = [x, *reversed(kept)], []
        for number, step in enumerate(self.up):
            x = step(x + skips[number])
            conditions.append((self.scale[number](x), self.shift[number](x)))
        made = self.first(self.constant, styles[:, 0])
        shown = self.first_rgb(made, styles[:, 1])
        for number, (scale, shift) in enumerate(conditions):
            made = F.interpolate(made, scale_factor=2.0, mode="bilinear", align_corners=False)
            made = self.grow[number](made, styles[:, 2 * number + 1])
            plain, conditioned = made.chunk(2, 1)
            made = torch.cat([plain, conditioned * scale + shift], 1)
            made = self.refine[number](made, styles[:, 2 * number + 2])
            shown = F.interpolate(shown, scale_factor=2.0, mode="bilinear", align_corners=False)
            shown = shown + self.rgb[number](made, styles[:, 2 * number + 3])
        return shown


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    torch.manual_seed(0)
    other = LikeGfpgan().eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "like_gfpgan.onnx"
        torch.onnx.export(other, (torch.zeros(1, 3, SIDE, SIDE),), str(path), dynamo=False)
        theirs = opened(path.read_bytes())
    manifest = manifest_for("face.restore")
    ours = opened(read_weights(manifest))
    picture = np.random.default_rng(0).random((1, 3, SIDE, SIDE), dtype=np.float32)
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(asked.rounds):
        for times, session in zip(spent, (theirs, ours), strict=True):
            start = time.perf_counter()
            session.run(None, {session.get_inputs()[0].name: picture})
            times.append(time.perf_counter() - start)
    slow, fast = (statistics.median(times) for times in spent)
    size = sum(each.numel() for each in other.parameters()) / 1e6
    print(f"a net like GFPGAN-512     {slow:.3f} s a face ({size:.0f} M parameters)")
    print(f"{manifest.name:26}{fast:.3f} s a face")
    print(f"ratio                     {slow / fast:.1f} (at least {LEAST:.0f})")
    return 0 if slow >= LEAST * fast else 1


def opened(content: bytes) -> ort.InferenceSession:
    """A session whose threads sleep when it is done: those of the net before would take half the cores of the next."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    sys.exit(main())
