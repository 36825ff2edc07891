"""A signal stops work in two seconds, whatever the work is doing."""

import signal
import subprocess
import sys
import time

import pytest

from faceplate.cli.stopping import run_stoppable

WORK = """
import sys, threading, time
from pathlib import Path
sys.path[:0] = {path!r}
from faceplate.cli.stopping import run_stoppable, Stopped
from faceplate_client.errors import Cancelled

def polite(stop):
    print("started", flush=True)
    if stop.wait(20):
        raise Cancelled("stopped in time")

def deaf(stop):
    print("started", flush=True)
    time.sleep(20)

try:
    run_stoppable({work}, tick=lambda: None, abandon=lambda: Path({note!r}).write_text("abandoned"))
except Stopped as error:
    print(error, flush=True)
    sys.exit(error.exit_code)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("work", ["polite", "deaf"])
def test_a_signal_ends_the_work_in_two_seconds(tmp_path, work, sent):
    note = tmp_path / "note"
    script = WORK.format(path=sys.path, work=work, note=str(note))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        start = time.monotonic()
        process.send_signal(sent)
        assert process.wait(timeout=10) == 128 + sent
        assert time.monotonic() - start < 2.0
        assert note.exists() == (work == "deaf")
        assert process.stdout.read() == ("stopped in time\n" if work == "polite" else "")


def test_work_that_ends_by_itself_gives_its_result_and_leaves_the_signals_as_they_were():
    before = signal.getsignal(signal.SIGINT)
    assert run_stoppable(lambda stop: stop.is_set(), tick=lambda: None, abandon=lambda: None) is False
    assert signal.getsignal(signal.SIGINT) is before


def test_an_error_of_the_work_comes_through():
    def work(_stop):
        raise ValueError("the work's own")

    with pytest.raises(ValueError, match="the work's own"):
        run_stoppable(work, tick=lambda: None, abandon=lambda: None)
