"""ReconstructNet: one trunk, three heads: 68 points of a face, the head model's coefficients, and the face's colours.

The trunk is an hourglass that ends in a grid of 48 x 48 cells. Every point has a map there that says where it is likely
to be; the point is the map's mean. What the trunk sees at each point, the points themselves and the coarsest features
together tell the coefficients: so a lid's weight is read at the lid. The texture is drawn from the same vector.

After: Lei et al., "A Hierarchical Representation Network for Accurate and Detailed Face Reconstruction From In-The-Wild
Images", CVPR 2023 (shape, detail and texture of one face told together); Sun et al., "Integral Human Pose Regression",
ECCV 2018 (a point as the mean of its map); Cao et al., "Face Alignment by Explicit Shape Regression", CVPR 2012
(features indexed by points); Kumar et al., "LUVLi Face Alignment", CVPR 2020 (uncertainty and visibility).
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.blocks import Residual, conv

SIDE = 192
"""Side of the crop, pixels: the one that `stages.landmarks` cuts."""

CELL = 4
"""Pixels that a cell of the grid is wide."""

CELLS = SIDE // CELL
POINTS = 68
IDENTITY = 60
"""Identity components that are told, the head's first."""

WEIGHTS = 52
"""Expression weights that are told: ARKit's names, in the head's order."""

TEXELS = 256
WINDOW = (0.0, 0.66, 0.434, 0.994)
"""The part of faceplate-head's UV map that the texture shows: u from and to, v from and to. It holds the face, whose
middle lies at u 0.33, so that a mirrored face has a mirrored texture."""


