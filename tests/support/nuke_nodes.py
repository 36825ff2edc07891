"""The nodes and knobs of the stand-in for Nuke (`nuke_stand_in`). They are not Nuke's.

A node that was deleted refuses everything, and all is refused off the main thread.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.support.nuke_script import Expression, ScriptNode

if TYPE_CHECKING:
    from tests.support.nuke_stand_in import App


def on_main(call: Callable) -> Callable:
    @functools.wraps(call)
    def checked(self, *args, **kwargs):
        self.app.expect_main(call.__name__)
        return call(self, *args, **kwargs)

    return checked


class Knob:
    """One knob of one node."""

    def __init__(self, node: "Node", name: str, told, items=()) -> None:
        self.app, self._node, self._name, self._told = node.app, node, name, told
        self._items, self._keys, self.is_enabled, self.sets = list(items), {}, True, 0

    @on_main
    def name(self) -> str:
        return self._name

    @on_main
    def value(self):
        if isinstance(self._told, Expression):
            return self.app.worked_out(self._node, self._told)
        if isinstance(self._told, str):
            return self.app.substituted(self._node, self._told)
        return self._told

    def evaluate(self):
        """A file knob's text, its expressions evaluated; None when it is empty."""
        return self.value() or None

    @on_main
    def setValue(self, told) -> bool:
        if self._items and told not in self._items:
            raise ValueError(f"{self._name} has no {told!r}")
        if not self._items and isinstance(self._told, (bool, str)) and type(told) is not type(self._told):
            raise TypeError(f"{self._name} is a {type(self._told).__name__}, got {told!r}")
        self._told, self.sets = told, self.sets + 1
        if self.app.eager:
            self.app.knob_changed(self._node, self)
        return True

    @on_main
    def setEnabled(self, enabled: bool) -> None:
        self.is_enabled = enabled

    @on_main
    def clearAnimated(self) -> bool:
        self._keys = {}
        return True

    @on_main
    def setAnimated(self) -> bool:
        self._keys = {self.app.current: self._told}
        return True

    @on_main
    def isAnimated(self) -> bool:
        return bool(self._keys)

    @on_main
    def setValueAt(self, told, frame) -> bool:
        self._keys[frame] = told
        return True

    def value_at(self, frame):
        """For tests: the key at a frame, held before and after; the plain value without keys."""
        if not self._keys:
            return self.value()
        before = [key for key in self._keys if key <= frame]
        return self._keys[max(before) if before else min(self._keys)]

    @on_main
    def execute(self) -> None:
        """Press a button."""
        with self.app.context(self._node, self):
            exec(str(self._told), {"__name__": "__main__"})


class Node:
    """One node. `kind` is what Nuke calls its class."""

    def __init__(self, app: "App", kind: str, name: str, parent: "Group | None") -> None:
        self.app, self._kind, self._name, self._parent = app, kind, name, parent
        self._knobs: dict[str, Knob] = {}
        self._inputs: dict[int, Node] = {}
        self.range, self.deleted = (1, 1), False
        self.add("disable", False)

    def add(self, name: str, told, items=()) -> None:
        self._knobs[name] = Knob(self, name, told, items)

    def _alive(self) -> None:
        self.app.expect_main("a node")
        if self.deleted:
            raise ValueError("A PythonObject is not attached to a node")

    def Class(self) -> str:
        self._alive()
        return self._kind

    def name(self) -> str:
        self._alive()
        return self._name

    def fullName(self) -> str:
        self._alive()
        above = self._parent.fullName() if self._parent is not None else ""
        return f"{above}.{self._name}" if above else self._name

    def knob(self, name: str) -> Knob | None:
        self._alive()
        return self._knobs.get(name)

    def __getitem__(self, name: str) -> Knob:
        self._alive()
        if name not in self._knobs:
            raise NameError(f"knob {name} does not exist")
        return self._knobs[name]

    def input(self, index: int) -> "Node | None":
        self._alive()
        return self._inputs.get(index)

    def setInput(self, index: int, node: "Node | None") -> bool:
        self._alive()
        if node is None:
            self._inputs.pop(index, None)
        else:
            self._inputs[index] = node
        return True

    def dependencies(self, mask: int) -> list["Node"]:
        self._alive()
        return [each for _, each in sorted(self._inputs.items())]

    def parent(self) -> "Group | None":
        self._alive()
        return self._parent

    def firstFrame(self) -> int:
        self._alive()
        return self.range[0]

    def lastFrame(self) -> int:
        self._alive()
        return self.range[1]


class Group(Node):
    """A node with nodes inside."""

    def __init__(self, app: "App", kind: str, name: str, parent: "Group | None") -> None:
        super().__init__(app, kind, name, parent)
        self.inside: list[Node] = []

    def nodes(self) -> list[Node]:
        self._alive()
        return list(self.inside)

    def node(self, name: str) -> Node | None:
        self._alive()
        return next((each for each in self.inside if each._name == name), None)


class Gizmo(Group):
    """A group that was read from a .gizmo file."""


class Root(Group):
    """The script."""

    def fullName(self) -> str:
        return ""


def number(knob: Knob) -> float:
    told = knob.value_at(knob.app.current)
    return float(knob._items.index(told) if knob._items else told)


_ZERO = {1: "", 2: "", 3: 0, 6: False, 7: 0.0}
"""What Nuke's kinds of knob begin with; a choice begins with its first item."""


def made_gizmo(app: "App", kind: str, name: str, parent: Group, script: ScriptNode) -> Gizmo:
    gizmo = Gizmo(app, kind, name, parent)
    for knob in script.user_knobs:
        told = script.knobs.get(knob.name)
        if knob.kind == 4:
            gizmo.add(knob.name, told or knob.items[0], knob.items)
        elif knob.kind in (22, 26):
            gizmo.add(knob.name, knob.script)
        elif knob.kind in _ZERO:
            gizmo.add(knob.name, _ZERO[knob.kind] if told is None else _read(knob.kind, told))
    made: dict[int, Node] = {}
    for child in script.children:
        node = Node(app, child.kind, child.name, gizmo)
        app.expect_known(child.kind)
        for each, told in child.knobs.items():
            node.add(each, told)
        for each, told in app.ofx_effects.get(child.kind, {}).items():
            node.add(each, told)
        for place, above in enumerate(child.inputs):
            node.setInput(place, made[id(above)])
        made[id(child)] = node
        gizmo.inside.append(node)
    return gizmo


def _read(kind: int, told: str):
    return {3: int, 6: lambda text: text == "true", 7: float}.get(kind, str)(told)
