"""A crop's exposure before the net, and its tone after: a net repairs detail, it does not grade."""

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.errors import RangeError

DARKEST, BRIGHTEST = 0.08, 0.60
"""Scene-linear luminance between which a face is seen as it is: dark skin in shade to fair skin in sun."""

LARGEST_GAIN = 32.0
"""Five stops: beyond that a net would be shown noise."""

LOW_BAND = 1 / 10
"""Sigma of the low band that tone is matched in, as a share of the crop's side."""

_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def expose(scene: Image, matte: Matte) -> float:
    """The gain at which a scene-linear face looks normally exposed to a net.

    A face may sit at 0.03 in a cellar or at 4.0 in headlights; encoded as it is, the first drowns in the curve's toe
    and the second clips. The gain is a continuous function of this crop alone, so that a slow fade stays slow and a
    frame comes out the same on any machine. Faces between DARKEST and BRIGHTEST keep a gain of exactly 1.

    Args:
        scene: (H, W, 3), scene-linear, finite, any range.
        matte: (H, W), 0-1, where the face is.

    Returns:
        The factor to multiply the plate's linear values by, within LARGEST_GAIN either way; 1.0 for an empty matte.

    Raises:
        ShapeError: arrays that do not share H and W.
    """
    expect_shapes(scene=(scene, "H W 3"), matte=(matte, "H W"))
    face = scene[matte > 0.5]
    if not len(face):
        return 1.0
    level = float(np.median(np.maximum(face, 0.0) @ _REC709))
    if DARKEST <= level <= BRIGHTEST:
        return 1.0
    wanted = DARKEST if level < DARKEST else BRIGHTEST
    return float(np.clip(wanted / max(level, 1e-12), 1.0 / LARGEST_GAIN, LARGEST_GAIN))


def match_tone(restored: Image, crop: Image, matte: Matte, *, amount: float = 1.0) -> Image:
    """Bring a restored crop's exposure and tint back to the plate's.

    What differs below the low band is shading and colour that the plate had right; a net that moved it would make the
    face float in its shot. The difference is averaged inside the matte only, so that the background does not leak in.

    Args:
        restored: (S, S, 3), display-encoded sRGB, 0-1.
        crop: (S, S, 3), what the net was given, same space.
        matte: (S, S), 0-1.
        amount: 0-1, how much of the difference is taken back.

    Returns:
        (S, S, 3), same space, may leave 0-1 by the shift; `restored` unchanged where the two agree.

    Raises:
        ShapeError, RangeError: arrays that do not share S; `amount` outside 0-1.
    """
    sizes = expect_shapes(restored=(restored, "S S 3"), crop=(crop, "S S 3"), matte=(matte, "S S"))
    if not 0.0 <= amount <= 1.0:
        raise RangeError(f"tone should be matched by an amount of 0-1, got {amount}")
    side = sizes["S"]
    step = max(side // 64, 1)  # the band is so low that an eighth of the pixels tell it all
    small = (side // step, side // step)
    weight = cv2.resize(matte, small, interpolation=cv2.INTER_AREA)
    gap = cv2.resize((crop - restored) * matte[..., None], small, interpolation=cv2.INTER_AREA)
    sigma = LOW_BAND * small[0]
    weight = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    gap = cv2.GaussianBlur(gap, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    shift = gap / np.maximum(weight, 1e-6)[..., None]
    return restored + np.float32(amount) * cv2.resize(shift, (side, side), interpolation=cv2.INTER_LINEAR)
