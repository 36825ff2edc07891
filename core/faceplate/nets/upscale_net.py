"""UpscaleNet: the detail that a Lanczos enlargement lacks, from plain convolutions at the small picture's size.

Everything is computed where there are fewest pixels and only the last step unfolds channels into four pixels each. No
convolution has a stride and no layer looks at the whole picture, so a picture shifted by a pixel is enlarged to the
same pixels, and tiles that overlap by REACH agree.

After: Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", CVPR 2016; Lim et al., "Enhanced Deep Residual Networks", CVPRW 2017 (residual blocks without normalisation).
"""

from torch import Tensor, nn
from torch.nn import functional as F

from faceplate.nets.blocks import SLOPE, PlainResidual

SCALE = 2


class UpscaleNet(nn.Module):
    """Small picture in, missing detail out.

    Input: (B, 3, H, W) RGB, display-encoded sRGB, 0-1. Output: (B, 3, 2 H, 2 W), same space, what to add to the picture
    enlarged twice by Lanczos (`stages.enlarge.lanczos`); within `reach` pixels of the input's edge it knows too little.
    """

    def __init__(self, channels: int = 32, blocks: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(PlainResidual(channels) for _ in range(blocks)))
        self.head = nn.Conv2d(channels, 3 * SCALE * SCALE, 3, padding=1)
        for layer in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
            nn.init.kaiming_normal_(layer.weight, a=SLOPE)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.head.weight)
        for block in (module for module in self.modules() if isinstance(module, PlainResidual)):
            nn.init.zeros_(block.second.weight)

    @property
    def reach(self) -> int:
        """Input pixels on either side that an output pixel depends on: one a convolution."""
        return 2 + 2 * len(self.body)

    def forward(self, picture: Tensor) -> Tensor:
        x = F.leaky_relu(self.stem(picture * 2 - 1), SLOPE)
        return F.pixel_shuffle(self.head(self.body(x)), SCALE)
