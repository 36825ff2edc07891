# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore faces on a strip of pictures or a movie: the command restores its files, a new strip above it shows them."""

import shutil
from pathlib import Path

import bpy

from .. import colour, properties, strips
from ..faceplate_client.errors import OutputError, RequestError
from ..job_operator import JobOperator
from .restore_image import told


class FACEPLATE_OT_restore_strip(JobOperator, bpy.types.Operator):
    """Restore the faces on the active strip, as a new strip above it; the old one and its files stay as they are"""

    bl_idname = "faceplate.restore_strip"
    bl_label = "Restore Faces"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context):
        return strips.active(context) is not None

    def disk(self, context):
        """The folder that the restored files are to be kept in.

        Raises:
            RequestError: there is none.
        """
        chosen = _settings(context).folder
        kept = Path(bpy.path.abspath(chosen)) if chosen else strips.files(strips.active(context))[0].parent
        if not kept.is_dir():
            raise RequestError(f"The folder {kept} is not there. Make it, or choose another.")
        self._kept = kept
        return kept

    def words(self, context, folder):
        strip = strips.active(context)
        source = strips.input_words(strip)
        strips.free_channel(strips.scene_of(context), strip)  # asked before anything is worked out
        self._strip, self._files = (
            strip.name,
            strips.files(strip),
        )  # a name survives undo, a reference does not
        settings = _settings(context)
        self._scale = int(settings.scale)
        shown = properties.ON_PICTURES if len(source) == 1 and strip.type == "IMAGE" else properties.ON_STRIPS
        chosen = properties.words(settings, *shown)
        return ["restore", *source, "-o", strips.result(strip, folder), *_space(strip), *chosen]

    def apply(self, context, folder, report):
        scene = strips.scene_of(context)
        strip = strips.named(scene, self._strip)
        if strip is None or strips.files(strip) != self._files:
            raise RequestError(f"{self._strip} is no longer there, or shows other files; nothing was added.")
        channel = strips.free_channel(scene, strip)
        kept = _keep(strip, strips.result(strip, folder), self._kept)
        twin = strips.add_twin(scene, strip, kept, channel, self._scale)
        left = f" The modifiers of {strip.name} were not copied." if len(strip.modifiers) else ""
        return f"{twin.name}: {told(report)} Files in {kept}.{left}"


def _settings(context):
    return strips.scene_of(context).faceplate.restore


def _space(strip):
    """The words for a colour space that somebody chose; those that files have anyway are left to what a file says."""
    told = strip.colorspace_settings
    if told.is_data or told.name in ("sRGB", colour.working_space()):
        return []
    return ["--colourspace", colour.command_name(told.name)]


def _keep(strip, made, folder):
    """Give what was made a name of its own in a folder on the same disk, without the proofs of its making.

    Returns:
        Its path.
    """
    kept = strips.free_name(strip, made, folder)
    try:
        shutil.rmtree(made / ".done", ignore_errors=True)
        made.rename(kept)
    except OSError as error:
        raise OutputError(f"{kept} cannot be written: {error.strerror}. Choose another folder.") from error
    return kept


def register():
    bpy.utils.register_class(FACEPLATE_OT_restore_strip)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_restore_strip)
