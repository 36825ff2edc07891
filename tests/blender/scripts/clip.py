"""In Blender: a head from a clip, its keyframes, undone, stopped; and what it shows baked on rigs of others."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
from pathlib import Path

import bpy
import faceplate_addon
import numpy as np
from faceplate_addon import heads
from faceplate_addon.operators.head_from_clip import FACEPLATE_OT_head_from_clip
from flame_scene import make_rig
from operating import Window, run, stopped
from scene import mesh_with, shape, transferred

picture, out, flame = Path(sys.argv[1]), sys.argv[2], dict(np.load(sys.argv[3]))
kept, read = {}, heads.read_arrays


def read_and_kept(path):
    kept.update(read(path))
    return dict(kept)


def everything():
    data = bpy.data
    many = (data.objects, data.meshes, data.armatures, data.actions, data.collections, data.materials)
    scene = bpy.context.scene
    return [[each.name for each in some] for some in many] + [scene.frame_start, scene.frame_end]


def curves_of(datablock):
    """{(data path, index): frames}, of an action with slots and of one before those."""
    animation = datablock.animation_data
    action = animation.action
    if hasattr(action, "layers"):
        curves = action.layers[0].strips[0].channelbag(animation.action_slot).fcurves
    else:
        curves = action.fcurves
    return {
        (curve.data_path, curve.array_index): [point.co[0] for point in curve.keyframe_points]
        for curve in curves
    }


def values(thing):
    return {key.name: key.value for key in thing.data.shape_keys.key_blocks if key.name != "Basis"}


def from_clip(**settings):
    return run(lambda: bpy.ops.faceplate.head_from_clip("EXEC_DEFAULT", True, **settings))


bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
heads.read_arrays = read_and_kept
bpy.context.preferences.edit.use_global_undo = True
scene = bpy.context.scene
scene.faceplate.texture = 0
defaults = {"some": False, "first": 1, "last": 250, "step": 1, "skip_missing": False, "scene_range": True}
facts = {
    "stopped": stopped(FACEPLATE_OT_head_from_clip, Window(), everything, filepath=str(picture), **defaults),
    "nothing": from_clip(filepath=""),
    "photo": from_clip(filepath=str(picture.with_name("anna.png"))),
    "backwards": from_clip(filepath=str(picture), some=True, first=5, last=4),
    "absent": from_clip(filepath=str(picture), some=True, first=5, last=6),
}

bpy.ops.ed.undo_push(message="start")
before = everything()
facts["answer"] = from_clip(filepath=str(picture))
made = everything()
bpy.ops.ed.undo()
facts["one_step"] = [made != before, everything() == before]
bpy.ops.ed.redo()
facts["again"] = everything() == made
head = bpy.data.objects["plate"]
rig, scene = head.parent, bpy.context.scene
facts["range"] = [scene.frame_start, scene.frame_end]
facts["report"] = json.loads(head["faceplate_report"])["clip"]
facts["driven"] = [d.data_path for d in head.data.shape_keys.animation_data.drivers]
shapes, bones = curves_of(head.data.shape_keys), curves_of(rig)
facts["shapes"] = [[path, frames] for (path, _), frames in shapes.items()]
facts["bones"] = [[path, index, frames] for (path, index), frames in bones.items()]

seen = {}
for frame in kept["clip_frames"].tolist():
    scene.frame_set(frame)
    seen[f"shape_{frame}"] = shape(head)
    seen[f"values_{frame}"] = np.array([values(head)[name] for name in kept["expression_names"].tolist()])

# what it shows, on rigs that somebody else made
arkit = mesh_with("arkit", ("JawOpen", "EyeBlink_L", "mouthSmile", "browInnerUp"))
facts["baked"] = transferred(bpy.ops.faceplate.transfer_expression, head, arkit, bake=True)
facts["arkit"] = {path: frames for (path, _), frames in curves_of(arkit.data.shape_keys).items()}
other, armature = make_rig(flame, "FLAME", expression="Exp{}".format, eye="{}_eye", bone_way=(0, 0, 0.01))
flame_rest = shape(other)
facts["flame"] = transferred(bpy.ops.faceplate.transfer_to_flame, head, other, bake=True)
facts["flame_curves"] = sorted({path for path, _ in curves_of(other.data.shape_keys)})
facts["flame_frames"] = sorted({len(frames) for frames in curves_of(armature).values()})
for frame in range(scene.frame_start, scene.frame_end + 1):
    scene.frame_set(frame)
    seen[f"arkit_{frame}"] = np.array([values(arkit)["JawOpen"]])
    seen[f"flame_{frame}"] = shape(other)
np.savez(out, flame_rest=flame_rest, **kept, **seen)

blend = str(Path(out).with_suffix(".blend"))
bpy.ops.wm.save_as_mainfile(filepath=blend)
bpy.ops.wm.open_mainfile(filepath=blend)
opened = bpy.data.objects["plate"]
facts["opened"] = curves_of(opened.data.shape_keys) == shapes and curves_of(opened.parent) == bones
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
