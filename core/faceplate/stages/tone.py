"""A crop's exposure before the net, and its tone after: a net repairs detail, it does not grade."""

from collections.abc import Sequence

import cv2
import numpy as np

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.channels import channel_max
from faceplate.errors import RangeError

DARKEST, BRIGHTEST = 0.08, 0.60
"""Scene-linear luminance between which a face is seen as it is: dark skin in shade to fair skin in sun."""

LARGEST_GAIN = 32.0
"""Five stops: beyond that a net would be shown noise."""

LOW_BAND = 1 / 10
"""Sigma of the low band that tone is matched in, as a share of the crop's side."""

OWN_TONE, OTHER_LIGHT = 0.03, 0.08
"""Display-encoded: up to the first a face's tone may leave its neighbours in time and is brought back in full; from the
second it is another light, and stays."""

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
    shift = _low_band(crop - restored, matte)
    return np.asarray(restored + np.float32(amount) * _enlarged(shift, sizes["S"]), np.float32)


def tone_drift(crop: Image, pairs: Sequence[tuple[Image, Image]], matte: Matte) -> Image:
    """What a face's own tone lacks to the mean of it and its neighbours in time, in the low band.

    Codecs pulse, skin is graded by hand and dyes fade in blotches: such a face breathes while all around it stands
    still. What changes outside the matte as well, in the median, is the shot's light and is left out, and so is what
    goes on at a steady rate: only neighbours on both sides at once, as far before as after, have a say. A change beyond
    OTHER_LIGHT is light that falls on the face.

    Args:
        crop: (S, S, 3), the face as it was filmed, display-encoded, 0-1.
        pairs: the same face as many frames before and after, crops of the same kind; none gives no drift.
        matte: (S, S), 0-1, where the face is.

    Returns:
        (S, S, 3), to be added to the crop's tone; 0 where nothing drifts.

    Raises:
        ShapeError: arrays that do not share S.
    """
    sizes = expect_shapes(crop=(crop, "S S 3"), matte=(matte, "S S"))
    for before, after in pairs:
        expect_shapes(sizes, before=(before, "S S 3"), after=(after, "S S 3"))
    if not pairs:
        return np.zeros_like(crop)
    # Its own tone counts as well: of neighbours alone, a face that alternates would only change places with them.
    mean = sum((before + after for before, after in pairs), crop) / np.float32(2 * len(pairs) + 1)
    gap = np.asarray(mean - crop, np.float32)
    drift, around = _low_band(gap, matte), matte < 0.05
    if around.any():
        drift = drift - np.median(gap[around], axis=0).astype(np.float32)
    size = channel_max(np.abs(drift))[..., None]
    own = np.clip((OTHER_LIGHT - size) / (OTHER_LIGHT - OWN_TONE), 0.0, 1.0)
    return _enlarged(np.asarray(drift * own, np.float32), sizes["S"])


def _low_band(picture: Image, matte: Matte) -> Image:
    """(s, s, 3), s about 64: what is left of a picture below the low band, averaged inside the matte only."""
    side = matte.shape[0]
    step = max(side // 64, 1)  # the band is so low that an eighth of the pixels tell it all
    small = (side // step, side // step)
    weight = cv2.resize(matte, small, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(picture * matte[..., None], small, interpolation=cv2.INTER_AREA)
    sigma = LOW_BAND * small[0]
    weight = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    inside = cv2.GaussianBlur(inside, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(inside / np.maximum(weight, 1e-6)[..., None], np.float32)


def _enlarged(low: Image, side: int) -> Image:
    return np.asarray(cv2.resize(low, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)
