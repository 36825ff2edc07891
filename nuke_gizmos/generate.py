#!/usr/bin/env python3
"""Write the gizmos of Nuke from the table of operations: `python3 nuke_gizmos/generate.py`, or `build.py nuke`.

Every gizmo exists twice, with the same knobs: `gizmos/live` holds the OFX effect, `gizmos/bake` does not name it, since
Nuke refuses a whole script when a gizmo names a class that is not installed. `init.py` shows Nuke one of the folders.
Knobs that belong to an operation come from `faceplate_client/operations.json` and are written down nowhere else.
"""

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OPERATIONS = HERE.parent / "core" / "faceplate_client" / "operations.json"
WAYS = ("live", "bake")
LIVE_CLASSES = {
    "FP_Restore": "OFXstudio.faceplate.restore_v0",
    "FP_Matte": "OFXstudio.faceplate.matte_v0",
}
"""What Nuke calls an OFX effect: `OFX`, its identifier, `_v` and its major version."""

LIVE_SETTINGS = {
    "FP_Restore": {"colourspace": "Named below"},
    "FP_Matte": {"colourspace": "Named below", "into": "Alpha"},
}
"""Knobs of the effect itself that the node has decided: its space is named by Working Space."""

BAKE_ONLY = ("scale",)
"""Parameters that the effect does not have: the size of a frame is the host's."""

LAYERS = ("matte", "invented", "confidence")
ANY_FRAME = 1000000
"""A Read with this range asks for the file of every frame, so that one that is missing is an error and not a hold."""

TAB, GROUP_END, TEXT, BUTTON, CHOICE, BOOL, FILE, STRING, INT, FLOAT = 20, 20, 26, 22, 4, 6, 2, 1, 3, 7
KIND_OF = {"float": FLOAT, "int": INT, "bool": BOOL, "choice": CHOICE, "string": STRING}


# ---------------------------------------------------------------- how Nuke writes a knob


def quoted(text):
    """A word of Tcl in double quotes, as Nuke saves one: nothing in it is substituted or ends a brace."""
    for mark in '\\"[]{}$':
        text = text.replace(mark, "\\" + mark)
    return '"' + text.replace("\n", "\\n") + '"'


def knob(kind, name, label="", *, hint="", script="", items=(), limits=None, value=None, flags=()):
    """The lines that add one knob to a gizmo, and set it when it does not begin at Nuke's own zero.

    Args:
        kind: Nuke's number for the kind of knob.
        script: what a button runs, or the text of a text knob.
        items: what a choice offers. limits: (low, high) of a slider.
        value: its default. flags: such as `+INVISIBLE`.
    """
    words = [str(kind), name]
    if label or kind == TEXT:
        words += ["l", quoted(label)]
    if hint:
        words += ["t", quoted(hint)]
    if script or kind == TEXT:
        words += ["T", quoted(script)]
    if items:
        words += ["M", "{" + " ".join(quoted(str(item)) for item in items) + "}"]
    if limits:
        words += ["R", f"{limits[0]:g}", f"{limits[1]:g}"]
    lines = [f" addUserKnob {{{' '.join([*words, *flags])}}}"]
    if value not in (None, "", False, 0) and not (items and value == items[0]):
        lines.append(f" {name} {written(value)}")
    return lines


def written(value):
    if value is True:
        return "true"
    return f"{value:g}" if isinstance(value, (int, float)) else quoted(str(value))


def parameter_knobs(operation, pages=None):
    """One knob for every parameter of an operation, with a divider where a page begins.

    Args:
        pages: only parameters of these pages; all of them when None.
    """
    lines, page = [], None
    for parameter in operation["parameters"]:
        if pages and parameter["page"] not in pages:
            continue
        if parameter["page"] != page:
            page = parameter["page"]
            lines += knob(TEXT, f"page_{page.lower()}", page, flags=("+STARTLINE",))
        lines += parameter_knob(parameter)
    return lines


def parameter_knob(parameter):
    low, high = parameter.get("min"), parameter.get("max")
    return knob(
        KIND_OF[parameter["type"]],
        parameter["name"],
        parameter["label"],
        hint=parameter["hint"],
        items=parameter.get("choices", ()),
        limits=None if low is None or high is None else (low, high),
        value=parameter["default"],
        flags=("+STARTLINE",) if parameter["type"] == "bool" else (),
    )


def parameters_of(operation, pages=None):
    return [each for each in operation["parameters"] if not pages or each["page"] in pages]


def button(name, label, call, hint):
    """A button that calls one function of `faceplate_nuke` with the node."""
    module = call.rsplit(".", 1)[0]
    script = f"import nuke\nimport faceplate_nuke.{module}\nfaceplate_nuke.{call}(nuke.thisNode())"
    return knob(BUTTON, name, label, hint=hint, script=script, flags=("+STARTLINE",))


def hidden(kind, name, value=None):
    """A knob that only our Python and the nodes inside read; it is saved with the script.

    File names are texts here: a file knob might put the frame's number in before the Read or Write inside does.
    """
    return knob(kind, name, name, value=value, flags=("+INVISIBLE",))


# ---------------------------------------------------------------- the knobs of FP_Restore and FP_Matte


def restoring_knobs(title, operation, pages, steady):
    return [
        *knob(TAB, "faceplate", title),
        *knob(TEXT, "status", "Status", script=" "),
        *knob(
            CHOICE,
            "way",
            "Way",
            items=WAYS,
            hint="live: the OFX effect works frame by frame while you look. bake: the input is rendered to files, "
            "the faceplate command works on them, and the result is read back with its layers.",
        ),
        *knob(
            STRING,
            "working_space",
            "Working Space",
            hint="What this script's pixels are, by a name that Faceplate or its OpenColorIO configuration knows: "
            "lin_rec709, ACEScg, ...",
            value="lin_rec709",
        ),
        *parameter_knobs(operation, pages),
        *bake_knobs(),
        *(steady_knobs(steady) if steady else ()),
        *shot_knobs(),
        *hidden(STRING, "state"),
        *hidden(BOOL, "baking"),
        *hidden(STRING, "plates_file"),
        *hidden(STRING, "result_file"),
        *hidden(INT, "result_first"),
        *hidden(INT, "result_last"),
        *hidden(INT, "result_scale"),
        *hidden(STRING, "result_of"),
    ]


def bake_knobs():
    return [
        *knob(TAB, "bake_page", "Bake"),
        *knob(
            CHOICE,
            "frames",
            "Frames",
            items=("input", "script", "custom"),
            hint="Which frames are baked: those of the input, those of the script's settings, or First to Last.",
        ),
        *knob(INT, "first", "First", hint="First frame, when Frames is custom.", value=1),
        *knob(INT, "last", "Last", hint="Last frame, when Frames is custom.", value=1, flags=("-STARTLINE",)),
        *knob(
            FILE,
            "folder",
            "Folder",
            hint="Where plates and results go. Empty: the folder faceplate beside the saved script. A bake gets a "
            "new folder of its own in there (v001, v002, ...) and never touches an older one.",
        ),
        *knob(
            BOOL,
            "reuse_plates",
            "Use the Plates Already Rendered",
            hint="Bakes from the plates of the last analysis or bake instead of rendering the input again. A shot "
            "file belongs to exactly the plates it was made from. Switch off when the picture changed.",
            flags=("+STARTLINE",),
        ),
        *button(
            "bake", "Bake", "bake.start", "Renders the input to files and restores them in the background."
        ),
        *button("forget", "Forget Bake", "bake.forget", "Shows the input again. Files stay where they are."),
    ]


def steady_knobs(operation):
    """Frames held together in time: only a bake can, the effect sees one frame."""
    return [
        *knob(
            BOOL,
            "hold_steady",
            "Hold Faces Steady",
            hint=operation["hint"] + " Bake only; the live effect sees one frame at a time.",
            flags=("+STARTLINE",),
        ),
        *parameter_knobs(operation),
    ]


def shot_knobs():
    return [
        *knob(TAB, "shot_page", "Shot"),
        *knob(
            FILE,
            "shot",
            "Shot File",
            hint="What Faceplate knows of this shot: cuts, faces, grain. A bake uses it when one is named here.",
        ),
        *knob(
            BOOL,
            "identities",
            "Tell People Apart",
            hint="Keeps a vector of each face beside the shot file, so that people who cross keep their names. Such "
            "vectors are biometric; off, nothing of the kind is computed or kept.",
            value=True,
            flags=("+STARTLINE",),
        ),
        *button(
            "analyse", "Analyse", "shots.start", "Renders the input to files and finds cuts, faces and grain."
        ),
        *button("refresh", "Read Again", "shots.refresh", "Shows what the shot file says now."),
        *knob(TEXT, "tracks", "Faces", script=" "),
        *knob(INT, "track", "Track", hint="The id of a face in the table above."),
        *knob(STRING, "track_name", "Name", hint="Whose face it is; tracks of one person share a name."),
        *button("rename", "Rename", "shots.rename", "Gives the track this name, in the shot file."),
        *button(
            "choose",
            "Choose",
            "shots.choose",
            "Puts the track's person on the list of Faces, or takes it off.",
        ),
        *button(
            "lock",
            "Lock",
            "shots.lock",
            "Keeps the track as it is when the shot is analysed again, or frees it.",
        ),
    ]


