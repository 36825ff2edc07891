# SPDX-License-Identifier: GPL-3.0-or-later
"""Head from a clip: the command makes it and what it does, `heads.py` and `performance.py` bring it in."""

import json
from pathlib import Path

import bpy

from .. import footage, heads, performance, properties
from ..faceplate_client.errors import RequestError
from ..job_operator import JobOperator

_RESULT = "head.npz"


class FACEPLATE_OT_head_from_clip(JobOperator, bpy.types.Operator):
    """Make a head from a movie or a sequence of pictures of one person, with keyframes of what the face does"""

    bl_idname = "faceplate.head_from_clip"
    bl_label = "Head from Clip"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE"})
    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_movie: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN", "SKIP_SAVE"})
    some: bpy.props.BoolProperty(
        name="Only Some Frames",
        description="Look at the frames from First to Last alone; otherwise at all there are",
        default=False,
    )
    first: bpy.props.IntProperty(name="First", description="The first frame of the clip", default=1, min=0)
    last: bpy.props.IntProperty(name="Last", description="The last frame of the clip", default=250, min=0)
    step: bpy.props.IntProperty(name="Step", description="Look at every so many-th frame", default=1, min=1)
    skip_missing: bpy.props.BoolProperty(
        name="Skip Missing", description="Go on where pictures of the sequence are missing", default=False
    )
    scene_range: bpy.props.BoolProperty(
        name="Scene Range", description="Give the scene the clip's frame range", default=True
    )

    @classmethod
    def poll(cls, context):
        return context.mode == "OBJECT"

    def invoke(self, context, _event):
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def draw(self, _context):
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "some")
        column = layout.column(align=True)
        column.enabled = self.some
        for name in ("first", "last", "step"):
            column.prop(self, name)
        layout.prop(self, "skip_missing")
        layout.prop(self, "scene_range")

    def words(self, context, folder):
        chosen = properties.words(context.scene.faceplate, "reconstruct")
        words = ["reconstruct", _clip(self.filepath), "-o", folder / _RESULT, *chosen]
        if self.some:
            if self.first > self.last:
                raise RequestError(f"First should be at most Last, got {self.first} and {self.last}.")
            words.append(f"--frames={self.first}-{self.last}x{self.step}")
        return words + (["--skip-missing"] if self.skip_missing else [])

    def apply(self, context, folder, report):
        arrays = heads.read_arrays(folder / _RESULT)
        performance.expect_clip(arrays)
        head = heads.bring_in(context, arrays, _name(Path(self.filepath)))
        first, last = performance.animate(head, arrays)
        head["faceplate_report"] = json.dumps(report)
        scene = context.scene
        if self.scene_range:
            scene.frame_start, scene.frame_end = first, last
        return " ".join(_told(head.name, report["clip"], scene) + report["notes"])


def _clip(chosen):
    """What the command calls the clip of a file that was chosen.

    Raises:
        RequestError: none was, or it is a single picture.
    """
    path = Path(bpy.path.abspath(chosen)) if chosen else None
    if path is None or path.is_dir():
        raise RequestError("No clip was chosen. Choose a movie, or one picture of a sequence.")
    if path.suffix.lower() not in bpy.path.extensions_image:
        return path
    found = footage.sequence_of(path)
    if found is None:
        raise RequestError(
            f"{path.name} has no frame number, so it is no picture of a sequence. Choose a movie or a numbered "
            "picture, or use Head from Photos."
        )
    return found


def _name(path):
    """A name for the head: that of the file, without its number."""
    found = footage.NUMBERED.match(path.name) if path.suffix.lower() in bpy.path.extensions_image else None
    return (found["head"].rstrip("._- ") if found else path.stem) or "clip"


def _told(name, clip, scene):
    """Sentences about what was seen, and what to know of it."""
    lost, frames = clip["lost"], clip["frames"]
    told = [f"{name}: keyframes on {frames - len(lost)} of {frames} frames, {clip['first']}-{clip['last']}."]
    if lost:
        told.append(f"Without the face, and so without keyframes: {footage.spelled(lost)}.")
    rate = scene.render.fps / scene.render.fps_base
    if Path(clip["path"]).suffix.lower() in bpy.path.extensions_movie and abs(clip["rate"] - rate) > 0.01:
        told.append(
            f"The clip has {clip['rate']:g} frames a second, the scene {rate:g}; give it the clip's rate."
        )
    return told


def register():
    bpy.utils.register_class(FACEPLATE_OT_head_from_clip)


def unregister():
    bpy.utils.unregister_class(FACEPLATE_OT_head_from_clip)
