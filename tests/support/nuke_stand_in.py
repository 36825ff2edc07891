"""A stand-in for Nuke's Python module, written from the documented rules of callbacks and threads. It is not Nuke.

What it keeps to, from the Python developer's guide: callbacks of a class run before those of `*`, one that is added
again moves to the end, arguments become a tuple; knobChanged has a context node and knob, comes for the dummy knob
`showPanel` as well, and (`eager`) for values that Python sets; an exception in beforeRender ends the render;
executeInMainThread is refused on the main thread, and everything else is refused off it; a node that was deleted
refuses everything. Pixels there are none: `render_frame` says what a Write leaves on disk.
"""

import functools
import os
import queue
import re
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable
from pathlib import Path

from tests.support.nuke_expression import evaluate
from tests.support.nuke_nodes import Gizmo, Group, Knob, Node, Root, made_gizmo, number, on_main
from tests.support.nuke_script import ScriptNode, read_script

INPUTS, HIDDEN_INPUTS = 2, 4
BUILT_IN = frozenset(
    (
        "Read",
        "Write",
        "Dot",
        "Input",
        "Output",
        "Copy",
        "Switch",
        "FrameRange",
        "Expression",
        "STMap",
        "Blur",
        "Remove",
    )
)
"""The classes that scripts of these tests may name; Nuke has some more."""

_VALUE = re.compile(r"\[value parent\.(\w+)\]")


class OffTheMainThread(AssertionError):
    """Nuke would crash, or hang: only executeInMainThread may be called from another thread."""


class Dialog(AssertionError):
    """A dialog was asked for; on a farm nobody presses OK."""


class ProgressTask:
    """A progress bar; it goes when nothing refers to it any more."""

    def __init__(self, app: "App", title: str) -> None:
        app.expect_main("ProgressTask")
        self.app, self.title, self.cancelled = app, title, False
        self.said: list[tuple[str, int]] = []
        self._message = ""
        app.bars.add(self)

    @on_main
    def setMessage(self, message: str) -> None:
        self._message = message

    @on_main
    def setProgress(self, done: int) -> None:
        assert type(done) is int and 0 <= done <= 100, done
        self.said.append((self._message, done))

    @on_main
    def isCancelled(self) -> bool:
        return self.cancelled


class Menu:
    """A menu; `commands` is what tests look at."""

    def __init__(self) -> None:
        self.menus: dict[str, Menu] = {}
        self.commands: dict[str, str] = {}

    def addMenu(self, name: str) -> "Menu":
        return self.menus.setdefault(name, Menu())

    def addCommand(self, name: str, command: str) -> None:
        self.commands[name] = command


