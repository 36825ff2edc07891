"""The 68 points of a face from a file, for faces that no net has to find: iBUG's .pts, JSON, or London's 189.

Coordinates are returned as Faceplate has them: pixels of the upright picture, y down, the first pixel's centre at 0.5.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from faceplate.arrays import Points
from faceplate_client.errors import InputError

LONDON = 189
"""How many points the Face Research Lab London Set has for a face."""

_JAW = (109, 185, 110, 186, 111, 125, 126, 127, 128, 129, 130, 131, 132, 133, 114, 188, 113, 187, 112)
"""London's points along the jaw, from the subject's right ear to the left; iBUG spaces its 17 evenly along it."""

_BRIDGE = ((50, 56), (51, 57), (52, 58), (53, 59), (54, 60))
"""London's pairs on both sides of the ridge of the nose, from between the eyes to the tip."""

_SAME: tuple[tuple[int, ...], ...] = (
    (71,), (72,), (73,), (74, 75), (75,),  # brows, 17-26
    (78,), (78, 79), (80,), (81,), (82,),
    (64,), (180,), (55,), (181,), (69,),  # below the nose, 31-35
    (18,), (19, 20), (21,), (22,), (30,), (28, 29),  # eyes, 36-47
    (23,), (24,), (25, 26), (27,), (32, 33), (31,),
    (87,), (88,), (89,), (90,), (91,), (92,), (93,), (108,), (107,), (106,), (105,), (104,),  # lips, 48-59
    (87, 94), (95,), (96,), (97,), (93, 98), (102,), (101,), (100,),  # between the lips, 60-67
)  # fmt: skip
"""The London points whose mean is an iBUG point: 17-26, then 31-67."""


def read_points(path: Path) -> Points:
    """Read the 68 points of one face.

    Args:
        path: a `.pts` file as iBUG writes it (its first pixel's centre is (1, 1)); a `.json` file, a list of 68 pairs
            or an object with one under `points` (first pixel's centre at 0.5); or a text file with 68 or 189 lines
            of two numbers, the latter those of the Face Research Lab London Set.

    Returns:
        (68, 2) float32, in iBUG's order.

    Raises:
        InputError: the file is not there, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The points in {path} cannot be read: {error}. Check the path of --points."
        ) from error
    if path.suffix.lower() == ".json":
        return _sixty_eight(_from_json(text, path), path)
    if "{" in text:
        # iBUG counts pixels from one, and a pixel's centre is the whole number
        return _sixty_eight(_numbers(text.partition("{")[2].partition("}")[0], path) - 0.5, path)
    found = _numbers(text, path)
    return from_london(found) if len(found) == LONDON else _sixty_eight(found, path)


def from_london(points: np.ndarray) -> Points:
    """The 68 points, by correspondence, from the 189 of the Face Research Lab London Set (DeBruine and Jones, 2017).

    Most are among the 189 or between two of them. The jaw is resampled evenly along its curve, the bridge of the nose
    along its ridge.

    Args:
        points: (189, 2) pixels.

    Returns:
        (68, 2) float32, same pixels.
    """
    ridge = np.array([points[list(pair)].mean(0) for pair in _BRIDGE])
    parts = [_evenly(points[list(_JAW)], 17)]
    named = [points[list(those)].mean(0) for those in _SAME]
    parts += [np.array(named[:10]), _evenly(ridge, 4), np.array(named[10:])]
    return np.concatenate(parts).astype(np.float32)


def _evenly(line: np.ndarray, count: int) -> np.ndarray:
    """(count, 2) points, evenly spaced along a line through others (N, 2)."""
    along = np.append(0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1)))
    at = np.linspace(0, along[-1], count)
    return np.stack([np.interp(at, along, line[:, k]) for k in range(2)], 1)


def _from_json(text: str, path: Path) -> np.ndarray:
    try:
        held: Any = json.loads(text)
        return np.asarray(held["points"] if isinstance(held, dict) else held, np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise _wrong(path, "is not a list of pairs") from error


def _numbers(text: str, path: Path) -> np.ndarray:
    try:
        return np.array(
            [[float(word) for word in line.split()] for line in text.splitlines() if line.strip()]
        )
    except ValueError as error:
        raise _wrong(path, "has lines that are not two numbers each") from error


def _sixty_eight(points: np.ndarray, path: Path) -> Points:
    if points.shape != (68, 2):
        raise _wrong(path, f"holds {' x '.join(map(str, points.shape))} numbers")
    if not np.isfinite(points).all():
        raise _wrong(path, "holds numbers that are not finite")
    return points.astype(np.float32)


def _wrong(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} {what}; expected the 68 points of one face, two numbers each, in iBUG's order (or London's 189). "
        "Write them again, or leave --points out."
    )
