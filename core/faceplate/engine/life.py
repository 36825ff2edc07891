"""The engine's life: one for each user and machine, from the lock to the last message."""

import logging
import os
import signal
import socket
import sys
import time
from contextlib import suppress

from faceplate.engine import locks
from faceplate.engine.guarded_port import listen_on_port
from faceplate.engine.server import Server
from faceplate.errors import RangeError
from faceplate_client.errors import EngineError
from faceplate_client.launch import LOCK, PORT, SOCKET, loopback, runtime_folder

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
    _allow_many_files()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
    )
    lock = hold_lock(folder)
    try:
        server = Server(listen(os.path.join(folder, SOCKET)), idle=idle)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        log.info("engine %d is here", os.getpid())
        server.run()
        for name in (SOCKET, PORT):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(folder, name))
        log.info("engine %d leaves", os.getpid())
    finally:
        os.close(lock)


def _allow_many_files() -> None:
    """A shared buffer takes a descriptor; where there is no such limit, nothing is done."""
    with suppress(ImportError):
        import resource

        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


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
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            locks.take(lock)
            break
        except OSError:
            if time.monotonic() > until:
                os.close(lock)
                raise EngineError(
                    "An engine is running already; `faceplate engine status` shows it.", code="engine.busy"
                ) from None
            time.sleep(0.02)
    os.ftruncate(lock, 0)
    os.lseek(lock, 0, os.SEEK_SET)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock


def listen(path: str) -> socket.socket:
    """A listening socket for its owner alone, in place of one that a killed engine left; a guarded port where there are
    no such sockets. Call with the lock held.
    """
    if loopback():
        return listen_on_port(os.path.dirname(path))
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen(64)
    return listener
