"""LandmarksNet: 68 points of one aligned face, how far off each may be, whether it is seen, and how the head is turned.

A small hourglass ends in a grid of 24 x 24 cells. Every point has a map there that says where it is likely to be; the
point is the map's mean, its uncertainty and visibility are read where the map is high.

After: Sun et al., "Integral Human Pose Regression", ECCV 2018 (a point as the mean of its map); Newell, Yang and Deng,
"Stacked Hourglass Networks", ECCV 2016; Kumar et al., "LUVLi Face Alignment", CVPR 2020 (uncertainty and visibility).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.blocks import Residual, conv

SIDE = 192
"""Side of the crop, pixels."""

CELL = 8
"""Pixels that a cell of the grid is wide."""

CELLS = SIDE // CELL
POINTS = 68


class LandmarksNet(nn.Module):
    """Crop in, what is known of its points out.

    Args:
        widths: channels at strides 8, 16 and 32, multiples of 16. neck: channels of the grid that is read.

    Input: (B, 3, 192, 192) RGB, display-encoded sRGB, 0-1: a face as `stages.landmarks` crops it.
    Output: points (B, 68, 2) in crop pixels, centres at +0.5, iBUG order; spread (B, 68), standard deviation of each
    coordinate in crop pixels; visible (B, 68), 0-1; turn (B, 3), the head's rotation vector in radians against the line
    of sight (x to the subject's left, y up, z out of the face).
    """

    grid: Tensor

    def __init__(self, widths: Sequence[int] = (48, 80, 128), neck: int = 64) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.stem = conv(48, fine, stride=2)
        self.fine = Residual(fine)
        self.middle = nn.Sequential(conv(fine, middle, stride=2), Residual(middle))
        self.coarse = nn.Sequential(conv(middle, coarse, stride=2), Residual(coarse))
        self.from_coarse = conv(coarse, middle, size=1)
        self.joined = conv(middle, middle)
        self.from_middle = conv(middle, neck, size=1)
        self.from_fine = conv(fine, neck, size=1)
        self.read = conv(neck, neck)
        self.maps = nn.Conv2d(neck, 3 * POINTS, 1)
        self.prior = nn.Parameter(torch.zeros(POINTS, CELLS * CELLS))
        self.turned = nn.Linear(coarse, 3)
        centres = (torch.arange(CELLS) + 0.5) * CELL
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        self.register_buffer("grid", torch.stack([x, y], -1).reshape(-1, 2))

    def forward(self, crop: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        fine = self.fine(self.stem(F.pixel_unshuffle(crop - 0.5, 4)))
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        middle = self.joined(
            middle + F.interpolate(self.from_coarse(coarse), scale_factor=2.0, mode="nearest")
        )
        up = F.interpolate(self.from_middle(middle), scale_factor=2.0, mode="nearest")
        maps = self.maps(self.read(self.from_fine(fine) + up)).float().flatten(2)
        likely, spread, seen = maps.split(POINTS, dim=1)
        share = torch.softmax(likely + self.prior, dim=2)
        points = share @ self.grid
        spread = F.softplus((share * spread).sum(2)) + 0.2
        visible = torch.sigmoid((share * seen).sum(2))
        return points, spread, visible, self.turned(coarse.mean((2, 3)).float())

    @torch.no_grad()
    def expect(self, points: Tensor, spread: Tensor) -> None:
        """Let every map begin where a point usually is: (68, 2) means and (68,) standard deviations, crop pixels."""
        off = ((self.grid[None] - points[:, None]) ** 2).sum(-1)
        self.prior.copy_(-off / (2 * spread[:, None] ** 2 + CELL**2))
