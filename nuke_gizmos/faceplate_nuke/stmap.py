"""FP_SteadyApply: a face's track as keys of a matrix, which the node turns into an STMap."""

import nuke

from .nodes import path_of, set_value, tell, told_on, value
from .track import matrices, read_points

KNOBS = ("scale_x", "scale_y", "shift_x", "shift_y")

_ELSEWHERE = {
    "STMap input": "Warps by the STMap that is connected.",
    "layer stmap": "Warps by the layer stmap of its own input, which FP_Steady brings with Motion Layers.",
}
"""Maps that come from elsewhere than a track, and what is said of them."""


def read_track(node: nuke.Node):
    """The button Read Track: one key a frame, so that the face lies where it lies on the reference frame."""
    with told_on(node):
        track = read_points(path_of(node, "shot"), value(node, "track"))
        keys = matrices(track, value(node, "reference"))
        for knob, values in zip(KNOBS, zip(*keys.values())):
            _set_keys(node[knob], dict(zip(keys, values)))
        first, last = min(keys), max(keys)
        set_value(node, "state", "frames {}-{}".format(first, last))
        tell(
            node,
            "Holds track {} as on frame {}, frames {}-{}; before and after it stays as on the nearest of them.".format(
                value(node, "track"), value(node, "reference"), first, last
            ),
        )


def _set_keys(knob, values):
    knob.clearAnimated()
    knob.setAnimated()
    for frame, told in values.items():
        knob.setValueAt(told, frame)


def refresh(node: nuke.Node):
    """Say where the map comes from. Keys and connections are not touched."""
    told = _ELSEWHERE.get(value(node, "map"))
    if told:
        set_value(node, "state", value(node, "map"))
        set_value(node, "status", told)
    elif value(node, "state") in ("", *_ELSEWHERE):
        animated = node["scale_x"].isAnimated()
        set_value(node, "state", "face track" if animated else "no track")
        told = (
            "Warps by the keys on the Matrix page." if animated else "Name a Shot File and press Read Track."
        )
        set_value(node, "status", told)


def on_user_create(node: nuke.Node):
    """A new node's reference is the frame that is looked at."""
    set_value(node, "reference", nuke.frame())
