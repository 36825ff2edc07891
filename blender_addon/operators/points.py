# SPDX-License-Identifier: GPL-3.0-or-later
"""Points over a photo: shown as a mesh over it, moved by hand, and the head fitted to them again."""

import json
from pathlib import Path

import bpy

from .. import heads, photos
from ..faceplate_client.errors import FaceplateError, RequestError
from ..job_operator import JobOperator

_RESULT = "head.npz"


def head_of(context):
    """The head that is meant: the active object, or the one that its points, photo or camera belong to; None."""
    thing = context.active_object
    if thing is not None and "faceplate_of" in thing:
        thing = bpy.data.objects.get(thing["faceplate_of"])
    return thing if thing is not None and "faceplate_photos" in thing else None


class FACEPLATE_OT_show_points(bpy.types.Operator):
    """Show the head over one of its photos, with the 68 points as vertices that can be moved"""

    bl_idname = "faceplate.show_points"
    bl_label = "Points over Photo"
    bl_options = {"REGISTER", "UNDO"}

    photo: bpy.props.IntProperty(
        name="Photo", description="Which of the head's photos", default=1, min=1, max=99
    )

    @classmethod
    def poll(cls, context):
        return context.mode == "OBJECT" and head_of(context) is not None

    def execute(self, context):
        head = head_of(context)
        try:
            count = len(photos.remembered(head))
            if self.photo > count:
                raise RequestError(
                    f"{head.name} was made from {count} photos; there is no photo {self.photo}."
                )
            camera = photos.show(head, self.photo - 1)
        except (FaceplateError, RuntimeError) as error:  # RuntimeError: the photo is no longer where it was
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        context.scene.camera = camera
        for area in context.screen.areas if context.screen is not None else ():
            if area.type == "VIEW_3D":
                area.spaces.active.region_3d.view_perspective = "CAMERA"
        points = photos.part_of(head, self.photo - 1, "points")
        for other in context.selected_objects:
            other.select_set(False)
        points.select_set(True)
        context.view_layer.objects.active = points
        self.report({"INFO"}, f"Move vertices of {points.name} in Edit Mode, then Refit Head.")
        return {"FINISHED"}


class FACEPLATE_OT_refit_head(JobOperator, bpy.types.Operator):
    """Fit the head to its points again, where they are now; its texture stays, its shape keys are set anew"""

    bl_idname = "faceplate.refit_head"
    bl_label = "Refit Head"
    bl_options = {"REGISTER", "UNDO"}

    colours: bpy.props.BoolProperty(
        name="Colours Too",
        description="Fit the head to the photos' colours as well, as when it was made; takes longer",
        default=False,
    )

    @classmethod
    def poll(cls, context):
        return context.mode in ("OBJECT", "EDIT_MESH") and head_of(context) is not None

    def words(self, context, folder):
        head = head_of(context)
        self._head = head.name  # a name survives undo, a reference does not
        words = ["reconstruct"]
        kept = photos.remembered(head)
        words += [photo["path"] for photo in kept]
        for number in range(len(kept)):
            path = folder / f"points{number}.json"
            path.write_text(json.dumps(photos.moved_points(head, number)))
            words += ["--points", path]
        missing = [photo["path"] for photo in kept if not Path(photo["path"]).is_file()]
        if missing:
            raise RequestError(
                f"The photo {missing[0]} is no longer there. Put it back, or make the head again."
            )
        lens = context.scene.faceplate.lens
        words += [f"--lens={lens:g}"] if lens else []
        words += [] if self.colours else ["--quick"]
        return [*words, "-o", folder / _RESULT, "--texture", "0"]

    def apply(self, context, folder, report):
        head = bpy.data.objects.get(self._head)
        if head is None:
            raise RequestError(f"{self._head} is no longer there; nothing was changed.")
        arrays, mode = heads.read_arrays(folder / _RESULT), context.mode
        active = context.view_layer.objects.active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode="OBJECT")
        heads.reshape(context, head, arrays)
        photos.remember(head, arrays, report)
        for number in range(len(report["photos"])):
            if photos.part_of(head, number, "camera") is not None:
                photos.show(head, number)
        context.view_layer.objects.active = active
        if mode != "OBJECT":
            bpy.ops.object.mode_set(mode="EDIT")
        off = max(photo["points_error_percent"] for photo in report["photos"])
        return f"{head.name} fitted again: points met to {off} % of the distance between the eyes."


_CLASSES = (FACEPLATE_OT_show_points, FACEPLATE_OT_refit_head)


def register():
    for each in _CLASSES:
        bpy.utils.register_class(each)


def unregister():
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
