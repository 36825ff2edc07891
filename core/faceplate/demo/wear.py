"""What decades and a cheap scan do to a frame: softness, grain, dust and hairs. The same seed, the same wear."""

import cv2
import numpy as np

from faceplate.arrays import Image, Matte
from faceplate.colour import linear_from_srgb, srgb_from_linear

SOFTNESS = 1.35
"""Sigma of the lens, the print and the scan together, pixels."""

GRAIN = 0.036
"""Standard deviation of the grain in the mid-tones, display-encoded."""


def wear_frame(clean: Image, *, seed: int, frame: int) -> Image:
    """Age one frame of film.

    Args:
        clean: (H, W, 3), scene-linear, any value from 0 up.
        seed, frame: together they decide grain and dust; each frame has its own, as film has.

    Returns:
        (H, W, 3), scene-linear, values over 1 kept, small negative values where grain falls into black.
    """
    rng = np.random.default_rng([seed, frame])
    soft = np.asarray(
        cv2.GaussianBlur(clean, (0, 0), SOFTNESS, borderType=cv2.BORDER_REFLECT_101), np.float32
    )
    shown = srgb_from_linear(soft)
    grained = shown + grain(shown, rng)
    dusty = lay_dust(grained, rng)
    return linear_from_srgb(dusty)


def grain(shown: Image, rng: np.random.Generator) -> Image:
    """Grain as it lies on this picture: strongest in the mid-tones, mostly shared by the three layers.

    Args:
        shown: (H, W, 3), display-encoded, may exceed 1.
        rng: the frame's own.

    Returns:
        (H, W, 3), to be added to `shown`.
    """
    height, width = shown.shape[:2]
    shared, own = speckle(rng, (height, width, 1)), speckle(rng, (height, width, 3))
    tone = np.clip(shown, 0.0, 1.0)
    amount = GRAIN * (0.35 + 2.6 * tone * (1 - tone))
    return (amount * (0.9 * shared + 0.44 * own)).astype(np.float32)


def speckle(rng: np.random.Generator, shape: tuple[int, int, int]) -> Image:
    """Clumps of silver a little over a pixel wide: zero mean, unit variance."""
    noise = rng.standard_normal(shape, np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 0.9, borderType=cv2.BORDER_REFLECT_101).reshape(shape)
    return ((soft - soft.mean()) / soft.std()).astype(np.float32)


def lay_dust(shown: Image, rng: np.random.Generator) -> Image:
    """Dust and, on some frames, a hair: white where it lay on the negative, black where it lies on the print."""
    height, width = shown.shape[:2]
    worn = shown.astype(np.float32)
    for _ in range(rng.poisson(height * width / 24_000)):
        centre = (rng.uniform(0, width), rng.uniform(0, height))
        lay_speck(worn, centre, radius=rng.uniform(0.7, 1.9), tone=0.93 if rng.random() < 0.7 else 0.06)
    if rng.random() < 0.35:
        cover(worn, hair(height, width, rng), 0.9)
    return worn


def lay_speck(worn: Image, centre: tuple[float, float], *, radius: float, tone: float) -> None:
    """Put one grain of dust with a soft edge onto the picture, in place; only its own few pixels are touched."""
    reach = int(np.ceil(radius)) + 2
    x0, y0 = max(int(centre[0]) - reach, 0), max(int(centre[1]) - reach, 0)
    around = worn[y0 : y0 + 2 * reach, x0 : x0 + 2 * reach]
    y, x = np.mgrid[: around.shape[0], : around.shape[1]] + 0.5
    distance = np.hypot(x + x0 - centre[0], y + y0 - centre[1])
    cover(around, np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32), tone)


def cover(worn: Image, matte: Matte, tone: float) -> None:
    """Lay a tone over the picture where the matte says, in place."""
    worn += (np.float32(tone) - worn) * matte[..., None]


def hair(height: int, width: int, rng: np.random.Generator) -> Matte:
    """A curled hair, drawn as a chain of short strokes, (H, W), 0-1."""
    matte = np.zeros((height, width), np.uint8)
    heading = rng.uniform(0, 2 * np.pi)
    at = np.array([rng.uniform(0, width), rng.uniform(0, height)])
    chain = [at]
    for _ in range(24):
        heading += rng.normal(0, 0.25)
        at = at + 3.0 * np.array([np.cos(heading), np.sin(heading)])
        chain.append(at)
    cv2.polylines(
        matte, [np.rint(np.array(chain) * 16).astype(np.int32)], False, 255, 1, cv2.LINE_AA, shift=4
    )
    return np.asarray(matte / np.float32(255), np.float32)
