"""Who is drawn, with what expression, how turned and through which lens: everything by chance from one generator."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.camera import Camera, HeadPose
from faceplate.reconstruct.morphable import HeadModel, rotation

YAW, PITCH = np.radians(75.0), np.radians(35.0)
"""The farthest a head is turned to a side, and up or down."""

SPAN = 330.0
"""mm that the side of a picture shows at the head's distance: the head with some room about it."""


@dataclass(frozen=True)
class Sitter:
    """A head in front of a lens: `vertices` (V, 3) mm with expression, `pose`, `camera`. `yaw`, `pitch`: radians."""

    vertices: NDArray[np.float32]
    pose: HeadPose
    camera: Camera
    yaw: float
    pitch: float


def seat(head: HeadModel, side: int, rng: np.random.Generator) -> Sitter:
    """A random person in a picture of `side` pixels: lens 24-135 mm full frame, the head well inside."""
    rest = head.rest(anybody(head, rng), expression(head, rng))
    return placed(lambda: eyes_turned(head, rest, rng), side, rng)


def anybody(head: HeadModel, rng: np.random.Generator) -> NDArray[np.float64]:
    """(K,) identity coefficients, some people more like the mean than others."""
    return np.clip(rng.normal(0, rng.uniform(0.5, 1.1), len(head.identity)), -2.5, 2.5)


def placed(posed: Callable[[], NDArray[np.float32]], side: int, rng: np.random.Generator) -> Sitter:
    """A head, whose vertices (V, 3) are asked for last, turned and placed before a lens by chance."""
    frontal = rng.random() < 0.45
    yaw = float(np.clip(rng.normal(0, np.radians(22)), -YAW, YAW)) if frontal else rng.uniform(-YAW, YAW)
    pitch = float(np.clip(rng.normal(0, np.radians(13)), -PITCH, PITCH))
    roll = float(rng.normal(0, np.radians(10)))
    turn = (
        rotation(np.array([0, 0, roll])) @ rotation(np.array([0, yaw, 0])) @ rotation(np.array([pitch, 0, 0]))
    )
    lens = float(np.exp(rng.uniform(np.log(24), np.log(135))))
    distance = max(230 * lens / (36 * rng.uniform(0.3, 0.65)), 260.0)
    focal = side * distance / SPAN * rng.uniform(0.9, 1.15)
    aside = rng.normal(0, 0.12, 2) * distance  # seldom is a face in the very middle of a photo
    middle = side / 2 + rng.normal(0, 0.02, 2) * side + (0, 0.02 * side)
    centre = middle - focal * aside / distance
    return Sitter(
        posed(),
        HeadPose(rotation_vector(turn), np.array([*aside, distance])),
        Camera(focal, (float(centre[0]), float(centre[1]))),
        yaw,
        pitch,
    )


def expression(head: HeadModel, rng: np.random.Generator) -> NDArray[np.float32]:
    """(E,) weights: mostly a few shapes, often the ones that matter most for points: jaw, smile, blink, brows."""
    weights = np.zeros(len(head.expressions), np.float32)
    fitted = np.flatnonzero(head.fitted)
    for place in rng.choice(fitted, rng.integers(0, 7), replace=False):
        weights[place] = rng.beta(1.2, 2.5)
    if rng.random() < 0.35:
        weights += head.weights({"jawOpen": float(rng.beta(1.2, 2.0))})
    if rng.random() < 0.35:
        smile = float(rng.beta(1.5, 1.5))
        weights += head.weights({"mouthSmileLeft": smile, "mouthSmileRight": smile * rng.uniform(0.8, 1)})
    if rng.random() < 0.25:
        lids = float(rng.random() ** 0.7)
        weights += head.weights({"eyeBlinkLeft": lids, "eyeBlinkRight": lids})
    if rng.random() < 0.2:
        up = float(rng.random())
        weights += head.weights({"browInnerUp": up, "browOuterUpLeft": up, "browOuterUpRight": up})
    return head.with_correctives(np.clip(weights, 0, 1))


def eyes_turned(head: HeadModel, rest: np.ndarray, rng: np.random.Generator) -> NDArray[np.float32]:
    """The head with both eyeballs turned to where it looks."""
    look = np.array([rng.normal(0, 0.12), rng.normal(0, 0.2), 0.0]).clip(-0.45, 0.45)
    return head.posed(rest, head.joints(rest), {"eye_left": look, "eye_right": look})


def rotation_vector(matrix: np.ndarray) -> NDArray[np.float64]:
    """(3,) radians, the inverse of `morphable.rotation` for angles below pi."""
    angle = np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1))
    axis = np.array([matrix[2, 1] - matrix[1, 2], matrix[0, 2] - matrix[2, 0], matrix[1, 0] - matrix[0, 1]])
    return axis * (0.5 if angle < 1e-6 else angle / (2 * np.sin(angle)))
