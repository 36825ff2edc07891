"""One engine for each user and machine, as a process: started, found again, told to go."""

import os
import signal

import pytest

from faceplate.cli.__main__ import main
from faceplate.engine.life import hold_lock, idle_seconds
from faceplate_client import launch
from faceplate_client.errors import EngineError, FaceplateError
from faceplate_client.session import Engine, connect

WINDOW = (0, 0, 64, 36)


def there_and_back(engine: Engine) -> bool:
    plate, output = engine.plane(WINDOW), engine.plane(WINDOW)
    plate.pixels[:] = os.urandom(plate.size)
    job = engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output})
    try:
        return job.result(60).outputs["plate"].pixels == plate.pixels
    finally:
        engine.free(plate)
        engine.free(output)


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
