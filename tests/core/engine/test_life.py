"""One engine for each user and machine, as a process: started, killed, found again, told to go.

Engines are forked off a process that has imported everything, so that twenty of them cost next to nothing.
"""

import multiprocessing
import os
import random
import signal
import time

import pytest

from faceplate.cli.__main__ import main
from faceplate.engine import starting
from faceplate.engine.life import hold_lock, idle_seconds, live
from faceplate_client import launch, line
from faceplate_client.errors import EngineError, FaceplateError
from faceplate_client.session import Engine, connect

WINDOW = (0, 0, 64, 36)


def be_an_engine(folder: str) -> None:
    os.environ["FACEPLATE_RUNTIME"] = folder
    live()
    os._exit(0)


@pytest.fixture(scope="module")
def forks():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faceplate.engine.life", "faceplate.engine.server"])
    return context


@pytest.fixture
def folder(tmp_path, monkeypatch, forks):
    """A runtime folder, and clients whose engines are forks instead of commands."""
    where = str(tmp_path / "run")
    monkeypatch.setenv("FACEPLATE_RUNTIME", where)
    monkeypatch.setattr(
        line, "RESTART", 30.0
    )  # a machine that is busy with other things starts nothing in 4 s
    started = []

    class Started:
        def __init__(self):
            self.process = forks.Process(target=be_an_engine, args=(where,), daemon=True)
            self.process.start()
            started.append(self.process)

        returncode = property(lambda self: self.process.exitcode)

        def poll(self):
            return self.process.exitcode

    monkeypatch.setattr(launch, "_start", starting.start_engine)
    monkeypatch.setattr(starting, "spawn", lambda _: Started())
    yield where
    for process in started:
        process.kill()
        process.join(10)


def there_and_back(engine: Engine) -> bool:
    plate, output = engine.plane(WINDOW), engine.plane(WINDOW)
    plate.pixels[:] = os.urandom(plate.size)
    job = engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output})
    try:
        return job.result(60).outputs["plate"].pixels == plate.pixels
    finally:
        engine.free(plate)
        engine.free(output)


def test_twenty_kills_under_load_end_in_a_right_result_or_a_clear_failure(folder):
    chance = random.Random(2)
    with connect("one", wait=60) as one, connect("two", wait=60) as two:
        for _ in range(20):
            pid = one.status(60)["pid"]
            work = []
            for each in (one, two):
                plate, output = each.plane(WINDOW), each.plane(WINDOW)
                plate.pixels[:] = os.urandom(plate.size)
                asked = each.submit("noop", inputs={"plate": plate}, outputs={"plate": output})
                work.append((each, plate, output, asked))
            time.sleep(chance.random() * 0.003)
            os.kill(pid, signal.SIGKILL)
            for each, plate, output, job in work:
                try:
                    job.result(60)
                    assert output.pixels == plate.pixels
                except FaceplateError as error:
                    assert error.code in ("engine.gone", "engine.absent")
                each.free(plate)
                each.free(output)
        assert there_and_back(one) and there_and_back(two)
        assert one.status(60)["pid"] == two.status(60)["pid"]
    assert sorted(os.listdir(folder)) == ["engine.lock", "engine.sock", "spawn.lock"]


def test_a_second_engine_does_not_start(folder, monkeypatch):
    monkeypatch.setattr("faceplate.engine.life._PATIENCE", 0.05)
    with connect("one", wait=60) as engine:
        with pytest.raises(EngineError) as told:
            hold_lock(folder)
        assert told.value.code == "engine.busy"
        assert there_and_back(engine)


def test_the_command_shows_and_ends_the_engine(folder, capsys):
    connect("one", wait=60).close()  # the command waits 10 s for an engine, a busy machine may need more
    assert main(["engine", "start", "--json"]) == 0
    assert main(["engine", "status"]) == 0
    assert "running 0" in capsys.readouterr().out
    assert main(["engine", "stop"]) == 0
    assert "has ended" in capsys.readouterr().out
    assert main(["engine", "stop", "--json"]) == 0
    assert '"stopped": false' in capsys.readouterr().out
    assert main(["engine", "status"]) == 75
    assert not os.path.exists(os.path.join(folder, launch.SOCKET)), (
        "an engine that leaves takes its socket along"
    )


def test_the_command_ends_an_engine_that_hangs(folder, capsys, monkeypatch):
    monkeypatch.setattr("faceplate.cli.engine._LEAVING", 0.3)
    with connect("one", wait=60) as engine:
        os.kill(engine.status(60)["pid"], signal.SIGSTOP)
    assert main(["engine", "stop"]) == 0
    assert "has ended" in capsys.readouterr().out


def test_the_log_is_shown(folder, capsys):
    with open(os.path.join(launch.runtime_folder(), launch.LOG), "w") as file:
        file.write("one\ntwo\nthree\n")
    assert main(["engine", "logs", "--lines", "2"]) == 0
    assert capsys.readouterr().out == "two\nthree\n"


@pytest.mark.parametrize("words", ["soon", "0", "-1", "nan", "1e30"])
def test_an_idle_time_that_is_none_is_refused(monkeypatch, words):
    monkeypatch.setenv("FACEPLATE_IDLE_SECONDS", words)
    with pytest.raises(FaceplateError, match="FACEPLATE_IDLE_SECONDS"):
        idle_seconds()
