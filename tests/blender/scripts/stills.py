"""In Blender: pictures of a head to look at, a Cycles still and a turntable of Workbench frames.

Called with a head's .npz, a folder, and shape keys to set, `jawOpen=0.3,mouthSmileLeft=0.5`, or none.
"""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import math
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from faceplate_addon import heads
from mathutils import Vector

source, folder = Path(sys.argv[1]), Path(sys.argv[2])
SHAPES = dict(word.split("=") for word in sys.argv[3].split(",")) if len(sys.argv) > 3 else {}
TURNS = 8
AIM = Vector((0.0, -0.02, -0.015))  # metres, in the middle of face and neck


def look(camera, degrees, away, lens):
    """Stand about the head, 0 in front of it, and look at it."""
    angle = math.radians(degrees)
    camera.location = AIM + Vector((math.sin(angle), -math.cos(angle), 0.03)) * away
    camera.rotation_euler = (AIM - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.lens = lens


def light(name, place, size, watts):
    lamp = bpy.data.objects.new(name, bpy.data.lights.new(name, "AREA"))
    lamp.data.size, lamp.data.energy = size, watts
    lamp.location = place
    lamp.rotation_euler = (AIM - lamp.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(lamp)


def render(name, engine, size):
    scene = bpy.context.scene
    scene.render.engine = engine
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.filepath = str(folder / f"{name}.png")
    bpy.ops.render.render(write_still=True)


def contact_sheet(pictures, path):
    """Two rows of pictures of one size as one picture; the single ones go."""
    held = []
    for picture in pictures:
        image = bpy.data.images.load(str(picture))
        held.append(np.array(image.pixels[:], np.float32).reshape(image.size[1], image.size[0], 4))
        picture.unlink()
    half = len(held) // 2
    # Blender's pictures have their first row at the bottom
    sheet = np.concatenate([np.concatenate(held[half:], 1), np.concatenate(held[:half], 1)])
    image = bpy.data.images.new("turntable", sheet.shape[1], sheet.shape[0])
    image.pixels.foreach_set(sheet.ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()


bpy.ops.wm.read_factory_settings(use_empty=True)
scene = bpy.context.scene
head = heads.bring_in(bpy.context, heads.read_arrays(source), "head")
for key, value in SHAPES.items():
    head.data.shape_keys.key_blocks[key].value = float(value)
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(camera)
scene.camera = camera
scene.world = bpy.data.worlds.new("world")
scene.world.use_nodes = True
scene.world.node_tree.nodes["Background"].inputs[0].default_value = (0.05, 0.055, 0.06, 1)
light("key", Vector((0.7, -0.9, 0.6)), 0.5, 14)
light("fill", Vector((-0.9, -0.8, 0.1)), 0.8, 5)
light("rim", Vector((-0.4, 0.8, 0.7)), 0.4, 12)

scene.cycles.samples, scene.cycles.use_denoising = 20, True
scene.view_settings.view_transform = "AgX"
look(camera, 24, 1.15, 105)
render("still", "CYCLES", (560, 700))

scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "TEXTURE"
scene.display.shading.show_backface_culling = False
scene.view_settings.view_transform = "Standard"
for number in range(TURNS):
    look(camera, 360 / TURNS * number, 1.15, 105)
    render(f"turn{number}", "BLENDER_WORKBENCH", (270, 300))
contact_sheet([folder / f"turn{number}.png" for number in range(TURNS)], folder / "turntable.png")
print(json.dumps({"written": ["still.png", "turntable.png"]}), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends
