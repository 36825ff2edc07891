# SPDX-License-Identifier: GPL-3.0-or-later
"""Head from photos: the command makes it, `heads.py` brings it in."""

from pathlib import Path

import bpy

from .. import heads, photos, properties
from ..faceplate_client.errors import RequestError
from ..job_operator import JobOperator

_RESULT = "head.npz"
_POINTS = (".pts", ".json")


class FACEPLATE_OT_head_from_photos(JobOperator, bpy.types.Operator):
    """Make a head from one to five photos of one person: mesh, texture, shape keys, armature"""

    bl_idname = "faceplate.head_from_photos"
    bl_label = "Head from Photos"
    bl_options = {"REGISTER", "UNDO"}

    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE"})
    files: bpy.props.CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE"})
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})

    @classmethod
    def poll(cls, context):
        return context.mode == "OBJECT"

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def words(self, context, folder):
        settings = context.scene.faceplate
        chosen = [Path(bpy.path.abspath(self.directory)) / file.name for file in self.files if file.name]
        if not chosen:
            raise RequestError("No photo was chosen. Choose one to five photos of one person.")
        words = ["reconstruct", *chosen, "-o", folder / _RESULT, *properties.words(settings, "reconstruct")]
        if settings.points:
            words += [word for photo in chosen for word in ("--points", _points_beside(photo))]
        return words

    def apply(self, context, folder, report):
        name = Path(self.files[0].name).stem
        arrays = heads.read_arrays(folder / _RESULT)
        head = heads.bring_in(context, arrays, name)
        photos.remember(head, arrays, report)
        said = f"{name}: the face's shape is uncertain by {report['spread_mm']} mm"
        return " ".join([said + ".", *report["notes"]])


def _points_beside(photo):
    """The file of points with the photo's name.

    Raises:
        RequestError: there is none.
    """
    found = next((path for path in map(photo.with_suffix, _POINTS) if path.is_file()), None)
    if found is None:
        raise RequestError(
            f"No points lie beside {photo.name}: {photo.stem}.pts or {photo.stem}.json was expected. "
            "Write them, or switch Points beside Photos off."
        )
    return found


def register():
    bpy.utils.register_class(FACEPLATE_OT_head_from_photos)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_head_from_photos)
