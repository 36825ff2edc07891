"""The engine's socket: takes connections, reads requests, sends answers. One thread, and it never waits for anybody."""

import hmac
import logging
import mmap
import os
import selectors
import socket
import time
from collections import deque
from contextlib import suppress
from math import inf
from typing import Any

from faceplate import __version__
from faceplate.engine.guarded_port import GuardedPort
from faceplate.engine.jobs import Job, printable
from faceplate.engine.nets import models_in_use
from faceplate.engine.plane_store import PlaneStore, planes_of
from faceplate.engine.requests import FROM_CLIENT
from faceplate.engine.scheduler import Scheduler
from faceplate.engine.work import WORK
from faceplate_client.errors import Cancelled, EngineError, FaceplateError
from faceplate_client.link import Link, LinkClosed, close_all, peer_of
from faceplate_client.wire import PROTOCOL, Kind, Message, VersionError, WireError, operations_hash

MOST_CLIENTS = 64
GREETING = 5.0
"""Seconds in which a new connection must say hello."""

_BREATH = 0.01
_REAPED = 1.0  # seconds after which a client that died is known to be dead

log = logging.getLogger("faceplate.engine")


class _Client:
    """One connection: its link, its buffers, its open jobs."""

    def __init__(self, sock: socket.socket, number: int, door: GuardedPort | None) -> None:
        self.link = Link(sock, FROM_CLIENT, door.open_buffer if door else None)
        self.store = PlaneStore(sealed=door is None)
        self.owed, self.said = door.token if door else b"", b""
        self.jobs: dict[int, Job] = {}
        self.name, self.number = "", number
        self.since = time.monotonic()

    @property
    def greeted(self) -> bool:
        return bool(self.name)

    def __str__(self) -> str:
        return f"client {self.number} ({self.name or 'unknown'})"


