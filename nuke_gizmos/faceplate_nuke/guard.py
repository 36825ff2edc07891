"""What may not go into a final render: a node that shows something else than it promises."""

import sys

import nuke

from . import live
from .nodes import bakeable_upstream
from .state import state_of


def before_render():
    """Nuke calls this for every node that is about to render. An exception ends the render: in the interface Nuke shows
    it, on a farm it goes to the log and `nuke -t` and `nuke -x` end with an exit code that is not 0.

    Raises:
        RuntimeError: a node above the one that renders is not ready; which, and what to do.
    """
    wrong = []
    for node in bakeable_upstream(nuke.thisNode()):
        live.push_texts(node)
        state = state_of(node)
        if not state.final:
            wrong.append("{}: {}".format(node.fullName(), state.sentence))
    if wrong:
        for sentence in wrong:
            sys.stderr.write("faceplate: {}\n".format(sentence))
        raise RuntimeError("Faceplate stopped the render. " + " ".join(wrong))