# ---------------------------------------------------------------- the nodes inside


def node(kind, name, inputs=1, **knobs):
    """One node of the gizmo. It takes its inputs from the stack: the topmost is input 0."""
    lines = [f" {kind} {{"]
    if inputs != 1:
        lines.append(f"  inputs {inputs}")
    lines += [f"  {key} {value}" for key, value in knobs.items()]
    return [*lines, f"  name {name}", " }"]


def expression(text):
    return "{{" + quoted(text) + "}}"


def parent_text(name):
    """The text of one of the gizmo's own knobs, in a file knob inside it."""
    return f'"\\[value parent.{name}]"'


def keep(name):
    return [f"set {name} [stack 0]"]


def push(*names):
    return [f"push ${name}" for name in names]


def live_node(gizmo, way, parameters):
    """The OFX effect, or nothing where it is not installed. Texts are pushed by `live.py`: OFX evaluates no Tcl."""
    if way == "bake":
        return node("Dot", "NotInstalled")
    names = [
        each["name"] for each in parameters if each["type"] != "string" and each["name"] not in BAKE_ONLY
    ]
    linked = {name: expression("parent." + name) for name in names}
    decided = {name: quoted(told) for name, told in LIVE_SETTINGS[gizmo].items()}
    return node(LIVE_CLASSES[gizmo], "Live", 1, **linked, **decided)


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


def copied(name, pairs):
    """Channels of input 1 laid over input 0."""
    knobs = {}
    for place, (source, destination) in enumerate(pairs):
        knobs[f"from{place}"], knobs[f"to{place}"] = source, destination
    return node("Copy", name, 2, **knobs)


