"""Where eyes turn when a head looks: lids move by shapes, eyeballs by joints, and one goes with the other."""

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.morphable import HeadModel

LOOK = {"In": 30.0, "Out": 30.0, "Up": 25.0, "Down": 30.0}
"""Degrees that an eye turns when an `eyeLook...` shape is at 1; the Blender extension has the same."""


def eye_turns(head: HeadModel, expression: np.ndarray) -> dict[str, NDArray[np.float64]]:
    """Rotation vectors (3,), radians, of `eye_left` and `eye_right` from an expression's weights (E,)."""
    weight = dict(zip(head.expression_names, np.asarray(expression, float).tolist(), strict=True))
    turns = {}
    for side, outwards in (("Left", 1.0), ("Right", -1.0)):
        down, out = (
            np.radians(LOOK[minus] * weight.get(f"eyeLook{minus}{side}", 0.0))
            - np.radians(LOOK[plus] * weight.get(f"eyeLook{plus}{side}", 0.0))
            for minus, plus in (("Down", "Up"), ("In", "Out"))
        )
        # x to the subject's left, y up: a turn about x looks down, about y to the left
        turns[f"eye_{side.lower()}"] = np.array([down, -outwards * out, 0.0])
    return turns
