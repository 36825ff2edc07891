"""Nuke runs this when it starts with an interface: the nodes get their place in the Nodes menu."""

import nuke

_MENU = (
    ("Restore", "FP_Restore"),
    ("Matte", "FP_Matte"),
    ("Steady Apply", "FP_SteadyApply"),
)


def _fill(nodes):
    menu = nodes.addMenu("Faceplate")
    for label, name in _MENU:
        menu.addCommand(label, "nuke.createNode({!r})".format(name))


_fill(nuke.menu("Nodes"))
