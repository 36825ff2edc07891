"""The thread that keeps a host's line to the engine: connects, sends, receives, notices when nobody answers."""

import collections
import os
import select
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Deque, Dict, List, Optional, Set

from .errors import Cancelled, EngineError, FaceplateError
from .launch import reach
from .link import Link, LinkClosed
from .planes import Buffer
from .wire import PROTOCOL, Kind, Message, VersionError, WireError, operations_hash

if TYPE_CHECKING:
    from .session import Job

PRODUCT = "0.1.0"
"""Version of Faceplate that this client came with; a test keeps it equal to the core's."""

QUIET = 1.0
"""Seconds without a word after which an engine that owes an answer is asked whether it lives."""

HUNG = 5.0
"""Seconds without a word after which it does not."""

RESTART = 4.0
"""Seconds to find another engine for requests whose engine died under them."""

_TRIES = 2
_BREATH = 0.02


class Line:
    """Sends jobs and brings their answers. All methods may be called from any thread and return at once."""

    def __init__(self, client: str, *, wait: float, start: bool, lock: threading.RLock) -> None:
        self._client, self._wait, self._start, self._lock = client, wait, start, lock
        self._new: Deque["Job"] = collections.deque()
        self._open: Dict[int, "Job"] = {}
        self._cancelled: List["Job"] = []
        self._released: List[Buffer] = []
        self._shared: Set[int] = set()
        self._link: Optional[Link] = None
        self._thread: Optional[threading.Thread] = None
        self._bell = (-1, -1)
        self._closing = False
        self._heard = self._pinged = 0.0

    def add(self, job: "Job") -> None:
        """Send a job."""
        with self._lock:
            if self._closing:
                raise EngineError("This connection to the engine was closed; make another.", "engine.closed")
            job.line = self
            self._new.append(job)
            self._ring()

    def cancel(self, job: "Job") -> None:
        """Take a job back, whether it was sent or not."""
        with self._lock:
            job.unwanted = True
            if job in self._new:
                self._new.remove(job)
                job.fail(_cancelled())
            elif job.request in self._open:
                self._cancelled.append(job)
                self._ring()

    def release(self, buffer: Buffer) -> None:
        """Give a buffer's memory back, here and in the engine."""
        with self._lock:
            self._released.append(buffer)
            self._ring()

    def close(self) -> None:
        """Hang up and end the thread."""
        with self._lock:
            self._closing = True
            thread = self._thread
            if thread is not None:
                self._ring()
        if thread is not None and thread is not threading.current_thread():
            thread.join(HUNG)

    def _ring(self) -> None:
        """Wake the thread, or start it."""
        if self._thread is None:
            self._bell = os.pipe()
            for end in self._bell:
                os.set_blocking(end, False)
            self._thread = threading.Thread(target=self._run, name="faceplate-line", daemon=True)
            self._thread.start()
        with suppress(BlockingIOError):  # it has been rung often enough
            os.write(self._bell[1], b"!")

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while not self._closing:
            try:
                self._send()
                self._listen()
            except LinkClosed as error:
                self._lost(error, again=True)
            except FaceplateError as error:
                self._lost(error, again=False)
            except Exception as error:  # nobody may wait for a thread that died
                self._lost(EngineError(f"The client failed: {type(error).__name__}: {error}."), again=False)
        self._lost(_cancelled(), again=False)
        with self._lock:
            for buffer in self._released:
                buffer.close()
            for end in self._bell:
                os.close(end)

    def _send(self) -> None:
        """Send whatever waits, over a new connection if there is none."""
        with self._lock:
            if self._link is None:
                for buffer in self._released:
                    buffer.close()
                self._released.clear()
            if not (self._new or self._cancelled or self._released):
                return
        link = self._link or self._connect()
        if link is None:
            return
        with self._lock:
            for job in self._cancelled:
                if job.request in self._open:
                    link.put(Kind.CANCEL, job.request)
            self._cancelled.clear()
            while self._released:
                buffer = self._released.pop()
                if buffer.number in self._shared:
                    link.put(Kind.RELEASE, body={"buffer": buffer.number})
                    self._shared.discard(buffer.number)
                buffer.close()
            while self._new:
                job = self._new[0]
                for number, buffer in job.buffers.items():
                    if number not in self._shared:
                        link.put(Kind.SHARE, body={"buffer": number, "bytes": buffer.size}, fd=buffer.fd)
                        self._shared.add(number)
                self._new.popleft()
                self._expect(job)
                link.put(job.kind, job.request, job.body)

    def _expect(self, job: "Job") -> None:
        if not self._open:
            self._heard = time.monotonic()
        self._open[job.request] = job

    def _connect(self) -> Optional[Link]:
        """A link over which both ends have said who they are; None when nobody needs one any more."""
        if not self._new:
            return None
        until = time.monotonic() + (RESTART if any(job.tries for job in self._new) else self._wait)
        while True:
            link = Link(reach(until - time.monotonic(), self._start))
            try:
                greet(link, self._client)
                break
            except LinkClosed:
                link.close()  # an engine that was dying, or leaving, as we came
                if self._closing or time.monotonic() > until:
                    raise
                time.sleep(_BREATH)
            except FaceplateError:
                link.close()
                raise
        self._link, self._heard = link, time.monotonic()
        self._shared.clear()
        return link

    def _listen(self) -> None:
        """Wait for the bell or the engine, and hear what it says."""
        with self._lock:
            owed = bool(self._open)
            busy = bool(self._new)
        _ready(self._link, self._bell[0], 0.0 if busy else QUIET / 2 if owed else None)
        with suppress(BlockingIOError):
            os.read(self._bell[0], 4096)
        link = self._link
        if link is None:
            return
        link.flush()
        for message in link.take():
            self._heard = time.monotonic()
            self._hear(message)
        if owed:
            self._mind_the_silence(link)

    def _mind_the_silence(self, link: Link) -> None:
        now = time.monotonic()
        asked = self._pinged > self._heard
        if asked and now - self._pinged > HUNG - QUIET:
            raise EngineError(
                f"The engine has not answered for {HUNG:g} s. Run `faceplate engine stop` and try again.",
                "engine.hung",
            )
        if not asked and now - self._heard > QUIET:
            self._pinged = now
            link.put(Kind.PING, (1 << 64) - 1)

    def _hear(self, message: Message) -> None:
        kind, body = message.kind, message.body
        if kind is Kind.ERROR and message.request == 0:
            raise EngineError(body["sentence"], body["code"])
        with self._lock:
            if kind is Kind.PROGRESS:
                if message.request in self._open:
                    self._open[message.request].reached(body["stage"], float(body["done"]))
                return
            job = self._open.pop(message.request, None)
            if job is None:
                return  # a pong
            if kind is Kind.RESULT:
                job.succeed(body["report"], float(body["seconds"]))
            elif kind is Kind.STATUS_REPLY:
                job.succeed(body["engine"], 0.0)
            elif kind is Kind.ERROR:
                job.refuse(body["code"], body["sentence"])
            else:
                job.fail(WireError(f"The engine answered a request with {kind.name}."))

    def _lost(self, error: FaceplateError, *, again: bool) -> None:
        """The connection is over: repeat what may be repeated, once, and fail the rest."""
        with self._lock:
            if self._link is not None:
                self._link.close()
                self._link = None
            lost, waiting = list(self._open.values()), list(self._new)
            self._open.clear()
            self._new.clear()
            for job in lost + waiting:
                job.tries += 1
                if job.unwanted:
                    job.fail(_cancelled())
                elif again and job.tries < _TRIES and (job.repeatable or job in waiting):
                    self._new.append(job)
                elif again:
                    job.fail(_gone())
                else:
                    job.fail(error)


