# SPDX-License-Identifier: GPL-3.0-or-later
"""Keyframes, many at once: whole curves of a datablock, in actions with slots (Blender 4.4 on) and in those before."""

import bpy
import numpy as np

_LINEAR = 1  # the number of LINEAR among a keyframe's interpolations


def set_curves(datablock, name, curves, group=""):
    """Give a datablock curves, each in the place of one that is there.

    Between keyframes values go straight: keyframes on every frame want no handles, and over a gap nothing swings.

    Args:
        datablock: an ID, an object or shape keys for instance. name: for its action, where it has none yet.
        curves: {(data path, index): (frames (N,), values (N,))}. group: that the curves are shown in, if any.
    """
    held = _holder(datablock, name)
    shown = None
    if group and curves:
        shown = held.groups.get(group) or held.groups.new(group)
    for (path, index), (frames, values) in curves.items():
        curve = held.fcurves.find(path, index=index)
        if curve is not None:
            held.fcurves.remove(curve)
        curve = held.fcurves.new(path, index=index)
        curve.keyframe_points.add(len(frames))
        places = np.column_stack([frames, values]).astype(np.float32)
        curve.keyframe_points.foreach_set("co", places.ravel())
        curve.keyframe_points.foreach_set("interpolation", np.full(len(frames), _LINEAR, np.int32))
        curve.group = shown
        curve.update()


def _holder(datablock, name):
    """What has the `fcurves` and `groups` of a datablock: its action, or its slot's part of that."""
    animation = datablock.animation_data or datablock.animation_data_create()
    if animation.action is None:
        animation.action = bpy.data.actions.new(name)
    action = animation.action
    if not hasattr(action, "layers"):
        return action
    if animation.action_slot is None:
        animation.action_slot = action.slots.new(id_type=datablock.id_type, name=datablock.name)
    layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
    strip = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(animation.action_slot, ensure=True)
