"""Which detail was in the plate and which was invented, octave by octave.

Detail counts as supported where it is the plate's own band turned up or down: however strongly a net sharpens an
eyelash that the plate shows, it has not made it up. What no such gain explains was not in the plate. Removing detail,
as denoising does, is not inventing it. The plate's own noise is estimated first and kept out of the comparison, or
else every clean edge under grain would pass for invented.
"""

from dataclasses import dataclass
from math import log2

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.errors import RangeError

LARGEST_GAIN = 4.0
"""A band turned up further than this counts as invented: such gains belong to noise."""

FLOOR = np.float32(1.0 / 255.0)
"""Detail this faint, rms in display values, is not worth reporting."""

QUIET_SHARE = 0.2
"""The quietest part of a crop, by area, that shows what its noise is."""

LOUDEST_NOISE = 0.05
"""rms in display values; a crop restless everywhere is textured, not noisier than this."""

WINDOW = 3.0
"""Sigma of the neighbourhood in which bands are compared, in pixels of the band's own level."""

_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)
_TINY = np.float32(1e-10)


@dataclass(frozen=True)
class _Energies:
    """Local powers of one luma band, (h, w) float32 each.

    `restored`, `unsupported`: of the restored band and of its part that the plate's does not explain. `trusted`: 0-1,
    how much of the plate's own band there is picture rather than noise.
    """

    restored: Matte
    unsupported: Matte
    trusted: Matte


def invented_detail(restored: Image, crop: Image) -> Matte:
    """Show where a net added detail that the plate does not support.

    Args:
        restored: (S, S, 3), display-encoded sRGB, 0-1.
        crop: (S, S, 3), what the net was given.

    Returns:
        (S, S) float32, 0-1: the rms of unsupported detail over the rms of all detail. Exactly 0 where the two agree
        around a pixel; near 0 where contrast was scaled or noise removed; near 1 where the crop was flat.

    Raises:
        ShapeError: arrays that do not share S.
    """
    sizes = expect_shapes(restored=(restored, "S S 3"), crop=(crop, "S S 3"))
    levels = _levels(sizes["S"])
    bands = zip(_bands(restored @ _REC709, levels)[:-1], _bands(crop @ _REC709, levels)[:-1], strict=True)
    full = (sizes["S"], sizes["S"])
    unsupported, total = np.zeros(full, np.float32), np.zeros(full, np.float32)
    for ours, plates in bands:
        energies = _compare(ours, plates)
        unsupported += cv2.resize(energies.unsupported, full, interpolation=cv2.INTER_LINEAR)
        total += cv2.resize(energies.restored, full, interpolation=cv2.INTER_LINEAR)
    return np.minimum(np.sqrt(unsupported) / (np.sqrt(total) + FLOOR), np.float32(1.0))


def supported(restored: Image, crop: Image) -> Image:
    """Take the invented detail out of a restored crop and keep what the plate supports.

    Each band is turned down by the share of its power that the plate does not explain, and the plate's own band,
    as far as it rises above its noise, takes that place.

    Args:
        restored, crop: as for `invented_detail`.

    Returns:
        (S, S, 3), same space, may leave 0-1 a little; `restored` itself, to rounding, where the two agree.

    Raises:
        ShapeError: arrays that do not share S.
    """
    sizes = expect_shapes(restored=(restored, "S S 3"), crop=(crop, "S S 3"))
    levels = _levels(sizes["S"])
    ours, plates = _bands(restored, levels), _bands(crop, levels)
    image = ours[-1]
    for own, plate in zip(ours[-2::-1], plates[-2::-1], strict=True):
        energies = _compare(own @ _REC709, plate @ _REC709)
        unsupported = (energies.unsupported / (energies.restored + _TINY))[..., None]
        band = own + unsupported * (energies.trusted[..., None] * plate - own)
        image = cv2.pyrUp(image, dstsize=(own.shape[1], own.shape[0])) + band
    return np.asarray(image, np.float32)


def keep_supported(restored: Image, crop: Image, *, fidelity: float) -> Image:
    """Mix between everything a net restored and what the plate supports of it.

    Args:
        restored, crop: (S, S, 3), as for `invented_detail`.
        fidelity: 0-1; 0 returns `restored` itself, 1 returns `supported(restored, crop)`.

    Raises:
        ShapeError, RangeError: arrays that do not share S; `fidelity` outside 0-1.
    """
    if not 0.0 <= fidelity <= 1.0:
        raise RangeError(f"fidelity should be 0-1, got {fidelity}")
    if fidelity == 0.0:
        return restored
    return np.asarray(restored + fidelity * (supported(restored, crop) - restored), np.float32)


def _levels(side: int) -> int:
    """Octaves of detail: the coarsest is about a sixteenth of the crop, whatever its side."""
    return max(int(log2(max(side, 1))) - 5, 1)


def _bands(image: np.ndarray, levels: int) -> list[np.ndarray]:
    """Laplacian pyramid, finest first, what remains last. After: Burt and Adelson, IEEE Trans. Comm. 1983."""
    bands = []
    for _ in range(levels):
        smaller = cv2.pyrDown(image)
        bands.append(image - cv2.pyrUp(smaller, dstsize=(image.shape[1], image.shape[0])))
        image = smaller
    return [*bands, image]


def _compare(ours: np.ndarray, plates: np.ndarray) -> _Energies:
    """How much of one restored luma band the plate's own explains, (h, w) each.

    The gain is a local least-squares fit, kept non-negative and bounded. It is fitted twice: to the plate's band as it
    is (so scaled contrast, noise and all, is explained), and to its power without the noise (so a clean edge under
    grain is explained too); the better explanation counts. No change is more invented than it is large.
    """
    own_power, plate_power, shared = _local(ours * ours), _local(plates * plates), _local(ours * plates)
    change = _local((ours - plates) ** 2)
    noise = min(float(np.quantile(plate_power, QUIET_SHARE)), LOUDEST_NOISE**2)
    picture = np.maximum(plate_power - noise, 0.0)
    as_it_is = _left_over(own_power, shared, plate_power, plate_power)
    # half the noise stays in the divisor: with no picture left, chance agreement must not pass for support
    cleaned = _left_over(own_power, shared, picture, picture + 0.5 * noise)
    unsupported = np.minimum(np.minimum(as_it_is, cleaned), change)
    trusted = np.asarray(picture / (picture + noise + _TINY), np.float32)
    return _Energies(own_power, np.maximum(unsupported, 0.0), trusted)


def _left_over(
    own_power: np.ndarray, shared: np.ndarray, power: np.ndarray, divisor: np.ndarray
) -> np.ndarray:
    """Power of `ours - gain * plates`, the gain being shared / divisor within 0 and LARGEST_GAIN."""
    gain = np.clip(shared / (divisor + _TINY), 0.0, LARGEST_GAIN)
    return own_power - 2.0 * gain * shared + gain * gain * power


def _local(values: np.ndarray) -> np.ndarray:
    """Mean over each pixel's neighbourhood."""
    return cv2.GaussianBlur(values, (0, 0), WINDOW, borderType=cv2.BORDER_REFLECT)
