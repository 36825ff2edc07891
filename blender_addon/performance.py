# SPDX-License-Identifier: GPL-3.0-or-later
"""What a head does over a clip, as keyframes: its shape keys and the turn of its head bone.

Eyes have no keyframes of their own: the `eyeLook...` keys drive them (`rig.py`), and what the clip says of eyes follows
from the same keys. So an animator who moves a key moves lid and eye together. Correctives stay with their drivers, too.
"""

import bpy
import numpy as np

from . import axes
from .animation import set_curves
from .faceplate_client.errors import InputError

_NEEDED = ("clip_frames", "clip_weights", "clip_poses", "clip_pose_names")
_ORDER = "YXZ"
"""Of the head bone's turns: y turns it to a side, x nods, z tilts. The middle one must not come near 90 degrees."""


def expect_clip(arrays):
    """See that a head's arrays say what it does, before anything of it is made.

    Raises:
        InputError: they do not.
    """
    missing = [name for name in _NEEDED if name not in arrays]
    if missing:
        raise InputError(
            f"The head has no {', '.join(missing)}. Add-on and faceplate command should be of one release."
        )


def animate(head, arrays):
    """Set keyframes on every frame of a clip on which the face was seen.

    Args:
        head: from `heads.bring_in`. arrays: those that `expect_clip` let pass.

    Returns:
        (the clip's first frame, its last one).
    """
    frames, weights, poses = arrays["clip_frames"], arrays["clip_weights"], arrays["clip_poses"]
    seen = np.isfinite(weights).all(1) & np.isfinite(poses).all(1)
    _key_shapes(head, arrays, frames[seen], weights[seen])
    columns = [arrays["clip_pose_names"].tolist().index(f"head_rotate_{axis}") for axis in "xyz"]
    _key_turns(head.parent, frames[seen], poses[seen][:, columns])
    return int(frames[0]), int(frames[-1])


def _key_shapes(head, arrays, frames, weights):
    """Keyframes of the keys that no driver sets and that are not 0 all the time."""
    free = (arrays["drivers"][:, 0] < 0) & (weights != 0).any(0)
    names = arrays["expression_names"].tolist()
    curves = {
        (f'key_blocks["{bpy.utils.escape_identifier(names[k])}"].value', 0): (frames, weights[:, k])
        for k in np.flatnonzero(free)
    }
    set_curves(head.data.shape_keys, f"{head.name} expression", curves)


def _key_turns(armature, frames, vectors):
    """Keyframes of the head bone from rotation vectors (N, 3) of the command's."""
    bone = armature.pose.bones.get("head")
    if bone is None:
        return
    bone.rotation_mode, turns = _ORDER, []
    for vector in vectors.tolist():
        turn = axes.turn_in_bone(armature, bone.bone, vector)
        turns.append(turn.to_euler(_ORDER, turns[-1]) if turns else turn.to_euler(_ORDER))
    values = np.array(turns, np.float64).reshape(-1, 3)
    path = bone.path_from_id("rotation_euler")
    curves = {(path, axis): (frames, values[:, axis]) for axis in range(3)}
    set_curves(armature, f"{armature.name} pose", curves, group=bone.name)
