"""Rows of faces as a net answers them: which are the same face, and where they lie after a mirror or a turn."""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Matrix

Rows = NDArray[np.float32]
"""(N, 15): score, box x0 y0 x1 y1, five points x y; as DetectNet answers, in the pixels of what it was shown."""

Row = NDArray[np.float32]
"""(15,): one of them."""

MIRRORED = [1, 0, 2, 4, 3]
"""Order of the five points after a mirror: the image's left eye stays first."""


def keep_best(rows: Rows, *, same: float = 0.4) -> Rows:
    """One row for each face: the highest score of those that overlap, its place averaged over those that agree.

    Args:
        rows: (N, 15), any order.
        same: overlap (IoU) from which two boxes are one face; a box mostly inside another is too.

    Returns:
        (M, 15), highest score first. Deterministic: equal scores are ordered by their boxes.
    """
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], -rows[:, 0]))]
    kept = []
    while len(rows):
        best = rows[0]
        iou, inside = overlap(best[1:5], rows[:, 1:5])
        agree = rows[(iou > 0.6) & (rows[:, 0] > 0.5 * best[0])]
        # nearly all cells on a face see it: their mean is steadier than the luckiest one
        weights = (agree[:, :1] / best[0]) ** 4
        best[1:] = (agree[:, 1:] * weights).sum(0) / weights.sum()
        kept.append(best)
        rest = (iou < same) & (inside < 0.75)
        rest[0] = False
        rows = rows[rest]
    return as_rows(kept)


def overlap(
    box: NDArray[np.float32], boxes: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much a box shares with others.

    Args:
        box: (4,) x0 y0 x1 y1. boxes: (N, 4).

    Returns:
        (N,) intersection over union, (N,) intersection over the smaller of the two; 0-1.
    """
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    common = np.maximum(sides, 0).prod(1)
    area, areas = np.maximum(box[2:] - box[:2], 0).prod(), np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)
    tiny = np.float32(1e-9)
    return common / np.maximum(area + areas - common, tiny), common / np.maximum(
        np.minimum(area, areas), tiny
    )


def mirrored(row: Row, width: float) -> Row:
    """The row of the same face in the mirror image of a picture `width` pixels wide; its own inverse."""
    points = (row[5:].reshape(5, 2) * (-1, 1) + (width, 0))[MIRRORED]
    return np.array([row[0], width - row[3], row[2], width - row[1], row[4], *points.ravel()], np.float32)


def moved_box(box: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """The upright box (4,) of a face whose oval fills `box`, after a similarity; ovals have no corners."""
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    reach = np.sqrt(matrix[:2, :2] ** 2 @ half.astype(np.float64) ** 2)
    middle = matrix[:2, :2] @ middle + matrix[:2, 2]
    return np.concatenate([middle - reach, middle + reach]).astype(np.float32)


def as_rows(rows: list[Row]) -> Rows:
    """Single rows as (N, 15), also when there are none."""
    return np.array(rows, np.float32).reshape(-1, 15)
