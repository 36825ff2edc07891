"""A chunk of frames, from the first to the last: one frame read ahead, one written behind, none of it twice.

While frame n is rendered, n + 1 is being read and n - 1 is being written, each in a thread of its own; no more than
these three are in memory. Frames share nothing, so the result is the same in any order and in any chunk.
"""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from faceplate.farm.report import FAILED, FrameRecord
from faceplate_client.errors import Cancelled, InputError

STOPPED = "Stopped. Whole frames remain, nothing half-written does; --resume goes on from here."

SOME_FRAMES_FAILED = 65
"""Exit code of a chunk some of whose inputs could not be used: the others are done, trying again will not help."""


class FrameWork(Protocol):
    """What is done to the frames of a chunk. `fetch` and `write` each run in a thread of their own, in frame order.

    `frames`: the frame numbers, in order. `goes_on`: whether a frame that fails leaves the others possible; a movie
    without one of its frames would be another movie.
    """

    frames: Sequence[int]
    goes_on: bool

    def fetch(self, frame: int) -> Any:
        """Read a frame; a FrameRecord instead says that an earlier run has it proven done."""

    def render(self, frame: int, fetched: Any) -> Any:
        """Turn what was fetched into what is to be written."""

    def write(self, frame: int, rendered: Any) -> FrameRecord:
        """Publish the frame and tell what became of it."""
        ...

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """What the report says of a frame whose input cannot be used."""
        ...


@dataclass(frozen=True)
class ChunkReport:
    """What became of a chunk: its frames' records in frame order, and the wall time of it all."""

    records: tuple[FrameRecord, ...]
    seconds: float

    @property
    def faces(self) -> int:
        return sum(len(record.faces) for record in self.records)

    @property
    def failed(self) -> tuple[FrameRecord, ...]:
        return tuple(record for record in self.records if record.status == FAILED)

    @property
    def exit_code(self) -> int:
        return SOME_FRAMES_FAILED if self.failed else 0

    def count(self, status: str) -> int:
        """How many frames ended in a status."""
        return sum(record.status == status for record in self.records)


def render_chunk(
    work: FrameWork, *, stop: threading.Event, on_frame: Callable[[FrameRecord], None]
) -> ChunkReport:
    """Render every frame of a chunk.

    Args:
        work: what to do to a frame.
        stop: looked at before every frame; when it is set no new frame is begun and the one being written is finished.
        on_frame: told of every frame as it is done, from this thread.

    Returns:
        Every frame's record. A frame whose input cannot be used is among them as failed, if `work.goes_on`.

    Raises:
        Cancelled: `stop` was set.
        FaceplateError: whatever no other frame could do better: the disk is full, the request is wrong.
    """
    start = time.perf_counter()
    done: list[FrameRecord] = []

    def tell(record: FrameRecord) -> None:
        done.append(record)
        on_frame(record)

    with (
        ThreadPoolExecutor(1, "faceplate-read") as reader,
        ThreadPoolExecutor(1, "faceplate-write") as writer,
    ):
        behind: Future[FrameRecord] | None = None
        try:
            ahead = reader.submit(work.fetch, work.frames[0]) if work.frames else None
            for place, frame in enumerate(work.frames):
                if stop.is_set():
                    raise Cancelled(
                        "Stopped. Whole frames remain, nothing half-written does; --resume goes on."
                    )
                assert ahead is not None
                fetching, ahead = ahead, None
                if place + 1 < len(work.frames):
                    # Queued behind `fetching` on the one reader thread: one frame ahead, never two.
                    ahead = reader.submit(work.fetch, work.frames[place + 1])
                outcome = _rendered(work, frame, fetching)
                del fetching
                if behind is not None:
                    finished, behind = behind, None
                    tell(finished.result())
                if isinstance(outcome, FrameRecord):
                    tell(outcome)
                else:
                    behind = writer.submit(work.write, frame, outcome)
                del outcome
        finally:
            reader.shutdown(wait=False, cancel_futures=True)
            if behind is not None:
                tell(behind.result())
    return ChunkReport(tuple(sorted(done, key=lambda record: record.frame)), time.perf_counter() - start)


def _rendered(work: FrameWork, frame: int, fetching: "Future[Any]") -> Any:
    """What is to be written for a frame, or its record when there is nothing to write."""
    try:
        fetched = fetching.result()
        return fetched if isinstance(fetched, FrameRecord) else work.render(frame, fetched)
    except InputError as error:
        if not work.goes_on:
            raise
        return work.failed(frame, error)
