"""Soft light on skin: nine spherical harmonics for each channel, from a picture of the surroundings or from a face.

A matte surface blurs what lights it so far that three bands of harmonics say its shading to about one per cent.
Highlights are not in it. Directions are those of the head: x to the subject's left, y up, z out of the face.

After: Ramamoorthi and Hanrahan, "An Efficient Representation for Irradiance Environment Maps", SIGGRAPH 2001.
"""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError

BLUR = np.array([1.0] + [2 / 3] * 3 + [1 / 4] * 5)
"""What a matte surface leaves of each harmonic: pi, 2 pi / 3 and pi / 4, over the pi that albedo is divided by."""


def harmonics(directions: np.ndarray) -> NDArray[np.float64]:
    """Real, orthonormal spherical harmonics of bands 0-2.

    Args:
        directions: (N, 3), unit length.

    Returns:
        (N, 9): the constant, then y, z, x, then xy, yz, 3 z z - 1, xz, xx - yy, each with its factor.
    """
    expect_shapes(directions=(directions, "N 3"))
    x, y, z = np.asarray(directions, np.float64).T
    one = np.sqrt(3 / (4 * np.pi))
    two = np.sqrt(15 / (4 * np.pi))
    return np.stack(
        [
            np.full_like(x, np.sqrt(1 / (4 * np.pi))),
            one * y,
            one * z,
            one * x,
            two * x * y,
            two * y * z,
            np.sqrt(5 / (16 * np.pi)) * (3 * z * z - 1),
            two * x * z,
            two / 2 * (x * x - y * y),
        ],
        -1,
    )


def harmonic_slopes(directions: np.ndarray) -> NDArray[np.float64]:
    """(N, 9, 3): how `harmonics` change with the three values of each direction (N, 3)."""
    expect_shapes(directions=(directions, "N 3"))
    x, y, z = np.asarray(directions, np.float64).T
    o = np.zeros_like(x)
    one = np.full_like(x, np.sqrt(3 / (4 * np.pi)))
    two = np.sqrt(15 / (4 * np.pi))
    rows = [
        (o, o, o),
        (o, one, o),
        (o, o, one),
        (one, o, o),
        (two * y, two * x, o),
        (o, two * z, two * y),
        (o, o, np.sqrt(5 / (16 * np.pi)) * 6 * z),
        (two * z, o, two * x),
        (two * x, -two * y, o),
    ]
    return np.stack([np.stack(row, -1) for row in rows], 1)


def shading(normals: np.ndarray, light: np.ndarray) -> NDArray[np.float64]:
    """What light makes of a white matte surface.

    Args:
        normals: (N, 3), unit length, in the axes that the light is in.
        light: (9, 3), scene-linear radiance in harmonics, RGB.

    Returns:
        (N, 3), scene-linear; times albedo it is the colour. 1 everywhere under uniform light of radiance 1.
    """
    expect_shapes(normals=(normals, "N 3"), light=(light, "9 3"))
    return harmonics(normals) @ (light * BLUR[:, None])


def light_of_surroundings(panorama: np.ndarray) -> NDArray[np.float64]:
    """Harmonics of an environment map.

    Args:
        panorama: (H, W, 3) scene-linear, equirectangular: row 0 is up (+y), the middle column is what the face looks
            at (+z), columns to the right of it are towards -x.

    Returns:
        (9, 3), radiance.
    """
    sizes = expect_shapes(panorama=(panorama, "H W 3"))
    height, width = sizes["H"], sizes["W"]
    down = (np.arange(height) + 0.5) / height * np.pi
    turn = ((np.arange(width) + 0.5) / width - 0.5) * 2 * np.pi
    directions = np.stack(
        [
            np.sin(down)[:, None] * -np.sin(turn),
            np.broadcast_to(np.cos(down)[:, None], (height, width)),
            np.sin(down)[:, None] * np.cos(turn),
        ],
        -1,
    ).reshape(-1, 3)
    # the exact solid angle of a row of pixels, so that a uniform map stays uniform at any size
    rows = np.cos(np.arange(height) / height * np.pi) - np.cos((np.arange(height) + 1) / height * np.pi)
    solid = np.repeat(rows * 2 * np.pi / width, width)
    return harmonics(directions).T @ (solid[:, None] * panorama.reshape(-1, 3).astype(np.float64))


def fit_light(
    colours: np.ndarray,
    albedo: np.ndarray,
    normals: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    smoothness: float = 1e-3,
) -> NDArray[np.float64]:
    """The light under which an albedo shows these colours, by weighted least squares, each channel for itself.

    Args:
        colours: (N, 3) scene-linear, seen. albedo: (N, 3) 0-1. normals: (N, 3), unit length.
        weights: (N,) at least 0, or None for all 1.
        smoothness: at least 0; holds bands that the normals seen say little about near 0, the constant never.

    Raises:
        ShapeError, RangeError: arrays of other sizes; no point with a weight above 0; smoothness below 0.
    """
    sizes = expect_shapes(colours=(colours, "N 3"), albedo=(albedo, "N 3"), normals=(normals, "N 3"))
    weights = np.ones(sizes["N"]) if weights is None else np.asarray(weights, np.float64)
    expect_shapes(sizes, weights=(weights, "N"))
    if smoothness < 0 or not (weights > 0).any() or weights.min() < 0:
        raise RangeError("weights should be at least 0 and some above, and smoothness at least 0")
    basis = harmonics(normals) * BLUR
    light = np.zeros((9, 3))
    for channel in range(3):
        seen = basis * albedo[:, channel, None]
        gram = (seen * weights[:, None]).T @ seen
        hold = smoothness * np.trace(gram) / 9 * np.repeat([0.0, 1.0], [1, 8])
        wanted = (seen * weights[:, None]).T @ colours[:, channel]
        light[:, channel] = np.linalg.lstsq(gram + np.diag(hold), wanted, rcond=None)[0]
    return light
