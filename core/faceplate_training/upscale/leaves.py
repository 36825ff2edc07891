"""Pictures of nothing: leaves of all sizes over each other, lines and lettering, for edges that portraits lack.

After: Lee, Mumford and Huang, "Occlusion Models for Natural Images", IJCV 2001 (the law of sizes); Achddou et al.,
"Synthetic Images as a Regularity Prior for Image Restoration Neural Networks", SSVM 2021 (training on them).
"""

import string

import cv2
import numpy as np

SMALLEST, LARGEST = 3.0, 160.0
"""Radius of a leaf, pixels; how many there are falls with the cube of it, as in natural pictures."""

FINER = 2
"""Drawn this many times larger and averaged down, against stairs."""

LETTERS = string.ascii_letters + string.digits


def leaves(side: int, colours: np.ndarray, rng: np.random.Generator, *, count: int = 900) -> np.ndarray:
    """One picture, (side, side, 3) uint8.

    Args:
        side: pixels.
        colours: (H, W, 3) uint8, a picture that colours are taken from.
        rng: the only source of chance. count: leaves before lines and letters.
    """
    large = side * FINER
    drawn = np.full((large, large, 3), _colour(colours, rng), np.uint8)
    for _ in range(count):
        leaf(drawn, _colour(colours, rng), rng)
    for _ in range(rng.integers(0, 25)):
        _line(drawn, _colour(colours, rng), rng)
    for _ in range(rng.integers(0, 8)):
        _word(drawn, _colour(colours, rng), rng)
    return cv2.resize(drawn, (side, side), interpolation=cv2.INTER_AREA)


def leaf(drawn: np.ndarray, colour: tuple[int, ...], rng: np.random.Generator) -> None:
    """One disc, ellipse or polygon, filled, somewhere on the picture or reaching into it."""
    radius = float(_radius(rng) * FINER)
    x, y = (int(place) for place in rng.integers(0, drawn.shape[0], 2))
    if rng.random() < 0.5:
        axes = (max(1, round(radius)), max(1, round(radius * rng.uniform(0.3, 1))))
        cv2.ellipse(drawn, (x, y), axes, float(rng.uniform(0, 180)), 0, 360, colour, -1, cv2.LINE_AA)
        return
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
    corners = np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], axis=1)
    cv2.fillPoly(drawn, [corners.astype(np.int32)], colour, cv2.LINE_AA)


def _radius(rng: np.random.Generator) -> float:
    """Between SMALLEST and LARGEST with a density that falls with the cube."""
    few, many = LARGEST**-2, SMALLEST**-2
    return float((few + rng.random() * (many - few)) ** -0.5)


def _line(drawn: np.ndarray, colour: tuple[int, ...], rng: np.random.Generator) -> None:
    one, other = rng.integers(0, drawn.shape[0], (2, 2))
    thickness = int(rng.integers(1, 4 * FINER))
    cv2.line(
        drawn, (int(one[0]), int(one[1])), (int(other[0]), int(other[1])), colour, thickness, cv2.LINE_AA
    )


def _word(drawn: np.ndarray, colour: tuple[int, ...], rng: np.random.Generator) -> None:
    word = "".join(rng.choice(list(LETTERS), int(rng.integers(3, 14))))
    x, y = (int(place) for place in rng.integers(0, drawn.shape[0], 2))
    size = float(rng.uniform(0.35, 1.6) * FINER)
    face = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    cv2.putText(drawn, word, (x, y), face, size, colour, max(1, round(size)), cv2.LINE_AA)


def _colour(colours: np.ndarray, rng: np.random.Generator) -> tuple[int, ...]:
    y, x = rng.integers(0, colours.shape[0]), rng.integers(0, colours.shape[1])
    return tuple(int(value) for value in colours[y, x])
