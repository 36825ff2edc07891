"""The light of the photos taken out of a texture: what a fitted light adds to each vertex, and colours without it.

After: Marschner, "Inverse Rendering for Computer Graphics", Cornell 1998 (photos divided by the shading of a known
shape); Ramamoorthi and Hanrahan, "A Signal-Processing Framework for Inverse Rendering", SIGGRAPH 2001 (harmonics).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.shade import shading
from faceplate.reconstruct.skin import smoothed
from faceplate.reconstruct.visible import Shown

DARKEST, BRIGHTEST = 0.35, 2.5
"""Of the mean light on the face, beyond which light is not taken out: a cast shadow or noise would be drawn up."""

REACH = 8.0
"""mm over which light is taken for smooth: what comes into eye sockets and beside a nose, the fit does not know."""

REACH_OF_EYES = 25.0
"""mm, the same about the eyes."""

_FOOT, _POWER = 0.055, 1 / 2.4
"""sRGB's curve but for its darkest 0.3 %: encoded + FOOT is proportional to light to this power (IEC 61966-2-1)."""


def excess_light(
    head: HeadModel, photos: Sequence[Shown], points: Sequence[np.ndarray], lights: Sequence[np.ndarray]
) -> list[NDArray[np.float32]]:
    """How many times too bright each photo shows each vertex, for a texture under even light.

    The even light has the mean brightness and colour of all photos on the faces they show, so that a texture keeps the
    tone that the photos have on average, and photos of other exposure come together.

    Args:
        head: the model. photos: as `visible.show` gives them. points: (V, 3) mm, the head as it is in each.
        lights: (9, 3) of each photo, in the head's axes (`photometric.Refined`).

    Returns:
        For each photo (V, 3), scene-linear, above 0.
    """
    face = head.mask("face") if "face" in head.mask_names else np.ones(len(head.mean), np.float32)
    shades, means = [], []
    for photo, where, light in zip(photos, points, lights, strict=True):
        expect_shapes({"V": len(head.mean)}, points=(where, "V 3"))
        shade = np.maximum(shading(vertex_normals(where, head.quads).astype(np.float64), light), 1e-6)
        seen = photo.at_vertices() * face + 1e-9
        means.append((seen[:, None] * shade).sum(0) / seen.sum())
        shades.append(np.log(np.clip(shade, DARKEST * means[-1], BRIGHTEST * means[-1])))
    even = np.mean(np.log(means), axis=0)
    return [np.exp(_calmed(head, shade - even)) for shade in shades]


def _calmed(head: HeadModel, shade: np.ndarray) -> NDArray[np.float32]:
    """Light (V, 3) as smooth as it can be believed: least about the eyes, whose sockets shade themselves."""
    calm = smoothed(head, shade, REACH)
    if "eyes" not in head.mask_names:
        return calm
    about = np.clip(3 * smoothed(head, head.mask("eyes")[:, None], REACH), 0, 1)
    return np.asarray(calm + about * (smoothed(head, shade, REACH_OF_EYES) - calm), np.float32)


def keep_colour(excess: np.ndarray) -> NDArray[np.float32]:
    """What `without_light` multiplies by, from `excess_light` (..., 3).

    Raises:
        RangeError: light that is not above 0.
    """
    if not (excess > 0).all():
        raise RangeError("light should be above 0")
    return np.power(excess, -_POWER, dtype=np.float32)


def without_light(colours: np.ndarray, kept: np.ndarray) -> NDArray[np.float32]:
    """Colours (N, 3), display-encoded sRGB, as under even light; `kept` (N, 3) from `keep_colour`. At least 0."""
    return np.maximum((colours + np.float32(_FOOT)) * kept - np.float32(_FOOT), 0).astype(np.float32)
