"""A host's side of the engine: submit a frame's work, look how far it is, take the result.

Nothing here makes a host wait unless it asks to: connecting, starting the engine, sending and receiving happen in
one thread of the client's own. What happens when the engine dies, hangs or leaves is in `_Wire`'s methods.
"""

import itertools
import threading
import time
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .errors import (
    Cancelled,
    ConsentError,
    EngineError,
    FaceplateError,
    InputError,
    ModelError,
    OutputError,
    RequestError,
)  # fmt: skip
from .line import Line
from .planes import Buffer, Plane, Window, page_rounded, row_bytes_of
from .wire import Kind, check_message

_FAMILIES = {
    "request": RequestError, "params": RequestError, "array": RequestError, "plate": RequestError, "input": InputError,
    "output": OutputError, "model": ModelError, "consent": ConsentError, "engine": EngineError, "cancelled": Cancelled,
}  # fmt: skip

_SPARE_BUFFERS = 8

_buffer_numbers = itertools.count(
    1
)  # one count for the process: a plane of another Engine is never mistaken for ours


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

    def __init__(
        self, kind: Kind, request: int, body: Dict[str, Any], planes: Tuple[Dict[str, Plane], ...]
    ) -> None:
        self.kind, self.request, self.body = kind, request, body
        self.outputs = planes[1] if planes else {}
        self.buffers = {plane.buffer.number: plane.buffer for named in planes for plane in named.values()}
        inputs = {plane.buffer.number for plane in planes[0].values()} if planes else set()
        # What was written over its own input cannot be asked for again.
        self.repeatable = not inputs & {plane.buffer.number for plane in self.outputs.values()}
        self.tries = 0
        self.unwanted = False
        self.line: Optional[Line] = None
        self._ended = threading.Event()
        self._progress = Progress("open", "waiting", 0.0)
        self._result: Optional[Result] = None
        self._error: Optional[FaceplateError] = None

    def poll(self) -> Progress:
        """How far it is, at once."""
        return self._progress

    def result(self, timeout: Optional[float] = None) -> Result:
        """Wait for the result.

        Args:
            timeout: seconds; None waits until the engine answers or is gone.

        Raises:
            EngineError: `engine.timeout`, the time ran out and the job goes on; others, the engine failed.
            FaceplateError: whatever the engine refused the request for, as the leaf its code belongs to.
        """
        if not self._ended.wait(timeout):
            raise EngineError(
                f"The engine has not finished after {timeout:g} s; wait on, or cancel.", "engine.timeout"
            )
        if self._error is not None:
            raise self._error
        assert self._result is not None
        return self._result

    def cancel(self) -> None:
        """Ask for no more; `result` then raises Cancelled, unless the work was done already. Returns at once."""
        if self.line is not None:
            self.line.cancel(self)

    # The line calls these.

    def reached(self, stage: str, done: float) -> None:
        """Note progress."""
        self._progress = Progress("open", stage, done)

    def succeed(self, report: Dict[str, Any], seconds: float) -> None:
        """End with a result."""
        self._result = Result(report, self.outputs, seconds)
        self._end("done")

    def fail(self, error: FaceplateError) -> None:
        """End with an error."""
        self._error = error
        self._end("failed")

    def refuse(self, code: str, sentence: str) -> None:
        """End with what the engine answered."""
        self.fail(_FAMILIES.get(code.split(".")[0], FaceplateError)(sentence, code=code))

    def _end(self, state: str) -> None:
        self._progress = Progress(state, state, 1.0 if state == "done" else self._progress.done)
        for buffer in self.buffers.values():
            buffer.users -= 1
        self._ended.set()


