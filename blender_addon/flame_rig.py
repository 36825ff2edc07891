# SPDX-License-Identifier: GPL-3.0-or-later
"""Rigs of FLAME's expressions as its authors' add-ons make them: their arrays for the command, its poses on them.

FLAME's own add-on names keys `Exp1`, `Shape1`, `Pose1` and bones `jaw`, `left_eye`, `right_eye`; SMPL-X's names keys
`Exp000`, `Shape000` and eyes `left_eye_smplhf`, `right_eye_smplhf`.
"""

import re

import numpy as np

from . import axes
from .faceplate_client.errors import RequestError
from .keys import moves, places

_EXPRESSION = re.compile(r"Exp_?\d+$")
_POSE = re.compile(r"Pose_?\d+$")
_BONES = {
    "jaw": ("jaw",),
    "eye_left": ("left_eye", "left_eye_smplhf", "eye_left"),
    "eye_right": ("right_eye", "right_eye_smplhf", "eye_right"),
}
_JAW_BENDS = tuple(f"Pose{number}" for number in range(10, 19))
"""FLAME's corrective keys of its jaw: the entries of the turn's matrix less the identity, row by row."""

_FARTHEST = 4.0  # standard deviations
_OF_EYE = 0.5  # share from which a vertex is of an eyeball


class FlameRig:
    """A mesh with FLAME's expression keys, and its armature.

    Raises:
        RequestError: what a rig needs and this one has not, by name.
    """

    def __init__(self, target):
        self.target, self.armature = target, target.find_armature() or target.parent
        keys = target.data.shape_keys.key_blocks
        self.keys = [key.name for key in keys if _EXPRESSION.match(key.name)]
        held = (
            self.armature.pose.bones if self.armature is not None and self.armature.type == "ARMATURE" else {}
        )
        self.bones = {
            part: next((name for name in names if name in held), None) for part, names in _BONES.items()
        }
        missing = [] if self.keys else ["shape keys Exp1, Exp2 and so on"]
        lost = [_BONES[part][0] for part, name in self.bones.items() if name is None]
        missing += [f"bones named {', '.join(lost)}"] if lost else []
        if missing:
            raise RequestError(
                f"{target.name} is no FLAME rig that is known. Missing: {'; '.join(missing)}. Add FLAME or SMPL-X with "
                "its authors' add-on, or use Transfer Expression for keys with ARKit's names."
            )
        self.bends = [name for name in _JAW_BENDS if name in keys]
        self.bends = self.bends if len(self.bends) == len(_JAW_BENDS) else []

    def arrays(self):
        """What `faceplate transfer` reads of a rig (docs/heads.md), {name: array}; identity keys are kept as set."""
        mesh, world = self.target.data, self.target.matrix_world
        keys = mesh.shape_keys.key_blocks
        rest = places(mesh.shape_keys.reference_key)
        for key in keys:
            if key.value and not (_EXPRESSION.match(key.name) or _POSE.match(key.name)):
                rest = rest + key.value * moves(key)
        joints = {part: self._joint(name) for part, name in self.bones.items()}
        limits = np.array([(keys[name].slider_min, keys[name].slider_max) for name in self.keys], np.float32)
        found = {
            "vertices": axes.ours(rest, world),
            "triangles": self._skin(),
            "eyes": np.stack([joints["eye_left"], joints["eye_right"]]),
            "keys": axes.ours_moves(np.stack([moves(keys[name]) for name in self.keys]), world),
            "low": limits[:, 0].clip(min=-_FARTHEST),
            "high": limits[:, 1].clip(max=_FARTHEST),
            "jaw": joints["jaw"],
            "jaw_share": self._shares(self.bones["jaw"]),
        }
        if self.bends:
            # the keys' entries are of the turn about the bone's axes, the command's of the turn about its own
            change = np.array(axes.bone_from_ours(self.armature, self._bone("jaw").bone))
            own = axes.ours_moves(np.stack([moves(keys[name]) for name in self.bends]), world)
            bends = np.einsum("ia,jb,ijvx->abvx", change, change, own.reshape(3, 3, -1, 3))
            found["jaw_bends"] = bends.reshape(9, -1, 3).astype(np.float32)
        return found

    def show(self, poses, row, frame=None):
        """Set keys and bones to one pose of the command's; with a frame, set keyframes as well."""
        keys = self.target.data.shape_keys.key_blocks
        turn = axes.turn_in_bone(self.armature, self._bone("jaw").bone, poses["jaw"][row])
        values = dict(zip(self.keys, poses["weights"][row].tolist(), strict=True))
        if self.bends:
            entries = (np.array(turn) - np.eye(3)).ravel().tolist()
            values.update(zip(self.bends, entries, strict=True))
        for name, value in values.items():
            keys[name].value = value
            if frame is not None:
                keys[name].keyframe_insert("value", frame=frame)
        for part in self.bones:
            bone = self._bone(part)
            _turn(bone, axes.turn_in_bone(self.armature, bone.bone, poses[part][row]), frame)

    def _bone(self, part):
        return self.armature.pose.bones[self.bones[part]]

    def _joint(self, bone):
        place = self.armature.data.bones[bone].head_local
        return axes.ours(np.array([place], np.float64), self.armature.matrix_world)[0]

    def _shares(self, bone):
        """(V,) how far each vertex follows a bone."""
        found = np.zeros(len(self.target.data.vertices), np.float32)
        group = self.target.vertex_groups.get(bone)
        if group is None:
            raise RequestError(
                f"{self.target.name} has no vertex group {bone}, so its {bone} moves nothing. Bind the mesh to its rig."
            )
        for vertex in self.target.data.vertices:
            for share in vertex.groups:
                if share.group == group.index:
                    found[vertex.index] = share.weight
        return found

    def _skin(self):
        """(F, 3) triangles without the eyeballs."""
        mesh = self.target.data
        mesh.calc_loop_triangles()
        triangles = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.loop_triangles.foreach_get("vertices", triangles)
        triangles = triangles.reshape(-1, 3)
        balls = sum(self._shares(self.bones[part]) for part in ("eye_left", "eye_right")) > _OF_EYE
        return triangles[~balls[triangles].any(1)]


def _turn(bone, turn, frame):
    """Turn a bone from its rest, in whatever way it is turned by hand."""
    if bone.rotation_mode == "QUATERNION":
        bone.rotation_quaternion, path = turn.to_quaternion(), "rotation_quaternion"
    elif bone.rotation_mode == "AXIS_ANGLE":
        axis, angle = turn.to_quaternion().to_axis_angle()
        bone.rotation_axis_angle, path = (angle, *axis), "rotation_axis_angle"
    else:
        bone.rotation_euler, path = turn.to_euler(bone.rotation_mode), "rotation_euler"
    if frame is not None:
        bone.keyframe_insert(path, frame=frame)
