"""The shot of a node: its input rendered, and analysed by the `faceplate` command."""

import collections
import functools
import os
import re
import shutil

import nuke

from . import background, command, faces, plates
from .nodes import is_there, path_of, set_value, tell, told_on, value, working_space
from .state import refresh as refresh_state

_COUNTED = re.compile(r"faceplate: (\d+)/(\d+) frames")

Order = collections.namedtuple("Order", "words version shot plates first last")


def start(node: nuke.Node):
    """The button Analyse: render the input now, look at it in the background."""
    with told_on(node):
        background.refuse_if_busy(node.fullName())
        order = prepare(node)
        set_value(node, "status", "Analysing frames {}-{}.".format(order.first, order.last))
        background.start(
            node.fullName(),
            functools.partial(carry_out, order),
            lambda facts: finish(node, order, facts),
            lambda error: fail(node, error, order),
        )


def analyse(node: nuke.Node):
    """Analyse and wait for it, for scripts and farms. Returns the facts of the shot; raises FaceplateError."""
    order = prepare(node)
    facts = background.run_here(node.fullName(), functools.partial(carry_out, order))
    finish(node, order, facts)
    return facts


def prepare(node: nuke.Node):
    """Render the plates and write down everything about this analysis. On the main thread.

    Raises:
        FaceplateError: it cannot be done as the knobs are set.
    """
    first, last = plates.frames_of(node)
    folder = plates.folder_of(node)
    shot = path_of(node, "shot") or os.path.join(folder, "shot.json").replace("\\", "/")
    version, pattern = plates.new_version_with_plates(node, first, last)
    return Order(tuple(analyse_words(node, pattern, shot, first, last)), version, shot, pattern, first, last)


def analyse_words(node: nuke.Node, pattern, shot, first, last):
    """The words of the command. An older shot file is replaced, but for its locked tracks."""
    words = ["analyse", pattern, "-o", shot, "--frames", "{}-{}".format(first, last)]
    words.append("--smallest={}".format(value(node, "smallest")))
    words.append("--colourspace=" + working_space(node))
    if not value(node, "identities"):
        words.append("--no-identities")
    if os.path.exists(shot):
        words.append("--overwrite")
    return words


def carry_out(order, task):
    """Analyse, then read what was found. In a thread; Nuke is not touched. Returns what `shot show` says."""
    log, frames = os.path.join(order.version, "faceplate.log"), order.last - order.first + 1

    def tick():
        done = min(frames, _frames_counted(log))
        task.say("{} of {} frames looked at".format(done, frames), done / frames)

    command.run(order.words, log=log, tick=tick, stop=task.stop)
    return command.run(["shot", "show", order.shot])


def _frames_counted(log):
    """How far the command says it is: a line every ten seconds, where it has no terminal."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            counted = _COUNTED.findall(file.read())
    except OSError:
        return 0
    return int(counted[-1][0]) if counted else 0


def finish(node: nuke.Node, order, facts):
    """Show the shot. Its plates are kept and used from now on: a shot file belongs to exactly those."""
    if not is_there(node):
        return
    set_value(node, "shot", order.shot)
    set_value(node, "plates_file", order.plates)
    set_value(node, "reuse_plates", True)
    faces.show(node, facts)
    refresh_state(node)


def fail(node: nuke.Node, error, order):
    """Say what went wrong and take away what this analysis rendered."""
    if order.plates.startswith(order.version.replace("\\", "/")):
        shutil.rmtree(order.version, ignore_errors=True)
    if not is_there(node):
        return
    if value(node, "plates_file") == order.plates and not os.path.isdir(order.version):
        set_value(node, "plates_file", "")
    refresh_state(node)
    tell(node, str(error))
