"""Dust, hairs and clumps of grain as a worn film carries them: what small detectors take for faces on large plates."""

import cv2
import numpy as np


def dirty(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8 with a few to some hundred specks, at times in clusters, and a hair or two."""
    worn, side = np.ascontiguousarray(pixels).copy(), pixels.shape[0]
    count = int(np.exp(rng.uniform(np.log(3), np.log(160))))
    centres = rng.uniform(0, side, (count, 2))
    if rng.random() < 0.4:  # dust gathers: two specks and a hair in a tone of their own look at you
        centres = centres[rng.integers(0, max(1, count // 4), count)] + rng.normal(0, 5, (count, 2))
    largest, white = rng.uniform(0.8, 3.2), rng.uniform(0.2, 0.95)
    for x, y in centres:
        tone = int(rng.uniform(190, 256) if rng.random() < white else rng.uniform(0, 50))
        radius = rng.uniform(0.4, largest)
        axes = (max(1, round(16 * radius)), max(1, round(16 * radius * rng.uniform(0.5, 1.0))))
        centre = (round(16 * x), round(16 * y))
        angle = float(rng.uniform(0, 180))
        cv2.ellipse(worn, centre, axes, angle, 0, 360, (tone, tone, tone), -1, cv2.LINE_AA, shift=4)
    for _ in range(int(rng.integers(0, 3))):
        _hair(worn, rng)
    if rng.random() < 0.6:
        worn = cv2.GaussianBlur(worn, (0, 0), float(rng.uniform(0.4, 1.1)))
    return worn


def _hair(worn: np.ndarray, rng: np.random.Generator) -> None:
    """A curled hair, light or dark."""
    steps = int(rng.integers(8, 40))
    heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.25, steps))
    path = np.cumsum(3 * np.stack([np.cos(heading), np.sin(heading)], 1), 0) + rng.uniform(
        0, len(worn), (1, 2)
    )
    tone = int(rng.choice([20, 240]))
    line = np.round(path * 16).astype(np.int32)
    cv2.polylines(worn, [line], False, (tone, tone, tone), 1, cv2.LINE_AA, shift=4)
