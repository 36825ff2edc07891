"""Which frames of a clip a head is made of: sharp ones, turned differently, far apart in time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from faceplate.errors import RangeError

FARTHEST = float(np.radians(60))
"""A head turned farther than this is chosen only where there is none turned less."""

_TURNED = np.radians(
    15
)  # tells as much of a head's shape as the whole length of a clip tells of its light and skin
_SOFT = 0.6  # of the best frame's quality, below which a frame is not chosen


@dataclass(frozen=True)
class Candidate:
    """A frame that could be chosen. `number`: the frame's. `yaw`, `pitch`: radians. `quality`: 0-1, how sharply it
    shows who it is.
    """

    number: int
    yaw: float
    pitch: float
    quality: float


def choose_frames(candidates: Sequence[Candidate], most: int) -> list[int]:
    """Choose frames to make a head of: the best first, then each time the one most unlike those chosen and sharp.

    Args:
        candidates: one or more, of different frames, in any order.
        most: how many, 1 or more; fewer where there are not as many.

    Returns:
        Their numbers, rising. The same candidates give the same frames in any order.

    Raises:
        RangeError: no candidate, or `most` below 1.

    After: Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985 (the farthest point next).
    """
    if not candidates or most < 1:
        raise RangeError("frames are chosen from at least one, and at least one is chosen")
    near = [each for each in candidates if abs(each.yaw) <= FARTHEST]
    left = sorted(near or candidates, key=lambda each: each.number)
    best = max(each.quality for each in left)
    left = [each for each in left if each.quality >= _SOFT * best]
    length = max(left[-1].number - left[0].number, 1)
    chosen = [max(left, key=lambda each: each.quality)]
    while len(chosen) < min(most, len(left)):
        others = [each for each in left if each not in chosen]
        chosen.append(
            max(others, key=lambda each: each.quality * min(_apart(each, one, length) for one in chosen))
        )
    return sorted(each.number for each in chosen)


def _apart(one: Candidate, other: Candidate, length: int) -> float:
    turned = np.hypot(one.yaw - other.yaw, one.pitch - other.pitch) / _TURNED
    return float(np.hypot(turned, (one.number - other.number) / length))
