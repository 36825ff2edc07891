"""Nuke runs this when it starts with an interface: the nodes get their place in the Nodes menu."""

import nuke


def _fill(nodes):
    try:
        from faceplate_nuke import STEADY_APPLY
        from faceplate_nuke.kinds import KINDS
    except ImportError:
        return  # the folder is not whole: init.py has said so in the log
    menu = nodes.addMenu("Faceplate")
    for name, kind in KINDS.items():
        menu.addCommand(kind.title, "nuke.createNode({!r})".format(name))
    menu.addCommand("Steady Apply", "nuke.createNode({!r})".format(STEADY_APPLY))


_fill(nuke.menu("Nodes"))
