# SPDX-License-Identifier: GPL-3.0-or-later
"""The panels in the sidebars of the 3D view, the Image Editor and the Sequencer."""

import bpy

from . import properties, strips


class FACEPLATE_PT_head(bpy.types.Panel):
    bl_label = "Head"
    bl_idname = "FACEPLATE_PT_head"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Faceplate"

    def draw(self, context):
        settings, layout = context.scene.faceplate, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        _draw(layout, settings, "reconstruct")
        layout.prop(settings, "points")
        layout.operator("faceplate.head_from_photos", icon="USER")
        layout.operator("faceplate.head_from_clip", icon="FILE_MOVIE")
        layout.operator("faceplate.show_points", icon="OUTLINER_OB_POINTCLOUD")
        layout.operator("faceplate.refit_head", icon="FILE_REFRESH")


class FACEPLATE_PT_expression(bpy.types.Panel):
    bl_label = "Expression"
    bl_idname = "FACEPLATE_PT_expression"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Faceplate"

    def draw(self, context):
        self.layout.operator("faceplate.transfer_expression", icon="SHAPEKEY_DATA")
        self.layout.operator("faceplate.transfer_to_flame", icon="SHAPEKEY_DATA")
        self.layout.operator("faceplate.transfer_shapes", icon="SHAPEKEY_DATA")


class FACEPLATE_PT_restore_image(bpy.types.Panel):
    bl_label = "Restore Faces"
    bl_idname = "FACEPLATE_PT_restore_image"
    bl_space_type = "IMAGE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Faceplate"

    def draw(self, context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        _draw(layout, context.scene.faceplate.restore, *properties.ON_PICTURES)
        layout.operator("faceplate.restore_image", icon="USER")


class FACEPLATE_PT_restore_strip(bpy.types.Panel):
    bl_label = "Restore Faces"
    bl_idname = "FACEPLATE_PT_restore_strip"
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Faceplate"

    def draw(self, context):
        settings, layout = strips.scene_of(context).faceplate.restore, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        _draw(layout, settings, *properties.ON_STRIPS)
        layout.prop(settings, "folder")
        layout.operator("faceplate.restore_strip", icon="USER")


def _draw(layout, settings, *operations):
    """A row for every parameter."""
    for parameter in properties.parameters(*operations):
        layout.prop(settings, parameter["name"])


_CLASSES = (
    FACEPLATE_PT_head,
    FACEPLATE_PT_expression,
    FACEPLATE_PT_restore_image,
    FACEPLATE_PT_restore_strip,
)


def register():
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister():
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
