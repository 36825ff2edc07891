"""A Nuke that is a stand-in, with our plug-in folder installed in it, and a `faceplate` command that is a script."""

import json
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.nuke_stand_in import App, install

ROOT = Path(__file__).resolve().parents[2]
PLUGIN = ROOT / "nuke_gizmos"

COMMAND = """#!{python} -IS
import json, os, sys, time
words, folder = sys.argv[1:], os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, "calls.jsonl"), "a") as log:
    log.write(json.dumps(dict(words=words, environment=sorted(os.environ))) + "\\n")
told = json.load(open(os.path.join(folder, "behaviour.json")))
print("a line for the log", file=sys.stderr)

def value(name):
    return words[words.index(name) + 1]

def frame(pattern, number):
    return pattern.replace("####", "%04d" % number)

def restore():
    first, last = map(int, value("--frames").split("-"))
    for number in range(first, last + 1):
        time.sleep(told.get("pause", 0))
        plate = open(frame(words[1], number)).read()
        open(frame(value("-o"), number), "w").write("restored " + plate)
        open(value("--report"), "a").write("{{}}\\n")
    return dict(frames=last - first + 1, faces=2)

def shot():
    verb, path = words[1], words[2]
    facts = json.load(open(path))
    tracks = {{track["id"]: track for track in facts["tracks"]}}
    if verb == "rename":
        tracks[int(words[3])]["name"] = words[4]
    if verb == "lock":
        tracks[int(words[3])]["locked"] = "--off" not in words
    json.dump(facts, open(path, "w"))
    return facts

def analyse():
    first, last = map(int, value("--frames").split("-"))
    for number in range(first, last + 1):
        time.sleep(told.get("pause", 0))
        open(frame(words[1], number)).read()
        print("faceplate: %d/%d frames, 1 face" % (number - first + 1, last - first + 1), file=sys.stderr, flush=True)
    json.dump(told["shot"], open(value("-o"), "w"))
    return dict(frames=last - first + 1)

if told.get("fails"):
    if told["fails"]["answer"] is not None:
        print(json.dumps(told["fails"]["answer"]))
    sys.exit(told["fails"]["exit_code"])
print(json.dumps(dict(restore=restore, shot=shot, analyse=analyse)[words[0]]()))
"""

SHOT = {
    "cuts": [1002],
    "tracks": [
        {"id": 1, "name": "anna", "first": 1001, "last": 1003, "found": 3, "quality": 0.5, "locked": False},
        {"id": 4, "name": "<b>&", "first": 1002, "last": 1003, "found": 2, "quality": 0.25, "locked": True},
    ],
}


class Command:
    """The script that stands in for `faceplate`: what it was called with, and how it is to behave."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "faceplate"
        self.path.write_text(COMMAND.format(python=sys.executable))
        self.path.chmod(0o755)
        self.behave()

    def behave(self, **told) -> None:
        (self.folder / "behaviour.json").write_text(json.dumps({"shot": SHOT, **told}))

    @property
    def calls(self) -> list[list[str]]:
        return [call["words"] for call in self._logged()]

    @property
    def environment(self) -> list[str]:
        return self._logged()[-1]["environment"]

    def _logged(self) -> list[dict]:
        path = self.folder / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def command(tmp_path, monkeypatch) -> Command:
    (tmp_path / "bin").mkdir()
    made = Command(tmp_path / "bin")
    monkeypatch.setenv("FACEPLATE_ENGINE", str(made.path))
    return made


@pytest.fixture
def start(monkeypatch, tmp_path) -> Iterator[Callable[..., App]]:
    """Start the stand-in with the plug-in on its path: `start(gui=False)` is a farm, `live=True` has the effect."""

    def started(*, gui: bool = True, eager: bool = True, live: bool = False, folder: Path = PLUGIN) -> App:
        monkeypatch.setattr(sys, "path", [each for each in sys.path if not each.endswith("nuke_gizmos")])
        monkeypatch.delenv("OFX_PLUGIN_PATH", raising=False)
        app = App(gui=gui, eager=eager)
        if live:
            app.ofx_path = [str(bundle(tmp_path / "plugins"))]
            app.ofx_effects = {
                f"OFXstudio.faceplate.{name}_v0": {"faces": "all", "colourspace_name": ""}
                for name in ("restore", "steady", "veil", "matte")
            }
        install(app)
        runpy.run_path(str(folder / "init.py"))
        if gui:
            runpy.run_path(str(folder / "menu.py"))
        app.root["name"].setValue(str(tmp_path / "show" / "comp.nk"))
        return app

    yield started
    for name in [name for name in sys.modules if name == "nuke" or name.startswith("faceplate_nuke")]:
        del sys.modules[name]


def bundle(folder: Path) -> Path:
    """A folder with an OFX bundle of our name some levels down; nothing in it runs."""
    inner = folder / "vendor" / "Faceplate.ofx.bundle" / "Contents" / "Linux-x86-64"
    inner.mkdir(parents=True, exist_ok=True)
    (inner / "Faceplate.ofx").touch()
    return folder


@pytest.fixture
def app(start, command) -> App:
    """Nuke with an interface, our nodes without the effect, the command standing by."""
    return start()


@pytest.fixture
def restore(app):
    """An FP_Restore as an artist makes one, on three frames of plate."""
    return connected(app)


def connected(app: App, kind: str = "FP_Restore"):
    """A node with a plate of frames 1001-1003 connected."""
    node = sys.modules["nuke"].createNode(kind)
    node.setInput(0, app.source())
    return node


def at_rest() -> bool:
    """Whether nothing of ours works in the background."""
    return not sys.modules["faceplate_nuke.background"]._busy


def press(app: App, node, button: str) -> None:
    """Press a button, and be the main loop until nothing works in the background."""
    node[button].execute()
    app.pump(at_rest)


@pytest.fixture
def analysed(app, restore):
    """An FP_Restore whose shot is that of SHOT."""
    press(app, restore, "analyse")
    return restore
