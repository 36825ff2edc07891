"""The nodes inside those that work live or from a bake, and their gizmos whole."""

from faceplate_nuke.kinds import EMPTY_BLACK, MOTION, effect_class
from gizmo_writer.pages import all_knobs
from gizmo_writer.text import expression, keep, node, parent_text, push, quoted, quoted_live

ANY_FRAME = 1000000
"""A Read with this range asks for the file of every frame, so that one that is missing is an error and not a hold."""

RGB = tuple(f"rgba.{channel}" for channel in ("red", "green", "blue"))


def gizmo(name, way, kind, parameters, hint):
    """A whole gizmo.

    Args:
        name: its class. way: `live` with the OFX effect inside, `bake` without.
        kind: what it is. parameters: those of operations.json that it shows. hint: what it is for.
    """
    return [
        f"# {name}, made by nuke_gizmos/generate.py from operations.json: change those, not this file.",
        "version 13.0 v1",
        "Gizmo {",
        " inputs 1",
        f" help {quoted(hint)}",
        f" label {quoted_live('[value state]')}",
        *all_knobs(kind, parameters),
        "}",
        *add_layers(kind),
        *node("Input", "Source", 0),
        *keep("Nsource"),
        *empty_nodes(kind),
        *live_nodes(way, kind, parameters),
        *keep("Nlive"),
        *result_nodes(),
        *keep("Nresult"),
        *BODIES[name](kind),
        *keep("Nbaked"),
        *way_nodes(),
        "end_group",
    ]


def add_layers(kind):
    """The layers that a bake brings, made known to Nuke."""
    lines = [f"add_layer {{{layer} {layer}.alpha}}" for layer in kind.layers]
    if kind.motion:
        lines += [f"add_layer {{{layer} {layer}.u {layer}.v}}" for layer in MOTION]
    return lines


def empty_nodes(kind):
    """What is shown where there is neither effect nor bake: the input; of a node that hides faces nothing of it, no
    channel at all.
    """
    if kind.empty == EMPTY_BLACK:
        return [*node("Remove", "Hidden", operation="remove", channels="all"), *keep("Nempty")]
    return keep("Nempty")


def live_nodes(way, kind, parameters):
    """The OFX effect, or what is empty where none is installed. Texts are pushed by `live.py`: OFX evaluates no Tcl.

    An effect passes channels on that it does not work on; a node that hides faces gives it no others.
    """
    if way == "bake":
        return [*push("Nempty"), *node("Dot", "NotInstalled")]
    names = [each["name"] for each in parameters if each["type"] != "string"]
    linked = {name: expression("parent." + name) for name in names if name not in kind.bake_only}
    decided = {name: quoted(told) for name, told in {"colourspace": "Named below", **kind.decided}.items()}
    only = (
        node("Remove", "OnlyColour", operation="keep", channels="rgba") if kind.empty == EMPTY_BLACK else []
    )
    return [*push("Nsource"), *only, *node(effect_class(kind), "Live", 1, **linked, **decided)]


def result_nodes():
    """What a bake left on disk, as pixels of the script: nothing is converted, and a missing frame is an error."""
    return [
        *node(
            "Read",
            "Result",
            0,
            file=parent_text("result_file"),
            first=-ANY_FRAME,
            last=ANY_FRAME,
            raw="true",
        ),
        *node(
            "FrameRange",
            "ResultFrames",
            first_frame=expression("parent.result_first"),
            last_frame=expression("parent.result_last"),
        ),
    ]


def way_nodes():
    """Empty, live or bake, as the knobs say; `result_scale` 0 means that nothing is baked."""
    return [
        *push("Nbaked", "Nlive", "Nempty"),
        *node(
            "Switch",
            "WayToGo",
            3,
            which=expression("parent.way == 0 ? 1 : (parent.result_scale > 0 ? 2 : 0)"),
        ),
        *node("Output", "Output1"),
        *push("Nsource"),
        *node(
            "Write",
            "Plates",
            file=parent_text("plates_file"),
            file_type="exr",
            channels="rgba",
            raw="true",
            datatype='"32 bit float"',
            create_directories="true",
            disable=expression("!parent.baking"),
        ),
    ]


# ---------------------------------------------------------------- what a bake's files become


def restored(kind):
    """The restored RGB over the source's other channels, and our layers; a larger result replaces the source."""
    lines = [
        *push("Nresult", "Nsource"),
        *copied("Pixels", [(channel, channel) for channel in RGB]),
        *layers(kind, "Layers"),
    ]
    if kind.motion:
        vectors = [(channel, channel) for channel in (f"{layer}.{axis}" for layer in MOTION for axis in "uv")]
        absent = {"disable": expression("!parent.result_motion")}
        lines += [*beneath_result("Nmotion"), *copied("Motion", vectors[:4], **absent)]
        lines += [*beneath_result("Nstmap"), *copied("HoldStill", vectors[4:], **absent)]
    return [
        *lines,
        *beneath_result("Nsame"),
        *node("Switch", "Larger", 2, which=expression("parent.result_scale > 1")),
    ]


def matte(kind):
    """The source with the faces' matte as its alpha, and our layers."""
    every = [("matte.alpha", "rgba.alpha"), *((f"{layer}.alpha",) * 2 for layer in kind.layers)]
    return [*push("Nresult", "Nsource"), *copied("MatteToAlpha", every)]


def veiled(kind):
    """The result's colour and alpha and our layers, and nothing of the source: another of its layers may show faces."""
    colour = [(channel, channel) for channel in (*RGB, "rgba.alpha")]
    return [*push("Nresult", "Nempty"), *copied("Pixels", colour), *layers(kind, "Layers")]


BODIES = {"FP_Restore": restored, "FP_Steady": restored, "FP_Matte": matte, "FP_Veil": veiled}
"""Class -> lines that make `$Nbaked` from `$Nresult`, `$Nsource` and `$Nempty`."""


def layers(kind, name):
    """Our layers of one channel, copied from the result onto the node just written."""
    return [*beneath_result("Npixels"), *copied(name, [(f"{layer}.alpha",) * 2 for layer in kind.layers])]


def beneath_result(name):
    """The node just written becomes input 0 of the next, and the result input 1."""
    return [*keep(name), *push("Nresult", name)]


def copied(name, pairs, **knobs):
    """Channels of input 1 laid over input 0; a Copy takes four at most."""
    assert len(pairs) <= 4
    places = {}
    for place, (source, destination) in enumerate(pairs):
        places[f"from{place}"], places[f"to{place}"] = source, destination
    return node("Copy", name, 2, **places, **knobs)
