"""Waiting for the command without making anybody wait: the child process, and the operator that looks at it."""

import importlib
import json
import sys
import time
import types
from pathlib import Path

import pytest

SCRIPT = """#!{python} -IS
import json, os, signal, sys, time
told = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "behaviour.json")))
if told.get("deaf"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("faceplate: 1/4 reading the photos", file=sys.stderr, flush=True)
time.sleep(told.get("pause", 0))
print(told.get("says", ""), flush=True)
sys.exit(told.get("code", 0))
"""


@pytest.fixture
def addon(package, monkeypatch):
    """The add-on's modules, without its `__init__`, beside a bpy that has what they look at when they are imported."""
    whole = types.ModuleType("faceplate_addon")
    whole.__path__ = [str(package / "faceplate_addon")]
    bpy = types.ModuleType("bpy")
    bpy.app = types.SimpleNamespace(background=False)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faceplate_addon", whole)
    monkeypatch.setitem(sys.modules, "bpy", bpy)
    yield lambda name: importlib.import_module(f"faceplate_addon.{name}")
    for name in [name for name in sys.modules if name.startswith("faceplate_addon.")]:
        del sys.modules[name]


@pytest.fixture
def behave(tmp_path, monkeypatch):
    """Say how the command behaves."""
    script = tmp_path / "faceplate"
    script.write_text(SCRIPT.format(python=sys.executable))
    script.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(script))

    def told(**behaviour) -> None:
        (tmp_path / "behaviour.json").write_text(json.dumps(behaviour))

    return told


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "results").mkdir()
    return tmp_path / "results"


def test_an_answer_is_read_and_stages_are_told(addon, behave, folder):
    behave(says='{"spread_mm": 2}', pause=1)
    command = addon("command").Command(["reconstruct"], folder)
    until = time.monotonic() + 20
    while not command.stage and time.monotonic() < until:
        time.sleep(0.02)
    assert command.stage == "1/4 reading the photos" and not command.done
    command.wait(20)
    assert command.done and command.result() == {"spread_mm": 2}


def test_a_complaint_is_raised_in_its_own_sentence(addon, behave, folder):
    behave(says='{"error": {"code": "input.face", "sentence": "No face was found."}}', code=65)
    command = addon("command").Command(["reconstruct"], folder)
    command.wait(20)
    with pytest.raises(Exception, match="No face was found") as raised:
        command.result()
    assert vars(raised.value)["code"] == "input.face"


def test_of_frames_that_failed_the_first_is_told(addon, behave, folder):
    failed = [{"frame": n, "code": "input.damaged", "sentence": f"plate.{n}.exr is cut off."} for n in (7, 9)]
    behave(says=json.dumps({"frames": 3, "failures": failed}), code=65)
    command = addon("command").Command(["restore"], folder)
    command.wait(20)
    with pytest.raises(Exception, match=r"Frame 7: plate\.7\.exr is cut off\. 1 more failed\.") as raised:
        command.result()
    assert vars(raised.value)["code"] == "input.damaged"


def test_a_command_that_just_ends_is_said_to_have(addon, behave, folder):
    behave(says="", code=3)
    command = addon("command").Command([], folder)
    command.wait(20)
    with pytest.raises(Exception, match=r"exit code 3.*said last: 1/4 reading"):
        command.result()


def test_a_missing_command_says_where_it_is_looked_for(addon, folder, monkeypatch):
    monkeypatch.setenv("FACEPLATE_ENGINE", str(folder / "none"))
    with pytest.raises(Exception, match="FACEPLATE_ENGINE") as raised:
        addon("command").Command([], folder)
    assert vars(raised.value)["code"] == "engine.absent"


@pytest.mark.parametrize("deaf", [False, True])
def test_cancelling_leaves_no_process(addon, behave, folder, deaf, monkeypatch):
    module = addon("command")
    monkeypatch.setattr(module, "_GRACE", 0.5)
    behave(pause=600, deaf=deaf)
    command = module.Command([], folder)
    while not command.stage:
        time.sleep(0.02)
    start = time.monotonic()
    command.cancel()
    assert command.done and time.monotonic() - start < 5
    command.cancel()  # once more does no harm


# ------------------------------------------------------------ the operator


class Context:
    """What an operator is given, and a list of what it does to it."""

    def __init__(self):
        self.told, self.timers, self.handlers = [], [], []
        self.window = object()
        self.window_manager = types.SimpleNamespace(
            event_timer_add=lambda period, window: self.timers.append(period) or len(self.timers),
            event_timer_remove=lambda timer: self.timers.clear(),
            modal_handler_add=self.handlers.append,
        )
        self.workspace = types.SimpleNamespace(status_text_set=self.told.append)


@pytest.fixture
def operator(addon):
    class Operator(addon("job_operator").JobOperator):
        applied, reports, place = None, (), None

        def words(self, context, folder):
            self.place = folder
            return ["reconstruct"]

        def apply(self, context, folder, report):
            assert folder.is_dir()
            self.applied = report
            return "done"

        def report(self, kinds, text):
            self.reports = (*self.reports, (*kinds, text))

    return Operator()


def event(kind):
    return types.SimpleNamespace(type=kind, value="PRESS")


def test_events_pass_while_it_runs_and_the_result_comes_once(operator, behave):
    behave(says='{"spread_mm": 2}', pause=0.5)
    context = Context()
    assert operator.execute(context) == {"RUNNING_MODAL"}
    assert context.handlers == [operator] and context.timers
    assert operator.modal(context, event("MOUSEMOVE")) == {"PASS_THROUGH"}
    answer, until = {"PASS_THROUGH"}, time.monotonic() + 20
    while answer == {"PASS_THROUGH"} and time.monotonic() < until:
        answer = operator.modal(context, event("TIMER"))
        time.sleep(0.02)
    assert answer == {"FINISHED"} and operator.applied == {"spread_mm": 2}
    assert operator.reports == (("INFO", "done"),)
    assert not context.timers and context.told[-1] is None and not operator.place.exists()
    assert any("Esc cancels" in text for text in context.told if text)


def test_esc_stops_it_and_changes_nothing(operator, behave):
    behave(pause=600)
    context = Context()
    operator.execute(context)
    assert operator.modal(context, event("ESC")) == {"CANCELLED"}
    assert operator.applied is None and operator._command.done
    assert not context.timers and not operator.place.exists() and context.told[-1] is None


def test_a_disk_that_cannot_be_written_is_told(operator, folder):
    operator.disk = lambda context: folder / "none"
    assert operator.execute(Context()) == {"CANCELLED"}
    assert operator.place is None and "Nothing can be written in the folder" in operator.reports[0][1]


def test_results_lie_on_the_disk_they_are_to_stay_on(operator, behave, folder):
    operator.disk = lambda context: folder
    behave(pause=600)
    operator.execute(Context())
    assert operator.place.parent == folder and operator.place.name.startswith(".")
    operator.modal(Context(), event("ESC"))
    assert not list(folder.iterdir())


def test_a_failure_is_reported_in_its_sentence(operator, behave):
    behave(says='{"error": {"code": "input.face", "sentence": "No face was found."}}', code=65)
    context = Context()
    operator.execute(context)
    operator._command.wait(20)
    assert operator.modal(context, event("TIMER")) == {"CANCELLED"}
    assert operator.reports == (("ERROR", "No face was found."),) and not operator.place.exists()
