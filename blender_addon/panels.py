# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in the sidebar of the 3D view."""

import bpy

from . import properties


class FACEPLATE_PT_head(bpy.types.Panel):
    bl_label = "Head from Photos"
    bl_idname = "FACEPLATE_PT_head"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Faceplate"

    def draw(self, context):
        settings, layout = context.scene.faceplate, self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for parameter in properties.parameters():
            layout.prop(settings, parameter["name"])
        layout.prop(settings, "points")
        layout.operator("faceplate.head_from_photos", icon="USER")
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


_CLASSES = (FACEPLATE_PT_head, FACEPLATE_PT_expression)


def register():
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister():
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
