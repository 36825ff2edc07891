"""ParseNet: what every pixel of an aligned face crop shows.

A small U-Net that never works at full resolution: the crop is folded 4x4 into channels before the first convolution
and its answer unfolded 2x2 after the last. Two more convolutions see that answer beside the crop itself, folded 2x2,
and draw the edges where the picture has them.

After: Ronneberger et al., "U-Net", MICCAI 2015; Shi et al., "Real-Time Single Image and Video Super-Resolution Using
an Efficient Sub-Pixel Convolutional Neural Network", CVPR 2016 (the folding); Zhao et al., "Pyramid Scene Parsing
Network", CVPR 2017 (what the whole picture shows is told to every cell).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.blocks import Residual, conv

SIDE = 256
"""Side of the crop, pixels: the FFHQ template's square."""

FOLD, UNFOLD = 4, 2
DETAIL, EDGES = 24, 32
"""Channels of what is seen of the crop at half its resolution, and of what corrects the answer there."""


class ParseNet(nn.Module):
    """Crop in, probabilities of every class out.

    Args:
        classes: how many there are.
        widths: channels at strides 4, 8, 16 and 32, multiples of 16.

    Input: (B, 3, 256, 256) RGB, display-encoded sRGB, 0-1, in the `ffhq_512` template.
    Output of `forward`: (B, classes, 128, 128), sums of 1 over the classes; a value covers 2 x 2 pixels of the crop.
    """

    def __init__(self, classes: int = 11, widths: Sequence[int] = (48, 64, 96, 128)) -> None:
        super().__init__()
        self.stem = conv(3 * FOLD**2, widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(conv(below, width, stride=2), Residual(width)) for below, width in pairwise(widths)
        )
        self.whole = nn.Linear(widths[-1], widths[-1])
        self.lift = nn.ModuleList(conv(width, below, size=1) for below, width in pairwise(widths))
        self.join = nn.ModuleList(Residual(width) for width in widths[:-1])
        self.read = nn.Conv2d(widths[0], classes * UNFOLD**2, 3, padding=1)
        self.detail = conv(3 * UNFOLD**2, DETAIL)
        self.edges = conv(DETAIL + widths[0] // UNFOLD**2 + classes, EDGES)
        self.correct = nn.Conv2d(EDGES, classes, 1)
        nn.init.zeros_(self.correct.weight)

    def logits(self, crop: Tensor) -> Tensor:
        """(B, classes, 128, 128) before the softmax: what training compares."""
        levels = [self.stem(F.pixel_unshuffle(crop - 0.5, FOLD))]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        x = F.relu(x + self.whole(x.mean((2, 3)))[:, :, None, None])
        for level, lift, join in zip(levels[::-1], reversed(self.lift), reversed(self.join), strict=True):
            x = join(level + F.interpolate(lift(x), scale_factor=2.0, mode="nearest"))
        coarse = F.pixel_shuffle(self.read(x), UNFOLD)
        detail = self.detail(F.pixel_unshuffle(crop - 0.5, UNFOLD))
        return coarse + self.correct(self.edges(torch.cat([detail, F.pixel_shuffle(x, UNFOLD), coarse], 1)))

    def forward(self, crop: Tensor) -> Tensor:
        return torch.softmax(self.logits(crop).float(), 1)
