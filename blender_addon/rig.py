# SPDX-License-Identifier: GPL-3.0-or-later
"""The head's armature, its skin weights, and what drives what.

Eye bones follow the `eyeLook...` keys, so that a recording of ARKit's weights turns eyes and lids together; correctives
follow the keys that they correct. Neck, head and jaw bones are the animator's.
"""

import bpy
import numpy as np
from mathutils import Vector

LOOK = {"In": 30.0, "Out": 30.0, "Up": 25.0, "Down": 30.0}
"""Degrees that an eye turns when an `eyeLook...` key is at 1."""

_FORWARD = Vector((0.0, -1.0, 0.0))
_UP = Vector((0.0, 0.0, 1.0))
_LENGTH = {"root": 0.05, "neck": 0.06, "head": 0.12, "jaw": 0.08}  # metres, of bones as they are drawn
_EYE_LENGTH = 0.03


def make_armature(context, collection, arrays, joints, name):
    """The armature's object; joints (J, 3) in Blender's metres.

    Bones point up, those of jaw and eyes forwards with their local z up, so that x turns a gaze up and z to the side.
    """
    armature = bpy.data.objects.new(f"{name} rig", bpy.data.armatures.new(f"{name} rig"))
    collection.objects.link(armature)
    context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = []
    for joint, parent, place in zip(
        arrays["joint_names"].tolist(), arrays["joint_parents"], joints, strict=True
    ):
        bone = armature.data.edit_bones.new(joint)
        forwards = joint == "jaw" or joint.startswith("eye")
        bone.head = Vector(place.tolist())
        bone.tail = bone.head + (_FORWARD if forwards else _UP) * _LENGTH.get(joint, _EYE_LENGTH)
        bone.align_roll(_UP if forwards else -_FORWARD)
        bone.parent = bones[parent] if parent >= 0 else None
        bones.append(bone)
    bpy.ops.object.mode_set(mode="OBJECT")
    return armature


def move_joints(context, armature, arrays, joints):
    """Bring the bones of an armature that `make_armature` made to other joints (J, 3); they keep length and way."""
    active = context.view_layer.objects.active
    context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    for joint, place in zip(arrays["joint_names"].tolist(), joints, strict=True):
        bone = armature.data.edit_bones.get(joint)
        if bone is not None:
            way = bone.tail - bone.head
            bone.head = Vector(place.tolist())
            bone.tail = bone.head + way
    bpy.ops.object.mode_set(mode="OBJECT")
    context.view_layer.objects.active = active


def bind(head, armature, arrays):
    """Skin the head to the armature, and let its eyes follow the keys."""
    groups = [head.vertex_groups.new(name=joint) for joint in arrays["joint_names"].tolist()]
    for group, shares in zip(groups, arrays["skin"].T, strict=True):
        # as many calls as there are different shares, and not as there are vertices
        rounded = np.round(shares.astype(np.float64), 3)
        order = np.argsort(rounded, kind="stable")
        values, first = np.unique(rounded[order], return_index=True)
        for value, vertices in zip(values, np.split(order, first[1:]), strict=True):
            if value > 0:
                group.add(vertices.tolist(), float(value), "REPLACE")
    head.parent = armature
    modifier = head.modifiers.new("Armature", "ARMATURE")
    modifier.object = armature
    for side, outwards in (("left", 1.0), ("right", -1.0)):
        _drive_eye(head, armature, side, outwards)


def drive_correctives(head, arrays):
    """Correctives ask for the product of their two drivers, or for 4 w (1 - w) of one that is named twice."""
    names = arrays["expression_names"].tolist()
    for name, (a, b) in zip(names, arrays["drivers"].tolist(), strict=True):
        if a >= 0:
            driver = head.data.shape_keys.key_blocks[name].driver_add("value").driver
            _add_key_variable(driver, head, "a", names[a])
            if a != b:
                _add_key_variable(driver, head, "b", names[b])
            driver.expression = "4 * a * (1 - a)" if a == b else "a * b"


def copy_correctives(source, target, names):
    """Let keys of the target, those of `names` that the source has drivers for, follow its own as the source's do."""
    animation, keys = source.data.shape_keys.animation_data, target.data.shape_keys.key_blocks
    for old in animation.drivers if animation else ():
        name = next((each for each in names if old.data_path == f'key_blocks["{each}"].value'), None)
        paths = [each.targets[0].data_path for each in old.driver.variables]
        words = [path.partition('["')[2].partition('"]')[0] for path in paths]
        if name is None or not all(word in keys for word in words):
            continue
        driver = keys[name].driver_add("value").driver
        for variable, word in zip(old.driver.variables, words, strict=True):
            _add_key_variable(driver, target, variable.name, word)
        driver.expression = old.driver.expression


def _drive_eye(head, armature, side, outwards):
    bone, keys = armature.pose.bones.get(f"eye_{side}"), head.data.shape_keys.key_blocks
    named = {way: f"eyeLook{way}{side.capitalize()}" for way in LOOK}
    if bone is None or not all(name in keys for name in named.values()):
        return
    bone.rotation_mode = "XYZ"
    for axis, (plus, minus), sign in ((0, ("Up", "Down"), 1.0), (2, ("Out", "In"), outwards)):
        driver = bone.driver_add("rotation_euler", axis).driver
        _add_key_variable(driver, head, "a", named[plus])
        _add_key_variable(driver, head, "b", named[minus])
        up, down = (sign * np.radians(LOOK[way]) for way in (plus, minus))
        driver.expression = f"{up:.5f} * a - {down:.5f} * b"


def _add_key_variable(driver, head, letter, key):
    driver.type = "SCRIPTED"
    variable = driver.variables.new()
    variable.name, variable.type = letter, "SINGLE_PROP"
    target = variable.targets[0]
    target.id_type, target.id = "KEY", head.data.shape_keys
    target.data_path = f'key_blocks["{key}"].value'
