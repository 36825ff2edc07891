"""The live way: whether the OFX effect is installed on this machine, and the knobs that it cannot be linked to."""

import os
import sys

import nuke

from .nodes import inside, parameters, value, working_space

BUNDLE = "Faceplate.ofx.bundle"
_PLATFORMS = {"linux": "Linux-x86-64", "win32": "Win64", "darwin": "MacOS"}
_DEPTH = 3  # folders below a plug-in path that are searched; vendors nest by company and product
_STANDARD = {
    "linux": os.path.join(os.sep, "usr", "OFX", "Plugins"),
    "darwin": os.path.join(os.sep, "Library", "OFX", "Plugins"),
    "win32": os.path.join(os.environ.get("COMMONPROGRAMFILES", ""), "OFX", "Plugins"),
}

_found = None


def installed():
    """Whether the OFX effect is on this machine. Looked for once: Nuke reads plug-ins when it starts, not later.

    FACEPLATE_NUKE_LIVE=0 says no without looking, for a machine where the effect is there and does not load.
    """
    global _found
    if _found is None:
        _found = os.environ.get("FACEPLATE_NUKE_LIVE") != "0" and any(map(_holds_bundle, plugin_folders()))
    return _found


def plugin_folders():
    """Where OFX plug-ins are looked for: Nuke's own list, OFX_PLUGIN_PATH, and the standard folder."""
    told = os.environ.get("OFX_PLUGIN_PATH", "").split(os.pathsep if os.name != "posix" else ":")
    return [folder for folder in [*nuke.ofxPluginPath(), *told, _STANDARD.get(sys.platform, "")] if folder]


def _holds_bundle(folder, depth=_DEPTH):
    binary = os.path.join(folder, BUNDLE, "Contents", _PLATFORMS.get(sys.platform, ""), "Faceplate.ofx")
    if os.path.isfile(binary):
        return True
    if depth == 0:
        return False
    try:
        inner = [each.path for each in os.scandir(folder) if each.is_dir() and not _is_skipped(each.name)]
    except OSError:
        return False
    return any(_holds_bundle(each, depth - 1) for each in inner)


def _is_skipped(name):
    return name.startswith(("@", ".")) or name.endswith(".bundle")


def push_texts(node: nuke.Node):
    """Give the effect inside the node the texts of its knobs; numbers are linked by expressions in the gizmo.

    Nothing is set that is so already, and nothing at all where the effect is not inside.
    """
    effect = inside(node, "Live")
    if effect is None:
        return
    texts = {each["name"]: value(node, each["name"]) for each in parameters(node) if each["type"] == "string"}
    texts["colourspace_name"] = working_space(node)
    for name, text in texts.items():
        knob = effect.knob(name)
        if knob is not None and knob.value() != text:
            knob.setValue(text)
