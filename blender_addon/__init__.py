# SPDX-License-Identifier: GPL-3.0-or-later
"""Faceplate in Blender: heads from photos. The `faceplate` command computes them, in a process of its own."""

from . import panels, properties
from .operators import head_from_photos, points, transfer_expression, transfer_to_flame

_PARTS = (properties, head_from_photos, points, transfer_expression, transfer_to_flame, panels)


def register():
    for part in _PARTS:
        part.register()


def unregister():
    for part in reversed(_PARTS):
        part.unregister()
