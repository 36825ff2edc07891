"""In Blender: a head over its photo, its points moved, the head fitted again."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
import time
from pathlib import Path

import bpy
import faceplate_addon
import numpy as np

photo, out = Path(sys.argv[1]), sys.argv[2]
SIZE = 480
bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
settings = bpy.context.scene.faceplate
settings.texture, settings.points, settings.lens = 256, True, 70.0
scene = bpy.context.scene
scene.render.resolution_x = scene.render.resolution_y = SIZE
facts: dict = {
    "made": list(
        bpy.ops.faceplate.head_from_photos(directory=str(photo.parent), files=[{"name": photo.name}])
    )
}
head = bpy.context.view_layer.objects.active
keys = head.data.shape_keys.key_blocks
keys["jawOpen"].value = 0.25


def places(thing):
    """(V, 3) in the world, metres, as the vertices are stored."""
    co = np.empty(len(thing.data.vertices) * 3, np.float32)
    thing.data.vertices.foreach_get("co", co)
    world = np.array(thing.matrix_world)
    return co.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3]


def seen(points):
    """(V, 2) pixels, y down, as Blender's own camera sees points of the world."""
    camera = scene.camera
    bpy.context.view_layer.update()
    matrix = camera.calc_matrix_camera(bpy.context.evaluated_depsgraph_get(), x=SIZE, y=SIZE)
    clip = (
        np.array(matrix @ camera.matrix_world.inverted()) @ np.column_stack([points, np.ones(len(points))]).T
    )
    return np.column_stack([(clip[0] / clip[3] + 1) / 2 * SIZE, (1 - clip[1] / clip[3]) / 2 * SIZE])


def run(operator, **words):
    try:
        return list(operator(**words))
    except RuntimeError as error:
        return str(error)


facts["shown"] = run(bpy.ops.faceplate.show_points)
points = bpy.context.view_layer.objects.active
facts["points"] = [points.name, len(points.data.vertices), len(points.data.edges)]
facts["photo"] = bpy.data.objects[f"{head.name} photo 1"].empty_display_type
bpy.context.view_layer.update()
arrays = {
    "points_before": seen(places(points)),
    "head_before": seen(places(head)),
    "shape_before": places(head),
}
corners = [bpy.data.objects[f"{head.name} photo 1"].matrix_world.translation]
facts["photo_middle"] = seen(np.array(corners, np.float64))[0].tolist()
bones = {bone.name: np.array(bone.head_local) for bone in head.parent.data.bones}

# the whole rig moved away, and the chin's points pulled down by hand, each nearer to the lens or farther as well
head.parent.location = (0.3, -0.2, 1.5)
bpy.context.view_layer.update()
bpy.ops.object.mode_set(mode="EDIT")
bpy.ops.object.mode_set(mode="OBJECT")
for number in range(5, 12):
    vertex = points.data.vertices[number]
    vertex.co = (vertex.co + (points.data.vertices[8].co - points.data.vertices[33].co) * 0.15) * 1.2
bpy.ops.object.mode_set(mode="EDIT")
start = time.monotonic()
facts["refitted"] = run(bpy.ops.faceplate.refit_head)
facts["seconds"] = time.monotonic() - start
facts["mode"] = bpy.context.mode
bpy.ops.object.mode_set(mode="OBJECT")
bpy.context.view_layer.update()
arrays |= {
    "points_after": seen(places(points)),
    "head_after": seen(places(head)),
    "shape_after": places(head),
}
facts["value"], facts["keys"] = keys["jawOpen"].value, len(keys)
blink = np.empty(len(head.data.vertices) * 3, np.float32)
keys["eyeBlinkLeft"].data.foreach_get("co", blink)
arrays["blink"] = blink.reshape(-1, 3)
arrays["basis"] = places(head) - np.array(head.matrix_world)[:3, 3]
moved = {
    bone.name: float(np.linalg.norm(np.array(bone.head_local) - bones[bone.name]))
    for bone in head.parent.data.bones
}
facts["joints"] = moved
facts["error"] = json.loads(head["faceplate_report"])["photos"][0]["points_error_percent"]
np.savez(out, **arrays)

bpy.ops.object.mode_set(mode="EDIT")
bpy.ops.mesh.select_all(action="SELECT")
bpy.ops.mesh.duplicate()
facts["more"] = run(bpy.ops.faceplate.refit_head)
bpy.ops.object.mode_set(mode="OBJECT")
facts["no_photo"] = run(bpy.ops.faceplate.show_points, photo=2)
Path(json.loads(head["faceplate_photos"])[0]["path"]).rename(photo.with_suffix(".gone"))
bpy.data.objects.remove(points)
bpy.context.view_layer.objects.active = head
facts["gone"] = run(bpy.ops.faceplate.refit_head)
photo.with_suffix(".gone").rename(photo)
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends
