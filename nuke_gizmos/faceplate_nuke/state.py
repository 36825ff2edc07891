"""What a node shows at present, and whether that may go into a final render."""

import collections
import hashlib
import json

import nuke

from . import live
from .nodes import (
    kind_of,
    parameters,
    path_of,
    people,
    set_by_hand,
    set_value,
    value,
    wants_motion,
    working_space,
)

State = collections.namedtuple("State", "word sentence final")
"""`word`: short, for the node's label. `sentence`: for the artist. `final`: what is shown is what the node promises."""


def state_of(node: nuke.Node):
    """The node's state, worked out from its knobs alone: asking twice gives the same answer."""
    if value(node, "way") == "live":
        return _live_state(node)
    if not value(node, "result_scale"):
        told = "Not baked yet, shows {}. Press Bake, or set Way to live.".format(kind_of(node).empty)
        return State("not baked", told, False)
    first, last = value(node, "result_first"), value(node, "result_last")
    if value(node, "result_of") != fingerprint(node):
        return State(
            "old bake {}-{}".format(first, last),
            "Shows frames {}-{} as baked before its knobs, or the shot file, were changed. Bake again.".format(
                first, last
            ),
            False,
        )
    return State("baked {}-{}".format(first, last), "Shows baked frames {}-{}.".format(first, last), True)


def _live_state(node: nuke.Node):
    if not live.installed():
        told = (
            "Shows {}: Way is live, and the Faceplate OFX plug-in is not installed on this machine. Install "
            "Faceplate.ofx.bundle, or set Way to bake."
        )
        return State("no plug-in", told.format(kind_of(node).empty), False)
    lacking = _beyond_live(node)
    if lacking:
        told = "Live leaves out {}: only a bake does that. Set Way to bake, or put it back as it was."
        return State("live, incomplete", told.format(" and ".join(lacking)), False)
    return State("live", "Live: the OFX effect works on each frame as it is looked at.", True)


def _beyond_live(node: nuke.Node):
    """The labels of what is set and what the effect does not do."""
    kind, told = kind_of(node), set_by_hand(node)
    lacking = [
        each["label"] for each in parameters(node) if each["name"] in kind.bake_only and each["name"] in told
    ]
    if wants_motion(node):
        lacking.append("Motion Layers")
    # The effect knows nobody by name: it would veil everybody, or fail on every frame.
    if kind.people == "visible" and value(node, "visible").strip():
        lacking.append("Stay Visible")
    elif kind.people == "faces" and not all(name.isdigit() for name in people(node)):
        lacking.append("the names in Faces")
    return lacking


def fingerprint(node: nuke.Node):
    """Everything on the node that decides what a bake looks like, as text. The picture above it is not part of it."""
    facts = {
        "class": node.Class(),
        "values": set_by_hand(node),
        "people": people(node),
        "motion": wants_motion(node),
        "working_space": working_space(node),
        "shot": _hash_of(path_of(node, "shot")),
    }
    return json.dumps(facts, sort_keys=True)


def _hash_of(path):
    if not path:
        return None
    try:
        with open(path, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()
    except OSError:
        return "missing"


def refresh(node: nuke.Node):
    """Show the node's state on its panel and in its label; nothing is set that is so already."""
    state = state_of(node)
    set_value(node, "state", state.word)
    set_value(node, "status", state.sentence)
