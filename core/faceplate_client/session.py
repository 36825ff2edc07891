"""A host's side of the engine: submit a frame's work, look how far it is, take the result.

Nothing here makes a host wait unless it asks to: connecting, starting the engine, sending and receiving happen in
one thread of the client's own. What happens when the engine dies, hangs or leaves is in `line.py`.
"""

import itertools
from typing import Any, Dict, List, Mapping, Optional

from .errors import FaceplateError, RequestError
from .line import Job, Line
from .planes import CHANNELS, PIXEL_BYTES, Buffer, Plane, Window
from .wire import Kind, encode, fits, text_form

_SPARE_BUFFERS = 8
_TEXT = text_form(1024)

_buffer_numbers = itertools.count(1)
"""One count for the process: a plane of another Engine is never mistaken for ours."""


class Engine(Line):
    """The engine as a host sees it. One for the whole host will do; safe to use from any thread.

    Connects, and starts the engine if there is none, when it is first needed.
    """

    def __init__(self, client: str = "python", *, wait: float = 10.0, start: bool = True) -> None:
        """Args: `client`: who is calling, for people; `wait`: seconds for an engine to start; `start`: may it."""
        super().__init__(client, wait, start)
        self._requests = itertools.count(1)
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
        x0, y0, x1, y1 = data_window
        if channels not in CHANNELS or x1 <= x0 or y1 <= y0:
            got = f"a plane should be RGBA, RGB or A and have pixels, got {channels} of {x1 - x0} x {y1 - y0}"
            raise RequestError(got, "request.plane")
        row, shown = (x1 - x0) * CHANNELS[channels] * PIXEL_BYTES, display_window or data_window
        buffer = self._buffer(row * (y1 - y0))
        return Plane(buffer, data_window, shown, channels, colourspace, alpha, frame, row)

    def free(self, plane: Plane) -> None:
        """Let a plane's memory be used for another; a RequestError as long as an open job works on it."""
        with self._lock:
            if plane.buffer.users:
                raise RequestError("a plane cannot be freed while the engine works on it", "request.plane")
            if plane.buffer not in self._spare:
                self._spare.append(plane.buffer)
            if len(self._spare) > _SPARE_BUFFERS:
                self.release(self._spare.pop(0))

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
            operation: a name from docs/wire.md, which also names its planes.
            inputs: what the operation reads, filled; leave them alone until the job has ended.
            outputs: what it writes; a frame that may be asked for twice has outputs in buffers of their own.
            params: only those that were set by hand.
            priority: "interactive" or "batch".
            deadline: seconds after which the answer is of no use; 0 for none.

        Raises:
            RequestError: a parameter that no message can hold.
        """
        for name, value in (params or {}).items():
            if type(value) not in (bool, int, float) and not fits(_TEXT, value):
                raise RequestError(f"{name} should be a number, true, false or one line, got {value!r:.80}")
        body: Dict[str, Any] = {"operation": operation, "params": dict(params or {}), "priority": priority}
        body["deadline_ms"] = round(deadline * 1000)
        body["inputs"] = {name: plane.as_words() for name, plane in inputs.items()}
        body["outputs"] = {name: plane.as_words() for name, plane in outputs.items()}
        return self._ask(Kind.SUBMIT, body, dict(inputs), dict(outputs))

    def status(self, timeout: float = 5.0) -> Dict[str, Any]:
        """What the engine says of itself; an EngineError when there is none, or it does not answer."""
        return self._ask(Kind.STATUS, {}).result(timeout).report

    def close(self) -> None:
        """Hang up. Open jobs end as cancelled, spare buffers are given back."""
        super().close()
        for buffer in self._spare:
            buffer.close()
        self._spare.clear()

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, kind: Kind, body: Dict[str, Any], *planes: Dict[str, Plane]) -> Job:
        number = next(self._requests)
        job = Job(self, number, encode(kind, number, body), *planes)
        self.add(job)
        return job

    def _buffer(self, size: int) -> Buffer:
        """A spare buffer that fits and wastes at most half of itself, or a new one."""
        with self._lock:
            fitting = [buffer for buffer in self._spare if size <= buffer.size <= 2 * size]
            if not fitting:
                return Buffer(next(_buffer_numbers), size)
            chosen = min(fitting, key=lambda buffer: buffer.size)
            self._spare.remove(chosen)
            return chosen


def connect(client: str = "python", *, wait: float = 10.0, start: bool = True) -> Engine:
    """The engine, reached and asked how it is before this returns; an EngineError when there is none that fits.

    It waits: a host's user interface makes an `Engine` instead.
    """
    engine = Engine(client, wait=wait, start=start)
    try:
        engine.status(wait + 5.0)
    except FaceplateError:
        engine.close()
        raise
    return engine