class Server:
    """Serves one listening Unix socket until it is told to stop or nobody has asked anything for `idle` seconds."""

    def __init__(self, listener: socket.socket, *, idle: float, scheduler: Scheduler | None = None) -> None:
        listener.setblocking(False)
        self._listener, self._idle = listener, idle
        self._door = listener if isinstance(listener, GuardedPort) else None
        self._scheduler = scheduler or Scheduler(WORK)
        self._operations = operations_hash()
        self._clients: dict[int, _Client] = {}
        self._answers: deque[tuple[Job, Kind, dict[str, Any]]] = deque()
        self._bell, self._rope = socket.socketpair()
        for end in (self._bell, self._rope):
            end.setblocking(False)
        self._numbers = 0
        self._began = self._asked = time.monotonic()
        self._stopping, self._sweep_at = False, inf
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)

    def stop(self) -> None:
        """End `run` soon. May be called from a signal handler or another thread."""
        self._stopping = True
        self._ring()

    def run(self) -> None:
        """Serve."""
        self._scheduler.start()
        while not self._stopping:
            for key, _ in self._selector.select(self._patience()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._bell:
                    self._empty_bell()
                elif key.data in self._clients:
                    self._read(self._clients[key.data])
            self._send_answers()
            self._look_at_the_clock()
        self._scheduler.stop()
        self._send_answers()
        for client in list(self._clients.values()):
            self._drop(client, "the engine stops")

    def close(self) -> None:
        """Give every descriptor back, after `run` has returned."""
        self._selector.close()
        self._listener.close()
        for end in (self._bell, self._rope):
            end.close()

    # ------------------------------------------------------------ connections

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            time.sleep(_BREATH)  # it hung up again already, or there are no descriptors left: do not spin
            return
        if not self._is_welcome(sock):
            sock.close()
            return
        self._numbers += 1
        client = _Client(sock, self._numbers, self._door)
        self._clients[client.number] = client
        self._selector.register(client.link.socket, selectors.EVENT_READ, client.number)

    def _is_welcome(self, sock: socket.socket) -> bool:
        """Whether there is room, and the kernel says that it is the user; at a guarded port the token says so later."""
        try:
            pid, uid = (0, 0) if self._door else peer_of(sock)
        except OSError:
            return False
        known = self._door is not None or uid == os.getuid()
        if known and len(self._clients) < MOST_CLIENTS:
            return True
        log.warning("refused process %d of user %d; %d clients are here", pid, uid, len(self._clients))
        return False

    def _has_the_token(self, client: _Client) -> bool:
        """Hear the token that opens a guarded port; whoever says anything else is shown out without a word."""
        if not client.owed:
            return True
        try:
            piece = client.link.socket.recv(len(client.owed) - len(client.said))
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            piece = b""
        client.said += piece
        if len(client.said) == len(client.owed) and hmac.compare_digest(client.said, client.owed):
            client.owed = b""
            return True
        if not piece or len(client.said) == len(client.owed):
            self._drop(client, "it does not know the token")
        return False

    def _read(self, client: _Client) -> None:
        """Handle what a client has sent; whatever breaks the contract costs it the connection and nobody else."""
        if not self._has_the_token(client):
            return
        messages: list[Message] = []
        try:
            client.link.flush()
            messages = client.link.take()
            while messages:
                self._handle(client, messages.pop(0))
        except LinkClosed as error:
            self._drop(client, str(error))
        except (WireError, VersionError) as error:
            close_all(messages)
            self._refuse(client, error)
        else:
            self._watch(client)

    def _refuse(self, client: _Client, error: FaceplateError) -> None:
        with suppress(FaceplateError):  # it may not listen either
            client.link.put(Kind.ERROR, 0, {"code": error.code, "sentence": printable(str(error))})
        self._drop(client, str(error))

    def _drop(self, client: _Client, why: str) -> None:
        log.info("%s left: %s", client, why)
        del self._clients[client.number]
        self._selector.unregister(client.link.socket)
        client.link.close()
        for job in list(client.jobs.values()):
            self._scheduler.take_back(job, Cancelled("The client is gone."))
        client.store.release_all()
        self._sweep_at = time.monotonic() + _REAPED

    def _watch(self, client: _Client) -> None:
        """Wait for room to write only while something waits to be written."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.link.waits_to_write else 0)
        if self._selector.get_key(client.link.socket).events != events:
            self._selector.modify(client.link.socket, events, client.number)

    # ------------------------------------------------------------ messages

    def _handle(self, client: _Client, message: Message) -> None:
        kind, body = message.kind, message.body
        try:
            if client.greeted == (kind is Kind.HELLO):
                raise WireError("The first message should be HELLO, and no other.")
            if kind is Kind.SHARE:
                client.store.share(body["buffer"], body["bytes"], message.fds[0])
        finally:
            close_all([message])
        if kind is Kind.HELLO:
            self._greet(client, body)
        elif kind is Kind.RELEASE:
            client.store.release(body["buffer"])
        elif kind is Kind.SUBMIT:
            self._submit(client, message)
        elif kind is Kind.CANCEL and message.request in client.jobs:
            taken_back = Cancelled("This request was taken back; nothing was written.")
            self._scheduler.take_back(client.jobs[message.request], taken_back)
        elif kind is Kind.PING:
            client.link.put(Kind.PONG, message.request)
        elif kind is Kind.STATUS:
            client.link.put(Kind.STATUS_REPLY, message.request, {"engine": self._status()})
        elif kind is Kind.SHUTDOWN:
            log.info("%s asks the engine to stop", client)
            self._stopping = True

    def _greet(self, client: _Client, body: dict[str, Any]) -> None:
        if body["operations"] != self._operations:
            raise VersionError(__version__, f"{body['product']}, with other operations")
        client.name, self._asked = body["client"] or "unnamed", time.monotonic()
        own = {"protocol": PROTOCOL, "operations": self._operations, "product": __version__}
        client.link.put(Kind.WELCOME, 0, {**own, "pid": os.getpid()})
        log.info("%s is here", client)

    def _submit(self, client: _Client, message: Message) -> None:
        self._asked = now = time.monotonic()
        body, number = message.body, message.request
        if number in client.jobs:
            raise WireError(f"Request {number} is still open.")
        try:
            self._scheduler.expect(body["operation"])
            inputs, outputs = planes_of(client.store, body)
        except FaceplateError as error:
            client.link.put(Kind.ERROR, number, {"code": error.code, "sentence": printable(str(error))})
            return
        job = Job(
            client.number, number, body["operation"], body["params"], inputs, outputs,
            interactive=body["priority"] == "interactive",
            answer=self._answer,
            deadline=now + body["deadline_ms"] / 1000 if body["deadline_ms"] else None,
        )  # fmt: skip
        client.jobs[number] = job
        self._scheduler.submit(job)

    def _status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "product": __version__,
            "uptime_seconds": round(time.monotonic() - self._began, 3),
            "clients": len(self._clients),
            **self._scheduler.counts(),
            "models": models_in_use(),
            "resident_bytes": _resident_bytes(),
        }

    # ------------------------------------------------------------ answers

    def _answer(self, job: Job, kind: Kind, body: dict[str, Any]) -> None:
        """Queue an answer; any thread."""
        self._answers.append((job, kind, body))
        self._ring()

    def _send_answers(self) -> None:
        while self._answers:
            job, kind, body = self._answers.popleft()
            client = self._clients.get(job.client)  # type: ignore[call-overload]
            if client is None or client.jobs.get(job.request) is not job:
                continue
            if kind is not Kind.PROGRESS:
                del client.jobs[job.request]
                self._asked = time.monotonic()
            elif job.ended or client.link.waits_to_write:
                continue  # old news
            try:
                self._put(client, kind, job.request, body)
                self._watch(client)
            except LinkClosed as error:
                self._drop(client, str(error))

    def _put(self, client: _Client, kind: Kind, request: int, body: dict[str, Any]) -> None:
        try:
            client.link.put(kind, request, body)
        except WireError as error:
            log.exception("an answer could not be said")
            sentence = f"The work is done, but its report cannot be sent: {error}"
            client.link.put(Kind.ERROR, request, {"code": EngineError.code, "sentence": printable(sentence)})

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            self._rope.send(b"!")

    def _empty_bell(self) -> None:
        with suppress(BlockingIOError):
            self._bell.recv(65536)

    # ------------------------------------------------------------ time

    def _patience(self) -> float:
        """Seconds to sleep at most."""
        now = time.monotonic()
        ends = [self._asked + self._idle, self._sweep_at]
        ends += [client.since + GREETING for client in self._clients.values() if not client.greeted]
        deadline = self._scheduler.expire(now)
        if deadline is not None:
            ends.append(deadline)
        return 0.0 if self._answers else max(0.0, min(ends) - now) + 0.001

    def _look_at_the_clock(self) -> None:
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = inf
            if self._door:
                self._door.sweep()
        for client in list(self._clients.values()):
            if not client.greeted and now - client.since > GREETING:
                if client.owed:
                    self._drop(client, "it never said the token")
                else:
                    self._refuse(client, WireError("No HELLO came."))
        if not self._scheduler.idle:
            self._asked = now
        elif now - self._asked > self._idle:
            log.info("nobody asked anything for %g s", self._idle)
            self._stopping = True


def _resident_bytes() -> int:
    """Memory this process holds right now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return 0
