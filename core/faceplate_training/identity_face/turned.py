"""Portraits turned away from the camera: people in photos look anywhere, the portraits look at us."""

from pathlib import Path

import cv2
import numpy as np

from faceplate.faces import FFHQ_512
from faceplate.geometry import apply, inverse
from faceplate_training.detect_face.turning import turn_away
from faceplate_training.photos import Frame, Teacher, cut_frame

WORKING = 224
"""Side a frame is turned at, pixels: twice what the embedder sees."""

YAW = (0.2, 0.95)
"""Least and largest turn, radians."""


def turned(pool: list[Frame], *, head: Path, teacher: Path, store: Path, seed: int) -> list[Frame]:
    """Every frame once more, its head turned to one side, where the teacher still finds a face.

    Args:
        pool: aligned frames. head: the ICT head, see `turning.average_head`. teacher: YuNet as ONNX.
        store: file the result is kept in; made anew when it is of another pool or seed.

    Returns:
        Frames aligned by the points found after the turn, as a detector at work would align them.
    """
    key = np.array([seed, len(pool), *(int(frame.template_side) for frame in pool)])
    if store.exists():
        with np.load(store) as data:
            if np.array_equal(data["key"], key):
                return [
                    Frame(data[f"pixels_{i}"], float(side), pool[number].photo)
                    for i, (side, number) in enumerate(zip(data["sides"], data["numbers"], strict=True))
                ]
    guide, rng, made = Teacher(teacher), np.random.default_rng(seed), []
    for number, frame in enumerate(pool):
        yaw = rng.uniform(*YAW) * rng.choice([-1.0, 1.0])
        again = _turned(frame, yaw, head, guide)
        if again is not None:
            made.append((number, again))
    store.parent.mkdir(parents=True, exist_ok=True)
    arrays = {f"pixels_{i}": frame.pixels for i, (_, frame) in enumerate(made)}
    sides, numbers = np.array([frame.template_side for _, frame in made]), np.array([n for n, _ in made])
    np.savez(store, key=key, sides=sides, numbers=numbers, **arrays)  # pyright: ignore[reportArgumentType]
    return [frame for _, frame in made]


def _turned(frame: Frame, yaw: float, head: Path, guide: Teacher) -> Frame | None:
    scale = min(1.0, WORKING / frame.pixels.shape[0])
    small = cv2.resize(frame.pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points = apply(inverse(template_from_frame(frame)), FFHQ_512) * np.float32(scale)
    away = turn_away(np.ascontiguousarray(small), points, yaw, head)
    found = guide.points(away)
    return None if found is None else cut_frame(away, found, frame.photo, largest=WORKING)


def template_from_frame(frame: Frame) -> np.ndarray:
    """(3, 3), from pixels of an aligned frame to the 512 px FFHQ template."""
    scale = 512 / frame.template_side
    rim = (frame.pixels.shape[0] - frame.template_side) / 2
    return np.array([[scale, 0, -rim * scale], [0, scale, -rim * scale], [0, 0, 1]])
