# SPDX-License-Identifier: GPL-3.0-or-later
"""Image datablocks for the command, and back: pixels as they are in memory, so that what was painted counts as well.

A float image travels as EXR with 32 bits, in the scene's linear space, where Blender keeps it; any other as PNG, its
bytes untouched.
"""

import bpy
import numpy as np

from . import colour
from .faceplate_client.errors import InputError, RequestError

_REFUSED = {
    "VIEWER": "holds no pixels of its own. Save it as an image, open that, and restore it",
    "TILED": "is made of tiles. Open the tile with the face as an image of its own, and restore that",
    "SEQUENCE": "has several frames. Add it to the Sequencer, and restore the strip",
    "MOVIE": "has several frames. Add it to the Sequencer, and restore the strip",
}


def expect_restorable(image):
    """See that an image is one picture with pixels.

    Raises:
        RequestError: what it is instead, and what to do. InputError: its file cannot be read.
    """
    held = len(image.pixels)  # reads the file, which tells whether it has layers
    why = _REFUSED.get(image.source)
    if why is None and image.type == "MULTILAYER":
        why = "has layers. Save the one with the face as an image, open that, and restore it"
    if why is None and (image.is_multiview or image.is_stereo_3d):
        why = "has several views. Open one of them as an image of its own, and restore that"
    if why is None and image.alpha_mode == "CHANNEL_PACKED":
        why = "keeps something else than coverage in its alpha (Channel Packed). Choose another alpha mode first"
    if why is not None:
        raise RequestError(f"{image.name} {why}.")
    if not held:
        raise InputError(f"{image.name} cannot be read from {image.filepath or 'its file'}. Reload it.")


def write(image, folder):
    """Write an image's pixels as a file for the command.

    Args:
        image: that `expect_restorable` lets pass. folder: a Path.

    Returns:
        (the file, the command's name of its colour space).
    """
    pixels = read(image)
    copy = bpy.data.images.new(
        "faceplate", *image.size, alpha=True, float_buffer=image.is_float, is_data=True
    )
    try:
        copy.pixels.foreach_set(pixels.ravel())
        copy.file_format = "OPEN_EXR" if image.is_float else "PNG"
        path = folder / ("plate.exr" if image.is_float else "plate.png")
        copy.filepath_raw = str(path)
        copy.save()
    except RuntimeError as error:
        raise InputError(f"{image.name} cannot be written for the command: {error}".strip()) from error
    finally:
        bpy.data.images.remove(copy)
    return path, _space_of(image)


def read(image):
    """(H, W, C) an image's pixels, float32, first row at the bottom, in the space that Blender keeps them in."""
    width, height = image.size
    pixels = np.empty(height * width * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, image.channels)


def bring_in(image, path):
    """The command's file of a restored image as a new image beside it, packed, with its settings.

    A float image whose own space is not the scene's linear one comes back in the latter: it looks the same, and Blender
    would pack its pixels without turning them into any other.

    Returns:
        The new image, `NAME restored`.
    """
    told = image.colorspace_settings
    space = colour.working_space() if image.is_float and not told.is_data else told.name
    made = packed(f"{image.name} restored", path.read_bytes(), space, is_float=image.is_float)
    made.alpha_mode = "PREMUL" if image.is_float else image.alpha_mode
    made.use_view_as_render, made.use_fake_user = image.use_view_as_render, True  # nothing shows it yet
    return made


def packed(name, content, space, *, is_float=False):
    """A new image of the bytes of an image file, inside the .blend."""
    image = bpy.data.images.new(name, 1, 1, alpha=True, float_buffer=is_float)
    image.pack(data=content, data_len=len(content))
    image.source = "FILE"  # from now on it is what was packed, and no longer generated
    image.colorspace_settings.name = space
    return image


def _space_of(image):
    """The command's name for the space of the pixels; where they are to be taken as they are, sRGB or linear."""
    if image.is_float:
        return colour.command_name(colour.working_space())
    told = image.colorspace_settings
    return "srgb" if told.is_data else colour.command_name(told.name)
