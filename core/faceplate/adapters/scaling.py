"""Between the stages' pixels (RGB, 0-1) and what a net was trained on: channel order, range, mean and deviation."""

import numpy as np
from numpy.typing import NDArray

from faceplate.registry.manifest import NetInput, NetOutput

Batch = NDArray[np.float32]
"""(B, 3, H, W) float32."""


def as_fed(batch: Batch, reads: NetInput) -> Batch:
    """A batch of display-encoded RGB, 0-1, as a net reads it.

    Args:
        batch: (B, 3, H, W).
        reads: the manifest's facts: `((pixel * (high - low) + low) - mean) / std`, in the net's channel order.

    Returns:
        (B, 3, H, W) float32, C-contiguous.
    """
    low, high = reads.range
    scale = np.float32(high - low) / _by_channel(reads.std)
    shift = (np.float32(low) - _by_channel(reads.mean)) / _by_channel(reads.std)
    ordered = batch if reads.order == "RGB" else batch[:, ::-1]
    return np.ascontiguousarray(ordered * scale + shift, np.float32)


def as_shown(picture: Batch, gives: NetOutput) -> Batch:
    """A net's picture as display-encoded RGB, where black is 0 and white 1; what lies beyond is kept.

    Args:
        picture: (B, 3, H, W), in the net's own range and order.
        gives: the manifest's facts.
    """
    low, high = gives.range
    ordered = picture if gives.order == "RGB" else picture[:, ::-1]
    return np.ascontiguousarray((ordered - np.float32(low)) / np.float32(high - low), np.float32)


def _by_channel(values: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(values, np.float32)[:, None, None]
