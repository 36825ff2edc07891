"""DetectNet: finds faces and their five points in one pass over a picture of any size.

One score, one box and five points for every cell of three grids (strides 8, 16 and 32), no anchors. Convolutions are
dense and few rather than depthwise and many: on a CPU that costs the same time and learns several times faster.

After: Tian et al., "FCOS", ICCV 2019 (cells, not anchors); Lin et al., "Feature Pyramid Networks", CVPR 2017;
Li et al., "Generalized Focal Loss", NeurIPS 2020 (the score is the box's expected overlap); Wu et al., "YuNet",
Machine Intelligence Research 2023 (a face detector this small can be good).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)
"""Pixels a cell is wide, finest grid first."""

POINTS = 5


class DetectNet(nn.Module):
    """Picture in, one row for every cell out.

    Args:
        widths: channels at strides 2, 4, 8, 16 and 32; multiples of 16 fill the lanes of ONNX Runtime's CPU kernels.
        neck: channels of the three grids the heads read.

    Input: (B, 3, H, W), display-encoded sRGB, RGB, 0-1, H and W multiples of 32.
    Output of `forward`: (B, N, 15), N = H W (1/64 + 1/256 + 1/1024) cells, grids finest first, row by row:
    score 0-1 (the expected overlap of the box with a face); box x0 y0 x1 y1 and then x y of five points (right eye
    first: image left), in pixels of the input, pixel centres at +0.5. Overlapping rows are left to the caller.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 48, 80, 128), neck: int = 48) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, widths[0], 2), _conv(widths[0], widths[1], 2))
        self.levels = nn.ModuleList(
            nn.Sequential(_conv(below, width, 2), block(width))
            for below, width, block in zip(
                widths[1:], widths[2:], (_conv_same, Residual, Residual), strict=False
            )
        )
        self.lateral = nn.ModuleList(_conv(width, neck, size=1) for width in widths[2:])
        self.head = nn.ModuleList(_conv(neck, neck) for _ in STRIDES)
        self.score = nn.ModuleList(_score_head(neck) for _ in STRIDES)
        self.place = nn.ModuleList(nn.Conv2d(neck, 4 + 2 * POINTS, 1) for _ in STRIDES)

    def grids(self, picture: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Raw heads, finest grid first: score logits (B, 1, h, w) and places (B, 14, h, w), see `decode`."""
        x = self.stem(picture)
        features = []
        for level, lateral in zip(self.levels, self.lateral, strict=True):
            x = level(x)
            features.append(lateral(x))
        for finer in (1, 0):
            features[finer] = features[finer] + F.interpolate(
                features[finer + 1], scale_factor=2.0, mode="nearest"
            )
        out = []
        for i, feature in enumerate(features):
            seen = self.head[i](feature)
            out.append((self.score[i](seen), self.place[i](seen)))
        return out

    def forward(self, picture: Tensor) -> Tensor:
        rows = [
            torch.cat([torch.sigmoid(logits).flatten(2), decode(places, stride)], 1)
            for (logits, places), stride in zip(self.grids(picture), STRIDES, strict=True)
        ]
        return torch.cat(rows, 2).transpose(1, 2)


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


def _score_head(channels: int) -> nn.Conv2d:
    head = nn.Conv2d(channels, 1, 1)
    nn.init.normal_(head.weight, std=0.01)
    if head.bias is not None:
        nn.init.constant_(head.bias, -4.6)  # most cells see no face: start at 1 %
    return head


def cell_centres(height: int, width: int, stride: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """x (1, 1, width) and y (1, height, 1) of a grid's cells, in pixels of the picture."""
    x = (torch.arange(width, device=like.device).to(like.dtype) + 0.5) * stride
    y = (torch.arange(height, device=like.device).to(like.dtype) + 0.5) * stride
    return x.view(1, 1, -1), y.view(1, -1, 1)


def decode(places: Tensor, stride: int) -> Tensor:
    """A head's raw places (B, 14, h, w) -> pixels (B, 14, h w): box x0 y0 x1 y1, then x y of each point.

    The first four are logarithms of the distances from the cell's centre to the box's left, top, right and bottom
    edge, in strides; the others are offsets to the points, in strides.
    """
    x, y = cell_centres(places.shape[2], places.shape[3], stride, places)
    # beyond e^4 strides no face lies on this grid: without a bound one wild cell ruins a training step
    reach = torch.exp(places[:, :4].clamp(-4.0, 4.0)) * stride
    columns = [x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]]
    for point in range(POINTS):
        columns.append(x + places[:, 4 + 2 * point] * stride)
        columns.append(y + places[:, 5 + 2 * point] * stride)
    return torch.stack(columns, 1).flatten(2)


def _conv_same(channels: int) -> nn.Sequential:
    return _conv(channels, channels)


def _conv(channels_in: int, channels_out: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, stride, size // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
