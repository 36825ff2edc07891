# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore faces on an image datablock: the command restores its pixels, a new image beside it shows them."""

import bpy

from .. import images, properties
from ..faceplate_client.errors import RequestError
from ..job_operator import JobOperator


class FACEPLATE_OT_restore_image(JobOperator, bpy.types.Operator):
    """Restore the faces on the image that is shown, as a new image; the old one stays as it is"""

    bl_idname = "faceplate.restore_image"
    bl_label = "Restore Faces"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return _shown(context) is not None

    def words(self, context, folder):
        image = _shown(context)
        self._image = image.name  # a name survives undo, a reference does not
        images.expect_restorable(image)
        plate, space = images.write(image, folder)
        settings = context.scene.faceplate.restore
        chosen = properties.words(settings, *properties.ON_PICTURES)
        return ["restore", plate, "-o", _result(folder, plate.suffix), "--colourspace", space, *chosen]

    def apply(self, context, folder, report):
        image = bpy.data.images.get(self._image)
        if image is None:
            raise RequestError(f"{self._image} is no longer there; nothing was changed.")
        made = images.bring_in(image, _result(folder, ".exr" if image.is_float else ".png"))
        if _shown(context) == image and context.space_data is not None:
            context.space_data.image = made
        return f"{made.name}: {told(report)}"


def told(report):
    """What the command says of its frames, as a sentence for the status line."""
    faces = report["faces"]
    return f"{faces} face{'' if faces == 1 else 's'} restored." if faces else "no face was found to restore."


def _shown(context):
    """The image in the Image Editor; None elsewhere."""
    return getattr(context, "edit_image", None)


def _result(folder, ending):
    return folder / f"restored{ending}"


def register():
    bpy.utils.register_class(FACEPLATE_OT_restore_image)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_restore_image)
