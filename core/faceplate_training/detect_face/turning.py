"""A photographed head turned away from the camera, further than a plain warp can turn it.

The photo is laid over the depth of an average head and turned about the head's vertical axis; what comes to lie behind
the nose or the cheek is hidden, what comes into view is stretched from the temple and the hair. After: Zhu et al.,
"Face Alignment Across Large Poses: A 3D Solution", CVPR 2016 (face profiling).
"""

from functools import cache
from pathlib import Path

import cv2
import numpy as np

from faceplate.geometry import apply, fit_similarity

CELLS = 24
"""Cells of the depth map to the distance between the eyes."""

REACH = np.array([-3.0, -2.6, 3.0, 3.4])
"""What the depth map covers: x0 y0 x1 y1 about the middle of the eyes, in distances between the eyes, y down."""

AXIS = -1.2
"""Depth of the axis a head turns about, in distances between the eyes, behind them."""

BEHIND = -2.4
"""Depth of what lies farthest back."""

WORKING = 240
"""Width the map is worked out at, pixels."""


@cache
def average_head(head: Path) -> tuple[np.ndarray, np.ndarray]:
    """Depth of the average head from the front, and where its five points lie.

    Args:
        head: the ICT FaceKit head as npz, `neutral_cm` in centimetres, y up, z to the front, and `landmarks68`.

    Returns:
        (H, W) depth towards the camera, 0 at the eyes, and (5, 2) points in cells of it; units as in `REACH`.
    """
    with np.load(head) as data:
        vertices, marks = data["neutral_cm"].astype(np.float64), data["landmarks68"].astype(int)
    marked = vertices[marks] * (1, -1, 1)
    eyes = np.array([marked[36:42].mean(0), marked[42:48].mean(0)])
    eyes = eyes[np.argsort(eyes[:, 0])]
    unit, middle = float(np.hypot(*(eyes[1] - eyes[0])[:2])), eyes.mean(0)
    mouth = marked[[48, 54]][np.argsort(marked[[48, 54], 0])]
    points = (np.array([*eyes, marked[30], *mouth]) - middle) / unit
    x, y, z = ((vertices * (1, -1, 1) - middle) / unit).T
    column, row = (np.stack([x - REACH[0], y - REACH[1]]) * CELLS).astype(int)
    size = ((REACH[2:] - REACH[:2]) * CELLS).astype(int)
    kept = (column >= 0) & (row >= 0) & (column < size[0]) & (row < size[1])
    depth = np.full((size[1], size[0]), -np.inf)
    np.maximum.at(depth, (row[kept], column[kept]), z[kept])
    return _filled(depth), (points[:, :2] - REACH[:2]) * CELLS


def _filled(depth: np.ndarray) -> np.ndarray:
    """Gaps between vertices closed; around the head the depth falls away smoothly, as hair and shoulders do."""
    seen = np.isfinite(depth)
    dense = cv2.dilate(np.where(seen, depth, -9).astype(np.float32), np.ones((7, 7)))
    body = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((9, 9)))
    outside, nearest = cv2.distanceTransformWithLabels(
        1 - body, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    rim = np.zeros(int(nearest.max()) + 1, np.float32)
    labels = np.asarray(nearest, np.int32)
    rim[labels[body > 0]] = dense[body > 0]
    fallen = np.maximum(rim[labels] - 0.9 * outside / CELLS, BEHIND)
    return cv2.GaussianBlur(np.where(body > 0, dense, fallen), (0, 0), 0.08 * CELLS)


def turn_away(rgb: np.ndarray, points: np.ndarray, yaw: float, head: Path) -> np.ndarray:
    """The photo as if its head had been turned.

    Args:
        rgb: (H, W, 3) uint8. points: (5, 2) of its one face, looking at the camera. yaw: radians, to about 1.3;
            positive brings the cheek at the image's left into view. head: see `average_head`.

    Returns:
        (H, W, 3) uint8 of the same size.
    """
    depth, places = average_head(head)
    scale = WORKING / rgb.shape[1]
    height, width = round(rgb.shape[0] * scale), WORKING
    unit = float(np.hypot(*(points[1] - points[0]))) * scale
    cells_from_photo = fit_similarity(points * scale, places)
    fine = 3
    x, y = np.meshgrid((np.arange(width * fine) + 0.5) / fine, np.arange(height) + 0.5)
    cells = apply(cells_from_photo, np.stack([x, y], -1).reshape(-1, 2)).reshape(height, -1, 2) - 0.5
    column, row = np.ascontiguousarray(np.moveaxis(cells, -1, 0), dtype=np.float32)
    z = cv2.remap(depth.astype(np.float32), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    z, pivot = (z - AXIS) * unit, points[:3, 0].mean() * scale
    moved = pivot + (x - pivot) * np.cos(yaw) + z * np.sin(yaw)
    near = z * np.cos(yaw) - (x - pivot) * np.sin(yaw)
    map_x = _nearest_first(x, moved, near, width)
    map_x = cv2.resize(map_x.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR) / scale
    map_y = np.repeat(np.arange(rgb.shape[0], dtype=np.float32)[:, None], rgb.shape[1], 1)
    return cv2.remap(rgb, map_x - np.float32(0.5), map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _nearest_first(x: np.ndarray, moved: np.ndarray, near: np.ndarray, width: int) -> np.ndarray:
    """(H, width): for every pixel the `x` of what was moved onto it and lies nearest; gaps are bridged along rows."""
    row = np.repeat(np.arange(len(x))[:, None], x.shape[1], 1)
    column = np.floor(moved).astype(int)
    inside = (column >= 0) & (column < width)
    order = np.argsort(near[inside], kind="stable")
    source = np.full((len(x), width), np.nan)
    source[row[inside][order], column[inside][order]] = x[inside][order]  # the nearest is written last
    for line in source:
        known = np.flatnonzero(np.isfinite(line))
        if not len(known):
            line[:] = np.arange(width) + 0.5
            continue
        first, last = known[0], known[-1]
        line[:] = np.interp(np.arange(width), known, line[known])
        line[:first] += np.arange(-first, 0)  # beyond what the photo shows it goes on as in a mirror
        line[last + 1 :] += np.arange(1, width - last)
    return source
