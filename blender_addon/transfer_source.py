# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose expression a transfer takes: what every operator that transfers one asks for."""

import bpy

from .keys import pair


class TransferSource:
    """Beside an Operator: two selected meshes with shape keys, and which of the source's expressions is meant."""

    photo: bpy.props.IntProperty(
        name="Photo",
        description="Take the expression of this photo of a head made from photos; 0 takes the keys as they are set",
        default=0,
        min=0,
        max=99,
    )
    bake: bpy.props.BoolProperty(
        name="Bake Frames",
        description="Transfer every frame of the scene's range and set keyframes",
        default=False,
    )

    @classmethod
    def poll(cls, context):
        return pair(context) is not None
