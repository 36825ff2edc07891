"""Nuke runs this when it starts, with or without an interface: the gizmos are found and the callbacks are hung up.

To install, put this folder on NUKE_PATH, or add one line to an init.py that Nuke reads:

    nuke.pluginAddPath("/where/it/lies/faceplate")

Whatever goes wrong here is one line in the log: Nuke itself must start.
"""

import os
import sys

import nuke


def _set_up():
    here = os.path.dirname(os.path.abspath(__file__))
    client = here if os.path.isdir(os.path.join(here, "faceplate_client")) else _checkout_core(here)
    for folder in (here, client):
        if folder not in sys.path:
            sys.path.append(folder)
    from faceplate_nuke import callbacks, live

    way = "live" if live.installed() else "bake"
    nuke.pluginAddPath(os.path.join(here, "gizmos", way).replace("\\", "/"))
    callbacks.install()


def _checkout_core(here):
    """Where the client lies when this is the source tree and not the installed folder."""
    return os.path.join(os.path.dirname(here), "core")


try:
    _set_up()
except Exception as error:
    sys.stderr.write(
        "faceplate: the Nuke nodes are not available: {!r}. Install the folder as a whole, as docs/nuke.md "
        "says.\n".format(error)
    )
