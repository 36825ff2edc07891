"""In Blender: faces restored on strips of pictures and movies, as one step, and stopped by Esc; panels and settings."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
import types
from pathlib import Path

import bpy
import faceplate_addon
from faceplate_addon import panels
from faceplate_addon.operators import restore_strip
from operating import Window, one_step, run, stopped

movie, work = Path(sys.argv[1]), Path(sys.argv[2])
bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
bpy.context.preferences.edit.use_global_undo = True
settings = bpy.context.scene.faceplate.restore
facts: dict = {}


facts["settings"] = {
    each.identifier: [each.name, each.description, str(getattr(each, "default", None))]
    for each in settings.bl_rna.properties
    if each.identifier not in ("rna_type", "name")
}

scene = bpy.context.scene
editor = scene.sequence_editor_create()
folder = work / "plates"
names = sorted(path.name for path in folder.iterdir())


def strips_of(owner):
    """Strips of an editor or a meta strip; before Blender 4.4 they were its sequences."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def every_strip():
    held = bpy.context.scene.sequence_editor
    return held.strips_all if hasattr(held, "strips_all") else held.sequences_all


def colour_strip(name, channel, first, last):
    """Before Blender 5.0 an effect was given its end."""
    ending = {"length": last - first} if bpy.app.version >= (5, 0, 0) else {"frame_end": last}
    return strips_of(editor).new_effect(name, "COLOR", channel, frame_start=first, **ending)


def strips_here():
    return sorted((strip.name, strip.channel) for strip in every_strip())


def strip_facts(strip):
    return {
        "range": [strip.frame_final_start, strip.frame_final_end], "start": strip.frame_start,
        "offsets": [strip.frame_offset_start, strip.frame_offset_end, strip.animation_offset_start],
        "blend": [strip.blend_type, round(strip.blend_alpha, 4)], "channel": strip.channel,
        "scale": strip.transform.scale_x, "crop": strip.crop.max_x, "mute": strip.mute,
        "files": [str(strip.filepath)] if strip.type == "MOVIE" else [e.filename for e in strip.elements],
        "folder": "" if strip.type == "MOVIE" else strip.directory, "space": strip.colorspace_settings.name,
    }  # fmt: skip


def restore_strip_of(strip, name):
    editor.active_strip = strip
    facts[name] = {"answer": run(bpy.ops.faceplate.restore_strip), "before": strip_facts(strip)}
    twin = every_strip().get(f"{strip.name} restored")
    if twin is not None:
        facts[name]["after"] = strip_facts(twin)
        facts[name]["active"] = editor.active_strip == twin
    return twin


plates = strips_of(editor).new_image("plates", str(folder / names[0]), 1, 10)
for each in names[1:]:
    plates.elements.append(each)
plates.frame_offset_start, plates.blend_type, plates.blend_alpha = 1, "SCREEN", 0.5
plates.crop.max_x = 8
above = colour_strip("above", 2, 1, 40)
editor.channels[3].lock = True
settings.scale = "2"
restore_strip_of(plates, "pictures")
settings.scale = "1"

held = strips_of(editor).new_image("held", str(folder / names[0]), 1, 100)
held.frame_final_duration = 25
restore_strip_of(held, "held")

reel = strips_of(editor).new_movie("reel", str(movie), 1, 200)
reel.frame_offset_end = 1
(work / "kept").mkdir()
settings.folder = str(work / "kept")
restore_strip_of(reel, "movie")
settings.folder = ""

mixed = strips_of(editor).new_image("mixed", str(folder / names[0]), 6, 300)
mixed.elements.append("other.png")
restore_strip_of(mixed, "mixed")
editor.active_strip = above
facts["colour"] = run(bpy.ops.faceplate.restore_strip)
editor.active_strip = held
settings.folder = str(work / "nowhere")
facts["no_folder"] = run(bpy.ops.faceplate.restore_strip)
settings.folder = ""

meta = strips_of(editor).new_meta("meta", 8, 1)
inner = strips_of(meta).new_image("inner", str(folder / names[0]), 1, 400)
inner.frame_final_duration = 5
restore_strip_of(inner, "inside")
facts["in_meta"] = sorted(strip.name for strip in strips_of(meta))

editor.active_strip = plates
listed = sorted(path.name for path in folder.iterdir())
facts["strip_esc"] = stopped(
    restore_strip.FACEPLATE_OT_restore_strip,
    Window(),
    lambda: [strips_here(), sorted(path.name for path in folder.iterdir())],
)
editor.active_strip = held
facts["strip_undo"] = one_step(
    lambda: bpy.ops.faceplate.restore_strip("EXEC_DEFAULT", True),
    lambda: sorted(strip.name for strip in every_strip()),
)


class Layout:
    """A panel's layout that only looks whether what is put on it is there."""

    def __init__(self):
        self.rows = []

    def prop(self, owner, name):
        self.rows.append(name) if hasattr(owner, name) else self.rows.append(f"missing: {name}")

    def operator(self, name, **_):
        self.rows.append(name)


facts["panels"] = {}
for panel in (panels.FACEPLATE_PT_restore_image, panels.FACEPLATE_PT_restore_strip):
    layout = Layout()
    panel.draw(types.SimpleNamespace(layout=layout), bpy.context)
    facts["panels"][panel.bl_space_type] = layout.rows

print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
