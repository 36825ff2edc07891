"""Engines for tests: in a thread with operations of the test's own, and clients that find them."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from faceplate.engine.jobs import Job
from faceplate.engine.life import listen
from faceplate.engine.scheduler import Scheduler
from faceplate.engine.server import Server
from faceplate.engine.work import noop
from faceplate_client.launch import SOCKET
from faceplate_client.link import Link
from faceplate_client.wire import PROTOCOL, Kind, Message, operations_hash


def nap(job: Job) -> Mapping[str, Any]:
    """Work of `seconds` in stages of `step` seconds, that a cancel may end between two of them."""
    until = time.monotonic() + float(job.params["seconds"])
    while time.monotonic() < until:
        job.stage("nap", 0.5)
        time.sleep(float(job.params.get("step", 0.005)))
    with job.writing():
        for plane in job.outputs.values():
            plane.pixels[...] = 7.0
    return {"slept": True}


def crash(job: Job) -> Mapping[str, Any]:
    """Work with a fault in it."""
    raise ZeroDivisionError("a fault of the test's")


@contextmanager
def engine_in(
    folder: Path, *, idle: float = 60.0, **work: Callable[[Job], Mapping[str, Any]]
) -> Iterator[Server]:
    """An engine in a thread, its socket in a folder: knows noop, nap, crash and what is given."""
    os.chmod(folder, 0o700)
    operations = {"noop": noop, "nap": nap, "crash": crash, **work}
    server = Server(listen(str(folder / SOCKET)), idle=idle, scheduler=Scheduler(operations))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
        server.close()


_came: WeakKeyDictionary[Link, list[Message]] = WeakKeyDictionary()
"""Messages that came together with one that was asked for."""


def receive(link: Link, wait: float = 5.0) -> Message:
    """The next message on a link."""
    until, waiting = time.monotonic() + wait, _came.setdefault(link, [])
    while not waiting and time.monotonic() < until:
        waiting.extend(link.take())
        if not waiting:
            time.sleep(0.001)
    assert waiting, "nothing came"
    return waiting.pop(0)


def hello(**changes: Any) -> dict[str, Any]:
    """The body of a HELLO that the engine accepts."""
    return {
        "protocol": PROTOCOL,
        "operations": operations_hash(),
        "product": "0.1.0",
        "client": "test",
        **changes,
    }


def greet(link: Link) -> None:
    """Say hello and hear the answer."""
    link.put(Kind.HELLO, 0, hello())
    assert receive(link).kind is Kind.WELCOME


def open_files() -> int:
    """Descriptors of this process."""
    return len(os.listdir("/proc/self/fd"))
