"""The opening between two lids, on any mesh: what somebody in front of an eye sees of the ball, and the rims about it.

Meshes agree on nothing about lids: some end at the rim, some are folded into the socket. What is seen is alike on all.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.reconstruct.raster import rasterise

_FINE = 10.0  # pixels a millimetre
_AROUND = 2.2  # radii of the ball about its centre that are looked at
_LEAST = 2.0  # mm², below which nothing of an eye is open
_PLACES = 13  # along each rim, between the corners
_FRONT = 100.0  # mm before the ball's centre, where the looking eye is


@dataclass(frozen=True)
class Eye:
    """A ball and the way to look at it: `centre` (3,) and `radius` in mm; `axes` (3, 3), rows: along the opening to the
    subject's left, up, and out of the face, unit length.
    """

    centre: NDArray[np.float64]
    radius: float
    axes: NDArray[np.float64]


@dataclass(frozen=True)
class Opening:
    """`area` mm² of the ball that is seen. `rims` (2 P + 2, 3) mm: the inner and the outer corner by x, then P places
    on the upper lid's rim and P on the lower one's, evenly between the corners.
    """

    area: float
    rims: NDArray[np.float64]

    @property
    def middles(self) -> NDArray[np.float64]:
        """(2, 3) mm, the middle of the upper and of the lower rim."""
        return self.rims[[2 + _PLACES // 2, 2 + _PLACES + _PLACES // 2]]


def opening(points: np.ndarray, triangles: np.ndarray, eye: Eye) -> Opening | None:
    """What is seen of a ball between the lids; None where it is shut.

    Args:
        points: (V, 3) mm. triangles: (F, 3) of the skin, lids included and balls left out. eye: the ball.
    """
    expect_shapes(points=(points, "V 3"), triangles=(triangles, "F 3"))
    reach = _AROUND * eye.radius
    own = (np.asarray(points, np.float64) - eye.centre) @ eye.axes.T
    near = np.linalg.norm(own, axis=1) < 1.5 * reach
    before = triangles[near[triangles].all(1) & (own[triangles][:, :, 2] > -0.2 * eye.radius).all(1)]
    side = int(2 * reach * _FINE)
    screen = np.column_stack([_column(own[:, 0], side), _row(own[:, 1], side), _FRONT - own[:, 2]])
    raster = rasterise(screen, before, (side, side))
    across = (np.arange(side) + 0.5 - side / 2) / _FINE
    inside = eye.radius**2 - across[None] ** 2 - across[:, None] ** 2
    ball = np.where(inside > 0, _FRONT - np.sqrt(np.maximum(inside, 0)), np.inf)
    seen = (ball < raster.depth) & np.isfinite(ball)
    count, labels, facts, _ = cv2.connectedComponentsWithStats(seen.astype(np.uint8), connectivity=4)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    area = float(facts[largest, cv2.CC_STAT_AREA]) / _FINE**2
    if area < _LEAST:
        return None
    rims = _rims(labels == largest, np.minimum(raster.depth, ball), side)
    return Opening(area, rims @ eye.axes + eye.centre)


def _rims(mask: np.ndarray, depth: np.ndarray, side: int) -> NDArray[np.float64]:
    """(2 P + 2, 3) in the eye's axes, just outside of what is seen."""
    columns = np.flatnonzero(mask.any(0))
    first, last = int(columns[0]), int(columns[-1])
    share = np.arange(1, _PLACES + 1) / (_PLACES + 1)
    between = np.round(first + share * (last - first)).astype(int)
    upper = mask[:, between].argmax(0) - 1
    lower = side - mask[::-1, between].argmax(0)
    ends = [int(np.median(np.flatnonzero(mask[:, column]))) for column in (first, last)]
    x = np.concatenate([[max(first - 1, 0), min(last + 1, side - 1)], between, between])
    y = np.concatenate([ends, upper.clip(0), lower.clip(max=side - 1)])
    deep = depth[y, x]
    return np.column_stack(
        [
            (x + 0.5 - side / 2) / _FINE,
            -(y + 0.5 - side / 2) / _FINE,
            _FRONT - np.where(np.isfinite(deep), deep, _FRONT),
        ]
    )


def _column(x: np.ndarray, side: int) -> np.ndarray:
    return x * _FINE + side / 2


def _row(y: np.ndarray, side: int) -> np.ndarray:
    return -y * _FINE + side / 2
