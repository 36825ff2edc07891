"""Bake the nodes of a script on a machine without an interface, and save what they then point to.

    nuke -t bake_nodes.py comp.nk [NODE ...]

Bakes the named nodes, or every FP_Restore, FP_Steady, FP_Veil and FP_Matte whose Way is bake and that is not baked as
it stands. There is no dialog: what goes wrong is a line in the log, and the exit code is that of docs/commands.md, so
that a farm knows whether trying again helps.
"""

import sys

import nuke


def main(words):
    """Bake what the words of the command line name; the exit code is the answer."""
    from faceplate_client.errors import FaceplateError
    from faceplate_nuke import bake

    if not words:
        sys.stderr.write("faceplate: name the script to bake: nuke -t bake_nodes.py comp.nk [NODE ...]\n")
        return 64
    try:
        nuke.scriptOpen(words[0])
        for node in _wanted(words[1:]):
            bake.bake(node)
            nuke.scriptSave()
    except FaceplateError as error:
        sys.stderr.write("faceplate: {} [{}]\n".format(error, error.code))
        return error.exit_code
    except RuntimeError as error:  # Nuke's own: the script cannot be opened or saved
        sys.stderr.write("faceplate: {}\n".format(error))
        return 65
    return 0


def _wanted(names):
    from faceplate_client.errors import RequestError
    from faceplate_nuke import BAKEABLE
    from faceplate_nuke.nodes import bakeable_upstream, is_on, value
    from faceplate_nuke.state import state_of

    if not names:
        every = [node for name in BAKEABLE for node in nuke.allNodes(name, recurseGroups=True)]
        open_ones = [each for each in every if is_on(each) and value(each, "way") == "bake"]
        # what lies above is baked first: a render of its input is what the next one is made from
        ordered = sorted(open_ones, key=lambda each: len(bakeable_upstream(each)))
        return [each for each in ordered if not state_of(each).final]
    found = []
    for name in names:
        node = nuke.toNode(name)
        if node is None or node.Class() not in BAKEABLE:
            raise RequestError("There is no {} named {} in this script.".format(" or ".join(BAKEABLE), name))
        found.append(node)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
