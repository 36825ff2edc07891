"""RestoreUNet: the residual U-Net that repairs one aligned face crop.

The crop is folded 4x4 into channels before the first convolution and unfolded after the last, so that no
convolution runs at full resolution: on a CPU this trains about 2.5 times faster than a full-resolution stem.
There is no normalisation; every residual branch is scaled instead, which keeps bf16 training stable.

After: Ronneberger et al., "U-Net", MICCAI 2015; Shi et al., "Real-Time Single Image and Video Super-Resolution
Using an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016 (the folding); Lim et al., "Enhanced Deep
Residual Networks", CVPRW 2017 (no normalisation, scaled residuals).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.blocks import SLOPE, PlainResidual

FOLD = 4
"""Pixels a side that become one position of the first feature map."""

STRIDE = 32
"""The crop's side must be a multiple of this: FOLD times the U-Net's three halvings."""

BRANCH_SCALE = 0.3


class RestoreUNet(nn.Module):
    """Degraded crop in, restored crop out.

    Args:
        widths: channels of each level, finest first; the finest lies at 1/FOLD of the crop's side.
        blocks: residual blocks on the way down and up, per level (the coarsest has them once).

    Input and output: (B, 3, S, S), display-encoded sRGB, 0-1, S a multiple of STRIDE. The output is the input
    plus a learned difference and is not clipped.
    """

    def __init__(
        self, widths: Sequence[int] = (64, 128, 192, 256), blocks: Sequence[int] = (1, 1, 2, 3)
    ) -> None:
        super().__init__()
        folded = 3 * FOLD * FOLD
        self.stem = nn.Conv2d(folded, widths[0], 3, padding=1)
        self.down = nn.ModuleList(_stack(width, count) for width, count in zip(widths, blocks, strict=True))
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(nn.Conv2d(b, a * 4, 1) for a, b in pairwise(widths))
        self.up = nn.ModuleList(
            _stack(width, count) for width, count in zip(widths[:-1], blocks[:-1], strict=True)
        )
        self.head = nn.Conv2d(widths[0], folded, 3, padding=1)
        self.apply(_start)
        nn.init.zeros_(self.head.weight)
        for block in (module for module in self.modules() if isinstance(module, PlainResidual)):
            nn.init.zeros_(block.second.weight)

    def forward(self, crop: Tensor) -> Tensor:
        x = self.stem(F.pixel_unshuffle(crop, FOLD) * 2 - 1)
        skips = []
        for level, stack in enumerate(self.down):
            x = stack(x)
            if level < len(self.shrink):
                skips.append(x)
                x = self.shrink[level](x)
        for level in reversed(range(len(self.up))):
            x = skips[level] + F.pixel_shuffle(self.grow[level](x), 2)
            x = self.up[level](x)
        return crop + F.pixel_shuffle(self.head(x), FOLD)


def _start(module: nn.Module) -> None:
    """He's initialisation: without normalisation, smaller weights would fade level by level and learn slowly."""
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.kaiming_normal_(module.weight, a=SLOPE)
        nn.init.zeros_(module.bias)


def _stack(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(PlainResidual(width, BRANCH_SCALE) for _ in range(count)))


def flops(net: nn.Module, side: int) -> int:
    """Floating-point operations (two per multiply-add) of every convolution for one (1, 3, side, side) crop."""
    total = 0

    def count(module: nn.Module, _: tuple, output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += 2 * module.weight[0].numel() * output.numel()

    hooks = [m.register_forward_hook(count) for m in net.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        net(torch.zeros(1, 3, side, side))
    for hook in hooks:
        hook.remove()
    return total
