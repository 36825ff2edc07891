"""The faces of a node's shot: shown as a table, named, chosen and locked, all through the `faceplate` command.

A shot file may be edited beside Nuke as well, so nothing is kept here but what was last shown.
"""

import collections
import html
from typing import Callable, Dict, List

import nuke

from faceplate_client.errors import FaceplateError, RequestError

from . import background, command
from .nodes import is_there, kind_of, path_of, people, set_value, tell, told_on, value
from .state import refresh as refresh_state

Row = collections.namedtuple("Row", "id name frames found quality chosen locked")
"""One track as the table shows it: texts, but for `chosen` and `locked`, which are switches."""

HEADS = {"faces": "chosen", "visible": "stays visible"}
"""What being on a node's list of people is called, by the knob that holds the list."""

watchers: List[Callable] = []
"""Called with a node and the facts of its shot whenever they are shown anew: the window of faces is one."""

_shown: Dict[str, dict] = {}
"""Full name of a node -> the facts that were shown last."""


# ---------------------------------------------------------------- the buttons


def refresh(node: nuke.Node):
    """The button Read Again: the table says what the file says now."""
    _ask(node, lambda shot: command.run(["shot", "show", shot]), lambda facts: None)


def rename(node: nuke.Node):
    """The button Rename: the track gets the name on the panel."""
    rename_track(node, value(node, "track"), value(node, "track_name"))


def choose(node: nuke.Node):
    """The button Choose: the track's person is put on the node's list of people, or taken off it."""
    choose_track(node, value(node, "track"))


def lock(node: nuke.Node):
    """The button Lock: the track is locked, or freed when it is locked."""
    lock_track(node, value(node, "track"))


# ---------------------------------------------------------------- what they and the window do


def rename_track(node: nuke.Node, id, name):
    """Give a track a name. Where the old name was on the node's list of people, the new one is."""
    name = name.strip()

    def work(shot):
        before = track_of(command.run(["shot", "show", shot]), id)["name"]
        facts = command.run(["shot", "rename", shot, str(id), name])
        return {**facts, "renamed": before}

    def then(facts):
        listed, names = people(node), {track["name"] for track in facts["tracks"]}
        if facts["renamed"] in listed and facts["renamed"] not in names:
            _list(node, [name if each == facts["renamed"] else each for each in listed])

    _ask(node, work, then)


def choose_track(node: nuke.Node, id):
    """Put a track's person on the node's list of people, or take it off where it is, by name or by id."""

    def work(shot):
        facts = command.run(["shot", "show", shot])
        track_of(facts, id)
        return facts

    def then(facts):
        words, listed = {track_of(facts, id)["name"], str(id)}, people(node)
        rest = [each for each in listed if each not in words]
        _list(node, rest if len(rest) < len(listed) else [*listed, track_of(facts, id)["name"]])

    _ask(node, work, then)


def lock_track(node: nuke.Node, id):
    """Lock a track, so that the next analysis leaves it as it is; or free it."""

    def work(shot):
        locked = track_of(command.run(["shot", "show", shot]), id)["locked"]
        return command.run(["shot", "lock", shot, str(id), *(["--off"] if locked else [])])

    _ask(node, work, lambda facts: None)


def _ask(node: nuke.Node, work, then):
    """Ask the command something about the node's shot in the background, then show what it answered."""

    def finished(facts):
        if is_there(node):
            then(facts)
            show(node, facts)
            refresh_state(node)

    def failed(error):
        if is_there(node):
            refresh_state(node)
            tell(node, str(error))
            _show_again(node)

    with told_on(node):
        try:
            shot = path_of(node, "shot")
            if not shot:
                raise RequestError("No Shot File is named. Press Analyse, or choose one.")
            background.start(node.fullName(), lambda task: work(shot), finished, failed)
        except FaceplateError:
            _show_again(node)
            raise


def track_of(facts, id):
    """A track by its id.

    Raises:
        RequestError: there is none.
    """
    for track in facts["tracks"]:
        if track["id"] == id:
            return track
    there = ", ".join(str(track["id"]) for track in facts["tracks"]) or "none"
    raise RequestError("There is no track {} in this shot; its tracks are {}.".format(id, there))


def _list(node: nuke.Node, names):
    """Nobody on the list is everybody for a node that restores, and nobody for one that veils the others."""
    knob = kind_of(node).people
    set_value(node, knob, ",".join(dict.fromkeys(names)) or ("all" if knob == "faces" else ""))


# ---------------------------------------------------------------- the table


def show(node: nuke.Node, facts):
    """Fill the table of faces."""
    _shown[node.fullName()] = facts
    set_value(node, "tracks", table(facts, people(node), HEADS[kind_of(node).people]))
    for watcher in list(watchers):
        watcher(node, facts)


def _show_again(node: nuke.Node):
    """What was shown before: a window in which somebody typed what could not be done goes back to it."""
    facts = _shown.get(node.fullName())
    if facts is not None:
        for watcher in list(watchers):
            watcher(node, facts)


def rows(facts, listed):
    """The tracks of a shot as rows of a table, in the order of their ids.

    Args:
        facts: as `faceplate shot show --json` prints them.
        listed: names and ids that are on the node's list of people.
    """
    return [
        Row(
            id=track["id"],
            name=track["name"],
            frames="{}-{}".format(track["first"], track["last"]),
            found=str(track["found"]),
            quality="{:.2f}{}".format(track["quality"], ", doubtful" if track.get("doubtful") else ""),
            chosen=track["name"] in listed or str(track["id"]) in listed,
            locked=bool(track["locked"]),
        )
        for track in facts["tracks"]
    ]


def table(facts, listed, head):
    """The table as the HTML that a text knob of Nuke draws. Names come from a file, so they are escaped.

    Args:
        facts, listed: as for `rows`. head: what being on the list is called.
    """
    lines = [("track", "name", "frames", "found", "quality", head, "locked")]
    for row in rows(facts, listed):
        lines.append((*row[:5], "yes" if row.chosen else "", "yes" if row.locked else ""))
    cells = ("".join("<td>{}&nbsp;</td>".format(html.escape(str(cell))) for cell in line) for line in lines)
    cuts = ", ".join(map(str, facts["cuts"])) or "none"
    return "<table>{}</table>cuts before: {}".format(
        "".join("<tr>{}</tr>".format(line) for line in cells), cuts
    )
