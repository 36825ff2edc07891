"""A small reader of Nuke's script files, written from what they look like: enough for gizmos, and nobody's Nuke.

A file is Tcl: `Class {knobs}` makes a node, which takes as many inputs from a stack as its `inputs` knob says (1 where
it has none), the topmost first, and puts itself there. `set N [stack 0]` names the topmost, `push $N` puts it back.
"""

from dataclasses import dataclass, field


class ScriptError(Exception):
    """A file that Nuke would not read."""


@dataclass
class UserKnob:
    """One `addUserKnob`: Nuke's number for its kind, its name, and what follows by letter."""

    kind: int
    name: str
    label: str = ""
    hint: str = ""
    script: str = ""
    items: list[str] = field(default_factory=list)
    limits: tuple[float, float] | None = None
    flags: list[str] = field(default_factory=list)


@dataclass
class ScriptNode:
    """A node as a file describes it. `knobs`: name -> its text, an Expression where it is one."""

    kind: str
    knobs: dict
    user_knobs: list[UserKnob] = field(default_factory=list)
    inputs: list = field(default_factory=list)
    children: list = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.knobs.get("name", "")

    def child(self, name: str) -> "ScriptNode":
        """The node of this name inside."""
        return next(each for each in self.children if each.name == name)


class Expression(str):
    """The text of an expression, as in `which {{"parent.way"}}`."""


def read_script(text: str) -> list[ScriptNode]:
    """The nodes of a file; those of a group or gizmo are its children.

    Raises:
        ScriptError: unbalanced braces or quotes, a group without its end, an input from an empty stack.
    """
    top: list[ScriptNode] = []
    open_groups: list[tuple[ScriptNode | None, list, dict]] = [(None, [], {})]
    for words in commands(text):
        group, stack, named = open_groups[-1]
        name = words[0]
        if name in ("version", "add_layer"):
            continue
        if name == "set":
            named[words[1]] = stack[-1]
        elif name == "push":
            stack.append(None if words[1] == "0" else named[words[1].lstrip("$")])
        elif name == "end_group":
            if group is None:
                raise ScriptError("end_group without a group")
            open_groups.pop()
        else:
            node = _node(words, stack)
            (top if group is None else group.children).append(node)
            stack.append(node)
            if name in ("Gizmo", "Group"):
                open_groups.append((node, [], {}))
    if len(open_groups) != 1:
        raise ScriptError("a group has no end_group")
    return top


def _node(words: list[str], stack: list) -> ScriptNode:
    if len(words) != 2:
        raise ScriptError(f"a node is a class and a body, got {len(words)} words: {words[0]}")
    node = ScriptNode(words[0], {})
    for line in commands(words[1]):
        if len(line) != 2:
            raise ScriptError(f"{words[0]}: a knob is a name and a value, got {line}")
        if line[0] == "addUserKnob":
            node.user_knobs.append(_user_knob(line[1]))
        else:
            node.knobs[line[0]] = _told(line[1])
    wanted = int(node.knobs.get("inputs", 0 if words[0] in ("Gizmo", "Group") else 1))
    if words[0] not in ("Gizmo", "Group"):
        if wanted > len(stack):
            raise ScriptError(f"{words[0]} wants {wanted} inputs and the stack has {len(stack)}")
        node.inputs = [stack.pop() for _ in range(wanted)]
    return node


def _told(word: str) -> str:
    """A knob's value: an inner brace is an expression or a curve."""
    if not word.startswith("{"):
        return word
    parts = words_of(word)
    return Expression(words_of(parts[0])[0])


def _user_knob(text: str) -> UserKnob:
    words = words_of(text)
    knob = UserKnob(int(words[0]), words[1])
    rest = iter(words[2:])
    for word in rest:
        if word[0] in "+-" and len(word) > 1:
            knob.flags.append(word)
        elif word == "l":
            knob.label = next(rest)
        elif word == "t":
            knob.hint = next(rest)
        elif word == "T":
            knob.script = next(rest)
        elif word == "M":
            knob.items = words_of(next(rest))
        elif word == "R":
            knob.limits = (float(next(rest)), float(next(rest)))
        else:
            raise ScriptError(f"addUserKnob {knob.name}: {word!r} is nothing it may say")
    return knob


# ------------------------------------------------------------ Tcl


def commands(text: str) -> list[list[str]]:
    """The words of each command; a command ends with its line unless a brace or quote is open."""
    found, at = [], 0
    while at < len(text):
        if text[at] in " \t\n;":
            at += 1
        elif text[at] == "#":
            at = _line_end(text, at)
        else:
            words, at = _command(text, at)
            found.append(words)
    return found


def words_of(text: str) -> list[str]:
    """The elements of a Tcl list, newlines among them."""
    words, at = [], 0
    while True:
        while at < len(text) and text[at] in " \t\n":
            at += 1
        if at >= len(text):
            return words
        word, at = _word(text, at)
        words.append(word)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _command(text: str, at: int) -> tuple[list[str], int]:
    words = []
    while at < len(text) and text[at] not in "\n;":
        if text[at] in " \t":
            at += 1
            continue
        word, at = _word(text, at)
        words.append(word)
    return words, at


def _word(text: str, at: int) -> tuple[str, int]:
    if text[at] == "{":
        return _braced(text, at)
    if text[at] == '"':
        return _quoted(text, at)
    start = at
    while at < len(text) and text[at] not in " \t\n;":
        if text[at] == "[":
            at = text.index("]", at)
        at += 1
    return text[start:at], at


def _braced(text: str, at: int) -> tuple[str, int]:
    start, depth = at + 1, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "{":
            depth += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return text[start:at], at + 1
        at += 1
    raise ScriptError(f"a brace is never closed: {text[start : start + 40]!r}")


_ESCAPED = {"n": "\n", "t": "\t"}


def _quoted(text: str, at: int) -> tuple[str, int]:
    said, at = [], at + 1
    while at < len(text):
        if text[at] == "\\":
            at += 1
            said.append(_ESCAPED.get(text[at], text[at]))
        elif text[at] == '"':
            if at + 1 < len(text) and text[at + 1] not in " \t\n;}":
                raise ScriptError(f"something follows a closing quote: {text[at : at + 20]!r}")
            return "".join(said), at + 1
        elif text[at] == "[":
            raise ScriptError("a [ that is not escaped would be run when the file is read")
        else:
            said.append(text[at])
        at += 1
    raise ScriptError("a quote is never closed")