class App:
    """The running application behind the module.

    Args:
        gui: False is `nuke -t`. version: of the release, its first number.
        eager: knobChanged comes for values that Python sets, too, as in the newest releases.
    """

    def __init__(self, *, gui: bool = True, eager: bool = True, version: int = 16) -> None:
        self.gui, self.eager, self.version = gui, eager, version
        self.main = threading.current_thread()
        self.plugin_path: list[str] = []
        self.ofx_path: list[str] = []
        self.ofx_effects: dict[str, dict[str, str]] = {}
        self.callbacks: dict[str, list[tuple[str, Callable, tuple, dict]]] = {}
        self.contexts: list[tuple[Node, Knob | None]] = []
        self.waiting: queue.Queue = queue.Queue()
        self.log: list[str] = []
        self.bars: weakref.WeakSet[ProgressTask] = weakref.WeakSet()
        self.views, self.current, self.rendered = ["main"], 1, []
        self.menu = Menu()
        self.script: Callable[[], None] = lambda: None
        self.saved = 0
        self.render_frame: Callable[[str, int], None] = _write_nothing_much
        self.clear()

    def clear(self) -> None:
        self.root = Root(self, "Root", "Root", None)
        self.root.add("name", "")
        self.root.add("proxy", False)

    # ---- what a test does as the artist

    def user_sets(self, node: Node, name: str, told) -> None:
        """Turn a knob by hand."""
        eager, self.eager = self.eager, False
        node[name].setValue(told)
        self.eager = eager
        self.knob_changed(node, node[name])

    def show_panel(self, node: Node) -> None:
        """Open a node's panel."""
        self.knob_changed(node, Knob(node, "showPanel", ""))

    def pump(self, until: Callable[[], bool], seconds: float = 20.0) -> None:
        """Be the main loop: call what other threads asked for, until something is true."""
        end = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < end, "nothing came of it in time"
            try:
                call, args, kwargs = self.waiting.get(timeout=0.02)
            except queue.Empty:
                continue
            call(*args, **kwargs)

    def delete(self, node: Node) -> None:
        node.deleted = True
        assert node._parent is not None
        node._parent.inside.remove(node)

    def source(self, name: str = "Plate", first: int = 1001, last: int = 1003) -> Node:
        """A node with frames, to connect to."""
        node = self.create("Read", name)
        node.range = (first, last)
        return node

    # ---- rules

    def expect_main(self, what: str) -> None:
        if threading.current_thread() is not self.main:
            raise OffTheMainThread(f"{what} was called on the thread {threading.current_thread().name}")

    def context(self, node: Node, knob: Knob | None = None) -> "_Context":
        return _Context(self, node, knob)

    def call_back(self, event: str, node: Node, knob: Knob | None = None) -> None:
        with self.context(node, knob):
            added = self.callbacks.get(event, [])
            for wanted in (node._kind, "*"):
                for kind, call, args, kwargs in list(added):
                    if kind == wanted:
                        call(*args, **kwargs)

    def knob_changed(self, node: Node, knob: Knob) -> None:
        self.call_back("KnobChanged", node, knob)

    def worked_out(self, node: Node, text: str) -> float:
        """An expression on a node inside a gizmo: `parent.knob`, choices by their place in the list."""

        def lookup(name: str) -> float:
            owner, knob = name.split(".")
            assert owner == "parent" and node._parent is not None, name
            return number(node._parent[knob])

        return evaluate(text, lookup)

    def substituted(self, node: Node, text: str) -> str:
        def told(match: re.Match) -> str:
            assert node._parent is not None
            return str(node._parent[match[1]].value())

        return _VALUE.sub(told, text)

    # ---- making nodes

    def create(self, kind: str, name: str | None = None, parent: Group | None = None) -> Node:
        """A node as a script that is loaded makes one, or a test: without the callbacks of a user."""
        parent = parent or self.root
        place = sum(each._kind == kind for each in parent.inside) + 1
        name = name or f"{kind}{place}"
        gizmo = self._gizmo(kind)
        if gizmo is not None:
            node = made_gizmo(self, kind, name, parent, gizmo)
        elif kind == "Group":
            node = Group(self, kind, name, parent)
        else:
            self.expect_known(kind)
            node = Node(self, kind, name, parent)
        parent.inside.append(node)
        self.call_back("OnCreate", node)
        return node

    def _gizmo(self, kind: str) -> ScriptNode | None:
        for folder in self.plugin_path:
            path = Path(folder) / f"{kind}.gizmo"
            if path.is_file():
                return read_script(path.read_text(encoding="utf-8"))[0]
        return None

    def expect_known(self, kind: str) -> None:
        if kind not in BUILT_IN and kind not in self.ofx_effects:
            raise RuntimeError(f"{kind}: Unknown command")

    # ---- the module

    def module(self) -> types.ModuleType:
        """What `import nuke` gives."""
        nuke = types.ModuleType("nuke")
        nuke.__dict__.update(
            GUI=self.gui, NUKE_VERSION_MAJOR=self.version,
            INPUTS=INPUTS, HIDDEN_INPUTS=HIDDEN_INPUTS, Node=Node, Group=Group, Gizmo=Gizmo,
            Knob=Knob, Root=Root, ProgressTask=functools.partial(ProgressTask, self),
            executeInMainThread=self._in_main, execute=self._execute, message=self._dialog, ask=self._dialog,
            alert=self._dialog,
        )  # fmt: skip
        for event in ("OnUserCreate", "OnCreate", "OnScriptLoad", "KnobChanged", "BeforeRender"):
            setattr(nuke, f"add{event}", functools.partial(self._add, event))
        for name, call in {
            "thisNode": lambda: self.contexts[-1][0], "thisKnob": lambda: self.contexts[-1][1],
            "root": lambda: self.root, "frame": lambda: self.current, "views": lambda: list(self.views),
            "tprint": lambda *words: self.log.append(" ".join(map(str, words))),
            "ofxPluginPath": lambda: list(self.ofx_path), "allNodes": self._all_nodes, "toNode": self._to_node,
            "createNode": self._user_creates, "menu": self._menu, "scriptOpen": self._open,
            "scriptSave": self._save,
            "pluginAddPath": lambda path, addToSysPath=True: self.plugin_path.insert(0, path),
        }.items():  # fmt: skip
            setattr(nuke, name, self._main_only(name, call))
        return nuke

    def _main_only(self, name: str, call: Callable) -> Callable:
        def checked(*args, **kwargs):
            self.expect_main(name)
            return call(*args, **kwargs)

        return checked

    def _add(self, event: str, call, args=(), kwargs=None, nodeClass="*") -> None:
        if not callable(call):
            raise ValueError("call must be a callable")
        args = args if isinstance(args, tuple) else (args,)
        entry = (nodeClass, call, args, kwargs or {})
        added = self.callbacks.setdefault(event, [])
        if entry in added:
            added.remove(entry)
        added.append(entry)

    def _in_main(self, call, args=(), kwargs=None) -> None:
        if threading.current_thread() is self.main:
            raise RuntimeError("executeInMainThread was called from the main thread")
        self.waiting.put((call, args if isinstance(args, tuple) else (args,), kwargs or {}))

    def _dialog(self, *words) -> None:
        raise Dialog(str(words))

    def _user_creates(self, kind: str, knobs: str = "", inpanel: bool = True) -> Node:
        created: list[Node] = []
        entries = self.callbacks.get("OnCreate", [])
        self.callbacks["OnCreate"] = []  # onUserCreate comes first
        created.append(self.create(kind))
        self.callbacks["OnCreate"] = entries
        self.call_back("OnUserCreate", created[0])
        self.call_back("OnCreate", created[0])
        return created[0]

    def _menu(self, name: str) -> Menu:
        if not self.gui:
            raise RuntimeError("there are no menus without an interface")
        return self.menu.addMenu(name)

    def _open(self, path: str) -> None:
        if not os.path.exists(path):
            raise RuntimeError(f"{path}: no such file")
        self.clear()
        self.root["name"].setValue(path)
        self.script()
        self.call_back("OnScriptLoad", self.root)

    def _save(self) -> bool:
        self.saved += 1
        return True

    def _all_nodes(self, kind: str | None = None, group: Group | None = None, recurseGroups: bool = False):
        found = []
        for node in (group or self.root).nodes():
            found += [node] if kind in (None, node._kind) else []
            if recurseGroups and isinstance(node, Group):
                found += self._all_nodes(kind, node, True)
        return found

    def _to_node(self, name: str) -> Node | None:
        here: Node | None = self.root
        for part in name.split("."):
            here = here.node(part) if isinstance(here, Group) else None
        return here

    def _execute(self, node: Node, start: int, end: int, incr: int = 1) -> None:
        self.expect_main("execute")
        if node._kind != "Write":
            raise RuntimeError(f"{node._name} cannot be executed")
        self.call_back("BeforeRender", node)
        if node["disable"].value():
            return
        for frame in range(start, end + 1, incr):
            sign = "-" if frame < 0 else ""
            path = node["file"].value().replace("####", sign + f"{abs(frame):0{4 - len(sign)}d}")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            self.render_frame(path, frame)
            self.rendered.append(path)


class _Context:
    def __init__(self, app: App, node: Node, knob: Knob | None) -> None:
        self.app, self.entry = app, (node, knob)

    def __enter__(self) -> None:
        self.app.contexts.append(self.entry)

    def __exit__(self, *error) -> None:
        self.app.contexts.pop()


def _write_nothing_much(path: str, frame: int) -> None:
    Path(path).write_text(f"frame {frame}")


def install(app: App) -> types.ModuleType:
    """Make `import nuke` find the stand-in, and our package be imported anew with it."""
    for name in list(sys.modules):
        if name == "nuke" or name.split(".")[0] == "faceplate_nuke":
            del sys.modules[name]
    sys.modules["nuke"] = app.module()
    return sys.modules["nuke"]
