# SPDX-License-Identifier: GPL-3.0-or-later
"""Faceplate in Blender: heads, and faces restored. The `faceplate` command works, in a process of its own."""

from . import panels, properties
from .operators import (
    head_from_clip,
    head_from_photos,
    points,
    restore_image,
    restore_strip,
    transfer_expression,
    transfer_shapes,
    transfer_to_flame,
)

_PARTS = (
    properties,
    head_from_photos,
    head_from_clip,
    points,
    transfer_expression,
    transfer_to_flame,
    transfer_shapes,
    restore_image,
    restore_strip,
    panels,
)


def register():
    for part in _PARTS:
        part.register()


def unregister():
    for part in reversed(_PARTS):
        part.unregister()
