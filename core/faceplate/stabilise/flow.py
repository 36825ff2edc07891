"""Optical flow: where every pixel of one picture lies in another, and how far that may be believed."""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from faceplate.arrays import Flow, Image, Matte, expect_shapes
from faceplate.channels import channel_max
from faceplate.errors import RangeError, ShapeError
from faceplate.runtime.net import Net

FindFlow = Callable[[Image, Image], Flow]
"""(picture, other), both (H, W, 3), display-encoded, 0-1 -> (H, W, 2), pixels; a pure function of the two."""

Quality = Literal["fast", "medium"]

_PRESETS = {"fast": cv2.DISOPTICAL_FLOW_PRESET_FAST, "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM}

FINEST = 1
"""Finest pyramid level searched: half size. The fast preset's own, a quarter, is wrong by 2.5 times as much."""

NOISE_SIGMA = 0.8
"""Pixels of blur before the search: grain is no texture to follow."""

SMALLEST = 32
"""Shortest side, pixels, that the search's pyramid can take."""

SLACK, SHARE = 0.5, 0.01
"""Squared pixels, and share of the squared motion, that a flow and its inverse may disagree by and count in full."""

FADE = 4.0
"""Times that disagreement at which nothing of a pixel is believed."""

ALIKE, UNLIKE = 0.04, 0.12
"""Differences, display-encoded, up to which what was followed is the same thing, and from which it is another."""

ALIKE_SIGMA = 2.0
"""Pixels that such a difference is averaged over: grain differs always, things do not."""

_REC709 = np.array([0.2126, 0.7152, 0.0722], np.float32)


def find_flow(image: Image, other: Image, *, quality: Quality = "fast") -> Flow:
    """Follow every pixel of a picture into another.

    The search reads luminance at 8 bits; no pixel passes through it, so nothing that leaves is rounded. The result is
    the same for any number of threads.

    Args:
        image, other: (H, W, 3), display-encoded, 0-1, at least 32 pixels either way.
        quality: "medium" refines more and takes several times as long.

    Returns:
        (H, W, 2) float32, pixels: `pixel + flow` is where it lies in `other`.

    Raises:
        ShapeError: pictures of different size. RangeError: smaller than 32 pixels; an unknown quality.

    After: Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016.
    """
    _expect_followed(image, other)
    if quality not in _PRESETS:
        raise RangeError(f"flow quality should be one of {', '.join(_PRESETS)}, got {quality}")
    search = cv2.DISOpticalFlow.create(_PRESETS[quality])
    search.setFinestScale(FINEST)
    return np.asarray(search.calc(_read(image), _read(other), None), np.float32)  # type: ignore[call-overload]


def flow_finder(net: Net | None) -> FindFlow:
    """What follows motion: a net of task frames.flow, DIS where there is none."""
    if net is None:
        return find_flow
    return lambda image, other: flow_by(net, image, other)


def flow_by(net: Net, image: Image, other: Image) -> Flow:
    """Follow every pixel of a picture into another by a net, as `find_flow` does by search.

    Args:
        net: of task frames.flow: (1, 6, H, W), both pictures RGB 0-1 one after the other, in; (1, 2, H, W), pixels to
            the right and down, out.
        image, other: (H, W, 3), display-encoded, 0-1, at least 32 pixels either way.

    Returns:
        (H, W, 2) float32, pixels, finite. Where the net gives no number, or one that leads further than twice the
        picture, the flow leads out of the picture: `inside` and `visibility` are 0 there.

    Raises:
        ShapeError: pictures of different size; a net that gives another shape. RangeError: smaller than 32 pixels.
    """
    height, width = _expect_followed(image, other)
    pair = np.concatenate([image, other], axis=2).transpose(2, 0, 1)[None]
    found = np.asarray(net(np.ascontiguousarray(np.clip(pair, 0.0, 1.0), np.float32))[0], np.float32)
    if found.shape != (1, 2, height, width):
        raise ShapeError(f"{net.id} should give a flow of {(1, 2, height, width)}, got {found.shape}")
    # OpenCV resamples at these places, and knows no end where a place is no number.
    far = 2.0 * max(height, width)
    flow = np.clip(np.nan_to_num(found[0], nan=far, posinf=far, neginf=-far), -far, far)
    return np.ascontiguousarray(flow.transpose(1, 2, 0))


def visibility(forward: Flow, backward: Flow) -> Matte:
    """How far a flow is believed: fully where the way there and back ends where it began.

    What is hidden in the other picture, or was followed wrongly, does not come back.

    Args:
        forward: (H, W, 2), pixels, from a picture to another.
        backward: (H, W, 2), from that other back.

    Returns:
        (H, W) float32, 0-1; 0 where the flow leaves the other picture.

    Raises:
        ShapeError: flows of different size.

    After: Sundaram et al., "Dense Point Trajectories by GPU-Accelerated Large Displacement Optical Flow", ECCV 2010,
    with its threshold softened so that a pixel on the verge does not flicker.
    """
    expect_shapes(forward=(forward, "H W 2"), backward=(backward, "H W 2"))
    back = carry(backward, forward, sharp=False)
    apart = _squared(forward + back)
    motion = _squared(forward) + _squared(back)
    allowed = SHARE * motion + SLACK
    believed = np.clip((FADE - apart / allowed) / (FADE - 1.0), 0.0, 1.0)
    return np.asarray(believed * inside(forward), np.float32)


def resemblance(image: Image, carried: Image, *, sigma: float = ALIKE_SIGMA) -> Matte:
    """How far what lies at the end of a flow looks like what it started from.

    A second witness beside `visibility`: where something passes in front, the search may settle on whatever fits best
    and even find its way back.

    Args:
        image: (H, W, 3), display-encoded, 0-1, as it was filmed.
        carried: (H, W, 3), another picture as it was filmed, brought to this one along the flow; see `carry`.
        sigma: pixels that a difference is averaged over.

    Returns:
        (H, W) float32, 0-1.

    Raises:
        ShapeError: arrays that do not share H and W.
    """
    expect_shapes(image=(image, "H W 3"), carried=(carried, "H W 3"))
    apart = channel_max(np.abs(cv2.GaussianBlur(image - carried, (0, 0), sigma)))
    return np.asarray(np.clip((UNLIKE - apart) / (UNLIKE - ALIKE), 0.0, 1.0), np.float32)


def carry(other: np.ndarray, flow: Flow, *, sharp: bool = True) -> np.ndarray:
    """Bring another picture to this one along a flow, in one resampling.

    Args:
        other: (H, W) or (H, W, C) float32, any range.
        flow: (H, W, 2), pixels, `pixel + flow` is where to look in `other`.
        sharp: a Lanczos kernel, which keeps fine detail and may ring; else linear, which does neither.

    Returns:
        The shape of `other`, float32; beyond its edges its mirror image.

    Raises:
        ShapeError: sizes that differ.
    """
    expect_shapes(flow=(flow, "H W 2"), other=(other, "H W" if other.ndim == 2 else "H W C"))
    kernel = cv2.INTER_LANCZOS4 if sharp else cv2.INTER_LINEAR
    looked = cv2.remap(other, *_ends(flow), kernel, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(looked, np.float32).reshape(other.shape)


def inside(flow: Flow) -> Matte:
    """(H, W) float32, 1 where a flow, (H, W, 2) in pixels, stays within the picture, else 0."""
    height, width = expect_shapes(flow=(flow, "H W 2")).values()
    x, y = _ends(flow)
    # NaN compares false, so a flow that is not a number leads nowhere.
    return ((x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)).astype(np.float32)


def _ends(flow: Flow) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a picture lie at the end of a flow: x and y, each (H, W)."""
    height, width = flow.shape[:2]
    columns, rows = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    return columns + flow[..., 0], rows[:, None] + flow[..., 1]


def _squared(flow: Flow) -> np.ndarray:
    """(H, W): the squared length of a flow."""
    return flow[..., 0] ** 2 + flow[..., 1] ** 2


def _expect_followed(image: Image, other: Image) -> tuple[int, int]:
    """(height, width) of two pictures that motion can be followed between."""
    height, width = expect_shapes(image=(image, "H W 3"), other=(other, "H W 3")).values()
    if min(height, width) < SMALLEST:
        raise RangeError(
            f"pictures to follow motion in should be {SMALLEST} pixels or more either way, got {width} x {height}"
        )
    return height, width


def _read(image: Image) -> np.ndarray:
    """Luminance as the search takes it: (H, W) uint8."""
    luma = cv2.GaussianBlur(image @ _REC709, (0, 0), NOISE_SIGMA, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.clip(luma * 255.0 + 0.5, 0, 255), np.uint8)