class ReconstructNet(nn.Module):
    """Crop in, points, coefficients and colours out.

    Args:
        widths: channels at strides 4, 8, 16 and 32, multiples of 16. neck: channels of the grid that is read. depth:
            residual blocks at each stride; (48, 96, 192, 384) and 3 make a trunk of a ResNet's size.

    Input: (B, 3, 192, 192) RGB, display-encoded sRGB, 0-1: a face as `stages.landmarks` crops it.
    Output of `forward`: points (B, 68, 2) in crop pixels, centres at +0.5, iBUG order; spread (B, 68), standard
    deviation of each coordinate in crop pixels; visible (B, 68), 0-1; turn (B, 3), the head's rotation vector in
    radians against the line of sight (x to the subject's left, y up, z out of the face); identity and identity_spread
    (B, 60), standard deviations of the head model; expression and expression_spread (B, 52), weights 0-1; texture
    (B, 3, 256, 256) RGB, display-encoded, 0-1, albedo in the picture's exposure, over WINDOW, row 0 at the top.
    """

    grid: Tensor

    def __init__(self, widths: Sequence[int] = (32, 80, 128, 192), neck: int = 48, depth: int = 1) -> None:
        super().__init__()
        finest, fine, middle, coarse = widths
        self.finest = nn.Sequential(conv(48, finest), *(Residual(finest) for _ in range(depth)))
        self.fine = _down(finest, fine, depth)
        self.middle = _down(fine, middle, depth)
        self.coarse = _down(middle, coarse, depth)
        self.coarse_up, self.joined_middle = conv(coarse, middle, size=1), conv(middle, middle)
        self.middle_up, self.joined_fine = conv(middle, fine, size=1), conv(fine, fine)
        self.fine_up, self.from_finest = conv(fine, neck, size=1), conv(finest, neck, size=1)
        self.read = conv(neck, neck)
        self.maps = nn.Conv2d(neck, POINTS, 1)
        self.of_points = nn.Parameter(0.1 * torch.randn(2, 1, POINTS, neck))
        self.of_points_bias = nn.Parameter(torch.zeros(2, 1, POINTS))
        self.prior = nn.Parameter(torch.zeros(POINTS, CELLS * CELLS))
        self.turned = nn.Linear(coarse, 3)
        self.calm, self.at_points = nn.LayerNorm(neck), _told(POINTS * neck, 256)
        self.acting = nn.Conv2d(fine, 32, 1)
        self.calm_acting, self.at_acting = nn.LayerNorm(32), _told(POINTS * 32, 256)
        self.at_large = nn.Sequential(
            nn.Conv2d(coarse, 32, 1), nn.Flatten(), _told(32 * (SIDE // 32) ** 2, 96)
        )
        known = 256 + 256 + 96 + 2 * POINTS + 3
        self.of_identity = nn.Sequential(_told(known, 256), nn.Linear(256, 2 * IDENTITY))
        self.of_expression = nn.Sequential(_told(known, 256), nn.Linear(256, 2 * WEIGHTS))
        self.of_looks = nn.Sequential(_told(known, 256), _told(256, 256))
        self.camera = nn.Linear(256, 4)
        self.texture = Painter(256)
        centres = (torch.arange(CELLS) + 0.5) * CELL
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        self.register_buffer("grid", torch.stack([x, y], -1).reshape(-1, 2))

    def forward(self, crop: Tensor) -> tuple[Tensor, ...]:
        shape = self.shape(crop)
        *told, looks, _ = shape
        return (*told, self.texture(looks))

    def landmarks(self, crop: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Points, spread, visible and turn alone: what `stages.landmarks` asks for."""
        return self._points(crop)[0]

    def shape(self, crop: Tensor) -> tuple[Tensor, ...]:
        """All of `forward` but the texture; then the vector (B, 256) that it is drawn from, and the camera (B, 4)."""
        (points, spread, visible, turn), seen, acting, coarse = self._points(crop)
        known = torch.cat(
            [
                self.at_points(self.calm(seen).flatten(1)),
                self.at_acting(self.calm_acting(acting).flatten(1)),
                self.at_large(coarse),
                (points.flatten(1) - SIDE / 2) / (SIDE / 4),
                turn,
            ],
            1,
        )
        identity, identity_spread = self.of_identity(known).float().chunk(2, 1)
        weights, weights_spread = self.of_expression(known).float().chunk(2, 1)
        looks = self.of_looks(known).float()
        return (
            points, spread, visible, turn,
            identity, F.softplus(identity_spread) + 0.05,
            torch.sigmoid(weights - 2), F.softplus(weights_spread - 2) + 0.01,
            looks, self.camera(looks).float(),
        )  # fmt: skip

    def _points(self, crop: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Tensor, Tensor, Tensor]:
        """The points and what is known of them; at each what the grid holds (B, 68, neck) and what the finer features
        say of acting (B, 68, 32); the coarsest features.
        """
        finest = self.finest(F.pixel_unshuffle(crop - 0.5, 4))
        fine = self.fine(finest)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        middle = self.joined_middle(middle + _twice(self.coarse_up(coarse)))
        fine = self.joined_fine(fine + _twice(self.middle_up(middle)))
        read = self.read(self.from_finest(finest) + _twice(self.fine_up(fine)))
        likely = self.maps(read).flatten(2)
        with torch.autocast(
            crop.device.type, enabled=False
        ):  # a point's place wants more than bf16's eight bits
            share = torch.softmax(likely.float() + self.prior, dim=2)
            points = share @ self.grid
        seen = share @ read.flatten(2).transpose(1, 2)
        doubt, sight = ((seen * self.of_points).sum(3) + self.of_points_bias).float().unbind(0)
        told = (
            points,
            F.softplus(doubt) + 0.2,
            torch.sigmoid(sight),
            self.turned(coarse.mean((2, 3))).float(),
        )
        coarser = F.avg_pool2d(share.reshape(-1, POINTS, CELLS, CELLS), 2) * 4
        acting = coarser.flatten(2) @ self.acting(fine).flatten(2).transpose(1, 2)
        return told, seen, acting, coarse

    def trunk(self) -> list[nn.Module]:
        """What all three heads look through, for those who train the heads alone."""
        return [
            self.finest, self.fine, self.middle, self.coarse, self.coarse_up, self.joined_middle, self.middle_up,
            self.joined_fine, self.fine_up, self.from_finest, self.read,
        ]  # fmt: skip

    @torch.no_grad()
    def expect(self, points: Tensor, spread: Tensor) -> None:
        """Let every map begin where a point usually is: (68, 2) means and (68,) standard deviations, crop pixels."""
        off = ((self.grid[None] - points[:, None]) ** 2).sum(-1)
        self.prior.copy_(-off / (2 * spread[:, None] ** 2 + CELL**2))


class Painter(nn.Module):
    """(B, n) into (B, 3, 256, 256), 0-1: coarse to fine, the last four times in one step."""

    def __init__(self, known: int, widths: Sequence[int] = (64, 48, 32, 32)) -> None:
        super().__init__()
        self.begin = nn.Linear(known, widths[0] * 64)
        self.width = widths[0]
        pairs = pairwise(widths)
        self.larger = nn.ModuleList(conv(before, after) for before, after in pairs)
        self.pixels = nn.Conv2d(widths[-1], 48, 3, padding=1)

    def forward(self, known: Tensor) -> Tensor:
        drawn = F.relu(self.begin(known)).reshape(-1, self.width, 8, 8)
        for step in self.larger:
            drawn = step(_twice(drawn))
        return torch.sigmoid(F.pixel_shuffle(self.pixels(drawn).float(), 4))


def _told(before: int, after: int) -> nn.Sequential:
    """A layer, normalised: without that so many inputs, all above 0, shut its units for good within a few steps."""
    return nn.Sequential(nn.Linear(before, after), nn.LayerNorm(after), nn.SiLU())


def _down(before: int, after: int, depth: int) -> nn.Sequential:
    return nn.Sequential(conv(before, after, stride=2), *(Residual(after) for _ in range(depth)))


def _twice(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")
