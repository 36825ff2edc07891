"""Where a restored face may show: a soft egg around the features, never past the crop's rim."""

import numpy as np

from faceplate.arrays import Matte, Points, expect_shapes
from faceplate.errors import RangeError

HALF_WIDTH, HALF_HEIGHT = 1.38, 1.45
"""Half-axes of the full-strength hull, in units of the face's size (eye line to mouth line; a fourth of the crop)."""

CENTRE = 0.41
"""How far down from the eye line to the mouth line the hull's middle lies."""

ROUNDNESS = 4.0
"""Exponent of the superellipse: 2 would be an ellipse, more is squarer."""

CHIN = 0.08
"""How much narrower the hull becomes at its lower end, as a share of its width, and wider at the upper."""

FEATHER = 0.08
"""Width of the soft edge, as a share of the crop's side."""

RIM = 0.05
"""Width of the band inside the crop's rim over which every matte falls to 0, as a share of the side."""


def face_matte(side: int, points: Points, *, inside: Matte | None = None, feather: float = FEATHER) -> Matte:
    """Cover a face from forehead to chin, softly, and nothing else.

    The hull follows the points: it leans with the head, and keeps its width on a profile, whose eyes lie close
    together. It is generous, since what lies outside it keeps the plate's softness and grain.

    Args:
        side: side of the crop, pixels.
        points: (5, 2), eyes, nose, mouth corners, in the crop's pixels.
        inside: (side, side), 0-1, 0 where the plate has no pixel; the matte is 0 there.
        feather: width of the soft edge as a share of the side, above 0, at most 0.5.

    Returns:
        (side, side) float32, 0-1: 1 over the features, exactly 0 in the outermost row and column of pixels.

    Raises:
        RangeError: a feather out of range; points that are not finite or whose eyes and mouth coincide.
        ShapeError: arrays of another shape.
    """
    expect_shapes(
        {"S": side}, points=(points, "5 2"), **({} if inside is None else {"inside": (inside, "S S")})
    )
    if not 0.0 < feather <= 0.5:
        raise RangeError(
            f"a matte's feather should be above 0 and at most 0.5 of the crop's side, got {feather}"
        )
    centre, down, size = _placed(points)
    across, along = _coordinates(side, centre, down)
    narrowing = 1.0 - CHIN * np.clip(along / (HALF_HEIGHT * size), -1.0, 1.0)
    x = np.abs(across) / (HALF_WIDTH * size * narrowing)
    y = np.abs(along) / (HALF_HEIGHT * size)
    radius = (x**ROUNDNESS + y**ROUNDNESS) ** (1.0 / ROUNDNESS)
    edge = feather * side / (HALF_WIDTH * size)
    matte = smoothstep((1.0 + edge - radius) / edge) * _rim(side)
    return (matte if inside is None else matte * inside).astype(np.float32)


def smoothstep(x: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, and between them a curve that is level at both ends."""
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _placed(points: Points) -> tuple[np.ndarray, np.ndarray, float]:
    """The hull's middle, the unit vector down the face, and the face's size in pixels."""
    if not np.isfinite(points).all():
        raise RangeError("face points should be finite numbers, got NaN or Inf; place the points again")
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    length = float(np.hypot(*(mouth - eyes)))
    if length < 1e-3:
        raise RangeError("eyes and mouth coincide; five distinct face points were expected")
    apart = float(np.hypot(*(points[1] - points[0])))
    # seen from below or above the face is foreshortened, seen from the side the eyes are
    size = max(length, 0.9 * apart)
    return eyes + CENTRE * (mouth - eyes), (mouth - eyes) / length, size


def _coordinates(side: int, centre: np.ndarray, down: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel's position across and along the face, (side, side) float32 pixels from `centre`."""
    x = (np.arange(side, dtype=np.float32) + 0.5 - centre[0])[None, :]
    y = (np.arange(side, dtype=np.float32) + 0.5 - centre[1])[:, None]
    return x * down[1] - y * down[0], x * down[0] + y * down[1]


def _rim(side: int) -> Matte:
    """(side, side), 1 in the middle, level with 0 in the outermost pixels."""
    from_edge = np.minimum(np.arange(side), np.arange(side)[::-1]).astype(np.float32)
    fade = smoothstep(from_edge / (RIM * side))
    return np.outer(fade, fade)


def mean_inside(layer: Matte, matte: Matte) -> float:
    """A layer's mean over a matte, 0 where the matte is empty."""
    total = float(matte.sum())
    return float((layer * matte).sum()) / total if total > 0 else 0.0
