"""What faces do in the renders: expressions as people make them, by chance, with eyes that look where lids say."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.gaze import LOOK
from faceplate.reconstruct.morphable import HeadModel

ALONE = 0.15
"""How often one side of a face does what usually both do."""

OFTEN = {
    "jawOpen": (0.45, 1.2, 2.0),
    "mouthSmile": (0.4, 1.3, 1.4),
    "browInnerUp": (0.25, 1.2, 1.5),
    "browOuterUp": (0.22, 1.2, 1.5),
    "browDown": (0.2, 1.2, 1.6),
    "eyeSquint": (0.2, 1.2, 1.6),
    "eyeWide": (0.12, 1.3, 1.6),
    "mouthUpperUp": (0.15, 1.2, 2.0),
    "mouthLowerDown": (0.18, 1.2, 2.0),
    "mouthFrown": (0.15, 1.2, 1.8),
    "mouthPucker": (0.12, 1.2, 1.6),
    "mouthFunnel": (0.1, 1.2, 1.8),
    "mouthPress": (0.1, 1.2, 1.8),
    "mouthStretch": (0.1, 1.2, 1.8),
    "mouthRollLower": (0.08, 1.2, 1.8),
    "mouthRollUpper": (0.08, 1.2, 1.8),
    "mouthShrugLower": (0.1, 1.2, 1.8),
    "mouthShrugUpper": (0.08, 1.2, 1.8),
    "mouthDimple": (0.12, 1.2, 1.8),
    "cheekSquint": (0.15, 1.2, 1.8),
    "noseSneer": (0.1, 1.2, 1.8),
    "cheekPuff": (0.06, 1.2, 1.6),
}
"""Shape, of both sides where it has sides: how often it is seen, and the two numbers of the beta law of its weight."""

RARE = ("mouthLeft", "mouthRight", "jawLeft", "jawRight", "jawForward", "mouthClose", "tongueOut")
"""Shapes that people make now and then."""

SELDOM = 0.12
"""How often each of them is seen."""


def acted(head: HeadModel, rng: np.random.Generator) -> NDArray[np.float32]:
    """(E,) weights 0-1 of one moment: lids, look, mouth, brows, and at times shapes that nobody makes together.

    Only the 52 shapes with ARKit's names move: those beside them say the same in other words, and no picture tells
    which of two names was meant.
    """
    named: dict[str, float] = {}
    if rng.random() < 0.9:  # else a face at rest, but for lids and look
        for shape, (share, low, high) in OFTEN.items():
            if rng.random() < share:
                _add(head, named, shape, float(rng.beta(low, high)), rng)
        for shape in RARE:
            if rng.random() < SELDOM:
                named[shape] = float(rng.beta(1.2, 2.0))
        arkit = [
            name
            for name, role in zip(head.expression_names, head.expression_roles, strict=True)
            if role == "arkit"
        ]
        for shape in rng.choice(arkit, int(rng.integers(0, 4)), replace=False):
            if not shape.startswith(("eyeLook", "eyeBlink")):
                named[shape] = float(rng.beta(1.2, 2.5))
    named |= look(rng)
    if rng.random() < 0.4:
        closed = float(rng.beta(8, 1)) if rng.random() < 0.5 else float(rng.random())
        _add(head, named, "eyeBlink", closed, rng)
    return head.with_correctives(np.clip(head.weights(named), 0, 1))


def look(rng: np.random.Generator) -> dict[str, float]:
    """Weights of the `eyeLook...` shapes of two eyes that look at one place: most often nearly straight ahead."""
    wide = 0.5 if rng.random() < 0.6 else 1.4
    aside, down = rng.normal(0, np.radians(11), 2) * wide  # to the subject's left, and down
    inwards = np.radians(rng.exponential(1.5))  # both eyes, towards what is near
    weights: dict[str, float] = {}
    for side, outwards in (("Left", aside - inwards), ("Right", -aside - inwards)):
        for angle, plus, minus in ((outwards, "Out", "In"), (down, "Down", "Up")):
            way = plus if angle > 0 else minus
            weights[f"eyeLook{way}{side}"] = float(min(abs(np.degrees(angle)) / LOOK[way], 1.0))
    return weights


def _add(
    head: HeadModel, named: dict[str, float], shape: str, weight: float, rng: np.random.Generator
) -> None:
    """A shape on both sides about alike, at times on one alone; a shape without sides as it is."""
    if shape in head.expression_names:
        named[shape] = weight
        return
    sides = ["Left", "Right"]
    if rng.random() < ALONE:
        sides = [str(rng.choice(sides))]
    for side in sides:
        named[f"{shape}{side}"] = weight * float(rng.uniform(0.8, 1))


def other_side(names: Mapping[str, int] | list[str]) -> NDArray[np.int64]:
    """(N,) for every name the place of the one of the other side; its own where it has none."""
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[_swapped(name)] for name in places])


def _swapped(name: str) -> str:
    """A name with left and right changed: at its end, or where ARKit has a way of moving (`jawLeft`)."""
    for here, there in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(here):
            return name.removesuffix(here) + there
    return name
