"""In Blender: rigs as the add-ons of FLAME's authors make them, and expressions brought to them."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys

import bpy
import faceplate_addon
import numpy as np
from flame_scene import make_rig
from scene import mesh_with, shape, transferred

SHOWN = {"jawOpen": 0.7, "eyeBlinkLeft": 0.9, "mouthSmileRight": 0.6, "eyeLookUpRight": 0.5}
arrays = dict(np.load(sys.argv[1]))
out = sys.argv[2]
bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()


def transfer(source, target, **settings):
    return transferred(bpy.ops.faceplate.transfer_to_flame, source, target, **settings)


def values(thing, start):
    return {k.name: round(k.value, 4) for k in thing.data.shape_keys.key_blocks if k.name.startswith(start)}


source = mesh_with("source", (*SHOWN, "Wink"))
for name, weight in SHOWN.items():
    source.data.shape_keys.key_blocks[name].value = weight

flame, bones = make_rig(arrays, "FLAME", expression="Exp{}".format, eye="{}_eye", bone_way=(0, 0, 0.01))
flame.data.shape_keys.key_blocks["Shape1"].value = 1.0
before = shape(flame)
facts = {"flame": transfer(source, flame), "jaw": list(bones.pose.bones["jaw"].rotation_quaternion)}
after = shape(flame)
facts["exp"], facts["shapes"], facts["poses"] = (
    values(flame, "Exp"),
    values(flame, "Shape"),
    values(flame, "Pose"),
)

# the same rig by other names: bones that point elsewhere, turned by axis and angle, all of it elsewhere in the scene
smplx, others = make_rig(
    arrays, "SMPLX", expression="Exp{:03d}".format, eye="{}_eye_smplhf", bone_way=(0.02, -0.03, 0.01)
)
for bone in others.pose.bones:
    bone.rotation_mode = "AXIS_ANGLE"
others.location, others.rotation_euler = (0.4, -2.0, 0.3), (0, 0, 0.2)
bpy.context.view_layer.update()
other_before = shape(smplx)
for number in range(10, 19):  # their entries are those of other axes here
    smplx.data.shape_keys.key_blocks[f"Pose{number}"].name = f"Bend{number}"
facts["smplx"] = transfer(source, smplx)
np.savez(
    out, before=before, after=after, other_before=other_before, other_after=shape(smplx),
    turn=np.array(others.matrix_world)[:3, :3],
)  # fmt: skip

scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 3
jaw = source.data.shape_keys.key_blocks["jawOpen"]
for name in SHOWN:
    source.data.shape_keys.key_blocks[name].value = 0.0
for frame, value in ((1, 0.0), (3, 0.8)):
    jaw.value = value
    jaw.keyframe_insert("value", frame=frame)
facts["baked"] = transfer(source, flame, bake=True)
facts["angles"] = []
for frame in (1, 2, 3):
    scene.frame_set(frame)
    facts["angles"].append(bones.pose.bones["jaw"].rotation_quaternion.angle)

facts["stranger"] = transfer(source, mesh_with("stranger", ("Fist",)))
source["faceplate_report"] = json.dumps({"photos": [{"expressions": {"jawOpen": 0.4}}]})
facts["photo"] = transfer(source, flame, photo=1)
facts["photo_angle"] = bones.pose.bones["jaw"].rotation_quaternion.angle
facts["no_photo"] = transfer(source, flame, photo=2)
facts["nobody"] = transfer(mesh_with("nobody", ("Fist",)), flame)
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
