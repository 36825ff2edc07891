"""The input of a node as files: which frames, in which folder, rendered by the Write inside the node."""

import os
import shutil

import nuke

from faceplate_client.errors import Cancelled, InputError, OutputError, RequestError

from .nodes import inside, path_of, script_folder, set_value, value


def frames_of(node: nuke.Node):
    """First and last frame that the node's knobs ask for, both counted.

    Raises:
        RequestError: nothing is connected; the last frame comes before the first.
    """
    kind = value(node, "frames")
    if kind == "custom":
        first, last = value(node, "first"), value(node, "last")
    elif kind == "script":
        first, last = nuke.root().firstFrame(), nuke.root().lastFrame()
    else:
        first, last = source_of(node).firstFrame(), source_of(node).lastFrame()
    first, last = int(first), int(last)
    if last < first:
        raise RequestError("The last frame, {}, should not come before the first, {}.".format(last, first))
    return first, last


def source_of(node: nuke.Node):
    """The node that is connected to the input.

    Raises:
        RequestError: nothing is.
    """
    source = node.input(0)
    if source is None:
        raise RequestError(
            "Nothing is connected to {}. Connect the plate that it should work on.".format(node.name())
        )
    return source


def folder_of(node: nuke.Node):
    """The folder that belongs to the node: its knob, or one beside the saved script. It need not be there yet.

    Raises:
        RequestError: the knob is empty and the script was never saved.
    """
    told = path_of(node, "folder")
    if told:
        return os.path.abspath(told)
    folder, script = script_folder()
    if not folder:
        raise RequestError(
            "There is no folder for the files: save the script first, or name a Folder on the Bake page."
        )
    return os.path.join(folder, "faceplate", script, node.fullName())


def new_version(folder):
    """Make the next of v001, v002, ... in a folder, and return its path. Nothing older is ever written to.

    Raises:
        OutputError: it cannot be made.
    """
    number = 1
    while True:
        path = os.path.join(folder, "v{:03d}".format(number))
        try:
            os.makedirs(path)
            return path
        except FileExistsError:
            number += 1
        except OSError as error:
            raise OutputError("The folder {} cannot be made: {}.".format(path, error.strerror))


def new_version_with_plates(node: nuke.Node, first, last):
    """A new version's folder, and the pattern of the plates for it. The folder is gone again where they fail.

    Raises:
        OutputError: it cannot be made. RequestError, InputError, Cancelled: as `plates_for`.
    """
    version = new_version(folder_of(node))
    try:
        return version, plates_for(node, version, first, last)
    except BaseException:  # Nuke's own errors have no parent of ours
        shutil.rmtree(version, ignore_errors=True)
        raise


def plates_for(node: nuke.Node, version, first, last):
    """The input's frames as EXR files: rendered now, or those that are there when the node says so.

    Rendering happens here and now, on the main thread, with Nuke's own progress bar.

    Args:
        version: folder that new plates go into.

    Returns:
        A pattern such as `.../plates/plate.####.exr`. Float, RGBA, in the script's working space.

    Raises:
        RequestError: several views, or proxy mode. InputError: a frame could not be rendered, or is not there.
        Cancelled: the artist stopped the rendering.
    """
    pattern = path_of_plates(node)
    if not (value(node, "reuse_plates") and pattern):
        pattern = os.path.join(version, "plates", "plate.####.exr").replace("\\", "/")
        _render(node, pattern, first, last)
    absent = [frame for frame in range(first, last + 1) if not os.path.exists(frame_path(pattern, frame))]
    if absent:
        raise InputError(
            "The plate of frame {} is not there ({}). Switch off Use the Plates Already Rendered, and see whether the "
            "input renders.".format(absent[0], frame_path(pattern, absent[0]))
        )
    return pattern


def path_of_plates(node: nuke.Node):
    """The pattern of the plates that were rendered last, with its #### still in it."""
    return (value(node, "plates_file") or "").strip()


def frame_path(pattern, frame):
    """The file of one frame of a pattern with ####."""
    sign = "-" if frame < 0 else ""
    return pattern.replace("####", sign + "{:0{}d}".format(abs(frame), 4 - len(sign)))


def _render(node: nuke.Node, pattern, first, last):
    if len(nuke.views()) > 1:
        raise RequestError(
            "A bake knows one view, and this script has {}. Work on one view, or set Way to live.".format(
                len(nuke.views())
            )
        )
    if nuke.root()["proxy"].value():
        raise RequestError("The script is in proxy mode. Switch it off: faces are restored at full size.")
    source_of(node)
    write = inside(node, "Plates")
    if write is None:
        raise InputError("{} has no Write inside it. Make the node anew, from the menu.".format(node.name()))
    set_value(node, "plates_file", pattern)
    set_value(
        node, "baking", True
    )  # the Write inside is switched off but for this, so that no farm renders it
    try:
        nuke.execute(write, first, last, 1)
    except RuntimeError as error:
        set_value(node, "plates_file", "")
        if "cancel" in str(error).lower():
            raise Cancelled("Stopped while the input was rendered.")
        raise InputError("The input could not be rendered: {}.".format(str(error).rstrip(".")))
    finally:
        set_value(node, "baking", False)
