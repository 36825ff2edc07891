"""In Blender: rigs as the add-ons of FLAME's authors make them, from FLAME's arrays."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import bpy
import numpy as np
from mathutils import Vector


def upright(points):
    """y up and z out of the face become z up and -y."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], -1)


def _add_key(arrays, thing, name, moves, slider=(-10, 10)):
    key = thing.shape_key_add(name=name, from_mix=False)
    key.data.foreach_set("co", (upright(arrays["v_template"]) + upright(moves)).astype(np.float32).ravel())
    key.slider_min, key.slider_max = slider
    key.value = 0
    return key


def make_rig(arrays, name, *, expression, eye, bone_way):
    """Mesh, keys, armature and weights of FLAME's arrays, by an add-on's names."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(upright(arrays["v_template"]).tolist(), [], arrays["f"].tolist())
    thing = bpy.data.objects.new(name, mesh)
    armature = bpy.data.objects.new(f"{name} bones", bpy.data.armatures.new(name))
    for each in (thing, armature):
        bpy.context.scene.collection.objects.link(each)
    thing.shape_key_add(name="Basis", from_mix=False)
    shapes = arrays["shapedirs"]
    for number in range(2):
        _add_key(arrays, thing, f"Shape{number + 1}", shapes[:, :, number])
    for number in range(100):
        _add_key(arrays, thing, expression(number), shapes[:, :, 300 + number])
    for number in range(36):
        _add_key(arrays, thing, f"Pose{number + 1}", arrays["posedirs"][:, :, number])
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    bones = {}
    joints = upright(arrays["J_regressor"] @ arrays["v_template"])
    names = ("root", "neck", "jaw", *(eye.format(side) for side in ("left", "right")))
    for bone, parent, place in zip(names, (None, "root", "neck", "neck", "neck"), joints, strict=True):
        bones[bone] = armature.data.edit_bones.new(bone)
        bones[bone].head = Vector(place.tolist())
        bones[bone].tail = bones[bone].head + Vector(bone_way)
        bones[bone].parent = bones.get(parent)
    bpy.ops.object.mode_set(mode="OBJECT")
    for number, bone in enumerate(names):
        group = thing.vertex_groups.new(name=bone)
        for vertex in np.flatnonzero(arrays["weights"][:, number] > 1e-4):
            group.add([int(vertex)], float(arrays["weights"][vertex, number]), "REPLACE")
    thing.parent = armature
    thing.modifiers.new("Armature", "ARMATURE").object = armature
    return thing, armature