def _ready(link: Optional[Link], bell: int, timeout: Optional[float]) -> None:
    """Wait until one of the two has something to say, or the time is over. Not select: hosts hold many files."""
    waiter = select.poll()
    if bell >= 0:
        waiter.register(bell, select.POLLIN)
    if link is not None:
        waiter.register(link, select.POLLIN | (select.POLLOUT if link.waits_to_write else 0))
    waiter.poll(None if timeout is None else timeout * 1000)


def _gone() -> EngineError:
    return EngineError(
        "The engine ended while it worked on this request. Try again; `faceplate engine logs` says more.",
        "engine.gone",
    )


def _cancelled() -> Cancelled:
    return Cancelled("This request was taken back; nothing was written.")


def greet(link: Link, client: str) -> None:
    """Say who is calling, and hear that the engine is of the same release.

    Raises:
        LinkClosed: it hung up. EngineError: it refused, says nothing or is another release.
    """
    own = {"protocol": PROTOCOL, "operations": operations_hash(), "product": PRODUCT}
    link.put(Kind.HELLO, body={**own, "client": client})
    until = time.monotonic() + HUNG
    found: List[Message] = []
    while not found:
        if time.monotonic() > until:
            raise EngineError(
                "The engine says nothing. Run `faceplate engine stop`, then try again.", "engine.hung"
            )
        _ready(link, -1, 0.1)
        found = link.take()
    welcome = found[0]
    if welcome.kind is Kind.ERROR:
        raise EngineError(welcome.body["sentence"], welcome.body["code"])
    if welcome.kind is not Kind.WELCOME:
        raise WireError(f"The engine's first word was {welcome.kind.name}.")
    if welcome.body["operations"] != own["operations"]:
        raise VersionError(
            f"The engine is version {welcome.body['product']} and this host's part {PRODUCT}: their operations differ. "
            "Install the same release of both, then run `faceplate engine stop`."
        )
