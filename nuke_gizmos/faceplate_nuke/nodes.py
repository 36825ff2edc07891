"""The nodes' knobs read and set, and the nodes that a picture depends on."""

import contextlib
import os
from typing import Any

import nuke

from faceplate_client import read_operations
from faceplate_client.errors import FaceplateError

from . import BAKEABLE
from .kinds import KINDS, parameters_of

NOBODY_BY_NAME = ("all", "largest", "none")
"""Words for a choice of faces that name nobody."""


def value(node: nuke.Node, name):
    """A knob's value, in the kind of Python it has in Nuke."""
    return node[name].value()


def set_value(node: nuke.Node, name, wanted):
    """Set a knob if it is not so already: setting one calls knobChanged, and marks the script as changed."""
    if node[name].value() != wanted:
        node[name].setValue(wanted)


def path_of(node: nuke.Node, name):
    """What a file knob names, its expressions evaluated; an empty text when it is empty."""
    knob: Any = node[name]  # types-nuke knows of knobs in general, and this is a File_Knob
    return (knob.evaluate() or "").strip()


def inside(node: nuke.Node, name):
    """A node inside one of ours; None where it is not in this variant of the gizmo."""
    return node.node(name) if isinstance(node, nuke.Group) else None


def kind_of(node: nuke.Node):
    """What kind of node it is: one of those that bake."""
    return KINDS[node.Class()]


def parameters(node: nuke.Node):
    """The parameters that the node has knobs for, as `operations.json` describes them, with the node's own defaults."""
    return parameters_of(kind_of(node), read_operations())


def set_by_hand(node: nuke.Node):
    """The parameters that are not at their defaults: {name: value}. The others are left to the style."""
    found = {}
    for parameter in parameters(node):
        told = value(node, parameter["name"])
        if parameter["type"] == "choice":
            told = _choice(parameter, told)
        if told != parameter["default"]:
            found[parameter["name"]] = told
    return found


def working_space(node: nuke.Node):
    """The name of the space that the node's pixels are in; linear Rec. 709 where the knob was emptied."""
    return value(node, "working_space").strip() or "lin_rec709"


def people(node: nuke.Node):
    """Names and ids of tracks that the node's list of people holds: none when it says all, largest, none or nothing."""
    words = [word.strip() for word in value(node, kind_of(node).people).split(",")]
    return [word for word in words if word and word not in NOBODY_BY_NAME]


def wants_motion(node: nuke.Node):
    """Whether a bake is to bring motion layers."""
    return kind_of(node).motion and value(node, "motion")


def _choice(parameter, told):
    """Nuke's choices are texts; the operation's may be numbers."""
    for choice in parameter["choices"]:
        if str(choice) == str(told):
            return choice
    return told


def tell(node: nuke.Node, sentence):
    """Show a sentence on the node's panel, and say it on the console, where a farm keeps its log."""
    set_value(node, "status", sentence)
    nuke.tprint("{}: {}".format(node.fullName(), sentence))


@contextlib.contextmanager
def told_on(node: nuke.Node):
    """Errors of what a button asks for become the node's status: no dialog, for on a farm nobody presses OK.

    Without an interface they are raised as well, so that a script that presses buttons ends as it should.
    """
    try:
        yield
    except FaceplateError as error:
        tell(node, str(error))
        if not nuke.GUI:
            raise


def is_there(node: nuke.Node):
    """False once a node was deleted, or its script closed: Nuke then refuses to say anything about it."""
    try:
        node.fullName()
    except ValueError:
        return False
    return True


def script_folder():
    """The folder of the saved script and its name without ending; two empty texts when it was never saved."""
    name = nuke.root()["name"].value()
    if not name:
        return "", ""
    return os.path.dirname(os.path.abspath(name)), os.path.splitext(os.path.basename(name))[0]


def is_on(node: nuke.Node):
    """False when the node is switched off, and so passes its input."""
    knob = node.knob("disable")
    return knob is None or not knob.value()


def bakeable_upstream(node: nuke.Node):
    """Every node that bakes, switched on, that the node's picture may come from, itself not counted.

    Follows inputs, out of the group that the node lies in and into the groups on the way. Both sides of a switch
    count: which one is looked at may change from frame to frame.
    """
    seen, found = set(), []
    todo = _feeding(node)
    while todo:
        each = todo.pop()
        name = each.fullName()
        if name in seen:
            continue
        seen.add(name)
        todo += _feeding(each)
        if each.Class() in BAKEABLE:
            if is_on(each):
                found.append(each)
        elif is_on(each):
            todo += _outputs_inside(each)
    return sorted(found, key=lambda each: each.fullName())


def _feeding(node: nuke.Node):
    if node.Class() == "Input":
        parent = node.parent()
        return [] if parent is None else list(parent.dependencies(nuke.INPUTS | nuke.HIDDEN_INPUTS))
    return list(node.dependencies(nuke.INPUTS | nuke.HIDDEN_INPUTS))


def _outputs_inside(node: nuke.Node):
    if not isinstance(node, nuke.Group):
        return []
    return [each for each in node.nodes() if each.Class() == "Output"]
