"""What a restoring node shows at present, and whether that may go into a final render."""

import collections
import hashlib
import json

import nuke

from . import live
from .nodes import OPERATION, path_of, set_by_hand, set_value, value, working_space

State = collections.namedtuple("State", "word sentence final")
"""`word`: short, for the node's label. `sentence`: for the artist. `final`: what is shown is what the node promises."""


def state_of(node: nuke.Node):
    """The node's state, worked out from its knobs alone: asking twice gives the same answer."""
    if value(node, "way") == "live":
        return _live_state(node)
    if not value(node, "result_scale"):
        return State("not baked", "Not baked yet, shows its input. Press Bake, or set Way to live.", False)
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
    if live.installed() and set_by_hand(node).get("scale", 1) != 1:
        told = "Live keeps the size: Scale works in a bake. Set it to 1, or Way to bake."
        return State("live, not scaled", told, False)
    if live.installed():
        return State("live", "Live: the OFX effect restores each frame as it is looked at.", True)
    return State(
        "no plug-in",
        "Shows its input: Way is live, and the Faceplate OFX plug-in is not installed on this machine. Install "
        "Faceplate.ofx.bundle, or set Way to bake.",
        False,
    )


def fingerprint(node: nuke.Node):
    """Everything on the node that decides what a bake looks like, as text. The picture above it is not part of it."""
    facts = {
        "operation": OPERATION[node.Class()][0],
        "values": set_by_hand(node),
        "steady": steady_values(node),
        "working_space": working_space(node),
        "shot": _hash_of(path_of(node, "shot")),
    }
    return json.dumps(facts, sort_keys=True)


def steady_values(node: nuke.Node):
    """The parameters of the operation `steady` that a bake is given; None when faces are not held steady."""
    hold = node.knob("hold_steady")
    if hold is None or not hold.value():
        return None
    return {name: value(node, name) for name in ("steady", "radius")}


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
