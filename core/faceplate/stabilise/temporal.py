"""A restored crop made steady: averaged with its neighbours in time, along the motion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceplate.arrays import Flow, Image, Matte, expect_shapes
from faceplate.errors import RangeError
from faceplate.stabilise.flow import carry, inside


@dataclass(frozen=True)
class Neighbour:
    """The same face on a frame nearby.

    `crop`: (H, W, 3), restored there, display-encoded. `flow`: (H, W, 2), pixels, `pixel + flow` is where a pixel of
    this frame's crop lies in that one. `visible`: (H, W), 0-1, 0 where it is hidden there or the flow is not believed.
    """

    crop: Image
    flow: Flow
    visible: Matte


def steady_crop(crop: Image, neighbours: Sequence[Neighbour], *, strength: float = 0.6) -> Image:
    """Average a restored crop with its neighbours in time, carried along the optical flow.

    A net that restores frames one by one invents slightly different pores each time, which reads as boiling skin. The
    window is fixed and nothing is remembered beyond it, so a frame comes out the same whether it is rendered alone or
    in a whole shot. Every neighbour is resampled once, by a kernel that keeps its fine detail.

    Args:
        crop: (H, W, 3), this frame, display-encoded, 0-1.
        neighbours: in an order that does not depend on what was rendered before: sums of floats remember theirs.
        strength: 0-1, a neighbour's weight where it is fully visible; 0 returns `crop` itself.

    Returns:
        (H, W, 3) float32, same space; within the range of what was averaged but for the kernel's overshoot.

    Raises:
        ShapeError, RangeError: arrays that do not share H and W; `strength` outside 0-1.

    After: Lai et al., "Learning Blind Video Temporal Consistency", ECCV 2018 (the visibility weight).
    """
    sizes = expect_shapes(crop=(crop, "H W 3"))
    if not 0.0 <= strength <= 1.0:
        raise RangeError(f"steady should be 0-1, got {strength}")
    for near in neighbours:
        expect_shapes(
            sizes, crop=(near.crop, "H W 3"), flow=(near.flow, "H W 2"), visible=(near.visible, "H W")
        )
    if strength == 0.0 or not neighbours:
        return crop
    total, weight = crop.astype(np.float32), np.ones(crop.shape[:2], np.float32)
    for near in neighbours:
        share = np.asarray(strength * near.visible * inside(near.flow), np.float32)
        total += share[..., None] * carry(near.crop, near.flow)
        weight += share
    return total / weight[..., None]
