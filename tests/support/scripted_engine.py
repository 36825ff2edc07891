"""An engine that keeps to a script: what a client of it has to live with, connection by connection."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faceplate.engine.life import listen
from faceplate.engine.requests import FROM_CLIENT
from faceplate_client.launch import SOCKET
from faceplate_client.link import Link, LinkClosed
from faceplate_client.wire import Kind, Message
from tests.support.engines import hello

Behaviour = Callable[[Link, Message], None]


@contextmanager
def scripted(folder: Path, *behaviours: Behaviour) -> Iterator[list[Kind]]:
    """An engine that greets, then does with each connection's first request what the script says, and hangs up."""
    listener = listen(str(folder / SOCKET))
    listener.settimeout(0.05)
    heard: list[Kind] = []
    stop = threading.Event()

    def serve() -> None:
        for behaviour in behaviours:
            sock = _accepted(listener, stop)
            if sock is None:
                return
            link = Link(sock, FROM_CLIENT)
            try:
                for message in _spoken(link):
                    heard.append(message.kind)
                    for fd in message.fds:
                        os.close(fd)
                    if message.kind is Kind.HELLO:
                        _greet_back(link)
                    elif message.kind is Kind.SUBMIT:
                        behaviour(link, message)
                        break
            except LinkClosed:
                pass
            finally:
                link.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        stop.set()
        thread.join(10)
        listener.close()
        (folder / SOCKET).unlink(missing_ok=True)


def _accepted(listener: socket.socket, stop: threading.Event) -> socket.socket | None:
    while not stop.is_set():
        try:
            return listener.accept()[0]
        except TimeoutError:
            continue
    return None


def _spoken(link: Link) -> Iterator[Message]:
    """What a client says, for ten seconds at most."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        yield from link.take()
        time.sleep(0.001)


def _greet_back(link: Link) -> None:
    own = {name: value for name, value in hello().items() if name != "client"}
    link.put(Kind.WELCOME, 0, {**own, "pid": os.getpid()})


def dies(link: Link, message: Message) -> None:
    """Hang up in the middle of the work."""


def answers(link: Link, message: Message) -> None:
    link.put(Kind.PROGRESS, message.request, {"stage": "noop", "done": 0.5})
    link.put(Kind.RESULT, message.request, {"report": {}, "seconds": 0.0})


def says(data: bytes) -> Behaviour:
    """Send these bytes, whatever they are, and wait for the client to make of them what it will."""

    def behaviour(link: Link, message: Message) -> None:
        link.socket.settimeout(2)
        link.socket.sendall(data)
        with suppress(ConnectionResetError):
            while link.socket.recv(4096):
                pass

    return behaviour
