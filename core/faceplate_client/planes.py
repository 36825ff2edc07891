"""Planes: pixels in memory that host and engine share, and what the pixels mean.

A buffer is a memfd, sealed so that nobody can shrink it under the other's feet; it vanishes with the last process that
holds it, whatever crashes. Elsewhere it is a file in the engine's own folder, known by its name.
"""

import mmap
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Dict, Tuple

from .errors import EngineError
from .launch import loopback, runtime_folder

CHANNELS = {"RGBA": 4, "RGB": 3, "A": 1}
PIXEL_BYTES = 4
ALIGNED = 16

Window = Tuple[int, int, int, int]


class Buffer:
    """Shared memory of a fixed size, `number` on the wire. `handle`: its descriptor or name. `users`: its open jobs."""

    handle: Any = -1

    def __init__(self, number: int, size: int) -> None:
        """Make it, and seal it where that can be done; `engine.memory` when there is not enough."""
        self.number, self.size, self.users, self.fd, self.path = number, size, 0, -1, ""
        try:
            self.memory = self._named() if loopback() else self._sealed()
        except (OSError, ValueError, OverflowError) as error:
            self.close()
            sentence = f"No {size / 1e6:.0f} MB could be had for pixels ({error}); close something."
            raise EngineError(sentence, "engine.memory") from error

    def _sealed(self) -> mmap.mmap:
        import fcntl

        self.fd = self.handle = os.memfd_create("faceplate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self.fd, self.size)
        fcntl.fcntl(self.fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        # All pages at once: touching them one by one later costs several times the copy itself.
        return mmap.mmap(self.fd, self.size, mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0))

    def _named(self) -> mmap.mmap:
        self.handle = f"{os.getpid():010d}-{secrets.token_hex(12)}"
        self.path = os.path.join(runtime_folder(), self.handle)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.ftruncate(self.fd, self.size)
        return mmap.mmap(self.fd, self.size)

    def close(self) -> None:
        """Give the memory back; views that somebody still holds keep it until they are gone."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
            with suppress(BufferError, AttributeError):
                self.memory.close()
            with suppress(OSError):  # Windows: not while the engine has it open; the next engine sweeps
                os.unlink(self.path)

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
        as_they_are = ("offset", "row_bytes", "channels", "colourspace", "alpha", "frame")
        windows = {name: list(getattr(self, name)) for name in ("data_window", "display_window")}
        words = {name: getattr(self, name) for name in as_they_are}
        return {"buffer": self.buffer.number, "dtype": "float32", **windows, **words}
