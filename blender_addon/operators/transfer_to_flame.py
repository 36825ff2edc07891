# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfer to FLAME: what one head shows, on a rig of FLAME's or SMPL-X's expressions; the command solves it."""

import bpy
import numpy as np

from ..faceplate_client.errors import RequestError
from ..flame_rig import FlameRig
from ..job_operator import JobOperator
from ..keys import pair, weights_of
from ..transfer_source import TransferSource

_RIG, _POSES = "rig.npz", "poses.npz"


class FACEPLATE_OT_transfer_to_flame(TransferSource, JobOperator, bpy.types.Operator):
    """Give the active FLAME or SMPL-X rig the expression of the other selected head: its keys, jaw and eyes"""

    bl_idname = "faceplate.transfer_to_flame"
    bl_label = "Transfer to FLAME Rig"
    bl_options = {"REGISTER", "UNDO"}

    def words(self, context, folder):
        source, target = pair(context)
        self._target = target.name  # a name survives undo, a reference does not
        self._first = context.scene.frame_start if self.bake else None
        shown = self._shown(context.scene, source)
        names = list(shown[0])
        if not names:
            raise RequestError(f"{source.name} has no shape key that could be transferred.")
        weights = np.array([[row.get(name, 0.0) for name in names] for row in shown], np.float32)
        np.savez(folder / _RIG, names=np.array(names), weights=weights, **FlameRig(target).arrays())
        return ["transfer", folder / _RIG, "-o", folder / _POSES]

    def apply(self, context, folder, report):
        target = bpy.data.objects.get(self._target)
        if target is None:
            raise RequestError(f"{self._target} is no longer there; nothing was changed.")
        rig = FlameRig(target)
        with np.load(folder / _POSES, allow_pickle=False) as held:
            poses = {name: held[name] for name in held.files}
        if poses["weights"].shape[1] != len(rig.keys):
            raise RequestError(
                f"The keys of {target.name} were changed meanwhile; nothing was set. Transfer again."
            )
        for row in range(len(poses["weights"])):
            rig.show(poses, row, None if self._first is None else self._first + row)
        said = f"{len(rig.keys)} keys, jaw and eyes of {target.name} set"
        said += f" on {report['frames']} frames" if self.bake else ""
        said += f", its skin moves {report['off_mm']} mm off"
        left = f"; nothing is known of {', '.join(report['unknown'])}" if report["unknown"] else ""
        return f"{said}{left}."

    def _shown(self, scene, source):
        """{key: weight} for each frame, or the one that is looked at."""
        if not self.bake:
            return [weights_of(source, self.photo)]
        before, shown = scene.frame_current, []
        try:
            for frame in range(scene.frame_start, scene.frame_end + 1):
                scene.frame_set(frame)
                shown.append(weights_of(source, self.photo))
        finally:
            scene.frame_set(before)
        return shown


def register():
    bpy.utils.register_class(FACEPLATE_OT_transfer_to_flame)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_transfer_to_flame)
