"""A plate: one frame's pixels with their meaning attached.

Windows follow OpenEXR: the display window is the frame as it is framed, the data window is where pixels exist, and
either may have a negative origin. Coordinates run from the display window's top-left corner; pixel centres lie at +0.5.
"""

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import Literal

import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.colour import SRGB, Encoding
from faceplate.errors import RangeError, ShapeError

Alpha = Literal["none", "straight", "premultiplied"]

Fields = Literal["", "progressive", "top", "bottom"]
"""What frames are made of: whole pictures, or two fields and which was filmed first; "" where nothing tells."""


@dataclass(frozen=True)
class Rect:
    """A half-open rectangle of whole pixels: x0 <= x < x1, y0 <= y < y1.

    Raises:
        RangeError: the rectangle is empty or inverted.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    def __post_init__(self) -> None:
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise RangeError(f"a window should be at least one pixel wide and high, got {self}")

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @classmethod
    def around(cls, x0: float, y0: float, x1: float, y1: float) -> "Rect":
        """The smallest rectangle of whole pixels that covers a box."""
        return cls(floor(x0), floor(y0), ceil(x1), ceil(y1))

    def scaled(self, factor: int) -> "Rect":
        """The same rectangle on a frame enlarged this many times about the display window's origin."""
        return Rect(self.x0 * factor, self.y0 * factor, self.x1 * factor, self.y1 * factor)

    def grown(self, margin: int) -> "Rect":
        """The rectangle with this many pixels more on every side."""
        return Rect(self.x0 - margin, self.y0 - margin, self.x1 + margin, self.y1 + margin)

    def within(self, other: "Rect") -> "Rect | None":
        """The part that also lies in `other`, or None where they do not meet."""
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        x1, y1 = min(self.x1, other.x1), min(self.y1, other.y1)
        return Rect(x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    def slices(self, window: "Rect") -> tuple[slice, slice]:
        """Rows and columns of this rectangle in an array that covers `window`; it must lie inside."""
        return (
            slice(self.y0 - window.y0, self.y1 - window.y0),
            slice(self.x0 - window.x0, self.x1 - window.x0),
        )


@dataclass(frozen=True)
class Plate:
    """One frame.

    `pixels`: (H, W, 3) float32 RGB over the data window, in `encoding`'s space, any value, NaN and Inf included.
    `alpha`: (H, W) float32 or None; `alpha_kind` says how the pixels relate to it, "none" where there is none or they
    do not. `frame`: frame number. `encoding` says how a net may read the pixels.
    """

    pixels: Image
    frame: int
    data_window: Rect
    display_window: Rect
    encoding: Encoding = SRGB
    alpha: Matte | None = None
    alpha_kind: Alpha = "none"

    def __post_init__(self) -> None:
        size = {"H": self.data_window.height, "W": self.data_window.width}
        expect_shapes(size, pixels=(self.pixels, "H W 3"))
        if self.alpha is not None:
            expect_shapes(size, alpha=(self.alpha, "H W"))
        if self.alpha is None and self.alpha_kind != "none":
            raise ShapeError(f"a plate with {self.alpha_kind} alpha should carry one; give it or say none")

    @classmethod
    def of(cls, pixels: Image, *, frame: int = 1, encoding: Encoding = SRGB) -> "Plate":
        """A plate whose data window and display window are both the array's own size, origin at zero."""
        window = Rect(0, 0, pixels.shape[1], pixels.shape[0])
        return cls(np.asarray(pixels, np.float32), frame, window, window, encoding)

    def with_pixels(self, pixels: Image) -> "Plate":
        """The same frame with other pixels of the same size."""
        return replace(self, pixels=pixels)
