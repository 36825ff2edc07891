"""Start the engine in a process of its own, one for however many ask at once. docs/wire.md says how."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from faceplate.engine import locks
from faceplate_client.errors import EngineError
from faceplate_client.launch import LOG, SPAWN_LOCK, clean_environment, engine_command, knock, runtime_folder

_PAUSE = 0.015
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_ALONE = getattr(subprocess, "DETACHED_PROCESS", 0)  # Windows: no console of the host's
_LARGEST_LOG = 1 << 20


def start_engine(wait: float = 10.0) -> None:
    """Return when an engine of this user answers: the one that is there, or a new one.

    Args:
        wait: seconds until giving up.

    Raises:
        EngineError: `engine.absent`, none could be started; `engine.folder`, `engine.peer`.
    """
    until, folder = time.monotonic() + wait, runtime_folder()
    if _answers(folder):
        return
    with _one_at_a_time(folder, until):
        if not _answers(folder):
            _await(folder, spawn(folder), until)


def spawn(folder: str) -> "subprocess.Popen[bytes]":
    """Start the process, which outlives this one; its words go to the log in `folder`.

    Raises:
        EngineError: `engine.absent`, the command is not there.
    """
    command, path = engine_command(), os.path.join(folder, LOG)
    if os.path.exists(path) and os.path.getsize(path) > _LARGEST_LOG:
        os.replace(path, path + ".1")
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [command, "engine", "start", "--foreground"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=clean_environment(dict(os.environ)), cwd=os.sep, start_new_session=True, close_fds=True,
            creationflags=_ALONE,
        )  # fmt: skip
    except OSError as error:
        _absent(f"{command}: {error.strerror}. Set FACEPLATE_ENGINE to the path of the faceplate command")
    finally:
        os.close(log)


def _answers(folder: str) -> bool:
    sock = knock(folder)
    if sock is not None:
        sock.close()
    return sock is not None


def _await(folder: str, process: "subprocess.Popen[bytes]", until: float) -> None:
    while not _answers(folder):
        if process.poll() is not None:
            _absent(f"it ended at once with exit code {process.returncode}; {_last_words(folder)}")
        if time.monotonic() > until:
            _absent(f"it did not answer in time; {_last_words(folder)}")
        time.sleep(_PAUSE)


@contextmanager
def _one_at_a_time(folder: str, until: float) -> Iterator[None]:
    """Hold the lock behind which engines are started."""
    lock = os.open(os.path.join(folder, SPAWN_LOCK), os.O_RDWR | os.O_CREAT | _CLOEXEC, 0o600)
    try:
        while True:
            try:
                locks.take(lock)
                break
            except OSError:
                if time.monotonic() > until:
                    _absent("another program has been starting it for too long")
                time.sleep(_PAUSE)
        yield
    finally:
        os.close(lock)


def _last_words(folder: str) -> str:
    try:
        with open(os.path.join(folder, LOG), encoding="utf-8", errors="replace") as file:
            lines = file.read()[-2000:].strip().splitlines()
    except OSError:
        lines = []
    return f"its log ends: {lines[-1]}" if lines else "its log is empty"


def _absent(why: str) -> NoReturn:
    raise EngineError(f"There is no Faceplate engine: {why}.", code="engine.absent")
