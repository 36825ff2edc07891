"""The knobs of the nodes that work live or from a bake, page by page."""

from gizmo_writer.text import (
    BOOL,
    CHOICE,
    FILE,
    INT,
    KIND_OF,
    STRING,
    TAB,
    TEXT,
    button,
    hidden,
    knob,
)

WAYS = ("live", "bake")

_LISTS = {"faces": "the list of Faces", "visible": "the list Stay Visible"}
"""What the knob that lists people is called in a sentence."""


def all_knobs(kind, parameters):
    """Every knob of a node, in order.

    Args:
        kind: what it is, of `faceplate_nuke.kinds`. parameters: those of operations.json that it shows.
    """
    return [
        *own_knobs(kind),
        *parameter_knobs(parameters),
        *bake_knobs(kind),
        *shot_knobs(kind),
        *hidden(STRING, "state"),
        *hidden(BOOL, "baking"),
        *hidden(STRING, "plates_file"),
        *hidden(STRING, "result_file"),
        *hidden(INT, "result_first"),
        *hidden(INT, "result_last"),
        *hidden(INT, "result_scale"),
        *hidden(INT, "result_motion"),
        *hidden(STRING, "result_of"),
    ]


def own_knobs(kind):
    """What the node says of itself, and how it works; for one that veils, who stays visible."""
    lines = [
        *knob(TAB, "faceplate", kind.title),
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
    ]
    if kind.people == "visible":
        lines += knob(
            STRING,
            "visible",
            "Stay Visible",
            hint="Who is not veiled: names or track ids of the shot file, with commas. Empty: everybody is veiled, and "
            "so is whatever might be a face. Bake only; live everybody is veiled.",
        )
    return lines


def parameter_knobs(parameters):
    """One knob for every parameter, with a divider where a page of them begins."""
    lines, page = [], None
    for parameter in parameters:
        if parameter["page"] != page:
            page = parameter["page"]
            lines += knob(TEXT, f"page_{page.lower()}", page, flags=("+STARTLINE",))
        lines += parameter_knob(parameter)
    return lines


def parameter_knob(parameter):
    """A parameter of operations.json as a knob."""
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


def bake_knobs(kind):
    """The page Bake."""
    lines = [
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
    ]
    if kind.motion:
        lines += knob(
            BOOL,
            "motion",
            "Motion Layers",
            hint="Brings back the layers forward and backward, motion vectors as Nuke has them, and stmap, for Nuke's "
            "STMap node: it shows the largest face where it lies on its track's first frame. Bake only.",
            flags=("+STARTLINE",),
        )
    return [
        *lines,
        *button(
            "bake", "Bake", "bake.start", "Renders the input to files and works on them in the background."
        ),
        *button(
            "forget",
            "Forget Bake",
            "bake.forget",
            f"Shows {kind.empty} again. Files stay where they are.",
        ),
    ]


def shot_knobs(kind):
    """The page Shot: its analysis, and the table of faces."""
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
        *button("refresh", "Read Again", "faces.refresh", "Shows what the shot file says now."),
        *button(
            "edit_faces",
            "Edit Faces",
            "faces_window.start",
            "Opens the table in a window, where names are typed in place and people chosen and locked by a click.",
        ),
        *knob(TEXT, "tracks", "Faces", script=" "),
        *knob(INT, "track", "Track", hint="The id of a face in the table above."),
        *knob(STRING, "track_name", "Name", hint="Whose face it is; tracks of one person share a name."),
        *button("rename", "Rename", "faces.rename", "Gives the track this name, in the shot file."),
        *button(
            "choose",
            "Choose",
            "faces.choose",
            f"Puts the track's person on {_LISTS[kind.people]}, or takes it off.",
        ),
        *button(
            "lock",
            "Lock",
            "faces.lock",
            "Keeps the track as it is when the shot is analysed again, or frees it.",
        ),
    ]
