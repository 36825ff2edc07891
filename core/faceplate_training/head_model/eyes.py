"""Eyeballs of our own: a surface of revolution with sclera, cornea, iris and pupil, in place of ICT's.

The white follows the outline of ICT's eyeball, so that the lids fit; iris and pupil lie on a dish behind the cornea.
All of it is quads, the poles included, and turns about one centre.
"""

from dataclasses import dataclass

import numpy as np

SEGMENTS = 32
IRIS_RADIUS = 6.0  # mm; people's are 11.7 mm wide on average
PUPIL_RADIUS = 2.0
DISH_DEPTH = 1.2  # mm, how far the pupil's rim would lie behind the limbus

_TURN = np.arange(SEGMENTS) * 2 * np.pi / SEGMENTS
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], 1)


@dataclass(frozen=True)
class Eyeball:
    """One eyeball about its centre.

    `points`: (N, 3) mm, looking along +z. `quads`: (F, 4). `regions`: (F,) "sclera", "cornea", "iris" or "pupil".
    `uv`: (T, 2) 0-1 and `quad_uv`: (F, 4): the shell, its rear cap and the iris side by side.
    """

    points: np.ndarray
    quads: np.ndarray
    regions: np.ndarray
    uv: np.ndarray
    quad_uv: np.ndarray


def make_eyeball(outline: np.ndarray) -> Eyeball:
    """An eyeball with a given outline.

    Args:
        outline: (181,) mm, distance from the centre at 0, 1, ... 180 degrees from the direction of gaze.
    """
    degrees = np.arange(181)
    limbus = float(np.interp(IRIS_RADIUS, (outline * np.sin(np.radians(degrees)))[:60], degrees[:60]))
    angles = np.radians(np.r_[np.linspace(0, limbus, 6)[1:], np.linspace(limbus, 172, 17)[1:]])
    radii = np.interp(np.degrees(angles), degrees, outline)
    shell = _rings(radii * np.sin(angles), radii * np.cos(angles))
    front, rear = np.array([[0, 0, outline[0]]]), np.array([[0, 0, -outline[180]]])
    across = np.r_[PUPIL_RADIUS / 2, np.linspace(PUPIL_RADIUS, IRIS_RADIUS - 0.05, 6)]
    limbus_at = float(np.interp(limbus, degrees, outline) * np.cos(np.radians(limbus)))
    along = limbus_at - 0.15 - DISH_DEPTH * (1 - (across / IRIS_RADIUS) ** 2)
    along[0] -= 0.5
    iris, pupil = _rings(across, along), np.array([[0, 0, along[0]]])

    points = np.concatenate([shell, front, rear, iris, pupil])
    at_front, at_rear = len(shell), len(shell) + 1
    at_iris, at_pupil = len(shell) + 2, len(points) - 1
    last = (len(angles) - 1) * SEGMENTS
    rings = [  # quads, and the region of each
        (_cap(0, at_front), "cornea"),
        (_between(0, 4), "cornea"),
        (_between(4 * SEGMENTS, len(angles) - 5), "sclera"),
        (_cap(at_iris, at_pupil), "pupil"),
        (_between(at_iris, 1), "pupil"),
        (_between(at_iris + SEGMENTS, len(across) - 2), "iris"),
        (_cap(last, at_rear)[:, ::-1], "sclera"),
    ]
    quads = np.concatenate([part for part, _ in rings])
    regions = np.repeat([region for _, region in rings], [len(part) for part, _ in rings])
    uv = np.concatenate(
        [
            _disc(angles / np.pi, 0.32, (0.33, 0.5)),
            [(0.33, 0.5), (0.83, 0.12)],
            _disc(across / across[-1], 0.16, (0.83, 0.6)),
            [(0.83, 0.6)],
            _disc(np.ones(1), 0.06, (0.83, 0.12)),
        ]
    )
    quad_uv = quads.copy()
    rear_cap = slice(len(quads) - SEGMENTS // 2, len(quads))
    on_ring = quads[rear_cap] != at_rear
    quad_uv[rear_cap] = np.where(on_ring, quads[rear_cap] - last + len(points), at_rear)
    # seen from behind, a circle that is walked as before is walked the other way
    uv[len(points) :] = uv[len(points) :] * (-1, 1) + (1.66, 0)
    return Eyeball(points, quads, regions, uv, quad_uv)


def _rings(across: np.ndarray, along: np.ndarray) -> np.ndarray:
    """(R * SEGMENTS, 3) circles about the axis."""
    flat = (across[:, None, None] * _CIRCLE).reshape(-1, 2)
    return np.column_stack([flat, np.repeat(along, SEGMENTS)])


def _disc(share: np.ndarray, radius: float, centre: tuple[float, float]) -> np.ndarray:
    """(R * SEGMENTS, 2) circles in UV, each `share` of a radius."""
    return (share[:, None, None] * _CIRCLE * radius).reshape(-1, 2) + np.array(centre)


def _between(first: int, rows: int) -> np.ndarray:
    """Quads between `rows` + 1 rings of which the first begins at vertex `first`; they face along +z or outwards."""
    k = np.arange(SEGMENTS)
    row = np.arange(rows)[:, None] * SEGMENTS + first
    near, beside = row + k, row + (k + 1) % SEGMENTS
    return np.stack([near, near + SEGMENTS, beside + SEGMENTS, beside], -1).reshape(-1, 4)


def _cap(ring: int, pole: int) -> np.ndarray:
    """Quads about a pole, each over two segments of a ring; they face along +z."""
    k = np.arange(0, SEGMENTS, 2)
    return np.stack([np.full(len(k), pole), ring + k, ring + k + 1, ring + (k + 2) % SEGMENTS], 1)
