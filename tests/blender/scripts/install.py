"""In Blender: the extension installed from its zip, as Preferences do it, enabled, and disabled again."""

# pyright: reportMissingImports=false
# bpy is there in Blender's Python alone.

import json
import os
import sys

import bpy

NAME = "bl_ext.user_default.faceplate"


def is_there():
    return hasattr(bpy.types, "FACEPLATE_OT_head_from_photos") and hasattr(
        bpy.types, "FACEPLATE_OT_transfer_expression"
    )


before = is_there()
answer = bpy.ops.extensions.package_install_files(
    filepath=sys.argv[1], repo="user_default", enable_on_install=True
)
enabled = NAME in bpy.context.preferences.addons
installed = is_there()
bpy.ops.preferences.addon_disable(module=NAME)
facts = {"before": before, "answer": list(answer), "installed": installed, "enabled": enabled}
print(json.dumps({**facts, "disabled": is_there()}), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
