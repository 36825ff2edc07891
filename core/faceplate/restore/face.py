"""One crop through the restoring net, and what may be done to it before it goes back into the plate."""

import cv2
import numpy as np

from faceplate.arrays import Image, expect_shapes
from faceplate.channels import channel_mean
from faceplate.errors import RangeError, ShapeError
from faceplate.runtime.net import Net, fixed_side
from faceplate_client.errors import ModelError

STRIDE = 32
"""Crop sides a fully convolutional net accepts are multiples of this."""

SMALLEST_LOOK = 256
"""Crops of twice this side are also seen at half their size: there a net has more of the face in view."""

FULL_SIZE_SHARE, SMALL_RECORDING_SHARE = 0.85, 0.35
"""How much the look at full size counts where a crop is also seen at half of it; and where it was recorded small."""

BELIEF = 0.92
"""How much of a net's difference is mixed in. Trained for the least error it answers with the likeliest face, not with
this one: a little less costs 0.02 dB and keeps more of who it is.
"""

SMALL_RECORDING = (0.30, 0.34)
"""Detail of an eighth to a quarter of the crop's side over that an octave coarser: at most the first where a face was
recorded some 60 pixels wide, at least the second where it was not.
"""

SHARPEN_FINE, SHARPEN_COARSE = 1 / 640, 1 / 160
"""Sigmas between which sharpening lifts detail, as shares of the crop's side: lashes and creases, not pores."""

SHARPEN_GAIN = 1.5
"""What `sharpen` at 1 adds of that band."""

GRAIN_BAND = 2.5
"""Sigma, in plate pixels, below which texture counts as grain: that of a scan spans two to four pixels."""


