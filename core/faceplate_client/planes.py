"""Planes: pixels in memory that host and engine share, and what the pixels mean.

A buffer is a memfd, sealed so that nobody can shrink it under the other's feet; it vanishes with the last process that
holds it, whatever crashes. Linux only so far: elsewhere `Buffer` says so.
"""

import mmap
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from .errors import EngineError

CHANNELS = {"RGBA": 4, "RGB": 3, "A": 1}
PIXEL_BYTES = 4
ALIGNED = 16

Window = Tuple[int, int, int, int]


class Buffer:
    """Shared memory of a fixed size. `number`: its name on the wire. `users`: open jobs that it belongs to."""

    def __init__(self, number: int, size: int) -> None:
        """Make and seal it; `engine.memory` when there is not enough, `engine.absent` where there are no memfds."""
        self.number, self.size, self.users, self.fd = number, size, 0, -1
        if not hasattr(os, "memfd_create"):
            raise EngineError(
                "Pixels are shared on Linux only; use `faceplate restore` on files.", "engine.absent"
            )
        import fcntl

        self.fd = os.memfd_create("faceplate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.fd, size)
            fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            # All pages at once: touching them one by one later costs several times the copy itself.
            self.memory = mmap.mmap(self.fd, size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))
        except (OSError, ValueError, OverflowError) as error:
            os.close(self.fd)
            self.fd = -1
            sentence = f"No {size / 1e6:.0f} MB could be had for pixels ({error}); close something."
            raise EngineError(sentence, "engine.memory") from error

    def close(self) -> None:
        """Give the memory back; views that somebody still holds keep it until they are gone."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
            with suppress(BufferError):
                self.memory.close()

    __del__ = close


@dataclass(frozen=True)
class Plane:
    """An image in a buffer.

    `data_window`, `display_window`: (x0, y0, x1, y1), half-open, y down; the pixels cover the data window, row 0 at the
    top. `channels`: "RGBA", "RGB" or "A", float32, interleaved. `colourspace`: its name, "data" for a matte. `alpha`:
    "none", "straight" or "premultiplied". `row_bytes`: from a row to the next. `offset`: bytes to the first pixel.
    """

    buffer: Buffer
    data_window: Window
    display_window: Window
    channels: str
    colourspace: str
    alpha: str
    frame: int
    row_bytes: int
    offset: int = 0

    @property
    def height(self) -> int:
        return self.data_window[3] - self.data_window[1]

    @property
    def size(self) -> int:
        """Bytes from the first pixel to the end of the last row, padding included."""
        return self.row_bytes * self.height

    @property
    def pixels(self) -> memoryview:
        """The bytes of the plane, to be read and written in place; fill it with whole rows of float32."""
        return memoryview(self.buffer.memory)[self.offset : self.offset + self.size]

    def as_words(self) -> Dict[str, Any]:
        """The plane as docs/wire.md describes one."""
        return {
            "buffer": self.buffer.number,
            "offset": self.offset,
            "row_bytes": self.row_bytes,
            "channels": self.channels,
            "dtype": "float32",
            "data_window": list(self.data_window),
            "display_window": list(self.display_window),
            "colourspace": self.colourspace,
            "alpha": self.alpha,
            "frame": self.frame,
        }
