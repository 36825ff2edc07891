"""The sample's scene: a public-domain portrait on a wide set, with a lamp brighter than white.

The portrait is NASA's of the astronaut Eileen Collins (1993, work of the US government, public domain). It comes
inside scikit-image, so nothing is downloaded; nothing of it is kept in the repository.
"""

import cv2
import numpy as np

from faceplate.arrays import Image
from faceplate.colour import linear_from_srgb
from faceplate_client.errors import RequestError

PORTRAIT_SIDE = 512
SIDE_SET = 210
"""How far the set reaches beyond the portrait on either side, pixels of the portrait."""

LAMP = (PORTRAIT_SIDE + 2 * SIDE_SET - 96, 84)
LAMP_RADIUS = 13.0
LAMP_LIGHT = np.array([14.0, 11.0, 7.0], np.float32)


def read_portrait() -> Image:
    """The portrait, (512, 512, 3), scene-linear Rec.709.

    Raises:
        RequestError: scikit-image, in which it comes, is not installed.
    """
    try:
        from skimage import data
    except ImportError as missing:
        raise RequestError(
            "the demonstration takes its portrait from scikit-image, which is not installed; "
            "install the extra: pip install 'faceplate[demo]'"
        ) from missing
    return linear_from_srgb(data.astronaut().astype(np.float32) / 255)


def build_set(portrait: Image) -> Image:
    """The portrait with an out-of-focus set to its left and right and a practical light in it.

    Args:
        portrait: (H, W, 3), scene-linear.

    Returns:
        (H, W + 2 * SIDE_SET, 3), scene-linear; the lamp reaches 14, everything else stays below 1.5.
    """
    left = np.flip(set_beside(np.flip(portrait, 1)), 1)
    scene = np.concatenate([left, portrait, set_beside(portrait)], axis=1)
    return scene + lamp_light(scene.shape[0], scene.shape[1])


def set_beside(portrait: Image) -> Image:
    """What stands to the right of the portrait: its last columns mirrored, drawn wide, out of focus and darker."""
    strip = np.flip(portrait[:, -56:], 1)
    wide = cv2.resize(strip, (SIDE_SET, portrait.shape[0]), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(wide, (0, 0), 8.0, borderType=cv2.BORDER_REFLECT_101)
    away = np.linspace(0.0, 1.0, SIDE_SET, dtype=np.float32)[None, :, None]
    focus = np.clip(1 - away * 10, 0.0, 1.0)
    return np.maximum(wide * focus + soft * (1 - focus), 0.0) * (1 - 0.55 * away)


def lamp_light(height: int, width: int) -> Image:
    """A bare bulb and its glow, (H, W, 3), scene-linear."""
    y, x = np.mgrid[:height, :width].astype(np.float32) + 0.5
    distance = np.hypot(x - LAMP[0], y - LAMP[1])
    bulb = 1 / (
        1 + np.exp(np.clip((distance - LAMP_RADIUS) / 0.7, -30, 30))
    )  # soft enough not to ring when resampled
    glow = 0.05 * np.exp(-np.maximum(distance - LAMP_RADIUS, 0.0) / 26.0)
    glow *= distance < 120  # the glow ends before the portrait begins: the face keeps its own light
    return (bulb + (1 - bulb) * glow)[..., None] * LAMP_LIGHT
