"""Every host shows what operations.json says: the command, Nuke and OpenFX side by side, as they really show it.

Blender's properties are looked at in a real Blender, by tests/blender/test_journey.py.
"""

import argparse
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from faceplate.parameters import Parameter, operation
from faceplate_client import read_operations
from tests.support.nuke_script import read_script

ROOT = Path(__file__).resolve().parents[1]
OPERATIONS = list(read_operations())
PLATES = [name for name in OPERATIONS if name != "reconstruct"]
"""Operations on plates: those that a comp has. Heads are made from photos, by the command and in Blender."""

SHOWN_BY = {
    "command": {"restore": PLATES, "reconstruct": ["reconstruct"]},
    "nuke": {
        "FP_Restore": ["restore"], "FP_Steady": ["restore", "steady", "film"], "FP_Matte": ["restore"],
        "FP_Veil": ["restore", "veil"],
    },
    "ofx": {"restore": ["restore"], "steady": ["restore", "steady"], "matte": ["restore"], "veil": ["restore", "veil"]},
}  # fmt: skip
"""Host -> what has parameters there -> the operations that they are of."""

NOWHERE = {
    "command": set(),
    "nuke": {"anonymise_others"},  # always on in FP_Veil, which spares whom it names
    # the host fixes a frame's size, and film needs a whole shot
    "ofx": {"scale", "enlarge", "deinterlace", "deflicker", "repair"},
}
"""What a host does not show at all, and why."""


class Seen(NamedTuple):
    """A parameter as a host shows it. None where that host has no place for it."""

    label: str | None
    type: str
    default: Any
    hint: str
    limits: tuple[float, float] | None
    choices: tuple[str, ...]


def wanted(parameter: Parameter, host: str) -> Seen:
    """What operations.json says, in the host's own form."""
    number = parameter.type in ("float", "int")
    default = parameter.default if number or parameter.type == "bool" else str(parameter.default)
    return Seen(
        None if host == "command" else parameter.label,
        parameter.type,
        default,
        parameter.hint,
        (parameter.min, parameter.max) if number else None,  # type: ignore[arg-type]
        tuple(map(str, parameter.choices)),
    )


# ------------------------------------------------------------ what each host shows


@cache
def command(verb: str) -> dict[str, Seen]:
    """The options of a subcommand, from its parser; those that are of no operation among them."""
    from faceplate.cli.__main__ import _parser

    (verbs,) = (each for each in _parser()._actions if isinstance(each, argparse._SubParsersAction))
    found = {}
    for action in verbs.choices[verb]._actions:
        hint, _, default = (action.help or "").rpartition(" Default: ")
        parameter = next(
            (p for each in OPERATIONS for p in operation(each).parameters if p.name == action.dest), None
        )
        if not hint or parameter is None:
            continue
        ends = parameter.type in ("float", "int") and [float(end) for end in str(action.metavar).split("-")]
        told = Seen(
            None,
            parameter.type
            if isinstance(action, argparse.BooleanOptionalAction) == (parameter.type == "bool")
            else "?",
            typed(default.removesuffix("."), parameter.type),
            hint.replace("%%", "%"),
            (ends[0], ends[1]) if ends else None,
            tuple(str(action.metavar).split("|")) if parameter.type == "choice" else (),
        )
        found[action.dest] = told
    return found


@cache
def nuke(name: str) -> dict[str, Seen]:
    """The knobs of a gizmo, as its file says."""
    kinds = {1: "string", 3: "int", 4: "choice", 6: "bool", 7: "float"}
    text = (ROOT / "nuke_gizmos" / "gizmos" / "live" / f"{name}.gizmo").read_text(encoding="utf-8")
    (gizmo,) = read_script(text)
    found = {}
    for knob in gizmo.user_knobs:
        kind = kinds.get(knob.kind)
        if kind is None:
            continue
        zero = {"string": "", "choice": knob.items[0] if knob.items else "", "bool": "false"}.get(kind, "0")
        default = typed(gizmo.knobs.get(knob.name, zero), kind)
        found[knob.name] = Seen(knob.label, kind, default, knob.hint, knob.limits, tuple(knob.items))
    return found


@cache
def ofx(effect: str) -> dict[str, Seen]:
    """The parameters of an effect, as the bundle that is built describes them to a host that knows everything."""
    from tests.support.ofx_faces import plugin

    kinds = {"Double": "float", "Integer": "int", "Boolean": "bool", "Choice": "choice", "String": "string"}
    found = {}
    with plugin(f"studio.faceplate.{effect}", "full") as opened:
        for name, facts in opened.params("General").items():
            kind = kinds.get(facts["type"].removeprefix("OfxParamType"))
            if kind is None:
                continue
            choices = tuple(facts.get("OfxParamPropChoiceOption", ()))
            (default,) = facts["OfxParamPropDefault"]
            low, high = (facts.get(f"OfxParamProp{end}") for end in ("Min", "Max"))
            number = kind in ("float", "int")
            told = bool(default) if kind == "bool" else choices[default] if kind == "choice" else default
            limits = (low[0], high[0]) if number and low and high else None
            found[name] = Seen(
                facts["OfxPropLabel"][0], kind, told, facts["OfxParamPropHint"][0], limits, choices
            )
    return found


def typed(word: str, kind: str) -> Any:
    """A word in a parameter's own type."""
    if kind == "bool":
        return word.lower() == "true"
    return float(word) if kind in ("float", "int") else str(word)


HOSTS = {"command": command, "nuke": nuke, "ofx": ofx}


# ------------------------------------------------------------ they agree

PLACES = [(host, place) for host, places in SHOWN_BY.items() for place in places]


@pytest.mark.parametrize(("host", "place"), PLACES)
def test_what_is_shown_is_what_the_table_says(host, place):
    shown = HOSTS[host](place)
    every = [p for name in SHOWN_BY[host][place] for p in operation(name).parameters]
    compared = 0
    for parameter in every:
        if parameter.name not in shown:
            continue
        told = wanted(parameter, host)
        if (place, parameter.name) in (("FP_Steady", "grain"), ("steady", "grain")):
            told = told._replace(
                default=1
            )  # what is averaged has lost its grain: given back, unless told otherwise
        assert shown[parameter.name] == told
        compared += 1
    assert compared, "nothing was compared"


@pytest.mark.parametrize("host", HOSTS)
def test_every_parameter_is_shown_or_left_out_for_a_reason(host):
    shown = {name for place in SHOWN_BY[host] for name in HOSTS[host](place)}
    offered = OPERATIONS if host == "command" else PLATES
    every = {each["name"] for name in offered for each in read_operations()[name]["parameters"]}
    assert every - shown == NOWHERE[host]


def test_two_operations_never_share_a_name():
    """A command line, a node and an effect show several operations at once."""
    names = [each["name"] for name in OPERATIONS for each in read_operations()[name]["parameters"]]
    assert len(names) == len(set(names))
