"""In Blender: a head's shape keys on FLAME's mesh, which has none; eyes inside it, beside it and as empties."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys

import bpy
import faceplate_addon
import numpy as np
from faceplate_addon import expressions, heads, mesh_parts
from faceplate_addon.operators.transfer_shapes import FACEPLATE_OT_transfer_shapes
from flame_scene import upright
from operating import Window, one_step, run, stopped
from scene import mesh_with, shape

arrays, mesh, out = dict(np.load(sys.argv[1])), dict(np.load(sys.argv[2])), sys.argv[3]
bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
bpy.context.preferences.edit.use_global_undo = True
points, triangles = upright(mesh["v_template_m"]), mesh["triangles"]
balls = np.zeros(len(points), int)
balls[mesh["mask_left_eyeball"]], balls[mesh["mask_right_eyeball"]] = 1, 2


def object_of(name, places, faces):
    used = np.unique(faces)
    number = np.full(len(places), -1)
    number[used] = np.arange(len(used))
    data = bpy.data.meshes.new(name)
    data.from_pydata(places[used].tolist(), [], number[faces].tolist())
    thing = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def select(target, *others):
    for each in bpy.data.objects:
        each.select_set(each in (target, *others))
    bpy.context.view_layer.objects.active = target


def transfer(**settings):
    return run(lambda: bpy.ops.faceplate.transfer_shapes("EXEC_DEFAULT", True, **settings))


def keys_of(thing):
    held = thing.data.shape_keys
    return [] if held is None else [key.name for key in held.key_blocks]


def parts_of(target, *others):
    bpy.context.view_layer.update()
    found = mesh_parts.face_parts(target, others)
    return {name: np.asarray(found[name]).tolist() for name in ("eyes", "radii") if name in found} | {
        "skin": len(found["triangles"])
    }


head = heads.bring_in(bpy.context, arrays, "anna")
whole = object_of("whole", points, triangles)
skin = object_of("skin", points, triangles[(balls[triangles] == 0).all(1)])
left = object_of("left", points, triangles[(balls[triangles] == 1).all(1)])
right = object_of("right", points, triangles[(balls[triangles] == 2).all(1)])
empties = []
for number in (1, 2):
    empties.append(bpy.data.objects.new(f"eye {number}", None))
    empties[-1].location = points[balls == number].mean(0).tolist()
    bpy.context.scene.collection.objects.link(empties[-1])
facts = {
    "inside": parts_of(whole), "beside": parts_of(skin, right, left), "empties": parts_of(skin, *empties),
    "arkit": list(expressions.ARKIT),
}  # fmt: skip
select(skin, head)
facts["no_eyes"] = transfer()
select(whole, head)
facts["no_such"] = transfer(only="jawOpen, fist")
facts["stopped"] = stopped(
    FACEPLATE_OT_transfer_shapes,
    Window(
        mode="OBJECT",
        active_object=whole,
        selected_objects=[whole, head],
    ),
    lambda: [keys_of(each) for each in bpy.data.objects if each.type == "MESH"],
    keys="ARKIT",
    only="",
)
select(whole, mesh_with("nobody", ("Fist",)))
facts["no_head"] = transfer()

# turned, placed and scaled in the scene, and of another unit in itself: keys are the mesh's own
whole.scale, whole.rotation_euler, whole.location = (2, 2, 2), (0, 0, 0.1), (1, 0, 0.3)
bpy.context.view_layer.update()
select(whole, head)
facts["undo"] = one_step(
    lambda: facts.update(answer=transfer(keys="ALL", only="jawOpen*, eyeBlinkLeft")),
    lambda: keys_of(bpy.data.objects["whole"]),
)
bpy.ops.ed.redo()
whole, head = bpy.data.objects["whole"], bpy.data.objects["anna"]
facts["keys"], facts["values"] = keys_of(whole), [key.value for key in whole.data.shape_keys.key_blocks]
select(whole, head)
facts["again"] = transfer(only="jawOpen")
base, seen = shape(whole), {}
for name in ("jawOpen", "eyeBlinkLeft"):
    whole.data.shape_keys.key_blocks[name].value = 1.0
    seen[name] = shape(whole) - base
    whole.data.shape_keys.key_blocks[name].value = 0.0
whole.data.shape_keys.key_blocks["jawOpen"].value = 0.5
bpy.context.view_layer.update()
facts["half"] = whole.data.shape_keys.key_blocks["jawOpenHalf"].value
np.savez(out, base=base, turn=np.array(whole.matrix_world)[:3, :3], **seen)
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
