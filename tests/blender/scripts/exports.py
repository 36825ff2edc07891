"""In Blender: a head written by Blender itself in the formats it knows, read again, and what came of each."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np
from faceplate_addon import heads

source, folder = Path(sys.argv[1]), Path(sys.argv[2])


def fresh():
    import addon_utils  # Blender's own scripts are found once bpy is there

    bpy.ops.wm.read_factory_settings(use_empty=True)
    for module in ("io_scene_fbx", "io_scene_gltf2"):
        addon_utils.enable(module)


def counted():
    """The mesh, and how large it stands in the world."""
    (head,) = (each for each in bpy.data.objects if each.type == "MESH")
    co = np.array([head.matrix_world @ vertex.co for vertex in head.data.vertices])
    shapes = head.data.shape_keys
    return {
        "vertices": len(head.data.vertices),
        "faces": len(head.data.polygons),
        "keys": [key.name for key in shapes.key_blocks] if shapes else [],
        "bones": sorted(bone.name for armature in bpy.data.armatures for bone in armature.bones),
        "uv": len(head.data.uv_layers),
        "low": co.min(0).tolist(),
        "high": co.max(0).tolist(),
    }


ways = {
    "usd": (
        lambda path: bpy.ops.wm.usd_export(filepath=path, export_animation=False, export_armatures=True),
        lambda path: bpy.ops.wm.usd_import(filepath=path),
        "head.usdc",
    ),
    "fbx": (
        lambda path: bpy.ops.export_scene.fbx(filepath=path, add_leaf_bones=False, bake_anim=False),
        lambda path: bpy.ops.import_scene.fbx(filepath=path),
        "head.fbx",
    ),
    "alembic": (
        lambda path: bpy.ops.wm.alembic_export(filepath=path, start=1, end=1),
        lambda path: bpy.ops.wm.alembic_import(filepath=path),
        "head.abc",
    ),
}
facts = {}
for name, (export, bring_back, file) in ways.items():
    fresh()
    head = heads.bring_in(bpy.context, heads.read_arrays(source), "anna")
    before = counted()
    export(str(folder / file))
    fresh()
    bring_back(str(folder / file))
    facts[name] = {"before": before, "after": counted()}
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends
