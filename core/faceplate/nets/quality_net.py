"""QualityNet: how much is left of a face's identity in a small aligned crop, from the crop alone.

What tells a sharp face from a soft, noisy or enlarged one is texture, wherever it lies: features are gathered by their
mean and their spread over the crop, not by their place.

After: He et al., "Deep Residual Learning", CVPR 2016; Boutros et al., "CR-FIQA", CVPR 2023 (learning to say how well a
recogniser will do with a face).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 112


class _Block(nn.Module):
    """A step to half the size, then two convolutions added to it."""

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(before, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_first = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm_second = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.shrink(x)))
        return F.relu(x + self.norm_second(self.second(F.relu(self.norm_first(self.first(x))))))


class QualityNet(nn.Module):
    """Aligned face in, a number out.

    Input: (B, 3, 112, 112) RGB, display-encoded sRGB, 0-1, in the `arcface_112` template. Output: (B, 1), 0-1: 1 less
    the angle between the identities of this crop and of the same face undamaged, as a share of a right angle.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96)) -> None:
        super().__init__()
        steps = zip((3, *widths), widths, strict=False)
        self.trunk = nn.Sequential(*(_Block(before, width) for before, width in steps))
        self.read = nn.Linear(2 * widths[-1], 1)

    def logit(self, crop: Tensor) -> Tensor:
        """(B, 1), before it is brought to 0-1: what the loss is taken of."""
        x = self.trunk(crop * 2 - 1)
        mean = x.mean(dim=(2, 3))
        spread = ((x - mean[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-5).sqrt()
        return self.read(torch.cat([mean, spread], dim=1))

    def forward(self, crop: Tensor) -> Tensor:
        return torch.sigmoid(self.logit(crop))
