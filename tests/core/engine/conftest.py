"""Engines forked off a process that has imported everything, so that twenty of them cost next to nothing."""

import multiprocessing
import os

import pytest

from faceplate.engine import starting
from faceplate.engine.life import live
from faceplate_client import launch


def be_an_engine(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    live()
    os._exit(0)


@pytest.fixture(scope="session")
def forks():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["faceplate.engine.life", "faceplate.engine.server"])
    return context


@pytest.fixture
def folder(tmp_path, monkeypatch, forks):
    """A runtime folder, and clients whose engines are forks instead of commands."""
    where = str(tmp_path / "run")
    monkeypatch.setenv("FACEPLATE_RUNTIME", where)
    started = []

    class Started:
        def __init__(self):
            told = {name: value for name, value in os.environ.items() if name.startswith("FACEPLATE_")}
            self.process = forks.Process(target=be_an_engine, args=(told,), daemon=True)
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
