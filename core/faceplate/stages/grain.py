"""A plate's grain: measured where the plate is flat, and given back to what a net has smoothed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.errors import RangeError, ShapeError

LEVELS = (0.1, 0.26, 0.42, 0.58, 0.74, 0.9)
"""Display-encoded luminances at which grain is told; between them it is interpolated."""

BANDS = 16
"""Equal bands of spatial frequency, from 0 to half a cycle a pixel; what lies in the corners counts to the last."""

BLOCK = 48
"""Side, pixels, of the squares that grain is measured in."""

TILES = (256, 512, 1024)
"""Sides of a tile of grain, pixels: the first that is at least half as long as the region; it repeats beyond."""

FLATTEST = 0.25
"""Share of the squares at one luminance that is measured: those that change least below the size of grain."""

STRUCTURE_SIGMA = 8.0
"""Pixels of blur after which what is left is picture and no grain."""

FLAT, AMONG = 2.0, 10
"""Times the structure of the flattest squares, this many percent of all, up to which a square is flat at all."""

FEWEST = 3
"""Squares at one luminance that make a measurement."""

_CLIPPED = 0.004  # nearer than this to 0 or 1 a square has lost some of its grain
LEVEL_STEPS = 4096
"""Levels that grain is told apart at when it is given: finer than its measurement."""

_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Grain:
    """How a plate is grained, display-encoded.

    `sigma`: (6, 3), standard deviation at each of LEVELS for R, G, B. `spectrum`: (3, 16), power in each of BANDS
    relative to white noise of the same deviation. `correlation`: (3, 3), between the channels.

    Raises:
        ShapeError: arrays of another size. RangeError: what is not finite, or negative power.
    """

    sigma: NDArray[np.float64]
    spectrum: NDArray[np.float64]
    correlation: NDArray[np.float64]

    def __post_init__(self) -> None:
        expect_shapes(
            sigma=(self.sigma, f"{len(LEVELS)} 3"),
            spectrum=(self.spectrum, f"3 {BANDS}"),
            correlation=(self.correlation, "3 3"),
        )
        for name in ("sigma", "spectrum", "correlation"):
            values = getattr(self, name)
            if not np.isfinite(values).all() or (name != "correlation" and (values < 0).any()):
                raise RangeError(f"grain's {name} should be finite and 0 or more; measure the grain again")


def measure_grain(
    shown: Image, *, beside: Image | None = None, where: Matte | None = None, block: int = BLOCK
) -> Grain | None:
    """Measure a plate's grain where nothing else is in the picture.

    Squares are chosen by how little they change once grain is blurred away, not by how little grain they have, which
    would find too little. Luminances at which the plate has no flat square take the nearest one that has.

    Grain is other grain on every frame. So of a square that a neighbouring frame shows as well, what both have is no
    grain but skin, cloth and shading, of which soft and compressed footage has a good deal more than of grain.

    Args:
        shown: (H, W, 3), display-encoded, 0-1.
        beside: (H, W, 3), a frame before or after it, None where there is none. One that is the very same, a frame
            shown twice, says nothing, and neither does a square in which more moves than there is to see.
        where: (H, W), 0-1; only squares wholly above 0.9 of it count. None for all.
        block: side of the squares, pixels, 16 or more.

    Returns:
        The grain, or None where no luminance has FEWEST flat squares.

    Raises:
        ShapeError, RangeError: sizes that differ; a block too small.
    """
    expect_shapes(
        shown=(shown, "H W 3"),
        **({} if where is None else {"where": (where, "H W")}),
        **({} if beside is None else {"beside": (beside, "H W 3")}),
    )
    if block < 16:
        raise RangeError(f"grain should be measured in squares of 16 pixels or more, got {block}")
    squares, structure, others = _squares(shown, beside, where, block)
    if not len(squares):
        return None
    luma = (squares @ _REC709).mean(axis=(1, 2))
    level = np.abs(luma[:, None] - np.array(LEVELS)).argmin(axis=1)
    calm = structure <= FLAT * np.percentile(structure, AMONG)
    flat = [
        chosen
        for each in range(len(LEVELS))
        if len(chosen := _flattest(calm & (level == each), structure)) >= FEWEST
    ]
    if not flat:
        return None
    noise = [_grain_in(squares[chosen], None if others is None else others[chosen]) for chosen in flat]
    told = {
        int(level[chosen[0]]): np.median(each.var(axis=(1, 2)), axis=0)
        for chosen, each in zip(flat, noise, strict=True)
    }
    everything = np.concatenate(noise)
    spectrum = _spectrum(everything)
    # The plane taken out of a square is three of its numbers, and of coarse grain the largest ones.
    taken = np.minimum(3.0 * spectrum[:, 0] / block**2, 0.2)
    return Grain(np.sqrt(_at_every_level(told) / (1.0 - taken)), spectrum, _correlation(everything))


def mean_grain(measured: Sequence[Grain]) -> Grain | None:
    """The middle of several measurements of one shot, or None of none: the median of each number."""
    if not measured:
        return None
    middle = {
        name: np.median([getattr(each, name) for each in measured], axis=0)
        for name in ("sigma", "spectrum", "correlation")
    }
    return Grain(**middle)


def missing_grain(wanted: Grain, there: Grain | None) -> Grain:
    """The grain that has to be added to what is there to come to what is wanted, band by band.

    Args:
        wanted: the plate's.
        there: measured on what was restored; None where there is none.
    """
    if there is None:
        return wanted
    middle = len(LEVELS) // 2
    power = wanted.spectrum * (wanted.sigma[middle] ** 2)[:, None]
    left = np.maximum(power - there.spectrum * (there.sigma[middle] ** 2)[:, None], 0.0)
    share = (left @ _BAND_SHARES) / np.maximum(power @ _BAND_SHARES, 1e-20)
    mean = np.maximum(left @ _BAND_SHARES, 1e-20)
    spectrum = np.where(share[:, None] > 0, left / mean[:, None], wanted.spectrum)
    return replace(wanted, sigma=wanted.sigma * np.sqrt(share), spectrum=spectrum)


def give_grain(
    shown: Image,
    matte: Matte,
    grain: Grain,
    *,
    amount: float = 1.0,
    seed: Sequence[int] = (0,),
    corner: tuple[int, int] = (0, 0),
) -> Image:
    """Grain a smoothed picture as its plate is grained, in level, size and colour.

    Under a soft edge the plate's own grain is still partly there: what is added there is what brings the power, not
    the amplitude, back to the plate's.

    Args:
        shown: (H, W, 3), display-encoded, at the plate's own size; may leave 0-1.
        matte: (H, W), 0-1, how much of the plate was replaced.
        grain: what to add.
        amount: 0-1; 0 returns `shown` itself.
        seed: whole numbers, 0 or more: frame and track. The same numbers give the same grain.
        corner: x, y of the first pixel on the plate; grain lies on the plate as tiles do.

    Returns:
        (H, W, 3) float32, same space; exactly `shown` where the matte is 0.

    Raises:
        ShapeError, RangeError: arrays that do not share H and W; `amount` outside 0-1.
    """
    sizes = expect_shapes(shown=(shown, "H W 3"), matte=(matte, "H W"))
    if not 0.0 <= amount <= 1.0:
        raise RangeError(f"grain should be 0-1, got {amount}")
    if amount == 0.0 or not matte.any():
        return shown
    field = _field(grain, (sizes["H"], sizes["W"]), seed, corner)
    luma = cv2.GaussianBlur(shown, (0, 0), 2.0, borderType=cv2.BORDER_REFLECT) @ _REC709
    sigma = _at_level(grain.sigma, luma)
    replaced = np.sqrt(np.clip(1.0 - (1.0 - matte) ** 2, 0.0, 1.0)) * amount
    grained = shown + np.asarray(replaced[..., None] * sigma * field, np.float32)
    return np.where(matte[..., None] > 0, grained, shown)


def _at_level(sigma: NDArray[np.float64], luma: Matte) -> Image:
    """(H, W, 3) deviations at each pixel's level, straight between LEVELS; looked up, which takes a twentieth."""
    steps = np.linspace(0.0, 1.0, LEVEL_STEPS)
    table = np.stack([np.interp(steps, LEVELS, each) for each in sigma.T], axis=1).astype(np.float32)
    place = np.clip(luma * np.float32(LEVEL_STEPS - 1) + np.float32(0.5), 0, LEVEL_STEPS - 1)
    return table.take(np.nan_to_num(place).astype(np.uint16), axis=0)


