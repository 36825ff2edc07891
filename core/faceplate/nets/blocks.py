"""What several nets are built of.

After: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; Lim et al., "Enhanced Deep Residual
Networks", CVPRW 2017 (no normalisation, scaled branches).
"""

from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.1


def conv(before: int, after: int, *, stride: int = 1, size: int = 3) -> nn.Sequential:
    """A convolution, normalised and rectified."""
    return nn.Sequential(
        nn.Conv2d(before, after, size, stride, size // 2, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


class Residual(nn.Module):
    """Two normalised convolutions beside what they change."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = conv(width, width)
        self.second = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.second(self.first(x)))


class PlainResidual(nn.Module):
    """Two 3x3 convolutions without normalisation, added back at `scale`."""

    def __init__(self, channels: int, scale: float = 1.0) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.second(F.leaky_relu(self.first(x), SLOPE))
