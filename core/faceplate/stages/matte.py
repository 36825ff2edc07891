"""Where a restored face may show: a soft egg around the features, never past the crop's rim, nor over a hand."""

import cv2
import numpy as np

from faceplate.arrays import Matte, Points, expect_shapes
from faceplate.errors import RangeError
from faceplate.stages.parse import Parsed

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

UNSURE, SURE = 0.78, 0.88
"""Mean probability of the likeliest class over a face below which parsing is not believed, and where it fully is."""

FEATURES = ("brows", "eyes", "iris", "nose", "lips", "mouth")
LEAST_FACE = 0.008
"""Share of the matte that features must have for an occluder to be believed; from twice as much it fully is. On faces
from in front they have 0.07 of it; on renders with 0.15 and more of the matte covered 19 of 20 have 0.016 and more."""

FAINT, PLAIN = 0.3, 0.7
"""Probability of an occluder from which the matte begins to give way, and at which it has."""

EDGE, WHOLLY = 1.2, 1.1
"""Standard deviation of an occluder's soft edge, in cells of the parsed grid (1/128 of the crop's side), and the gain
that keeps all of the occluder itself out in spite of it."""

ISLE = 40.0
"""Cells that an island of occluder must have to be believed at all: half a fingertip."""

_SPECK = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
_REACH = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))


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


def clear_of_occluders(matte: Matte, parsed: Parsed) -> Matte:
    """Take away what is held before the face, softly; glasses stay part of it.

    Where the net is not sure of what it sees, because a face is tiny or drowns in noise, the matte stays as it is. So
    it does where the net sees no features at all: whoever placed a face there knows better.

    Args:
        matte: (S, S), 0-1, of the crop that was parsed.
        parsed: what the crop shows.

    Returns:
        (S, S) float32, nowhere above `matte`, and exactly 0 where that is.

    Raises:
        ShapeError: a matte that is not square.
    """
    side = expect_shapes(matte=(matte, "S S"))["S"]
    cells = parsed.shares.max(2)
    small = np.asarray(cv2.resize(matte, cells.shape, interpolation=cv2.INTER_AREA), np.float32)
    trust = smoothstep(np.float32((mean_inside(cells, small) - UNSURE) / (SURE - UNSURE)))
    trust *= smoothstep(np.float32(mean_inside(parsed.likely(*FEATURES), small) / LEAST_FACE - 1.0))
    likely = cv2.morphologyEx(parsed.likely("occluder"), cv2.MORPH_OPEN, _SPECK)
    plain = smoothstep((likely - FAINT) / (PLAIN - FAINT)) * _size_counts(np.asarray(likely, np.float32))
    hidden = cv2.dilate(plain, _REACH)
    soft = np.minimum(cv2.GaussianBlur(hidden, (0, 0), EDGE) * WHOLLY, 1.0)
    free = 1.0 - trust * soft
    large = cv2.resize(np.asarray(free, np.float32), (side, side), interpolation=cv2.INTER_LINEAR)
    return (matte * np.clip(large, 0.0, 1.0)).astype(np.float32)


def _size_counts(likely: Matte) -> Matte:
    """(H, W) 0-1: 0 on islands of what may be an occluder that are as small as ISLE, 1 on those twice as large.

    A step would let an island blink whose size wavers from frame to frame.
    """
    _, parts, facts, _ = cv2.connectedComponentsWithStats((likely > FAINT).astype(np.uint8))
    counts = smoothstep(facts[:, cv2.CC_STAT_AREA] / ISLE - 1.0)
    return counts[np.asarray(parts, np.int32)].astype(np.float32)


def smoothstep(x: np.ndarray | np.floating) -> np.ndarray:
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
