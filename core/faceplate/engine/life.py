"""The engine's life: one for each user and machine, from the lock to the last message."""

import fcntl
import logging
import os
import resource
import signal
import socket
import sys
import time

from faceplate.engine.server import Server
from faceplate.errors import RangeError
from faceplate_client.errors import EngineError
from faceplate_client.launch import LOCK, SOCKET, runtime_folder

IDLE_SECONDS = 600.0
"""How long an engine stays that nobody asks anything; FACEPLATE_IDLE_SECONDS says otherwise."""

_PATIENCE = 3.0  # seconds for an engine that is just leaving to be gone

log = logging.getLogger("faceplate.engine")


def live() -> None:
    """Be the engine of this user on this machine until it is no longer needed.

    Raises:
        EngineError: `engine.busy`, there is one already; `engine.folder`, its folder cannot be used.
        RangeError: FACEPLATE_IDLE_SECONDS is no number of seconds.
    """
    idle, folder = idle_seconds(), runtime_folder()
    os.umask(0o077)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a shared buffer takes one
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
    )
    lock = hold_lock(folder)
    try:
        path = os.path.join(folder, SOCKET)
        server = Server(listen(path), idle=idle)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        log.info("engine %d is here", os.getpid())
        server.run()
        os.unlink(path)
        log.info("engine %d leaves", os.getpid())
    finally:
        os.close(lock)


def idle_seconds() -> float:
    """Seconds after which an engine leaves that nobody asks anything.

    Raises:
        RangeError: the environment variable is no number above 0.
    """
    words = os.environ.get("FACEPLATE_IDLE_SECONDS", "")
    try:
        seconds = float(words) if words else IDLE_SECONDS
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds < 1e7:
        raise RangeError(f"FACEPLATE_IDLE_SECONDS should be a number of seconds above 0, got {words}")
    return seconds


def hold_lock(folder: str) -> int:
    """The descriptor of the lock that only one engine holds, with this process's id in it.

    Raises:
        EngineError: `engine.busy`, another engine holds it and does not leave.
    """
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            if time.monotonic() > until:
                os.close(lock)
                raise EngineError(
                    "An engine is running already; `faceplate engine status` shows it.", code="engine.busy"
                ) from None
            time.sleep(0.02)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def listen(path: str) -> socket.socket:
    """A listening socket for its owner alone, in place of one that a killed engine left. Call with the lock held."""
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(64)
    return listener
