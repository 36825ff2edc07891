# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of colour spaces: Blender's own, and what the command calls them."""

import bpy

_NAMES = {"sRGB": "srgb", "Linear Rec.709": "lin_rec709"}
"""Of Blender's own configuration. Where `OCIO` names another one, Blender and the command both read that."""


def command_name(space):
    """The command's name for a colour space of Blender's."""
    return _NAMES.get(space, space)


def working_space():
    """Blender's name of the linear space that it keeps float pixels in."""
    probe = bpy.data.images.new("faceplate", 1, 1, float_buffer=True)
    try:
        return probe.colorspace_settings.name
    finally:
        bpy.data.images.remove(probe)
