# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel remembers with the scene: an operation's parameters, as operations.json has them, and our own."""

import bpy

from .faceplate_client import read_operations

_SHOWN_AS = {"lens": {"subtype": "DISTANCE_CAMERA"}}
"""What Blender may know of a parameter besides: how it draws it."""


_NOT_HERE = ("udim",)
"""Parameters that the command has and the add-on leaves out: a head's pictures come in as one map, not as tiles."""

ON_PICTURES = ("restore", "veil")
"""Operations whose parameters are settings of Restore Faces, on an image."""
ON_STRIPS = (*ON_PICTURES, "steady", "film")
"""The same on a strip, which has frames before and after."""


def parameters(*operations):
    """The parameters of operations, one after another."""
    table = read_operations()
    every = [each for name in operations for each in table[name]["parameters"]]
    return [each for each in every if each["name"] not in _NOT_HERE]


def words(settings, *operations):
    """The words of the command for the parameters that are not at their defaults.

    Args:
        settings: the property group that holds them. operations: whose parameters are meant.
    """
    found = []
    for parameter in parameters(*operations):
        told, flag = getattr(settings, parameter["name"]), parameter["name"].replace("_", "-")
        default = str(parameter["default"]) if parameter["type"] == "choice" else parameter["default"]
        if told == default:
            continue
        if parameter["type"] == "bool":
            found.append("--" + flag if told else "--no-" + flag)
        else:
            found.append(f"--{flag}={told:g}" if parameter["type"] == "float" else f"--{flag}={told}")
    return found


def property_of(parameter):
    """A parameter of operations.json as a property of Blender, whose tooltips end without a full stop."""
    words = {
        "name": parameter["label"],
        "description": parameter["hint"].rstrip("."),
        "default": parameter["default"],
    }
    if parameter["type"] in ("int", "float"):
        words.update(min=parameter["min"], max=parameter["max"])
    elif parameter["type"] == "choice":
        words["default"] = str(parameter["default"])
        words["items"] = [(str(choice), str(choice), "") for choice in parameter["choices"]]
    kinds = {
        "int": bpy.props.IntProperty,
        "float": bpy.props.FloatProperty,
        "bool": bpy.props.BoolProperty,
        "choice": bpy.props.EnumProperty,
        "string": bpy.props.StringProperty,
    }
    return kinds[parameter["type"]](**words, **_SHOWN_AS.get(parameter["name"], {}))


class FaceplateRestoreSettings(bpy.types.PropertyGroup):
    """The settings of Restore Faces, on images and on strips"""

    folder: bpy.props.StringProperty(
        name="Folder",
        description="Where the restored files of a strip are kept; empty: beside the strip's own",
        subtype="DIR_PATH",
        default="",
    )


class FaceplateSettings(bpy.types.PropertyGroup):
    """The settings of the Faceplate panel"""

    points: bpy.props.BoolProperty(
        name="Points beside Photos",
        description="Take the 68 points of photo.jpg from photo.pts or photo.json beside it and look for none",
        default=False,
    )
    restore: bpy.props.PointerProperty(type=FaceplateRestoreSettings)


def _add(group, *operations):
    group.__annotations__.update({each["name"]: property_of(each) for each in parameters(*operations)})


_add(FaceplateRestoreSettings, *ON_STRIPS)
_add(FaceplateSettings, "reconstruct")


def register():
    bpy.utils.register_class(FaceplateRestoreSettings)
    bpy.utils.register_class(FaceplateSettings)
    bpy.types.Scene.faceplate = bpy.props.PointerProperty(type=FaceplateSettings)


def unregister():
    del bpy.types.Scene.faceplate
    bpy.utils.unregister_class(FaceplateSettings)
    bpy.utils.unregister_class(FaceplateRestoreSettings)
