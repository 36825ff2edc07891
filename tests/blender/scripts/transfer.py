"""In Blender: an expression from one mesh to another whose keys are spelled otherwise, then a range of frames."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os

import bpy
import faceplate_addon
from scene import mesh_with, transferred

bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()


def transfer(source, target, **settings):
    return transferred(bpy.ops.faceplate.transfer_expression, source, target, **settings)


def values(thing):
    return {key.name: round(key.value, 4) for key in thing.data.shape_keys.key_blocks if key.name != "Basis"}


ours = mesh_with("ours", ("jawOpen", "eyeBlinkLeft", "mouthSmileLeft", "mouthSmileRight", "jawOpenHalf"))
rig = mesh_with("rig", ("Jaw_Open", "eyeBlink_L", "mouthSmile", "Wink"))
keys = ours.data.shape_keys.key_blocks
driver = keys["jawOpenHalf"].driver_add("value").driver
driver.expression = "0.5"
keys["jawOpen"].value, keys["eyeBlinkLeft"].value = 0.7, 0.3
keys["mouthSmileLeft"].value, keys["mouthSmileRight"].value = 0.2, 0.6
facts = {"answer": transfer(ours, rig), "set": values(rig)}
facts["map"] = bpy.data.texts["Faceplate names rig"].as_string()

text = bpy.data.texts["Faceplate names rig"]
text.clear()
text.write("Wink = eyeBlinkLeft\n")
transfer(ours, rig)
facts["edited"] = values(rig)["Wink"]
bpy.data.texts.remove(text)

ours["faceplate_report"] = json.dumps({"photos": [{"expressions": {"jawOpen": 0.25}}]})
transfer(ours, rig, photo=1)
facts["photo"] = values(rig)
facts["no_photo"] = transfer(ours, rig, photo=2)

scene = bpy.context.scene
scene.frame_start, scene.frame_end = 1, 5
for frame, value in ((1, 0.0), (5, 1.0)):
    keys["jawOpen"].value = value
    keys["jawOpen"].keyframe_insert("value", frame=frame)
transfer(ours, rig, bake=True)
facts["baked"] = []
for frame in range(1, 6):
    scene.frame_set(frame)
    facts["baked"].append([round(keys["jawOpen"].value, 3), values(rig)["Jaw_Open"]])

facts["stranger"] = transfer(ours, mesh_with("stranger", ("Fist", "Step")))
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
