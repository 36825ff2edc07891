"""What every pixel of a face crop shows: skin, features, hair, and what is held or worn before them."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.errors import RangeError, ShapeError
from faceplate.runtime.net import Net

CLASSES = (
    "background", "skin", "brows", "eyes", "iris", "nose", "lips", "mouth", "hair", "glasses", "occluder",
)  # fmt: skip
"""What the net's channels mean. skin: face, ears, neck, beards. eyes: the white. mouth: its inside with teeth and
tongue. glasses: frames and lenses too dark to see through. occluder: hands, microphones, whatever else covers."""

SIDE, CELLS = 256, 128
"""Side of the crop that the net reads, pixels, and of the grid that it answers on."""


@dataclass(frozen=True)
class Parsed:
    """What a crop shows. `shares`: (CELLS, CELLS, len(CLASSES)) float32, how likely each class is; sums of 1."""

    shares: NDArray[np.float32]

    def likely(self, *names: str) -> Matte:
        """(CELLS, CELLS) 0-1, how likely a cell shows any of these classes.

        Raises:
            RangeError: there is no such class.
        """
        unknown = [name for name in names if name not in CLASSES]
        if unknown:
            raise RangeError(f"no class is called {unknown[0]!r}; there are {', '.join(CLASSES)}")
        places = [CLASSES.index(name) for name in names]
        return np.minimum(self.shares[..., places].sum(2), 1.0).astype(np.float32)

    def labels(self, side: int) -> NDArray[np.uint8]:
        """(side, side) the likeliest class of every pixel of a crop of this side, a place in CLASSES."""
        shares = cv2.resize(self.shares, (side, side), interpolation=cv2.INTER_LINEAR)
        return shares.argmax(2).astype(np.uint8)


def parse_crop(crop: Image, net: Net) -> Parsed:
    """Tell what a face crop shows.

    The crop and its mirror image are shown to the net and what it says of both is averaged, so that a mirrored crop is
    parsed as the mirror image of the crop.

    Args:
        crop: (S, S, 3), display-encoded sRGB, 0-1, aligned to ffhq_512; any side.
        net: a face.parse net, see `faceplate.nets.parse_net`: (B, 3, 256, 256) 0-1 in, (B, 11, 128, 128) out.

    Raises:
        ShapeError: a crop that is not square; a net that does not answer as a face.parse net does.
    """
    side = expect_shapes(crop=(crop, "S S 3"))["S"]
    if side != SIDE:
        kernel = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
        crop = np.asarray(cv2.resize(crop, (SIDE, SIDE), interpolation=kernel), np.float32)
    shown = np.clip(crop, 0.0, 1.0).transpose(2, 0, 1)
    answer = net(np.ascontiguousarray(np.stack([shown, shown[:, :, ::-1]]), np.float32))[0]
    wanted = (2, len(CLASSES), CELLS, CELLS)
    if np.shape(answer) != wanted or not np.isfinite(answer).all():
        raise ShapeError(
            f"the parsing net {net.id} should answer finite values of shape {wanted}, got {np.shape(answer)}; "
            "verify the model"
        )
    both = (answer[0] + answer[1, :, :, ::-1]) / 2
    return Parsed(np.ascontiguousarray(both.transpose(1, 2, 0), np.float32))
