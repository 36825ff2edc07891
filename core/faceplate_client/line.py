"""The thread that keeps a host's line to the engine: connects, sends, receives, notices when nobody answers."""

import collections
import selectors
import socket
import threading
import time
from contextlib import suppress
from typing import Any, Deque, Dict, List, NamedTuple, Optional, Set, Tuple

from .errors import Cancelled, EngineError, FaceplateError, error_of
from .launch import reach
from .link import Link, LinkClosed
from .planes import Buffer, Plane
from .wire import PROTOCOL, Kind, Message, VersionError, WireError, operations_hash

PRODUCT = "0.1.0"  # the version of Faceplate that this client came with; a test keeps it equal to the core's
QUIET = 1.0  # seconds without a word after which an engine that owes an answer is asked whether it lives
HUNG = 5.0  # seconds without a word after which it does not
RESTART = 2.5  # seconds to find another engine for requests whose engine died under them
_GONE = "The engine ended while it worked on this request. Try again; `faceplate engine logs` says more."


class Progress(NamedTuple):
    """How far a job is. `state`: "open", "done" or "failed". `stage`: a word for people. `done`: 0-1."""

    state: str
    stage: str
    done: float


class Result(NamedTuple):
    """What came of a job. `report`: plain values from the engine. `outputs`: the planes it wrote. `seconds`: in it."""

    report: Dict[str, Any]
    outputs: Dict[str, Plane]
    seconds: float


class Job:
    """One request to the engine. Made by `Engine.submit`; safe to use from any thread."""

    def __init__(self, line: "Line", request: int, message: bytes, *planes: Dict[str, Plane]) -> None:
        self.line, self.request, self.message = line, request, message
        self.outputs = planes[1] if planes else {}
        held = [{plane.buffer.number: plane.buffer for plane in named.values()} for named in planes]
        self.buffers = {number: buffer for named in held for number, buffer in named.items()}
        # What was written over its own input cannot be asked for again.
        self.repeatable = not (held and held[0].keys() & held[1].keys())
        self.tries, self.sent, self.unwanted = 0, False, False
        self.progress = Progress("open", "waiting", 0.0)
        self._ended = threading.Event()
        self._answer: Any = None

    def poll(self) -> Progress:
        """How far it is, at once."""
        return self.progress

    def result(self, timeout: Optional[float] = None) -> Result:
        """Wait for the result.

        Args:
            timeout: seconds; None waits until the engine answers or is gone.

        Raises:
            EngineError: `engine.timeout`, the time ran out and the job goes on; others, the engine failed.
            FaceplateError: whatever the engine refused the request for, as the leaf its code belongs to.
        """
        if not self._ended.wait(timeout):
            raise EngineError(f"Not finished after {timeout:g} s; wait on, or cancel.", "engine.timeout")
        if isinstance(self._answer, FaceplateError):
            raise self._answer
        return self._answer

    def cancel(self) -> None:
        """Ask for no more; `result` then raises Cancelled, unless the work was done already. Returns at once."""
        self.line.cancel(self)

    def end(self, answer: Any) -> None:
        """End with a Result or an error; called by the line."""
        failed = isinstance(answer, FaceplateError)
        state = "failed" if failed else "done"
        self._answer, self.progress = answer, Progress(state, state, self.progress.done if failed else 1.0)
        for buffer in self.buffers.values():
            buffer.users -= 1
        self._ended.set()


