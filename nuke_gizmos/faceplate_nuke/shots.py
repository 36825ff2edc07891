"""The shot of a node: analysed by the `faceplate` command, shown as a table of faces, named, chosen and locked."""

import collections
import functools
import html
import os
import re
import shutil

import nuke

from faceplate_client.errors import RequestError

from . import background, command, plates
from .nodes import is_there, path_of, set_value, tell, told_on, value, working_space
from .state import refresh as refresh_state

_COUNTED = re.compile(r"faceplate: (\d+)/(\d+) frames")
_EVERY_FACE = ("all", "largest", "none")

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
            lambda error: _fail(node, error, order),
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
    show(node, facts)
    refresh_state(node)


def _fail(node: nuke.Node, error, order=None):
    if order is not None and order.plates.startswith(order.version.replace("\\", "/")):
        shutil.rmtree(order.version, ignore_errors=True)
    if not is_there(node):
        return
    if order is not None and value(node, "plates_file") == order.plates and not os.path.isdir(order.version):
        set_value(node, "plates_file", "")
    refresh_state(node)
    tell(node, str(error))


# ---------------------------------------------------------------- looking, naming, choosing, locking


def refresh(node: nuke.Node):
    """The button Read Again: the table says what the file says now."""
    _ask(node, lambda shot: command.run(["shot", "show", shot]), lambda facts: None)


def rename(node: nuke.Node):
    """The button Rename: the track gets the name on the panel. Where the old name was chosen, the new one is."""
    id, name = value(node, "track"), value(node, "track_name").strip()

    def work(shot):
        before = _track(command.run(["shot", "show", shot]), id)["name"]
        facts = command.run(["shot", "rename", shot, str(id), name])
        return {**facts, "renamed": before}

    def then(facts):
        chosen = _chosen(node)
        if facts["renamed"] in chosen and facts["renamed"] not in _names(facts):
            _choose(node, [name if each == facts["renamed"] else each for each in chosen])

    _ask(node, work, then)


def choose(node: nuke.Node):
    """The button Choose: the track's person is put on the list of faces, or taken off it; an empty list is all."""
    id = value(node, "track")

    def then(facts):
        name, chosen = _track(facts, id)["name"], _chosen(node)
        _choose(node, [each for each in chosen if each != name] if name in chosen else [*chosen, name])

    _ask(node, lambda shot: _with_track(command.run(["shot", "show", shot]), id), then)


def lock(node: nuke.Node):
    """The button Lock: the track is locked, or freed when it is locked."""
    id = value(node, "track")

    def work(shot):
        locked = _track(command.run(["shot", "show", shot]), id)["locked"]
        return command.run(["shot", "lock", shot, str(id), *(["--off"] if locked else [])])

    _ask(node, work, lambda facts: None)


def _ask(node: nuke.Node, work, then):
    """Ask the command something about the node's shot in the background, then show what it answered."""
    with told_on(node):
        shot = path_of(node, "shot")
        if not shot:
            raise RequestError("No Shot File is named. Press Analyse, or choose one.")

        def finished(facts):
            if is_there(node):
                then(facts)
                show(node, facts)
                refresh_state(node)

        background.start(node.fullName(), lambda task: work(shot), finished, lambda error: _fail(node, error))


def _with_track(facts, id):
    _track(facts, id)
    return facts


def _track(facts, id):
    for track in facts["tracks"]:
        if track["id"] == id:
            return track
    there = ", ".join(str(track["id"]) for track in facts["tracks"]) or "none"
    raise RequestError("There is no track {} in this shot; its tracks are {}.".format(id, there))


def _names(facts):
    return {track["name"] for track in facts["tracks"]}


def _chosen(node: nuke.Node):
    """The people that the list of faces names: nobody when it says all, largest or none, or counts faces by size."""
    words = [word.strip() for word in value(node, "faces").split(",")]
    return [word for word in words if word and word not in _EVERY_FACE and not word.isdigit()]


def _choose(node: nuke.Node, names):
    set_value(node, "faces", ",".join(dict.fromkeys(names)) or "all")


def show(node: nuke.Node, facts):
    """Fill the table of faces."""
    set_value(node, "tracks", table(facts, _chosen(node)))


def table(facts, chosen):
    """The shot's tracks as the HTML that a text knob of Nuke draws. Names come from a file, so they are escaped.

    Args:
        facts: as `faceplate shot show --json` prints them.
        chosen: names that are on the list of faces.
    """
    heads = ("id", "name", "frames", "found", "quality", "", "")
    rows = [heads] + [
        (
            track["id"],
            track["name"],
            "{}-{}".format(track["first"], track["last"]),
            track["found"],
            "{:.2f}".format(track["quality"]),
            "chosen" if track["name"] in chosen else "",
            "locked" if track["locked"] else "",
        )
        for track in facts["tracks"]
    ]
    cells = ("".join("<td>{}&nbsp;</td>".format(html.escape(str(cell))) for cell in row) for row in rows)
    cuts = ", ".join(map(str, facts["cuts"])) or "none"
    return "<table>{}</table>cuts before: {}".format(
        "".join("<tr>{}</tr>".format(row) for row in cells), cuts
    )
