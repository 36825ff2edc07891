"""In Blender: register, make a head from a photo, undo, save, open again, export glTF and import it again."""

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

photo, folder = Path(sys.argv[1]), Path(sys.argv[2])
facts = {}


def keys_of(head):
    return [] if head.data.shape_keys is None else [key.name for key in head.data.shape_keys.key_blocks]


def looked_at(head):
    mesh, rig = head.data, head.parent
    co = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", co)
    co = co.reshape(-1, 3)
    return {
        "vertices": len(mesh.vertices),
        "faces": len(mesh.polygons),
        "keys": keys_of(head),
        "values": [key.value for key in mesh.shape_keys.key_blocks],
        "low": co.min(0).tolist(),
        "high": co.max(0).tolist(),
        "bones": [bone.name for bone in rig.data.bones],
        "drivers": len(mesh.shape_keys.animation_data.drivers) + len(rig.animation_data.drivers),
        "materials": [slot.material.name for slot in head.material_slots],
        "packed": [i.name for i in bpy.data.images if i.packed_file is not None],
        "sizes": {i.name: list(i.size) for i in bpy.data.images},
        "loose": sum(not vertex.groups for vertex in mesh.vertices),
        "collection": head.users_collection[0].name,
    }


def moved(head, change):
    """(V, 3) how far the finished mesh moves, in metres, when `change` is made and then unmade."""

    def shape():
        bpy.context.view_layer.update()
        seen = head.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
        co = np.empty(len(seen.vertices) * 3, np.float32)
        seen.vertices.foreach_get("co", co)
        return co.reshape(-1, 3)

    before = shape()
    undo = change()
    after = shape()
    undo()
    return after - before


def set_key(head, name, value):
    key = head.data.shape_keys.key_blocks[name]

    def change():
        key.value = value
        return lambda: setattr(key, "value", 0.0)

    return change


def turn_jaw(head):
    bone = head.parent.pose.bones["jaw"]
    bone.rotation_mode = "XYZ"

    def change():
        bone.rotation_euler[0] = -0.3
        return lambda: setattr(bone, "rotation_euler", (0, 0, 0))

    return change


def mean_of(move, part):
    return move[part].mean(0).tolist()


bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
facts["registered"] = hasattr(bpy.ops.faceplate, "head_from_photos") and hasattr(
    bpy.context.scene, "faceplate"
)
settings = bpy.context.scene.faceplate
settings.texture, settings.points, settings.lens = 1024, True, 70.0
facts["settings"] = {
    each.identifier: {
        "label": each.name,
        "hint": each.description,
        "type": each.type,
        "default": getattr(each, "default", None),
        "limits": [each.hard_min, each.hard_max] if each.type in ("INT", "FLOAT") else None,
    }
    for each in settings.bl_rna.properties
    if each.identifier not in ("rna_type", "name")
}
start = time.monotonic()
answer = bpy.ops.faceplate.head_from_photos(directory=str(photo.parent), files=[{"name": photo.name}])
facts["answer"], facts["seconds"] = list(answer), time.monotonic() - start
head = bpy.context.view_layer.objects.active
facts["made"] = looked_at(head)
facts["report"] = json.loads(head["faceplate_report"])

group = {g.name: g.index for g in head.vertex_groups}
held = np.zeros((len(head.data.vertices), len(group)), np.float32)
for vertex in head.data.vertices:
    for share in vertex.groups:
        held[vertex.index, share.group] = share.weight
eye, jaw = held[:, group["eye_left"]] > 0.9, held[:, group["jaw"]] > 0.9
facts["shares"] = [float(held.sum(1).min()), float(held.sum(1).max())]
front = held[:, group["eye_left"]] > 0.9
co = np.array([v.co for v in head.data.vertices])
front &= co[:, 1] < np.quantile(co[front, 1], 0.1)
keys = head.data.shape_keys.key_blocks
facts["look_up"] = mean_of(moved(head, set_key(head, "eyeLookUpLeft", 1.0)), front)
facts["look_out"] = mean_of(moved(head, set_key(head, "eyeLookOutLeft", 1.0)), front)
facts["jaw_open"] = mean_of(moved(head, set_key(head, "jawOpen", 1.0)), jaw)
facts["jaw_bone"] = mean_of(moved(head, turn_jaw(head)), jaw)
keys["jawOpen"].value = 0.5
bpy.context.view_layer.update()
facts["half"] = keys["jawOpenHalf"].value
keys["jawOpen"].value = 0.0

blend = str(folder / "anna.blend")
start = time.monotonic()
bpy.ops.wm.save_as_mainfile(filepath=blend)
facts["save_seconds"] = time.monotonic() - start
bpy.ops.wm.open_mainfile(filepath=blend)
facts["opened"] = looked_at(bpy.data.objects[photo.stem])

gltf = str(folder / "anna.glb")
bpy.ops.export_scene.gltf(filepath=gltf, export_morph_normal=False, export_animations=False)
written = bpy.data.objects[photo.stem]
triangulated = {"vertices": len(written.data.vertices), "keys": keys_of(written)}
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.gltf(filepath=gltf, merge_vertices=True)
again = next(o for o in bpy.data.objects if o.type == "MESH" and o.data.shape_keys)
facts["gltf"] = {"vertices": len(again.data.vertices), "keys": keys_of(again), "was": triangulated}
facts["gltf"]["meshes"] = sum(o.type == "MESH" for o in bpy.data.objects)

faceplate_addon.unregister()
facts["unregistered"] = not hasattr(bpy.types.Scene, "faceplate")
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
