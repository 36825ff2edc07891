# SPDX-License-Identifier: GPL-3.0-or-later
"""What the panel remembers with the scene."""

import bpy


class FaceplateSettings(bpy.types.PropertyGroup):
    """The settings of the Faceplate panel"""

    texture: bpy.props.EnumProperty(
        name="Texture",
        description="Texels of a side of the texture that is made",
        items=[(size, size, f"{size} x {size} texels") for size in ("1024", "2048", "4096", "8192")],
        default="4096",
    )
    lens: bpy.props.FloatProperty(
        name="Lens",
        description="Full-frame focal length of the photos; 0 takes what the files say",
        default=0.0,
        min=0.0,
        max=1200.0,
        subtype="DISTANCE_CAMERA",
    )
    face: bpy.props.IntProperty(
        name="Face",
        description="Which face where a photo has several, 1 being the largest; 0 expects one",
        default=0,
        min=0,
        max=99,
    )
    points: bpy.props.BoolProperty(
        name="Points beside Photos",
        description="Take the 68 points of photo.jpg from photo.pts or photo.json beside it and look for none",
        default=False,
    )
    force: bpy.props.BoolProperty(
        name="One Person",
        description="Take the photos for one person whatever they look like",
        default=False,
    )


def register():
    bpy.utils.register_class(FaceplateSettings)
    bpy.types.Scene.faceplate = bpy.props.PointerProperty(type=FaceplateSettings)


def unregister():
    del bpy.types.Scene.faceplate
    bpy.utils.unregister_class(FaceplateSettings)