class Line:
    """Sends jobs and brings their answers. All methods may be called from any thread and return at once."""

    def __init__(self, client: str, wait: float, start: bool) -> None:
        self._client, self._wait, self._start = client, wait, start
        self._lock = threading.RLock()
        self._new: Deque[Job] = collections.deque()
        self._orders: List[Tuple[Kind, int, Any]] = []
        self._open: Dict[int, Job] = {}
        self._shared: Set[int] = set()
        self._link: Optional[Link] = None
        self._thread: Optional[threading.Thread] = None
        self._bell: Any = None
        self._closing = False
        self._heard = self._pinged = 0.0

    def add(self, job: Job) -> None:
        """Send a job."""
        with self._lock:
            if self._closing:
                raise EngineError("This connection to the engine was closed; make another.", "engine.closed")
            for buffer in job.buffers.values():
                buffer.users += 1
            self._new.append(job)
            self._ring()

    def cancel(self, job: Job) -> None:
        """Take a job back, whether it was sent or not."""
        with self._lock:
            job.unwanted = True
            if job in self._new:
                self._new.remove(job)
                job.end(_cancelled())
            elif job.request in self._open:
                self._orders.append((Kind.CANCEL, job.request, {}))
                self._ring()

    def release(self, buffer: Buffer) -> None:
        """Give a buffer's memory back, here and in the engine."""
        with self._lock:
            buffer.close()
            if buffer.number in self._shared:
                self._shared.discard(buffer.number)
                self._orders.append((Kind.RELEASE, 0, {"buffer": buffer.number}))
                self._ring()

    def close(self) -> None:
        """Hang up and end the thread."""
        with self._lock:
            self._closing, thread = True, self._thread
            if thread is not None:
                self._ring()
        if thread is not None:
            thread.join(HUNG)

    def _ring(self) -> None:
        """Wake the thread, or start it."""
        if self._thread is None:
            self._bell = socket.socketpair()
            for end in self._bell:
                end.setblocking(False)
            self._thread = threading.Thread(target=self._run, name="faceplate-line", daemon=True)
            self._thread.start()
        with suppress(BlockingIOError):  # it has been rung often enough
            self._bell[1].send(b"!")

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        while not self._closing:
            try:
                self._send()
                self._listen()
            except FaceplateError as error:
                self._lost(error)
            except Exception as error:  # nobody may wait for a thread that died
                self._lost(EngineError(f"The client failed: {type(error).__name__}: {error}."))
        self._lost(_cancelled())
        with self._lock:
            self._thread = None
            for end in self._bell:
                end.close()

    def _send(self) -> None:
        """Send whatever waits, over a new connection if there is none."""
        if self._new and self._link is None:
            self._connect()
        with self._lock:
            while self._orders and self._link:
                self._link.put(*self._orders.pop(0))
            while self._new and self._link:
                job = self._new.popleft()
                self._heard = self._heard if self._open else time.monotonic()
                self._open[job.request] = job
                for number, buffer in job.buffers.items():
                    if number not in self._shared:
                        self._link.put(Kind.SHARE, 0, {"buffer": number, "bytes": buffer.size}, buffer.handle)
                        self._shared.add(number)
                job.sent = True
                self._link.send(job.message)

    def _connect(self) -> None:
        """Make a link over which both ends have said who they are."""
        until = time.monotonic() + (RESTART if any(job.tries for job in list(self._new)) else self._wait)
        while True:
            link = Link(reach(until - time.monotonic(), self._start))
            try:
                greet(link, self._client)
                break
            except FaceplateError as error:
                link.close()
                if not isinstance(error, LinkClosed) or self._closing or time.monotonic() > until:
                    raise
                time.sleep(0.02)  # an engine that was dying, or leaving, as we came
        self._link, self._heard = link, time.monotonic()

    def _listen(self) -> None:
        """Wait for the bell or the engine, and hear what it says."""
        with self._lock:
            owed = bool(self._open)
            patience = 0.0 if self._new else QUIET / 2 if owed else None
        _ready(self._link, self._bell[0], patience)
        with suppress(BlockingIOError):
            self._bell[0].recv(4096)
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
            silent = f"The engine has not answered for {HUNG:g} s; try `faceplate engine stop`."
            raise EngineError(silent, "engine.hung")
        if not asked and now - self._heard > QUIET:
            self._pinged = now
            link.put(Kind.PING, (1 << 64) - 1)

    def _hear(self, message: Message) -> None:
        kind, body = message.kind, message.body
        if kind is Kind.ERROR and message.request == 0:
            raise EngineError(body["sentence"], body["code"])
        with self._lock:
            job = self._open.get(message.request)
            if job is None:
                return  # a pong
            if kind is Kind.PROGRESS:
                job.progress = Progress("open", body["stage"], float(body["done"]))
                return
            del self._open[message.request]
            if kind is Kind.RESULT:
                job.end(Result(body["report"], job.outputs, float(body["seconds"])))
            elif kind is Kind.STATUS_REPLY:
                job.end(Result(body["engine"], {}, 0.0))
            elif kind is Kind.ERROR:
                job.end(error_of(body["code"], body["sentence"]))
            else:
                job.end(WireError(f"The engine answered a request with {kind.name}."))

    def _lost(self, error: FaceplateError) -> None:
        """The connection is over: if the engine died, repeat what may be repeated, once; fail the rest."""
        died = isinstance(error, LinkClosed)
        with self._lock:
            if self._link is not None:
                self._link.close()
                self._link = None
            jobs = [*self._open.values(), *self._new]
            for each in (self._open, self._new, self._orders, self._shared):
                each.clear()
            for job in jobs:
                job.tries += 1
                if job.unwanted:
                    job.end(_cancelled())
                elif died and job.tries == 1 and (job.repeatable or not job.sent):
                    self._new.append(job)
                else:
                    job.end(EngineError(_GONE, "engine.gone") if died else error)


def greet(link: Link, client: str) -> None:
    """Say who is calling, and hear that the engine is of the same release; an EngineError if it is not, or hangs up."""
    own = {"protocol": PROTOCOL, "operations": operations_hash(), "product": PRODUCT}
    link.put(Kind.HELLO, body={**own, "client": client})
    until, found = time.monotonic() + HUNG, link.take()
    while not found:
        if time.monotonic() > until:
            raise EngineError("The engine says nothing; try `faceplate engine stop`.", "engine.hung")
        _ready(link, None, 0.1)
        found = link.take()
    kind, body = found[0].kind, found[0].body
    if kind is Kind.ERROR:
        raise EngineError(body["sentence"], body["code"])
    if kind is not Kind.WELCOME:
        raise WireError(f"The engine's first word was {kind.name}.")
    if body["operations"] != own["operations"]:
        raise VersionError(PRODUCT, f"{body['product']}, with other operations")


def _ready(link: Optional[Link], bell: Any, timeout: Optional[float]) -> None:
    """Wait until one of the two has something to say, or the time is over. Not select: hosts hold many files."""
    with getattr(selectors, "PollSelector", selectors.SelectSelector)() as waiter:
        if bell is not None:
            waiter.register(bell, selectors.EVENT_READ)
        if link is not None:
            writing = selectors.EVENT_WRITE if link.waits_to_write else 0
            waiter.register(link.socket, selectors.EVENT_READ | writing)
        waiter.select(timeout)


def _cancelled() -> Cancelled:
    return Cancelled("This request was taken back; nothing was written.")
