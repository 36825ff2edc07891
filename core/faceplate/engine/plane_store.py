"""The buffers one client shares, mapped once each, and planes in them as arrays."""

import mmap
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate.io.limits import VARIABLE, max_image_mb
from faceplate.plate import Rect
from faceplate_client.errors import InputError, RequestError
from faceplate_client.planes import ALIGNED, CHANNELS, PIXEL_BYTES
from faceplate_client.wire import WireError

MOST_BUFFERS = 256


@dataclass(frozen=True)
class EnginePlane:
    """A plane as the engine sees it.

    `pixels`: (H, W, C) float32, the client's own memory, row 0 at the top; nobody keeps the client from changing it.
    `buffer`, `start`, `end`: the bytes it spans. `row_bytes`: from a row to the next. The rest as docs/wire.md says.
    """

    pixels: NDArray[np.float32]
    buffer: int
    start: int
    end: int
    row_bytes: int
    channels: str
    data_window: Rect
    display_window: Rect
    colourspace: str
    alpha: str
    frame: int

    def is_same_place(self, other: "EnginePlane") -> bool:
        """Whether both are the same pixels."""
        return (self.buffer, self.start, self.end, self.row_bytes, self.channels) == (
            other.buffer, other.start, other.end, other.row_bytes, other.channels,
        )  # fmt: skip

    def meets(self, other: "EnginePlane") -> bool:
        """Whether the two share any byte."""
        return self.buffer == other.buffer and self.start < other.end and other.start < self.end


class PlaneStore:
    """One client's buffers. A mapping lives until it was released and the last array over it is gone."""

    def __init__(self, *, sealed: bool = True) -> None:
        """Args: `sealed`: buffers are memfds, as wherever there are any; else files of the user's own."""
        self._buffers: dict[int, mmap.mmap] = {}
        self._expect = _expect_sealed if sealed else _expect_own

    def share(self, number: int, size: int, fd: int) -> None:
        """Map a buffer. The descriptor stays the caller's.

        Raises:
            WireError: not a sealed memfd, or else a file, of this size; or one buffer too many.
        """
        if number in self._buffers:
            raise WireError(f"Buffer {number} is shared already.")
        if len(self._buffers) >= MOST_BUFFERS:
            raise WireError(f"A client may share {MOST_BUFFERS} buffers; release some.")
        self._expect(fd, size)
        try:
            self._buffers[number] = mmap.mmap(fd, size)
        except (OSError, ValueError, OverflowError) as error:
            raise WireError(f"Buffer {number} cannot be mapped: {error}.") from error

    def release(self, number: int) -> None:
        """Forget a buffer.

        Raises:
            WireError: there is none of that number.
        """
        # Not closed: arrays of a job that is still at work may lie over it. The last one gone unmaps it.
        if self._buffers.pop(number, None) is None:
            raise WireError(f"Buffer {number} was never shared.")

    def release_all(self) -> None:
        """Forget every buffer."""
        self._buffers.clear()

    def plane(self, words: Mapping[str, Any]) -> EnginePlane:
        """A plane of a message, checked against the buffer it names.

        Raises:
            RequestError: `request.plane`, it does not lie in a shared buffer as it should.
            InputError: `input.too_large`.
        """
        buffer = self._buffers.get(words["buffer"])
        if buffer is None:
            raise _no_plane(f"buffer {words['buffer']} is not shared")
        window, depth = Rect(*words["data_window"]), CHANNELS[words["channels"]]
        start, row_bytes = words["offset"], words["row_bytes"]
        row = window.width * depth * PIXEL_BYTES
        end = start + row_bytes * (window.height - 1) + row
        if row_bytes < row or row_bytes % PIXEL_BYTES:
            raise _no_plane(
                f"a row of {row} bytes does not fit into {row_bytes}, or that is no multiple of 4"
            )
        if start % ALIGNED:
            raise _no_plane(f"its offset should be a multiple of {ALIGNED}, got {start}")
        if end > len(buffer):
            raise _no_plane(f"it ends at byte {end}, the buffer at {len(buffer)}")
        if words["alpha"] != "none" and words["channels"] != "RGBA":
            raise _no_plane(f"{words['channels']} pixels have no {words['alpha']} alpha")
        if (end - start) > max_image_mb() * 1_000_000:
            raise InputError(
                f"A plane of {(end - start) / 1e6:.0f} MB is over the limit of {max_image_mb()} MB; raise it for the "
                f"engine with {VARIABLE}.",
                code="input.too_large",
            )
        return EnginePlane(
            pixels=np.ndarray(
                (window.height, window.width, depth),
                np.float32,
                buffer,
                start,
                (row_bytes, depth * PIXEL_BYTES, 4),
            ),
            buffer=words["buffer"],
            start=start,
            end=end,
            row_bytes=row_bytes,
            channels=words["channels"],
            data_window=window,
            display_window=Rect(*words["display_window"]),
            colourspace=words["colourspace"],
            alpha=words["alpha"],
            frame=words["frame"],
        )


def planes_of(
    store: PlaneStore, body: Mapping[str, Any]
) -> tuple[dict[str, EnginePlane], dict[str, EnginePlane]]:
    """The inputs and outputs of a SUBMIT.

    Raises:
        RequestError: `request.plane`, also where an output overlaps what it must not. InputError: too large.
    """
    inputs = {name: store.plane(words) for name, words in body["inputs"].items()}
    outputs = {name: store.plane(words) for name, words in body["outputs"].items()}
    for name, plane in outputs.items():
        for other_name, other in (*inputs.items(), *outputs.items()):
            in_place = other_name == name and plane.is_same_place(other)
            if other is not plane and plane.meets(other) and not in_place:
                raise _no_plane(f"output {name} overlaps {other_name}; give it a buffer of its own")
    return inputs, outputs


def _expect_sealed(fd: int, size: int) -> None:
    """A mapping of memory that its owner could shrink would kill this process at the next touch."""
    import fcntl

    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError as error:
        raise WireError("A shared buffer should be a memfd.") from error
    wanted = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    if seals & wanted != wanted or seals & fcntl.F_SEAL_WRITE:
        raise WireError(
            "A shared buffer should be sealed against shrinking and growing, and not against writing."
        )
    if os.fstat(fd).st_size != size:
        raise WireError(f"A shared buffer should be {size} bytes large, as its message says.")
    if os.fstatvfs(fd).f_bsize != mmap.PAGESIZE:
        raise WireError(
            "A shared buffer should be of ordinary pages."
        )  # huge ones may be missing when touched


def _expect_own(fd: int, size: int) -> None:
    """A file cannot be sealed: that nobody shrinks it rests on the folder being the user's alone."""
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != size:
        raise WireError(f"A shared buffer should be a file of {size} bytes, as its message says.")


def _no_plane(why: str) -> RequestError:
    return RequestError(f"A plane of this request cannot be used: {why}.", code="request.plane")
