# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer shape keys: a head's keys for a mesh of another topology that has none; the command carries them over."""

import bpy
import numpy as np
from mathutils import Matrix

from .. import axes, expressions, mesh_parts, rig
from ..faceplate_client.errors import RequestError
from ..job_operator import JobOperator
from ..keys import has_keys, moves, places

_MESH, _KEYS = "mesh.npz", "keys.npz"


class FACEPLATE_OT_transfer_shapes(JobOperator, bpy.types.Operator):
    """Give the active mesh shape keys that do what those of the other selected head, one of Faceplate's, do"""

    bl_idname = "faceplate.transfer_shapes"
    bl_label = "Transfer Shape Keys"
    bl_options = {"REGISTER", "UNDO"}

    keys: bpy.props.EnumProperty(
        name="Keys",
        description="Which of the head's shape keys the mesh gets",
        items=[
            ("ARKIT", "ARKit's 52", "Those with ARKit's names"),
            ("ALL", "All", "Visemes and correctives as well, the latter with their drivers"),
        ],
        default="ARKIT",
    )
    only: bpy.props.StringProperty(
        name="Only",
        description="Of these only some, by name with commas between; * stands for any letters. Empty: all of them",
        default="",
    )

    @classmethod
    def poll(cls, context):
        return context.mode == "OBJECT" and _chosen(context) is not None

    def words(self, context, folder):
        source, target, others = _chosen(context)
        self._source, self._target = source.name, target.name  # a name survives undo, a reference does not
        held = source.data.shape_keys.key_blocks
        rest = source.data.shape_keys.reference_key.name
        known = [key.name for key in held if key.name != rest]
        missing = [name for name in expressions.ARKIT if name not in known]
        if missing:
            raise RequestError(
                f"{source.name} is no head of Faceplate's: it has no shape key {', '.join(missing[:5])}"
                f"{' and others' if len(missing) > 5 else ''}. Make a head from photos or a clip."
            )
        names = expressions.picked(expressions.ARKIT if self.keys == "ARKIT" else known, self.only)
        _expect_free(target, names)
        shapes = np.stack([axes.ours_moves(moves(held[name]), Matrix.Identity(4)) for name in names])
        parts = mesh_parts.face_parts(target, others)
        np.savez(folder / _MESH, names=np.array(names), moves=shapes, **parts)
        return ["transfer", folder / _MESH, "--keys", "-o", folder / _KEYS]

    def apply(self, context, folder, report):
        source, target = (bpy.data.objects.get(name) for name in (self._source, self._target))
        if source is None or target is None:
            lost = self._source if source is None else self._target
            raise RequestError(f"{lost} is no longer there; nothing was changed.")
        with np.load(folder / _KEYS, allow_pickle=False) as held:
            names, carried = held["names"].tolist(), held["moves"]
        if carried.shape[1] != len(target.data.vertices):
            raise RequestError(f"{target.name} was changed meanwhile; nothing was set. Transfer again.")
        if target.mode != "OBJECT":
            raise RequestError(
                f"{target.name} is being edited; nothing was set. Leave Edit Mode, and transfer again."
            )
        _expect_free(target, names)
        carried = axes.moves_from_ours(carried, target.matrix_world)
        if target.data.shape_keys is None:
            target.shape_key_add(name="Basis", from_mix=False)
        base = places(target.data.shape_keys.reference_key)
        for name, move in zip(names, carried, strict=True):
            key = target.shape_key_add(name=name, from_mix=False)
            key.data.foreach_set("co", (base + move).ravel())
            key.value = 0.0
        rig.copy_correctives(source, target, names)
        told = f"{target.name} got {len(names)} shape keys; the face was found on {report['met_percent']} % of its skin"
        return f"{told}." if report["lids"] else f"{told}. No eyes stand open on it, so blinks may not close."


def _chosen(context):
    """(source, target, other selected objects); None where it is not clear which is the head."""
    target, chosen = context.active_object, context.selected_objects
    if target is None or target.type != "MESH" or target not in chosen:
        return None
    sources = [each for each in chosen if each is not target and has_keys(each)]
    if len(sources) != 1:
        return None
    return sources[0], target, [each for each in chosen if each not in (sources[0], target)]


def _expect_free(target, names):
    """See that a mesh has none of the keys yet.

    Raises:
        RequestError: it has.
    """
    held = target.data.shape_keys
    there = [name for name in names if held is not None and name in held.key_blocks]
    if there:
        raise RequestError(
            f"{target.name} has shape keys already that it would get: {', '.join(there[:5])}"
            f"{' and others' if len(there) > 5 else ''}. Delete or rename them, or use Transfer Expression."
        )


def register():
    bpy.utils.register_class(FACEPLATE_OT_transfer_shapes)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_transfer_shapes)
