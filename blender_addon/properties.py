# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel remembers with the scene: an operation's parameters, as operations.json has them, and our own."""

import bpy

from .faceplate_client import read_operations

_SHOWN_AS = {"lens": {"subtype": "DISTANCE_CAMERA"}}
"""What Blender may know of a parameter besides: how it draws it."""


def parameters():
    """The parameters of `reconstruct` that are properties here."""
    return read_operations()["reconstruct"]["parameters"]


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


class FaceplateSettings(bpy.types.PropertyGroup):
    """The settings of the Faceplate panel"""

    points: bpy.props.BoolProperty(
        name="Points beside Photos",
        description="Take the 68 points of photo.jpg from photo.pts or photo.json beside it and look for none",
        default=False,
    )


FaceplateSettings.__annotations__.update({each["name"]: property_of(each) for each in parameters()})


def register():
    bpy.utils.register_class(FaceplateSettings)
    bpy.types.Scene.faceplate = bpy.props.PointerProperty(type=FaceplateSettings)


def unregister():
    del bpy.types.Scene.faceplate
    bpy.utils.unregister_class(FaceplateSettings)
