"""One request inside the engine, from the queue to its single answer."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from faceplate.engine.plane_store import EnginePlane
from faceplate_client.errors import Cancelled, EngineError, FaceplateError
from faceplate_client.wire import Kind

Answer = Callable[["Job", Kind, dict[str, Any]], None]

_EVERY = 0.05
"""Seconds between two words of progress."""


@dataclass(eq=False)
class Job:
    """A request at work.

    `client`: whose turn it takes. `request`: its number there. `deadline`: on the monotonic clock, None for none.
    `answer`: sends a message to the client; called from any thread. `give_way`: called between stages of a batch job.
    `notes`: sentences for the artist that go with the result.

    It is answered once. Before it writes it must win `writing`, after which it can no longer be taken back; a job that
    was taken back first is answered at once and never writes, whatever its thread is still busy with.
    """

    client: Hashable
    request: int
    operation: str
    params: Mapping[str, Any]
    inputs: Mapping[str, EnginePlane]
    outputs: Mapping[str, EnginePlane]
    interactive: bool
    answer: Answer
    deadline: float | None = None
    give_way: Callable[[], None] = lambda: None
    began: float = 0.0
    notes: list[str] = field(default_factory=list)
    _state: str = "open"
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: float = 0.0

    @property
    def ended(self) -> bool:
        """Whether it was answered."""
        return self._state == "ended"

    def stage(self, name: str, done: float) -> None:
        """Between two stages: say where the job is, let more urgent work pass, and stop if it was taken back.

        Args:
            name: the stage that begins. done: 0-1.

        Raises:
            Cancelled: it was taken back, its deadline passed or its client is gone.
        """
        self._stop_if_ended()
        now = time.monotonic()
        if now - self._told > _EVERY:
            self._told = now
            self.answer(self, Kind.PROGRESS, {"stage": name, "done": min(max(done, 0.0), 1.0)})
        self.give_way()
        self._stop_if_ended()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write the outputs within this; from here on the job can no longer be taken back.

        Raises:
            Cancelled: it was already.
        """
        with self._lock:
            if self._state != "open":
                raise Cancelled("This request was taken back; nothing was written.")
            self._state = "writing"
        yield

    def succeed(self, report: Mapping[str, Any]) -> bool:
        """Answer with a result."""
        if not self._end(("open", "writing")):
            return False
        self.answer(self, Kind.RESULT, {"report": report, "seconds": time.monotonic() - self.began})
        return True

    def fail(self, error: FaceplateError) -> bool:
        """Answer with an error; True when this was the answer."""
        return self._refuse(error, ("open", "writing"))

    def take_back(self, error: FaceplateError) -> bool:
        """Answer with an error unless it writes already; True when this was the answer."""
        return self._refuse(error, ("open",))

    def overdue(self, now: float) -> bool:
        """Whether its deadline has passed."""
        return self.deadline is not None and now >= self.deadline

    def _refuse(self, error: FaceplateError, states: tuple[str, ...]) -> bool:
        if not self._end(states):
            return False
        self.answer(self, Kind.ERROR, {"code": error.code, "sentence": printable(str(error))})
        return True

    def _end(self, states: tuple[str, ...]) -> bool:
        with self._lock:
            if self._state not in states:
                return False
            self._state = "ended"
        return True

    def _stop_if_ended(self) -> None:
        if self.ended:
            raise Cancelled("This request was taken back; nothing was written.")


def too_late() -> EngineError:
    """The answer to a job whose deadline passed."""
    return EngineError("The engine could not finish in the time this request allows.", code="engine.deadline")


def printable(sentence: str) -> str:
    """A sentence as a message may hold it: on one line, of bounded length."""
    clean = "".join(letter if letter.isprintable() else " " for letter in sentence)
    return clean if len(clean) <= 4096 else clean[:4093] + "..."
