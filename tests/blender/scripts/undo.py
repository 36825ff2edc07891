"""In Blender: a head is made as one step, so one step back takes all of it away."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
from pathlib import Path

import bpy
import faceplate_addon

photo = Path(sys.argv[1])
faceplate_addon.register()
bpy.context.preferences.edit.use_global_undo = True
settings = bpy.context.scene.faceplate
settings.texture, settings.points = 1024, True


def heads():
    return sorted(o.name for o in bpy.data.objects if o.type == "MESH" and o.data.shape_keys)


facts = {"before": heads()}
bpy.ops.ed.undo_push(message="start")
# "EXEC_DEFAULT" with True: as from a button, so that Blender itself records the step
bpy.ops.faceplate.head_from_photos(
    "EXEC_DEFAULT", True, directory=str(photo.parent), files=[{"name": photo.name}]
)
facts["made"] = heads()
bpy.ops.ed.undo()
facts["after_one_undo"] = heads()
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
