"""IdentityNet: a small face embedder, plain residual convolutions and a global depthwise convolution at the end.

After: Chen et al., "MobileFaceNets", CCBR 2018 (the global depthwise convolution in place of pooling);
He et al., "Deep Residual Learning", CVPR 2016.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 112


class _Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_first = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_second = nn.BatchNorm2d(channels)
        self.slope_first, self.slope_second = nn.PReLU(channels), nn.PReLU(channels)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.slope_first(self.norm_first(self.first(x)))
        return self.slope_second(x + self.norm_second(self.second(branch)))


class IdentityNet(nn.Module):
    """Aligned face in, unit vector out.

    Input: (B, 3, 112, 112) RGB, display-encoded, 0-1, in the `arcface_112` template.
    Output: (B, dimensions), length 1; the cosine of two vectors is the similarity of two faces.
    """

    def __init__(
        self,
        widths: Sequence[int] = (32, 64, 128, 192),
        blocks: Sequence[int] = (1, 1, 2, 1),
        dimensions: int = 128,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width, count in zip(widths, blocks, strict=True):
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(width)]
            layers += [nn.PReLU(width), *(_Block(width) for _ in range(count))]
            before = width
        self.trunk = nn.Sequential(*layers)
        final = SIDE // 2 ** len(widths)
        self.gather = nn.Conv2d(before, before, final, groups=before, bias=False)
        self.norm = nn.BatchNorm2d(before)
        self.project = nn.Linear(before, dimensions)

    def forward(self, crop: Tensor) -> Tensor:
        return F.normalize(self.project(self.norm(self.gather(self.trunk(crop * 2 - 1))).flatten(1)), dim=1)

    def features(self, crop: Tensor, levels: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """The embedding, and the trunk's activations after the layers numbered `levels`, for losses."""
        kept, x = [], crop * 2 - 1
        for number, layer in enumerate(self.trunk):
            x = layer(x)
            if number in levels:
                kept.append(x)
        vector = self.project(self.norm(self.gather(x)).flatten(1))
        return F.normalize(vector, dim=1), kept


class MirroredIdentityNet(IdentityNet):
    """The same weights, asked about the face and about its mirror image: what ships. Their mean tells people apart
    better than either, and is the same for a face and its mirror image.
    """

    def forward(self, crop: Tensor) -> Tensor:
        return F.normalize(super().forward(crop) + super().forward(crop.flip(3)), dim=1)


def frozen(net: IdentityNet) -> IdentityNet:
    """The net as a measuring instrument: evaluation mode, weights frozen, gradients still flow to the input."""
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    return net.eval()
