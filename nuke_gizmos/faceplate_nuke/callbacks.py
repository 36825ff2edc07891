"""What Nuke calls by itself: when a node is made or loaded, when a knob changes, before a render.

Nuke calls knobChanged for knobs that Python sets as well, for panels that open and inputs that change, in some releases
and not in others. So a reaction works out what should be from the knobs as they are, sets only what differs, and is not
entered again while it runs for the same node.
"""

from typing import Set

import nuke

from faceplate_client.errors import FaceplateError

from . import BAKEABLE, EVERY_CLASS, STEADY_APPLY, guard, live, stmap
from .nodes import parameters, set_value, tell, value
from .state import refresh

_DECIDING = frozenset(
    [
        "way",
        "result_scale",
        "result_of",
        "working_space",
        "shot",
        "visible",
        "motion",
        "showPanel",
    ]
)
"""Knobs, beside the operations' parameters, that decide what a node's state is."""

_inside: Set[str] = set()
"""Full names of the nodes whose reaction is running."""


def install():
    """Hang everything on its callback. Farm-safe: nothing here needs an interface. Installing again changes nothing."""
    for name in EVERY_CLASS:
        nuke.addOnUserCreate(on_user_create, nodeClass=name)
        nuke.addOnCreate(on_create, nodeClass=name)
        nuke.addKnobChanged(knob_changed, nodeClass=name)
    nuke.addOnScriptLoad(on_script_load)
    nuke.addBeforeRender(guard.before_render)


def on_user_create():
    """An artist made a node: it begins in the way that works on this machine."""
    node = nuke.thisNode()
    if node.Class() == STEADY_APPLY:
        stmap.on_user_create(node)
    elif not live.installed():
        set_value(node, "way", "bake")


def on_create():
    """A node was made, pasted or loaded with a script."""
    node = nuke.thisNode()
    if node.Class() in BAKEABLE:
        set_value(node, "baking", False)  # a script that was saved while it rendered
    react(node)


def on_script_load():
    """A script was loaded: every node once more, now that all of its knobs have what the script says."""
    for name in EVERY_CLASS:
        for node in nuke.allNodes(name, recurseGroups=True):
            react(node)


def knob_changed():
    """A knob of one of our nodes changed, or Nuke says so."""
    node, knob = nuke.thisNode(), nuke.thisKnob()
    if _matters(node, knob.name()):
        react(node)


def _matters(node: nuke.Node, name):
    if node.Class() == STEADY_APPLY:
        return name in ("map", "showPanel")
    return name in _DECIDING or name == "frames" or any(name == each["name"] for each in parameters(node))


def react(node: nuke.Node):
    """Bring a node's state, its texts and its panel up to date."""
    name = node.fullName()
    if name in _inside:
        return
    _inside.add(name)
    try:
        if node.Class() == STEADY_APPLY:
            stmap.refresh(node)
        else:
            live.push_texts(node)
            _enable(node)
            refresh(node)
    except FaceplateError as error:
        tell(node, str(error))
    finally:
        _inside.discard(name)


def _enable(node: nuke.Node):
    for name in ("first", "last"):
        node[name].setEnabled(value(node, "frames") == "custom")
