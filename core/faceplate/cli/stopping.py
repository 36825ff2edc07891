"""Ctrl-C and SIGTERM: work runs in a thread, the main thread listens, and stopping takes two seconds at most."""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Generic, TypeVar

from faceplate_client.errors import Cancelled

Result = TypeVar("Result")

GRACE = 1.2
"""Seconds that the work has to come to a clean end, out of the two that the command promises."""

_WAIT = 0.1  # seconds between looks at the clock; a signal ends the wait at once on POSIX


class Stopped(Cancelled):
    """The work ended because a signal asked for it; `exit_code` says which: 130 Ctrl-C, 143 SIGTERM."""

    def __init__(self, sentence: str, signal_number: int) -> None:
        super().__init__(sentence)
        self.exit_code = 128 + signal_number


class _Work(threading.Thread, Generic[Result]):
    """Runs one function and keeps what came of it."""

    def __init__(self, work: Callable[[threading.Event], Result], stop: threading.Event) -> None:
        # A daemon, so that work that does not stop in time cannot keep the process.
        super().__init__(name="faceplate-work", daemon=True)
        self._work, self._stop_asked = work, stop
        self.result: Result | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._work(self._stop_asked)
        except BaseException as error:  # handed to the main thread, which raises it
            self.error = error


def run_stoppable(
    work: Callable[[threading.Event], Result], *, tick: Callable[[], None], abandon: Callable[[], None]
) -> Result:
    """Run work that a signal may stop.

    The nets compute inside C++ where Python hears no signal, so the work has its own thread and the main thread
    only waits. Work that has not ended GRACE seconds after the signal is abandoned: `abandon` cleans up and the
    process ends there, which is safe because a frame appears under its name only when it is whole.

    Args:
        work: gets an event that is set when it should stop; raises Cancelled when it does.
        tick: called about ten times a second on the main thread, to draw progress.
        abandon: removes the temporaries of work that did not stop in time, and says so.

    Returns:
        What `work` returned.

    Raises:
        Stopped: a signal came. Whatever else `work` raises.
    """
    stop, caught = threading.Event(), []

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        caught.append(number)
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = _Work(work, stop)
    try:
        thread.start()
        while thread.is_alive() and not stop.is_set():
            thread.join(_WAIT)
            tick()
        if stop.is_set():
            thread.join(GRACE)
            if thread.is_alive():
                abandon()
                os._exit(128 + caught[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if caught and isinstance(thread.error, Cancelled):
        raise Stopped(str(thread.error), caught[0]) from thread.error
    if thread.error is not None:
        raise thread.error
    return thread.result  # type: ignore[return-value]