def _squares(
    shown: Image, beside: Image | None, where: Matte | None, block: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
    """(N, block, block, 3) unclipped squares, (N,) how much picture each has, and the same places of another frame."""
    height, width = (length // block * block for length in shown.shape[:2])
    if not height or not width:
        return np.empty((0, block, block, 3), np.float32), np.empty(0, np.float32), None
    blurred = cv2.GaussianBlur(shown @ _REC709, (0, 0), STRUCTURE_SIGMA, borderType=cv2.BORDER_REFLECT)
    slope = np.hypot(cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1))
    cut = _cut(np.asarray(shown, np.float32)[:height, :width], block)
    low, high = cut.min(axis=(1, 2, 3)), cut.max(axis=(1, 2, 3))
    usable = (low > _CLIPPED) & (high < 1.0 - _CLIPPED)  # NaN is neither
    if where is not None:
        usable &= _cut(where[:height, :width], block).min(axis=(1, 2)) > 0.9
    others = None
    if beside is not None and not np.array_equal(shown, beside):
        others = _cut(np.asarray(beside, np.float32)[:height, :width], block)[usable]
    return cut[usable], _cut(slope[:height, :width], block).mean(axis=(1, 2))[usable], others


def _cut(array: np.ndarray, block: int) -> np.ndarray:
    """(H, W, ...) -> (N, block, block, ...)."""
    rows, columns = array.shape[0] // block, array.shape[1] // block
    split = array.reshape(rows, block, columns, block, *array.shape[2:]).swapaxes(1, 2)
    return split.reshape(rows * columns, block, block, *array.shape[2:])


def _flattest(chosen: NDArray[np.bool_], structure: NDArray[np.float32]) -> NDArray[np.intp]:
    """Places of the flattest of the chosen squares."""
    places = np.flatnonzero(chosen)
    keep = max(FEWEST, round(FLATTEST * len(places)))
    return places[np.argsort(structure[places], kind="stable")[:keep]]


def _grain_in(squares: NDArray[np.float32], others: NDArray[np.float32] | None) -> NDArray[np.float64]:
    """What of each square is grain: less its slope, and less what another frame has in its place, where that helps."""
    still = _without_slope(squares)
    if others is None:
        return still
    change = _without_slope(squares - others) / 2**0.5
    less = change.var(axis=(1, 2)).sum(axis=1) < still.var(axis=(1, 2)).sum(axis=1)
    return np.where(less[:, None, None, None], change, still)


def _without_slope(squares: NDArray[np.float32]) -> NDArray[np.float64]:
    """Squares less the plane that fits each best: shading is no grain."""
    block = squares.shape[1]
    ramp = np.linspace(-1, 1, block)
    plane = np.stack([np.ones((block, block)), *np.meshgrid(ramp, ramp)]).reshape(3, -1)
    flat = squares.reshape(len(squares), -1, 3).astype(np.float64)
    fitted = np.linalg.pinv(plane.T) @ flat  # (N, 3, 3): three coefficients a channel
    return (flat - plane.T @ fitted).reshape(squares.shape)


def _at_every_level(told: dict[int, NDArray[np.float64]]) -> NDArray[np.float64]:
    known = sorted(told)
    return np.stack(
        [
            np.interp(np.arange(len(LEVELS)), known, [told[each][channel] for each in known])
            for channel in range(3)
        ],
        axis=1,
    )


def _bands(size: tuple[int, int]) -> NDArray[np.intp]:
    """Which band each frequency of a real Fourier transform of this size belongs to; (H, W // 2 + 1)."""
    down, across = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    return np.minimum((np.hypot(down[:, None], across) * 2 * BANDS).astype(np.intp), BANDS - 1)


def _band_shares() -> NDArray[np.float64]:
    """The share of all frequencies that lies in each band; (16,), sum 1."""
    every = np.fft.fftfreq(256)
    band = np.minimum((np.hypot(every[:, None], every) * 2 * BANDS).astype(np.intp), BANDS - 1)
    return np.bincount(band.ravel(), minlength=BANDS) / band.size


_BAND_SHARES = _band_shares()


def _spectrum(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 16) mean power of (N, S, S, 3) squares by band, 1 for white noise."""
    block = noise.shape[1]
    window = np.hanning(block + 2)[1:-1]
    seen = np.fft.rfft2(noise * (window[:, None] * window)[None, :, :, None], axes=(1, 2))
    power = (np.abs(seen) ** 2).mean(axis=0)
    band = _bands((block, block))
    counts = np.maximum(np.bincount(band.ravel(), minlength=BANDS), 1)
    spectrum = np.stack(
        [np.bincount(band.ravel(), power[..., channel].ravel(), BANDS) / counts for channel in range(3)]
    )
    total = spectrum @ _BAND_SHARES
    return np.where(total[:, None] > 0, spectrum / np.maximum(total, 1e-30)[:, None], 1.0)


def _correlation(noise: NDArray[np.float64]) -> NDArray[np.float64]:
    flat = noise.reshape(-1, 3)
    covariance = flat.T @ flat / len(flat)
    size = np.sqrt(np.maximum(np.diag(covariance), 1e-30))
    correlation = covariance / np.outer(size, size)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _field(
    grain: Grain, size: tuple[int, int], seed: Sequence[int], corner: tuple[int, int]
) -> NDArray[np.float32]:
    """(H, W, 3) grain of deviation 1: a tile laid over the plate."""
    if any(number < 0 for number in seed):
        raise RangeError(f"a grain's seed should be whole numbers, 0 or more, got {tuple(seed)}")
    side = next((each for each in TILES if 2 * each >= max(size)), TILES[-1])
    spectrum, correlation = (
        np.asarray(each, np.float64).tobytes() for each in (grain.spectrum, grain.correlation)
    )
    tile = _tile(spectrum, correlation, side, tuple(seed))
    rows, columns = (
        (np.arange(length) + start) % side for length, start in zip(size, corner[::-1], strict=True)
    )
    return tile.take(rows, axis=0).take(columns, axis=1)


@lru_cache(maxsize=2)
def _tile(spectrum: bytes, correlation: bytes, side: int, seed: tuple[int, ...]) -> NDArray[np.float32]:
    """(side, side, 3) with the channels' correlation and each channel's spectrum.

    It goes on seamlessly where it ends, as everything does that a Fourier transform makes.
    """
    spectra = np.frombuffer(spectrum).reshape(3, BANDS)
    values, axes = np.linalg.eigh(np.frombuffer(correlation).reshape(3, 3))
    random = np.random.Generator(np.random.Philox(np.random.SeedSequence(list(seed))))
    white = random.standard_normal((3, side, side), np.float32)
    mixed = np.tensordot((axes * np.sqrt(np.maximum(values, 0.0)) @ axes.T).astype(np.float32), white, 1)
    gain = np.stack([_gain(each, (side, side)) for each in spectra])
    tile = np.fft.irfft2(np.fft.rfft2(mixed) * gain, s=(side, side))
    return np.ascontiguousarray(np.moveaxis(tile, 0, 2), np.float32)


def _gain(spectrum: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float32]:
    """What a real Fourier transform of white noise is multiplied by; (H, W // 2 + 1), mean power 1.

    Amplitudes run straight from the middle of one band to the middle of the next: steps would ring.
    """
    down, across = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    middles = (np.arange(BANDS) + 0.5) / (2 * BANDS)
    gain = np.interp(np.hypot(down[:, None], across), middles, np.sqrt(spectrum))
    twice = np.full(
        len(across), 2.0
    )  # but for its first column, and its last where W is even, each stands for two
    twice[0] = 1.0
    if size[1] % 2 == 0:
        twice[-1] = 1.0
    power = float((gain**2 * twice).sum()) / (size[0] * size[1])
    return np.asarray(gain / np.sqrt(max(power, 1e-30)) * (power > 0), np.float32)


def grain_of(numbers: dict[str, list]) -> Grain:
    """A grain from plain lists, as a shot file holds it.

    Raises:
        ShapeError, RangeError: as `Grain`.
    """
    try:
        arrays = {name: np.array(numbers[name], np.float64) for name in ("sigma", "spectrum", "correlation")}
    except (KeyError, TypeError, ValueError) as error:
        raise ShapeError(
            f"grain should hold tables of numbers, {error} does not fit; measure it again"
        ) from error
    return Grain(**arrays)
