"""An engine in a process of its own: one for however many ask, and a reason where there is none."""

import fcntl
import os
import threading

import pytest

from faceplate.engine import starting
from faceplate.engine.life import listen
from faceplate_client import launch
from faceplate_client.errors import EngineError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path / "run"))
    return tmp_path / "run"


def test_ten_clients_at_once_start_one_engine(folder, monkeypatch):
    """The stand-in for an engine is a listening socket, so that this costs nothing."""
    started, found = [], []

    class Process:
        returncode = None

        def poll(self):
            return None

    def spawn(where):
        started.append(listen(os.path.join(where, launch.SOCKET)))
        return Process()

    monkeypatch.setattr(starting, "spawn", spawn)
    monkeypatch.setattr(launch, "_start", starting.start_engine)
    threads = [threading.Thread(target=lambda: found.append(launch.reach(10.0))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 10 and len(started) == 1
    for sock in found + started:
        sock.close()


def test_an_engine_that_ends_at_once_is_reported_with_its_last_words(folder, monkeypatch, tmp_path):
    command = tmp_path / "broken"
    command.write_text("#!/bin/sh\necho no such library >&2\nexit 9\n")
    command.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    with pytest.raises(EngineError, match=r"exit code 9.*no such library"):
        starting.start_engine(20.0)


def test_somebody_who_starts_one_for_ever_is_not_waited_for(folder):
    lock = os.open(os.path.join(launch.runtime_folder(), launch.SPAWN_LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with pytest.raises(EngineError, match="for too long"):
        starting.start_engine(0.1)
    os.close(lock)


def test_a_log_that_has_grown_makes_room(folder, monkeypatch, tmp_path):
    command = tmp_path / "brief"
    command.write_text("#!/bin/sh\necho here\n")
    command.chmod(0o755)
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    log = os.path.join(launch.runtime_folder(), launch.LOG)
    with open(log, "wb") as file:
        file.write(b"x" * (1 << 20) + b"y")
    with pytest.raises(EngineError):
        starting.start_engine(20.0)
    assert os.path.getsize(log + ".1") == (1 << 20) + 1
    with open(log) as file:
        assert file.read() == "here\n"