def way_nodes():
    """Source, live or bake, as the knobs say; `result_scale` 0 means that nothing is baked."""
    return [
        *push("Nbaked", "Nlive", "Nsource"),
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


def add_layers():
    return [f"add_layer {{{layer} {layer}.alpha}}" for layer in LAYERS]


def restoring_gizmo(gizmo, way, operation, body, *, pages=None, steady=None):
    """A whole gizmo that restores, live or baked.

    Args:
        pages: the operation's pages that it shows; all of them when None. steady: the operation that a bake may add.
        body: lines that make `$Nbaked` from `$Nresult` and `$Nsource`.
    """
    return [
        f"# {gizmo}, made by nuke_gizmos/generate.py from operations.json: change those, not this file.",
        "version 13.0 v1",
        "Gizmo {",
        " inputs 1",
        f" help {quoted(operation['hint'])}",
        f" label {quoted_live('[value state]')}",
        *restoring_knobs(gizmo[3:], operation, pages, steady),
        "}",
        *add_layers(),
        *node("Input", "Source", 0),
        *keep("Nsource"),
        *live_node(gizmo, way, parameters_of(operation, pages)),
        *keep("Nlive"),
        *result_nodes(),
        *keep("Nresult"),
        *body,
        *keep("Nbaked"),
        *way_nodes(),
        "end_group",
    ]


def quoted_live(text):
    """A text that Nuke evaluates each time it shows it: the Tcl in it stays Tcl once the file is read."""
    return '"' + text.replace("[", "\\[") + '"'


def restore_body():
    """The restored RGB over the source's other channels, and our layers; a larger result replaces the source."""
    return [
        *push("Nresult", "Nsource"),
        *copied("Pixels", [(f"rgba.{channel}",) * 2 for channel in ("red", "green", "blue")]),
        *keep("Npixels"),
        *push("Nresult", "Npixels"),
        *copied("Layers", [(f"{layer}.alpha",) * 2 for layer in LAYERS]),
        *keep("Nsame"),
        *push("Nresult", "Nsame"),
        *node("Switch", "Larger", 2, which=expression("parent.result_scale > 1")),
    ]


def matte_body():
    """The source with the faces' matte as its alpha, and our layers."""
    return [
        *push("Nresult", "Nsource"),
        *copied(
            "MatteToAlpha", [("matte.alpha", "rgba.alpha"), *((f"{layer}.alpha",) * 2 for layer in LAYERS)]
        ),
    ]


# ---------------------------------------------------------------- FP_SteadyApply


def steady_apply_gizmo():
    """Warps by an STMap: one that is connected, or one made from a face's track. The matrix is in Nuke's own
    coordinates, y up, and the map is sampled at pixel centres; `stmap.py` says how the keys come about.
    """
    here = "(parent.scale_x*(x+0.5) - parent.scale_y*(y+0.5) + parent.shift_x)"
    over = "(parent.scale_y*(x+0.5) + parent.scale_x*(y+0.5) + parent.shift_y)"
    size = "(parent.scale_x*parent.scale_x + parent.scale_y*parent.scale_y)"
    back_x = f"((parent.scale_x*(x+0.5-parent.shift_x) + parent.scale_y*(y+0.5-parent.shift_y))/{size})"
    back_y = f"((parent.scale_x*(y+0.5-parent.shift_y) - parent.scale_y*(x+0.5-parent.shift_x))/{size})"
    return [
        "# FP_SteadyApply, made by nuke_gizmos/generate.py: change that, not this file.",
        "version 13.0 v1",
        "Gizmo {",
        " inputs 2",
        f" help {quoted('Holds one face still for paint, and puts the work back; or warps by any STMap.')}",
        f" label {quoted_live('[value state]')}",
        *knob(TAB, "faceplate", "SteadyApply"),
        *knob(TEXT, "status", "Status", script=" "),
        *knob(CHOICE, "map", "Map", items=("face track", "STMap input"), hint="Where the STMap comes from."),
        *knob(
            CHOICE,
            "direction",
            "Direction",
            items=("hold still", "put back"),
            hint="hold still: the face stays where it is on the reference frame. put back: the inverse, for work "
            "that was done on the still face. An STMap input is used as it is.",
        ),
        *knob(FILE, "shot", "Shot File", hint="As made by Analyse on FP_Restore, or by faceplate analyse."),
        *knob(INT, "track", "Track", hint="The id of the face's track.", value=1),
        *knob(INT, "reference", "Reference", hint="The frame that the others are brought to.", value=1),
        *button("read_track", "Read Track", "stmap.read_track", "Sets keys from the face's five points."),
        *knob(TAB, "matrix_page", "Matrix"),
        *knob(FLOAT, "scale_x", "Cosine", hint="Scale times cosine of the turn.", limits=(-2, 2), value=1),
        *knob(FLOAT, "scale_y", "Sine", hint="Scale times sine of the turn.", limits=(-2, 2)),
        *knob(FLOAT, "shift_x", "Shift x", hint="Pixels, to the right.", limits=(-1000, 1000)),
        *knob(FLOAT, "shift_y", "Shift y", hint="Pixels, upwards.", limits=(-1000, 1000)),
        *hidden(STRING, "state"),
        "}",
        *node("Input", "STMap", 0, number=1),
        *keep("Nmap"),
        *node("Input", "Source", 0),
        *keep("Nsource"),
        *node(
            "Expression",
            "TrackMap",
            expr0=quoted(f"(parent.direction == 0 ? {here} : {back_x})/width"),
            expr1=quoted(f"(parent.direction == 0 ? {over} : {back_y})/height"),
        ),
        *keep("Ntrack"),
        *push("Nmap", "Ntrack"),
        *node("Switch", "MapToUse", 2, which=expression("parent.map")),
        *keep("Nuv"),
        *push("Nuv", "Nsource"),
        *node("STMap", "Warp", 2, channels="all", uv="rgb"),
        *node("Output", "Output1"),
        "end_group",
    ]


# ---------------------------------------------------------------- files


def gizmos():
    """Every file below `gizmos/` and its text: {"live/FP_Restore.gizmo": text, ...}."""
    operations = json.loads(OPERATIONS.read_text(encoding="utf-8"))["operations"]
    restore, matte_hint = operations["restore"], "A matte of the faces on a plate, in its alpha."
    made = {}
    for way in WAYS:
        made[f"{way}/FP_Restore"] = restoring_gizmo(
            "FP_Restore", way, restore, restore_body(), steady=operations["steady"]
        )
        matte = {**restore, "hint": matte_hint}
        made[f"{way}/FP_Matte"] = restoring_gizmo("FP_Matte", way, matte, matte_body(), pages=("Faces",))
        made[f"{way}/FP_SteadyApply"] = steady_apply_gizmo()
    return {f"{name}.gizmo": "\n".join(lines) + "\n" for name, lines in made.items()}


def main(words=None):
    parser = argparse.ArgumentParser(description="Write the gizmos from operations.json.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a gizmo is not up to date"
    )
    asked = parser.parse_args(words)
    stale = []
    for name, text in gizmos().items():
        path = HERE / "gizmos" / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not asked.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if asked.check and stale:
        print(f"not up to date: {', '.join(stale)}. Run python3 build.py nuke.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
