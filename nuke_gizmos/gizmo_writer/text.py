"""How Nuke writes a knob, a node and an expression into a script: text in, lines out."""

TAB, GROUP_END, TEXT, BUTTON, CHOICE, BOOL, FILE, STRING, INT, FLOAT = 20, 20, 26, 22, 4, 6, 2, 1, 3, 7
"""Nuke's numbers for kinds of knobs."""

KIND_OF = {"float": FLOAT, "int": INT, "bool": BOOL, "choice": CHOICE, "string": STRING}
"""Types of operations.json -> kinds of knobs."""


def quoted(text):
    """A word of Tcl in double quotes, as Nuke saves one: nothing in it is substituted or ends a brace."""
    for mark in '\\"[]{}$':
        text = text.replace(mark, "\\" + mark)
    return '"' + text.replace("\n", "\\n") + '"'


def quoted_live(text):
    """A text that Nuke evaluates each time it shows it: the Tcl in it stays Tcl once the file is read."""
    return '"' + text.replace("[", "\\[") + '"'


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
    """A knob's value as it follows its name."""
    if value is True:
        return "true"
    return f"{value:g}" if isinstance(value, (int, float)) else quoted(str(value))


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


def node(kind, name, inputs=1, **knobs):
    """One node of the gizmo. It takes its inputs from the stack: the topmost is input 0."""
    lines = [f" {kind} {{"]
    if inputs != 1:
        lines.append(f"  inputs {inputs}")
    lines += [f"  {key} {value}" for key, value in knobs.items()]
    return [*lines, f"  name {name}", " }"]


def expression(text):
    """An expression as a knob's value."""
    return "{{" + quoted(text) + "}}"


def parent_text(name):
    """The text of one of the gizmo's own knobs, in a file knob inside it."""
    return f'"\\[value parent.{name}]"'


def keep(name):
    """The node just written goes on under this name."""
    return [f"set {name} [stack 0]"]


def push(*names):
    """Nodes that were kept become the next one's inputs, the last named its input 0."""
    return [f"push ${name}" for name in names]
