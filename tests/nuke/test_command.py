"""The command as a child: stopped when asked, gone when its host goes."""

import subprocess
import sys
import threading
import time

import pytest

from faceplate_client.errors import Cancelled, EngineError
from faceplate_nuke import command as child
from tests.nuke.conftest import PLUGIN, ROOT

SLEEPER = """#!{python} -IS
import os, signal, sys, time
{ignores}
open({pid!r}, "w").write(str(os.getpid()))
time.sleep(60)
"""


@pytest.fixture
def sleeper(tmp_path, monkeypatch):
    """A command that sleeps; `sleeper(ignores=True)` does not listen to SIGTERM. Gives the file with its process id."""

    def made(*, ignores: bool = False):
        pid, path = tmp_path / "pid", tmp_path / "faceplate"
        deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if ignores else ""
        path.write_text(SLEEPER.format(python=sys.executable, ignores=deaf, pid=str(pid)))
        path.chmod(0o755)
        monkeypatch.setenv("FACEPLATE_ENGINE", str(path))
        return pid

    return made


def lives(pid: int) -> bool:
    """Whether a process is there and is more than the record of its end."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc whether a process lives")
@pytest.mark.parametrize("ignores", [False, True], ids=["listens", "does not listen"])
def test_stopping_ends_the_process(sleeper, monkeypatch, ignores):
    monkeypatch.setattr(child, "_GRACE", 0.3)
    pid, stop = sleeper(ignores=ignores), threading.Event()

    def tick() -> None:
        if pid.exists() and pid.read_text():
            stop.set()

    with pytest.raises(Cancelled):
        child.run(["restore"], tick=tick, stop=stop)
    assert not lives(int(pid.read_text())) and not child._running


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc whether a process lives")
def test_no_command_outlives_its_host(sleeper):
    """The host quits while a thread waits for the command; nobody asks that thread."""
    pid = sleeper()
    host = (
        "import sys, threading, time, os\n"
        f"sys.path[:0] = [{str(PLUGIN)!r}, {str(ROOT / 'core')!r}]\n"
        "from faceplate_nuke import command\n"
        "threading.Thread(target=command.run, args=(['restore'],), daemon=True).start()\n"
        f"while not os.path.exists({str(pid)!r}) or not open({str(pid)!r}).read(): time.sleep(0.02)\n"
    )
    subprocess.run([sys.executable, "-c", host], timeout=60, check=True, capture_output=True)
    end = time.monotonic() + 10
    while lives(int(pid.read_text())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not lives(int(pid.read_text()))


def test_a_command_that_cannot_be_started_says_where_to_name_it(monkeypatch, tmp_path):
    monkeypatch.setenv("FACEPLATE_ENGINE", str(tmp_path / "nowhere"))
    with pytest.raises(EngineError, match="FACEPLATE_ENGINE") as raised:
        child.run(["restore"])
    assert raised.value.code == "engine.absent" and raised.value.exit_code == 75
