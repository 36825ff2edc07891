"""FP_SteadyApply: warps by an STMap, or holds one face still by its track."""

from gizmo_writer.text import (
    CHOICE,
    FILE,
    FLOAT,
    INT,
    STRING,
    TAB,
    TEXT,
    button,
    expression,
    hidden,
    keep,
    knob,
    node,
    push,
    quoted,
    quoted_live,
)


def gizmo():
    """The whole gizmo: it warps by an STMap, one that is connected, or one made from a face's track.

    The matrix is in Nuke's own coordinates, y up, and the map is sampled at pixel centres; `stmap.py` says how the keys
    come about.
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
        *knob(
            CHOICE,
            "map",
            "Map",
            items=("face track", "STMap input", "layer stmap"),
            hint="Where the STMap comes from: a face's track, the input STMap, or the layer that FP_Steady brings with "
            "Motion Layers.",
        ),
        *knob(
            CHOICE,
            "direction",
            "Direction",
            items=("hold still", "put back"),
            hint="hold still: the face stays where it is on the reference frame. put back: the inverse, for work "
            "that was done on the still face. An STMap that comes from elsewhere is used as it is.",
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
        "add_layer {stmap stmap.u stmap.v}",
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
        *push("Nsource", "Nsource"),
        *node("Copy", "LayerMap", 2, from0="stmap.u", to0="rgba.red", from1="stmap.v", to1="rgba.green"),
        *keep("Nlayer"),
        *push("Nlayer", "Nmap", "Ntrack"),
        *node("Switch", "MapToUse", 3, which=expression("parent.map")),
        *keep("Nuv"),
        *push("Nuv", "Nsource"),
        *node("STMap", "Warp", 2, channels="all", uv="rgb"),
        *node("Output", "Output1"),
        "end_group",
    ]
