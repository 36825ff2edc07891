# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer expression: what one head shows, on any rig whose shape keys have ARKit's names, however spelled."""

import bpy

from .. import expressions
from ..faceplate_client.errors import FaceplateError, RequestError
from ..keys import free_keys, pair, weights_of
from ..transfer_source import TransferSource


class FACEPLATE_OT_transfer_expression(TransferSource, bpy.types.Operator):
    """Give the active mesh the expression of the other selected one, key by key, through a map of their names"""

    bl_idname = "faceplate.transfer_expression"
    bl_label = "Transfer Expression"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        source, target = pair(context)
        try:
            names = _name_map(source, target)
            if self.bake:
                said = self._baked(context, source, target, names)
            else:
                _set(target, expressions.transferred(weights_of(source, self.photo), names))
                said = f"{len(names)} keys of {target.name} set"
        except FaceplateError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        # correctives follow from others by drivers: on the target, too, they are no matter of transfer
        left = [name for name in free_keys(source) if not any(name in shown for shown in names.values())]
        more = f"; {target.name} has nothing for {', '.join(left)}" if left else ""
        self.report({"INFO"}, f"{said}{more}.")
        return {"FINISHED"}

    def _baked(self, context, source, target, names):
        scene = context.scene
        before, frames = scene.frame_current, range(scene.frame_start, scene.frame_end + 1)
        try:
            for frame in frames:
                scene.frame_set(frame)
                _set(target, expressions.transferred(weights_of(source, self.photo), names), frame)
        finally:
            scene.frame_set(before)
        return f"{len(names)} keys of {target.name} set on {len(frames)} frames"


def _name_map(source, target):
    """The map in the text `Faceplate names NAME`; that text is written where there is none.

    Raises:
        RequestError: a text that is no map; no key of the target is known.
    """
    title, ours, theirs = f"Faceplate names {target.name}", free_keys(source), free_keys(target)
    text = bpy.data.texts.get(title)
    if text is not None:
        return expressions.map_from_text(text.as_string(), ours, theirs)
    names = expressions.match_names(ours, theirs)
    if not names:
        raise RequestError(
            f"{target.name} has no shape key with a name that {source.name} has, for instance {', '.join(ours[:5])}. "
            f"Rename its keys, or write a map into a text called {title!r}: a line `key = key` for each."
        )
    bpy.data.texts.new(title).write(expressions.map_as_text(names))
    return names


def _set(target, weights, frame=None):
    keys = target.data.shape_keys.key_blocks
    for name, weight in weights.items():
        keys[name].value = weight
        if frame is not None:
            keys[name].keyframe_insert("value", frame=frame)


def register():
    bpy.utils.register_class(FACEPLATE_OT_transfer_expression)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_transfer_expression)
