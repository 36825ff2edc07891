"""What the arrays are called, and the one check every stage makes of their shapes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faceplate.errors import ShapeError

Image = NDArray[np.float32]
"""(H, W, 3) float32, RGB, row 0 at the top."""

Matte = NDArray[np.float32]
"""(H, W) float32 coverage, 0-1."""

Flow = NDArray[np.float32]
"""(H, W, 2) float32, pixels, (x, y); `pixel + flow` lands in the other frame."""

Points = NDArray[np.float32]
"""(N, 2) float32, (x, y) in pixels, pixel centres at +0.5."""

Matrix = NDArray[np.float64]
"""(3, 3) float64, named destination_from_source, acts on column vectors (x, y, 1)."""


def expect_shapes(
    known: Mapping[str, int] | None = None, /, **arrays: tuple[np.ndarray, str]
) -> dict[str, int]:
    """Check arrays against shapes written as words, and say which one is wrong.

    Args:
        known: sizes already bound by an earlier call, by letter.
        arrays: name=(array, "H W 3"); a letter must mean the same size everywhere, a number is itself.

    Returns:
        The sizes by letter, those of `known` included.

    Raises:
        ShapeError: names the array, the expected shape and the shape it has.

    Example:
        sizes = expect_shapes(crop=(crop, "H W 3"), matte=(matte, "H W"))
    """
    sizes = dict(known or {})
    for name, (array, pattern) in arrays.items():
        words = pattern.split()
        expected = " x ".join(str(sizes.get(word, word)) for word in words)
        if array.ndim != len(words):
            raise ShapeError(f"{name} should be {expected}, got {' x '.join(map(str, array.shape))}")
        for word, length in zip(words, array.shape, strict=True):
            wanted = int(word) if word.isdigit() else sizes.setdefault(word, length)
            if wanted != length:
                raise ShapeError(f"{name} should be {expected}, got {' x '.join(map(str, array.shape))}")
    return sizes


def no_matte(height: int, width: int) -> Matte:
    """A matte that is 0 everywhere, (height, width). It takes no memory and cannot be written to."""
    return np.broadcast_to(np.float32(0), (height, width))
