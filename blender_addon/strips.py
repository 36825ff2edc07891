# SPDX-License-Identifier: GPL-3.0-or-later
"""Strips of the Sequencer: the files that one shows, and its twin above it that shows others."""

from pathlib import Path

import bpy

from .faceplate_client.errors import RequestError
from .footage import NUMBERED, pattern

_MOVIES = (".mp4", ".m4v", ".mov", ".mkv", ".mxf")
"""What a restored movie may end in; any other movie comes back as .mov, which holds every codec that is written."""

_COPIED = (
    "blend_type", "blend_alpha", "animation_offset_start", "animation_offset_end", "frame_offset_start",
    "frame_offset_end", "alpha_mode", "use_flip_x", "use_flip_y", "use_float", "use_reverse_frames", "use_deinterlace",
    "color_saturation", "color_multiply", "multiply_alpha", "color_tag", "strobe",
)  # fmt: skip
_PLACED = {
    "transform": ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "origin", "filter"),
    "crop": ("min_x", "max_x", "min_y", "max_y"),
}


def scene_of(context):
    """The scene that the Sequencer shows: from Blender 5.0 on it may be another than the window's."""
    return getattr(context, "sequencer_scene", None) or context.scene


def active(context):
    """The active strip when it is of pictures or a movie, else None."""
    scene = scene_of(context)
    editor = None if scene is None else scene.sequence_editor
    strip = None if editor is None else editor.active_strip
    return strip if strip is not None and strip.type in ("IMAGE", "MOVIE") else None


def named(scene, name):
    """The strip of a name, in a meta strip or not; None without one."""
    editor = scene.sequence_editor
    if editor is None:
        return None
    return (editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all).get(name)


def files(strip):
    """The files that a strip shows, each once, in their order."""
    if strip.type == "MOVIE":
        return [Path(bpy.path.abspath(strip.filepath))]
    folder = Path(bpy.path.abspath(strip.directory))
    return list(dict.fromkeys(folder / element.filename for element in strip.elements))


def input_words(strip):
    """INPUT of the command, and `--frames` where it is a sequence.

    Raises:
        RequestError: what the command cannot be asked for, or the strip's twin could not show.
    """
    if strip.use_multiview:
        raise RequestError(f"{strip.name} has several views. Switch Use Multi-View off, and restore it then.")
    if len(getattr(strip, "retiming_keys", ())):  # in Blender 4.2 pictures have none
        raise RequestError(
            f"{strip.name} is retimed. Reset its retiming, restore it, and retime both strips."
        )
    if strip.type == "MOVIE" and strip.stream_index:
        raise RequestError(f"{strip.name} shows another than the movie's first stream. Choose stream 0.")
    paths = files(strip)
    if len(paths) == 1:
        return [paths[0]]
    found = [NUMBERED.match(path.name) for path in paths]
    digits = [each["number"] for each in found if each is not None]
    names = {(each["head"], each["tail"]) for each in found if each is not None}
    width = min(map(len, digits), default=0)
    if len(digits) < len(paths) or len(names) > 1 or any(f"{int(n):0{width}d}" != n for n in digits):
        raise RequestError(
            f"The pictures of {strip.name} are no numbered sequence such as plate.0001.png, plate.0002.png. Separate "
            "them (Strip, Separate Images), and restore each strip."
        )
    ((head, tail),) = names
    return [paths[0].parent / pattern(head, width, tail), f"--frames={','.join(map(str, map(int, digits)))}"]


def result(strip, folder):
    """Where the command is to put a strip's restored files: a movie, or a folder of pictures with their old names."""
    if strip.type == "IMAGE":
        return folder / "restored"
    path = files(strip)[0]
    return folder / f"restored{path.suffix if path.suffix.lower() in _MOVIES else '.mov'}"


def free_name(strip, made, parent):
    """A path in a folder that nothing has yet, for a movie or a folder of pictures that was made for a strip."""
    first = files(strip)[0]
    found = NUMBERED.match(first.name) if len(files(strip)) > 1 else None
    stem = (found["head"].rstrip("._- ") if found else first.stem) or "strip"
    number, ending = 1, made.suffix if strip.type == "MOVIE" else ""
    while True:
        path = parent / f"{stem} restored{f' {number}' if number > 1 else ''}{ending}"
        if not path.exists():
            return path
        number += 1


def free_channel(scene, strip):
    """The lowest channel above a strip that is not locked and has nothing in the strip's range.

    Raises:
        RequestError: there is none.
    """
    owner = strip.parent_meta() or scene.sequence_editor
    start, end = strip.frame_final_start, strip.frame_final_end
    taken = {
        other.channel
        for other in _strips(owner)
        if other.frame_final_start < end and other.frame_final_end > start
    }
    locked = {number for number, channel in enumerate(owner.channels) if channel.lock}
    for channel in range(strip.channel + 1, len(owner.channels)):
        if channel not in taken | locked:
            return channel
    raise RequestError(f"There is no free channel above {strip.name}. Make room for the restored strip.")


def add_twin(scene, strip, restored, channel, scale):
    """A strip that shows restored files just as another shows its own: range, offsets, blend, transform and crop.

    Args:
        scene: of both. strip: of the old files. restored: Path of a movie, or of the folder of pictures. channel: for
            the new strip. scale: how many times larger the new pictures are.

    Returns:
        The new strip, named `NAME restored`, the active one.
    """
    editor = scene.sequence_editor
    many, start = _strips(strip.parent_meta() or editor), int(strip.frame_start)
    name = f"{strip.name} restored"
    if strip.type == "MOVIE":
        twin = many.new_movie(name, str(restored), channel, start)
    else:
        names = [element.filename for element in strip.elements]
        twin = many.new_image(name, str(restored / names[0]), channel, start)
        for each in names[1:]:
            twin.elements.append(each)
    twin.frame_start = strip.frame_start
    for each in _COPIED:
        if hasattr(strip, each):  # releases differ
            setattr(twin, each, getattr(strip, each))
    for part, held in _PLACED.items():
        for each in held:
            setattr(getattr(twin, part), each, getattr(getattr(strip, part), each))
    twin.transform.scale_x, twin.transform.scale_y = (
        strip.transform.scale_x / scale,
        strip.transform.scale_y / scale,
    )
    for side in _PLACED["crop"]:
        setattr(twin.crop, side, getattr(strip.crop, side) * scale)
    twin.colorspace_settings.name = strip.colorspace_settings.name
    twin.frame_final_end, twin.channel = strip.frame_final_end, channel
    for other in _strips(editor):
        other.select = False
    twin.select, editor.active_strip = True, twin
    return twin


def _strips(owner):
    """The strips of an editor or a meta strip; before Blender 4.4 they were its sequences."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences
