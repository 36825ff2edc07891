"""Transfer curves: how a plate's pixels become what a net reads, and the way back.

A net reads display-encoded sRGB, 0-1. An Encoding carries both directions; it must not clip, so that
decode(encode(x)) == x to float precision for every finite x. Encodings for named colour spaces come from OpenColorIO
through `io/colourspaces.py`; the two every plate may need are here and want numpy alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from faceplate.arrays import Image


@dataclass(frozen=True)
class Encoding:
    """How pixels of the space `name` are shown to a net.

    `encode`: (..., 3) float32 in the plate's space -> display-encoded sRGB, Rec.709 primaries, unclipped.
    `decode`: its inverse. `scene_linear`: values are proportional to light and may exceed 1 by far.
    """

    name: str
    encode: Callable[[Image], Image]
    decode: Callable[[Image], Image]
    scene_linear: bool = False


def srgb_from_linear(linear: Image) -> Image:
    """Scene-linear to sRGB's curve, odd-symmetric about zero, unclipped above 1. After IEC 61966-2-1."""
    size = np.abs(np.asarray(linear, np.float32))
    curved = _power(size, 1 / 2.4)
    curved *= np.float32(1.055)
    curved -= np.float32(0.055)
    np.multiply(size, np.float32(12.92), out=curved, where=size <= 0.0031308)
    return np.copysign(curved, linear, out=curved)


def linear_from_srgb(encoded: Image) -> Image:
    """The inverse of `srgb_from_linear`, same symmetry and range."""
    size = np.abs(np.asarray(encoded, np.float32))
    raised = size + np.float32(0.055)
    raised *= np.float32(1 / 1.055)
    straightened = _power(raised, 2.4)
    np.multiply(size, np.float32(1 / 12.92), out=straightened, where=size <= 0.04045)
    return np.copysign(straightened, encoded, out=straightened)


def _power(size: Image, exponent: float) -> Image:
    """size ** exponent for size >= 0, a new array, within 2e-6 of the exact value.

    numpy has vector code for float32 logarithms and exponentials but none for powers: 6 times faster on a 4K plate.
    """
    with np.errstate(divide="ignore", over="ignore"):
        power = np.log(size)
        power *= np.float32(exponent)
        return np.exp(power, out=power)


def _as_it_is(pixels: Image) -> Image:
    return pixels


SRGB = Encoding("srgb", _as_it_is, _as_it_is)
LINEAR_REC709 = Encoding("lin_rec709", srgb_from_linear, linear_from_srgb, scene_linear=True)
