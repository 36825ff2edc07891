"""Bake: render a node's input, have the `faceplate` command work on it, and read the result back inside the node."""

import collections
import functools
import os
import shutil

import nuke

from faceplate_client.errors import FaceplateError, RequestError

from . import background, command, plates
from .kinds import MOTION
from .nodes import (
    is_there,
    kind_of,
    path_of,
    people,
    set_by_hand,
    set_value,
    tell,
    told_on,
    value,
    wants_motion,
    working_space,
)
from .state import fingerprint, refresh

RESULT = "result.####.exr"
"""What a bake's files are called in its own folder."""

Order = collections.namedtuple(
    "Order", "words version result first last scale motion fingerprint plates keeps_plates"
)
"""One bake, everything of it fixed before it starts: knobs may change while it runs.

`words`: of the command. `version`: its own folder. `result`: pattern of the files it makes. `plates`: of its input.
"""


def start(node: nuke.Node):
    """The button Bake: render the input now, work on it in the background. Never a dialog; what is wrong is shown."""
    with told_on(node):
        background.refuse_if_busy(node.fullName())
        order = prepare(node)
        set_value(node, "status", "Baking frames {}-{}.".format(order.first, order.last))
        background.start(
            node.fullName(),
            functools.partial(carry_out, order),
            lambda answer: finish(node, order, answer),
            lambda error: fail(node, order, error),
        )


def bake(node: nuke.Node):
    """Bake and wait for it, for scripts and farms.

    Returns:
        The command's summary.

    Raises:
        FaceplateError: what went wrong; it has a sentence, a code and an exit code.
    """
    order = prepare(node)
    try:
        answer = background.run_here(node.fullName(), functools.partial(carry_out, order))
    except FaceplateError:
        _remove(order)
        raise
    _show(node, order)
    return answer


def forget(node: nuke.Node):
    """The button Forget Bake: the node shows its input again. No file is touched."""
    for name in ("result_scale", "result_motion", "result_first", "result_last"):
        set_value(node, name, 0)
    for name in ("result_file", "result_of"):
        set_value(node, name, "")
    refresh(node)


# ---------------------------------------------------------------- an order, and the work


def prepare(node: nuke.Node):
    """Render the plates and write down everything about this bake. On the main thread.

    Raises:
        FaceplateError: it cannot be done as the knobs are set.
    """
    first, last = plates.frames_of(node)
    _expect_shot(node)
    _expect_people(node)
    version, pattern = plates.new_version_with_plates(node, first, last)
    result = os.path.join(version, RESULT).replace("\\", "/")
    keeps = value(node, "reuse_plates") or not pattern.startswith(version.replace("\\", "/"))
    return Order(
        words=tuple(words_for(node, pattern, result, version, first, last)),
        version=version,
        result=result,
        first=first,
        last=last,
        scale=int(set_by_hand(node).get("scale", 1)),
        motion=int(wants_motion(node)),
        fingerprint=fingerprint(node),
        plates=pattern,
        keeps_plates=keeps,
    )


def _expect_shot(node: nuke.Node):
    """Asked before anything is rendered: the command would make a shot file that is not there, of its own accord."""
    shot = path_of(node, "shot")
    if shot and not os.path.exists(shot):
        raise RequestError("The shot file {} is not there. Press Analyse, or empty Shot File.".format(shot))


def _expect_people(node: nuke.Node):
    """Who stays visible is said by name or track, which only a shot file knows; `all` would veil nobody.

    Raises:
        RequestError: there is no shot file, or a word that names nobody.
    """
    if kind_of(node).people != "visible":
        return
    words = [word.strip() for word in value(node, "visible").split(",") if word.strip()]
    if {"all", "largest"} & set(words):
        raise RequestError(
            "Stay Visible should be names or track ids of the shot file, and empty to veil everybody, got {}.".format(
                ",".join(words)
            )
        )
    if people(node) and not path_of(node, "shot"):
        raise RequestError(
            "Stay Visible names people, and no Shot File is named. Press Analyse, or empty Stay Visible."
        )


def words_for(node: nuke.Node, pattern, result, version, first, last):
    """The words of the command for what the knobs say. Parameters at their defaults are left to the style."""
    kind = kind_of(node)
    layers = [*kind.layers, *(MOTION if wants_motion(node) else ())]
    words = ["restore", pattern, "-o", result, "--frames", "{}-{}".format(first, last)]
    words += ["--layers", ",".join(layers), "--report", os.path.join(version, "report.jsonl"), "--quiet"]
    words.append("--colourspace=" + working_space(node))
    told = dict({name: value(node, name) for name in kind.always}, **set_by_hand(node))
    words += [option(name, told[name]) for name in sorted(told)]
    words += kind.words
    if kind.people == "visible":
        words.append("--faces=" + (",".join(people(node)) or "none"))
    shot = path_of(node, "shot")
    if shot:
        words.append("--shot=" + shot)
    if not any(word.startswith("--steady=") for word in words):
        # The command holds the frames of a shot steady of its own accord; this node is to do what its effect does live.
        words.append("--steady=0" if shot else "--as=stills")
    return words


def option(name, told):
    """One parameter as a word of the command line."""
    flag = name.replace("_", "-")
    if told is True or told is False:
        return "--" + flag if told else "--no-" + flag
    return "--{}={}".format(flag, told)


def carry_out(order, task):
    """Run the command for an order. In a thread; Nuke is not touched.

    Raises:
        FaceplateError: as `command.run`.
    """
    report, frames = os.path.join(order.version, "report.jsonl"), order.last - order.first + 1

    def tick():
        done = _lines_in(report)
        task.say("{} of {} frames".format(done, frames), done / frames)

    log = os.path.join(order.version, "faceplate.log")
    return command.run(order.words, log=log, tick=tick, stop=task.stop)


def _lines_in(path):
    """How many whole lines the report has: one for each frame that is done."""
    try:
        with open(path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 16), b""))
    except OSError:
        return 0


# ---------------------------------------------------------------- back on the main thread


def finish(node: nuke.Node, order, answer):
    """Show what a bake made. The node may have been deleted meanwhile; then there is nothing to show."""
    if not is_there(node):
        nuke.tprint(
            "Faceplate: the node of a finished bake is gone; its frames are in {}".format(order.version)
        )
        return
    _show(node, order)
    nuke.tprint(
        "{}: baked {} frames, {} faces".format(node.fullName(), answer.get("frames"), answer.get("faces"))
    )


def fail(node: nuke.Node, order, error):
    """Say what went wrong and take away what is half-done. An older bake goes on being shown."""
    _remove(order)
    if is_there(node):
        if value(node, "plates_file") == order.plates and not order.keeps_plates:
            set_value(node, "plates_file", "")
        refresh(node)
        tell(node, str(error))


def _show(node: nuke.Node, order):
    """The result's files, then its frames, then that it counts: in this order nothing wrong is ever looked at."""
    set_value(node, "result_file", order.result)
    set_value(node, "result_first", order.first)
    set_value(node, "result_last", order.last)
    set_value(node, "result_of", order.fingerprint)
    if kind_of(node).motion:
        set_value(node, "result_motion", order.motion)
    set_value(node, "result_scale", order.scale)
    if not order.keeps_plates:
        shutil.rmtree(os.path.dirname(order.plates), ignore_errors=True)
        if value(node, "plates_file") == order.plates:
            set_value(node, "plates_file", "")
    refresh(node)


def _remove(order):
    """The version folder is this bake's alone, made by it a moment ago."""
    shutil.rmtree(order.version, ignore_errors=True)