def restore_crop(crop: Image, net: Net, *, mirror: bool = False) -> Image:
    """Run one aligned crop through a restoring net, at its own size and, where that is large, at half of it.

    The half size sees the face as a whole and repairs what is soft or was recorded small; the full size sees the
    detail. Only the differences are mixed, so that the crop's own finest octave never goes through a smaller size.
    A net that takes crops of one size only is asked once,
    and believed.

    Args:
        crop: (S, S, 3), display-encoded sRGB, 0-1, S a multiple of 32.
        net: (1, 3, S, S) 0-1 in, the same out, unclipped.
        mirror: also run the crop's mirror image and average the two; steadier, twice the time.

    Returns:
        (S, S, 3) float32, same space, clipped to 0-1.

    Raises:
        ShapeError: a crop whose side the net cannot take; an output of another shape.
        ModelError: an output with NaN or Inf.
    """
    side = expect_shapes(crop=(crop, "S S 3"))["S"]
    if side % STRIDE:
        raise ShapeError(f"a crop's side should be a multiple of {STRIDE}, got {side}")
    change = _looked_at(crop, net, mirror) - crop
    belief = 1.0 if fixed_side(net) else BELIEF
    if side >= 2 * SMALLEST_LOOK and not fixed_side(net):
        half = np.asarray(cv2.resize(crop, (side // 2, side // 2), interpolation=cv2.INTER_AREA), np.float32)
        coarse = cv2.resize(_looked_at(half, net, mirror) - half, (side, side), interpolation=cv2.INTER_CUBIC)
        small = recorded_small(crop)
        share = FULL_SIZE_SHARE + small * (SMALL_RECORDING_SHARE - FULL_SIZE_SHARE)
        change = share * change + (1.0 - share) * coarse
    return np.asarray(np.clip(crop + np.float32(belief) * change, 0.0, 1.0), np.float32)


def recorded_small(crop: Image) -> float:
    """0-1: whether a crop shows a face that was recorded some 60 pixels wide, and was enlarged since.

    Args:
        crop: (S, S, 3), display-encoded, S 256 or more.

    Raises:
        ShapeError: a crop of another shape.
    """
    side, grey = expect_shapes(crop=(crop, "S S 3"))["S"], channel_mean(crop)
    fine, middle, coarse = (
        cv2.resize(grey, (side // part, side // part), interpolation=cv2.INTER_AREA) for part in (4, 8, 16)
    )
    detail, below = (
        np.abs(_face_of(one - cv2.resize(other, one.shape, interpolation=cv2.INTER_CUBIC))).mean()
        for one, other in ((fine, middle), (middle, coarse))
    )
    least, most = SMALL_RECORDING
    return float(np.clip((most - detail / max(float(below), 1e-6)) / (most - least), 0.0, 1.0))


def _face_of(image: np.ndarray) -> np.ndarray:
    """The middle of a crop, where the face is whatever stands behind it."""
    side = image.shape[0]
    return image[int(0.27 * side) : int(0.87 * side), int(0.2 * side) : int(0.8 * side)]


def sharpen(image: Image, amount: float) -> Image:
    """Lift the fine detail of a restored crop without halos.

    An unsharp mask of the band between two Gaussians, the same for all channels so that edges keep their colour. The
    result never leaves the range of the pixels around it: an edge gets steeper, nothing rings beside it.

    Args:
        image: (S, S, 3), display-encoded.
        amount: 0-1; 0 returns `image` itself.

    Raises:
        ShapeError, RangeError: an image of another shape; `amount` outside 0-1.
    """
    side = expect_shapes(image=(image, "S S 3"))["S"]
    if not 0.0 <= amount <= 1.0:
        raise RangeError(f"sharpen should be 0-1, got {amount}")
    if amount == 0.0:
        return image
    luma = channel_mean(image)
    band = _blurred(luma, SHARPEN_FINE * side) - _blurred(luma, SHARPEN_COARSE * side)
    reach = 2 * max(round(SHARPEN_FINE * side), 1) + 1
    around = np.ones((reach, reach), np.uint8)
    lifted = image + np.float32(amount * SHARPEN_GAIN) * band[..., None]
    return np.clip(lifted, cv2.erode(image, around), cv2.dilate(image, around))


def return_grain(restored: Image, crop: Image, amount: float, *, plate_pixel: float = 1.0) -> Image:
    """Give a restored crop back the grain that the net took out: the plate's own, not a synthetic one.

    What the net removed from the finest band is grain plus, along edges, the softness it repaired. The second follows
    the restored edges and is told apart by a local fit to them, so that returning grain does not blur.

    Args:
        restored, crop: (S, S, 3), display-encoded sRGB.
        amount: 0-1; 0 returns `restored` itself.
        plate_pixel: how many crop pixels a plate pixel is wide; grain is that much coarser in an enlarged crop.

    Returns:
        (S, S, 3), same space, may leave 0-1.

    Raises:
        ShapeError, RangeError: arrays that do not share S; `amount` outside 0-1; `plate_pixel` not above 0.
    """
    expect_shapes(restored=(restored, "S S 3"), crop=(crop, "S S 3"))
    if not 0.0 <= amount <= 1.0:
        raise RangeError(f"grain should be 0-1, got {amount}")
    if not plate_pixel > 0.0:
        raise RangeError(f"a plate pixel's width should be above 0, got {plate_pixel}")
    if amount == 0.0:
        return restored
    sigma = GRAIN_BAND * max(plate_pixel, 1.0)
    edges = restored - _blurred(restored, sigma)
    removed = (crop - restored) - _blurred(crop - restored, sigma)
    together, power = _blurred(removed * edges, 2 * sigma), _blurred(edges * edges, 2 * sigma)
    grain = removed - np.clip(together / (power + 1e-8), -1.0, 0.0) * edges
    return np.asarray(restored + amount * grain, np.float32)


def _looked_at(crop: Image, net: Net, mirror: bool) -> Image:
    """A net's answer, averaged with that for the mirrored crop if asked."""
    restored = _run(crop, net)
    return 0.5 * (restored + _run(crop[:, ::-1], net)[:, ::-1]) if mirror else restored


def _run(crop: Image, net: Net) -> Image:
    batch = np.ascontiguousarray(crop.transpose(2, 0, 1)[None], np.float32)
    made = net(batch)[0]
    if made.shape != batch.shape:
        raise ShapeError(f"the restoring net {net.id} should return {batch.shape}, got {made.shape}")
    if not np.isfinite(made).all():
        raise ModelError(
            f"the restoring net {net.id} returned NaN or Inf; verify it or run it on another device"
        )
    return np.ascontiguousarray(made[0].transpose(1, 2, 0), np.float32)


def _blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_REFLECT)
