"""Synthetic plates and faces with known answers: no downloads, no randomness without a seed."""

import numpy as np

from faceplate.arrays import Matrix
from faceplate.colour import LINEAR_REC709, SRGB
from faceplate.faces import FFHQ_512, Face
from faceplate.geometry import apply, inverse
from faceplate.plate import Alpha, Plate, Rect


def make_face(
    square: float = 200.0,
    centre: tuple[float, float] = (160.0, 150.0),
    *,
    turn: float = 0.0,
    score: float = 0.9,
) -> Face:
    """A face whose template square is `square` pixels wide, about `centre`, turned by `turn` radians."""
    points = apply(inverse(crop_from_plate(square, centre, turn)), FFHQ_512)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    grow = 0.6 * max(x1 - x0, y1 - y0)
    return Face((float(x0 - grow), float(y0 - grow), float(x1 + grow), float(y1 + grow)), points, score)


def crop_from_plate(square: float, centre: tuple[float, float], turn: float) -> Matrix:
    """The similarity from a plate to the 512 px template, for a face placed by `make_face`."""
    scale = 512.0 / square
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    x, y = centre
    return np.array([[a, -b, 256 - a * x + b * y], [b, a, 256 - b * x - a * y], [0, 0, 1]], np.float64)


def make_picture(width: int, height: int, *, seed: int = 0, finest: float = 3.0) -> np.ndarray:
    """(H, W, 3) float32, 0.1-0.9: smooth seeded texture whose finest detail has a sigma of `finest` pixels."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for octave in range(4):
        step = finest * 2**octave
        grid = rng.normal(size=(int(height / step) + 4, int(width / step) + 4, 3))
        picture += 2**octave * _smooth_samples(grid, width, height, step)
    picture -= picture.min()
    return (0.1 + 0.8 * picture / picture.max()).astype(np.float32)


def make_plate(
    width: int = 320,
    height: int = 300,
    *,
    seed: int = 0,
    origin: tuple[int, int] = (0, 0),
    linear: bool = False,
    exposure: float = 1.0,
    finest: float = 3.0,
    alpha: Alpha = "none",
) -> Plate:
    """A plate of seeded texture.

    `origin`: the data window's corner; the display window starts at zero. `linear`: scene-linear, else sRGB.
    `exposure` multiplies a linear plate. `alpha`: kind of the alpha it carries, a ramp from 0 to 1.
    """
    encoding = LINEAR_REC709 if linear else SRGB
    pixels = np.asarray(encoding.decode(make_picture(width, height, seed=seed, finest=finest)), np.float32)
    pixels = pixels * np.float32(exposure)
    window = Rect(origin[0], origin[1], origin[0] + width, origin[1] + height)
    ramp = None
    if alpha != "none":
        ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
        pixels = pixels * ramp[..., None] if alpha == "premultiplied" else pixels
    return Plate(pixels, 1, window, Rect(0, 0, width, height), encoding, ramp, alpha)


def _smooth_samples(grid: np.ndarray, width: int, height: int, step: float) -> np.ndarray:
    """A grid of numbers, `step` pixels apart, interpolated by a cosine between neighbours."""

    def along(values: np.ndarray, length: int) -> np.ndarray:
        place = (np.arange(length) + 0.5) / step
        first = place.astype(int)
        share = 0.5 - 0.5 * np.cos(np.pi * (place - first))
        return values[first] * (1 - share)[:, None, None] + values[first + 1] * share[:, None, None]

    return along(along(grid, height).transpose(1, 0, 2), width).transpose(1, 0, 2)