class Engine:
    """The engine as a host sees it. One for the whole host will do; safe to use from any thread.

    Connects, and starts the engine if there is none, when it is first needed.
    """

    def __init__(self, client: str = "python", *, wait: float = 10.0, start: bool = True) -> None:
        """Args: `client`: who is calling, for people; `wait`: seconds for an engine to start; `start`: may it."""
        self._lock = threading.RLock()
        self._line = Line(client, wait=wait, start=start, lock=self._lock)
        self._requests = 0
        self._spare: List[Buffer] = []

    def plane(
        self,
        data_window: Window,
        *,
        channels: str = "RGBA",
        colourspace: str = "lin_rec709",
        alpha: str = "none",
        frame: int = 1,
        display_window: Optional[Window] = None,
    ) -> Plane:
        """A plane to fill or to be filled; `free` it when it is no longer needed, so that its memory is used again.

        Raises:
            RequestError: `request.plane`, no such channels or an empty window. EngineError: `engine.memory`.
        """
        row_bytes = row_bytes_of(data_window, channels)
        buffer = self._buffer(row_bytes * (data_window[3] - data_window[1]))
        return Plane(
            buffer, data_window, display_window or data_window, channels, colourspace, alpha, frame, row_bytes
        )

    def free(self, plane: Plane) -> None:
        """Let a plane's memory be used for another.

        Raises:
            RequestError: an open job works on it; wait for it, or cancel it first.
        """
        with self._lock:
            if plane.buffer.users:
                raise RequestError("a plane cannot be freed while the engine works on it", "request.plane")
            if plane.buffer in self._spare:
                return
            self._spare.append(plane.buffer)
            if len(self._spare) > _SPARE_BUFFERS:
                self._line.release(self._spare.pop(0))

    def submit(
        self,
        operation: str,
        *,
        inputs: Mapping[str, Plane],
        outputs: Mapping[str, Plane],
        params: Optional[Mapping[str, Any]] = None,
        priority: str = "interactive",
        deadline: float = 0.0,
    ) -> Job:
        """Ask for one frame's work; returns at once.

        Args:
            operation: a name from operations.json.
            inputs: what the operation reads, filled; leave them alone until the job has ended.
            outputs: what it writes; a frame that may be asked for twice has outputs in buffers of their own.
            params: only those that were set by hand.
            priority: "interactive" or "batch".
            deadline: seconds after which the answer is of no use; 0 for none.

        Raises:
            EngineError: `engine.wire`, something that no message can hold.
        """
        planes = (dict(inputs), dict(outputs))
        body = {
            "operation": operation,
            "params": dict(params or {}),
            "inputs": {name: plane.as_words() for name, plane in planes[0].items()},
            "outputs": {name: plane.as_words() for name, plane in planes[1].items()},
            "priority": priority,
            "deadline_ms": round(deadline * 1000),
        }
        return self._ask(Kind.SUBMIT, body, planes)

    def status(self, timeout: float = 5.0) -> Dict[str, Any]:
        """What the engine says of itself.

        Raises:
            EngineError: there is none, or it does not answer.
        """
        return self._ask(Kind.STATUS, {}).result(timeout).report

    def close(self) -> None:
        """Hang up. Open jobs end as cancelled, spare buffers are given back."""
        self._line.close()
        for buffer in self._spare:
            buffer.close()
        self._spare.clear()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, kind: Kind, body: Dict[str, Any], planes: Tuple[Dict[str, Plane], ...] = ()) -> Job:
        with self._lock:
            self._requests += 1
            check_message(kind, self._requests, body, 0)
            job = Job(kind, self._requests, body, planes)
            for buffer in job.buffers.values():
                buffer.users += 1
            self._line.add(job)
        return job

    def _buffer(self, size: int) -> Buffer:
        """A spare buffer that fits and wastes at most half of itself, or a new one."""
        with self._lock:
            fitting = [buffer for buffer in self._spare if size <= buffer.size <= 2 * size]
            if fitting:
                chosen = min(fitting, key=lambda buffer: buffer.size)
                self._spare.remove(chosen)
                return chosen
            return Buffer(next(_buffer_numbers), page_rounded(size))


def connect(client: str = "python", *, wait: float = 10.0, start: bool = True) -> Engine:
    """The engine, reached and asked how it is before this returns. A host's user interface makes an `Engine` instead.

    Raises:
        EngineError: `engine.absent`, `engine.version`, `engine.folder`: there is no engine that this client can use.
    """
    engine, began = Engine(client, wait=wait, start=start), time.monotonic()
    try:
        engine.status(wait + 5.0 - (time.monotonic() - began))
    except FaceplateError:
        engine.close()
        raise
    return engine
