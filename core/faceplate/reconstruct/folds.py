"""Skin that a photo shows folded: the upper lids of open eyes, whose texels would be drawn out into streaks.

A lid that is up has a third of the height it has when it is down. What little a photo shows of it is crease and lashes,
and on a blink that would be stretched over the whole lid.
"""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.morphable import HeadModel

SHARE = (0.4, 0.75)
"""Of a lid's area when it is down: up to the first a photo's colours are useless, from the second on good."""

_BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")


def unfolded(head: HeadModel, points: np.ndarray) -> NDArray[np.float32]:
    """(V,) 0-1: how well each vertex' skin is spread out, in a head's expression as it is in a photo.

    Args:
        head: the model; without blinks everything is spread out.
        points: (V, 3) mm, the head as it is there.
    """
    expect_shapes({"V": len(head.mean)}, points=(points, "V 3"))
    if not set(_BLINKS) <= set(head.expression_names):
        return np.ones(len(head.mean), np.float32)
    shut = head.rest((), head.weights(dict.fromkeys(_BLINKS, 1.0)))
    lids = np.linalg.norm(shut - head.mean, axis=1) > 1.0
    # a head that is larger than the mean has larger lids: only the change is told, the rest of the face stays whole
    size = np.cbrt(np.ptp(points, axis=0).prod() / np.ptp(head.mean, axis=0).prod())
    share = _areas(head, points) / np.maximum(_areas(head, shut) * size**2, 1e-9)
    low, high = SHARE
    soft = ((share - low) / (high - low)).clip(0, 1)
    return np.where(lids, soft * soft * (3 - 2 * soft), 1).astype(np.float32)


def _areas(head: HeadModel, points: np.ndarray) -> NDArray[np.float64]:
    """(V,) mm² of the triangles about each vertex, a third of each."""
    a, b, c = (points[head.triangles[:, k]].astype(np.float64) for k in range(3))
    size = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 6
    found = np.zeros(len(points))
    for corner in range(3):
        np.add.at(found, head.triangles[:, corner], size)
    return found
