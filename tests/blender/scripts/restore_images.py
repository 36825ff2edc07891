"""In Blender: faces restored on image datablocks of every kind, as one step, and stopped by Esc."""

# pyright: reportMissingImports=false
# bpy and the add-on are there in Blender's Python alone.

import json
import os
import sys
from pathlib import Path

import bpy
import faceplate_addon
import numpy as np
from faceplate_addon import images
from faceplate_addon.operators import restore_image
from operating import Window, one_step, run, stopped

portrait, work = Path(sys.argv[1]), Path(sys.argv[2])
bpy.ops.wm.read_factory_settings(use_empty=True)
faceplate_addon.register()
bpy.context.preferences.edit.use_global_undo = True
settings = bpy.context.scene.faceplate.restore
facts: dict = {}
arrays: dict = {}


def restore(image):
    with bpy.context.temp_override(edit_image=image):
        return run(bpy.ops.faceplate.restore_image)


def described(image):
    told = image.colorspace_settings.name
    return {
        "space": told, "float": image.is_float, "size": list(image.size), "packed": image.packed_file is not None,
        "alpha": image.alpha_mode, "source": image.source, "kept": image.use_fake_user,
    }  # fmt: skip


def restored(image, name):
    """Restore an image, and remember what it was before and after, and what came of it."""
    before = images.read(image)
    facts[name] = {"answer": restore(image), "before": described(image)}
    made = bpy.data.images.get(f"{image.name} restored")
    if made is not None:
        facts[name]["after"] = described(made)
        arrays[f"{name}_before"], arrays[f"{name}_after"] = before, images.read(made)
    arrays[f"{name}_kept"] = images.read(image)
    return made


photo = bpy.data.images.load(str(portrait))
restored(photo, "byte")

# the same as light: a float image that nobody saved, with values that no byte holds, one of them on the face
scene_linear = bpy.data.images.new("light", *photo.size, alpha=True, float_buffer=True)
pixels = images.read(photo)
pixels[..., :3] = np.where(
    pixels[..., :3] <= 0.04045, pixels[..., :3] / 12.92, ((pixels[..., :3] + 0.055) / 1.055) ** 2.4
)
pixels[:40, :40, :3] = np.random.default_rng(1).uniform(-0.5, 14, (40, 40, 3))
pixels[pixels.shape[0] // 2, pixels.shape[1] // 2, 0] = 30.0
scene_linear.pixels.foreach_set(pixels.astype(np.float32).ravel())
restored(scene_linear, "float")

# what was packed is what is read again, after the .blend was opened once more
blend = str(work / "restored.blend")
bpy.ops.wm.save_as_mainfile(filepath=blend)
bpy.ops.wm.open_mainfile(filepath=blend)
arrays["float_opened"] = images.read(bpy.data.images["light restored"])
facts["float_opened"] = described(bpy.data.images["light restored"])
settings = bpy.context.scene.faceplate.restore

data = bpy.data.images.load(str(portrait), check_existing=False)
data.name, data.colorspace_settings.name = "data", "Non-Color"
data.pack()
settings.scale, settings.smallest = "2", 40.0
restored(data, "data")
settings.scale, settings.smallest = "1", 16.0

empty = bpy.data.images.new("wall", 96, 96)
restored(empty, "faceless")

# what cannot be done
refused = {}
for source in ("SEQUENCE", "MOVIE", "TILED"):
    picture = bpy.data.images.load(str(portrait), check_existing=False)
    picture.source = source
    refused[source] = restore(picture)
gone = bpy.data.images.load(str(portrait), check_existing=False)
gone.filepath = str(work / "gone.png")
refused["gone"] = restore(gone)
picture = bpy.data.images.load(str(portrait), check_existing=False)
picture.alpha_mode = "CHANNEL_PACKED"
refused["channel"] = restore(picture)
picture.alpha_mode, picture.colorspace_settings.name = "STRAIGHT", "AgX Log"
refused["space"] = restore(picture)
refused["layers"] = restore(bpy.data.images.load(str(work / "layers.exr")))
scene = bpy.context.scene
scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(scene.camera)
scene.render.engine, scene.cycles.samples = "CYCLES", 1
scene.render.resolution_x = scene.render.resolution_y = 16
bpy.ops.render.render()
refused["render"] = restore(bpy.data.images["Render Result"])
with bpy.context.temp_override(edit_image=None):
    refused["none"] = run(bpy.ops.faceplate.restore_image)
facts["refused"] = refused
facts["left"] = sorted(i.name for i in bpy.data.images if "restored" in i.name or i.name == "faceplate")


def image_names():
    return sorted(image.name for image in bpy.data.images)


def restore_the_wall():
    with bpy.context.temp_override(edit_image=bpy.data.images["wall"]):
        bpy.ops.faceplate.restore_image("EXEC_DEFAULT", True)


facts["image_undo"] = one_step(restore_the_wall, image_names)

photo = bpy.data.images.load(str(portrait), check_existing=False)
facts["image_esc"] = stopped(
    restore_image.FACEPLATE_OT_restore_image, Window(edit_image=photo), lambda: sorted(bpy.data.images.keys())
)
np.savez(work / "seen.npz", **arrays)
print(json.dumps(facts), flush=True)
os._exit(0)  # bpy 4.5 may wait for itself for ever when Python ends, after an undo for instance
