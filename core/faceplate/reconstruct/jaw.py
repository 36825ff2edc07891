"""How the lower jaw moves with an expression, for rigs whose jaw is a joint: ours opens the mouth by its shapes."""

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.flame_fit import vector_of
from faceplate.reconstruct.morphable import HeadModel

_TEETH = "teeth_lower"


def jaw_motion(
    head: HeadModel, neutral: np.ndarray, expression: np.ndarray
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The turn and the move of the lower teeth, which hang on no skin and so move as the bone does.

    Our mesh must not be turned by it besides its shapes, or its mouth would open twice.

    Args:
        head: the model. neutral: (V, 3) mm, the person without expression. expression: (E,) weights, correctives
            included.

    Returns:
        A rotation vector (3,), radians, about the jaw's joint, and how far that is moved (3,), mm; both about the axes
        of the head. None of a head without lower teeth.

    After: Kabsch, "A Solution for the Best Rotation to Relate Two Sets of Vectors", 1976.
    """
    if _TEETH not in head.region_names or "jaw" not in head.joint_names:
        return None
    corners = head.quads[head.quad_region == head.region_names.index(_TEETH)]
    teeth = np.unique(corners[corners >= 0])
    joint = head.joints(neutral)[head.joint_names.index("jaw")].astype(np.float64)
    rest = neutral[teeth].astype(np.float64) - joint
    there = rest + np.tensordot(np.asarray(expression, np.float32), head.expressions[:, teeth], 1)
    middle, moved = rest.mean(0), there.mean(0)
    left, _, right = np.linalg.svd((rest - middle).T @ (there - moved))
    upright = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(left @ right)))])
    turn = (left @ upright @ right).T
    return vector_of(turn), moved - turn @ middle
