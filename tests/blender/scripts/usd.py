"""In Blender: heads imported from USD files, and what came of each."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import json
import os
import sys

import bpy
import numpy as np


def imported(path):
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.wm.usd_import(filepath=path)
    (head,) = (each for each in bpy.data.objects if each.type == "MESH")
    (rig,) = bpy.data.armatures
    co = np.array([head.matrix_world @ vertex.co for vertex in head.data.vertices])
    blink = head.data.shape_keys.key_blocks["eyeBlinkLeft"]
    moved = np.array([b.co - v.co for b, v in zip(blink.data, head.data.vertices, strict=True)])
    return {
        "vertices": len(head.data.vertices),
        "faces": len(head.data.polygons),
        "keys": [key.name for key in head.data.shape_keys.key_blocks],
        "bones": [bone.name for bone in rig.bones],
        "materials": [slot.material.name for slot in head.material_slots],
        "pictures": [list(image.size) for image in bpy.data.images if image.has_data or image.size[0]],
        "low": co.min(0).tolist(),
        "high": co.max(0).tolist(),
        "blink": float(np.linalg.norm(moved, axis=1).max()),
    }


print(json.dumps([imported(path) for path in sys.argv[1:]]), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends
