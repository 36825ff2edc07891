"""The chunks of a scanline EXR, so that those whose pixels stay as they are are carried over as they lie.

A restored face touches a fifth of a 4K plate's rows. Coding the other rows again would cost most of the time a frame
takes and give, at best, the same pixels; carried over, their bytes are the plate's own, and so is the header.

After: "OpenEXR File Layout", Academy Software Foundation. Only what is simple is understood here: one part, scanlines,
ZIP or ZIPS, no subsampling. Everything else is OpenImageIO's business.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MAGIC = 20000630
_LONG_NAMES = 0x400

AT_ONCE = 2**23
"""Bytes handed to the system at a time: at every call this thread waits for its turn again."""

_LINES = {2: 1, 3: 16}
"""Compression as the header says it -> scanlines a chunk: ZIPS and ZIP."""


@dataclass(frozen=True)
class Chunks:
    """A file's chunks.

    `data`: the whole file. `header`: its bytes up to the table of offsets. `channels`: name and pixel type each, in
    the file's order. `top`: the data window's first row. `height`: its rows. `lines`: rows a chunk. `offsets`: where
    each chunk starts, from the window's top down.
    """

    data: memoryview
    header: bytes
    channels: tuple[tuple[str, int], ...]
    top: int
    height: int
    lines: int
    offsets: tuple[int, ...]

    def content(self, place: int) -> memoryview:
        """What one chunk holds, coded; part of `data` and no copy of it.

        Raises:
            ValueError: the table of offsets points elsewhere than at this chunk.
        """
        start = self.offsets[place]
        if not 0 < start <= len(self.data) - 8:
            raise ValueError("a chunk lies outside the file")
        row, size = struct.unpack_from("<ii", self.data, start)
        if row != self.top + place * self.lines or not 0 <= size <= len(self.data) - start - 8:
            raise ValueError("a chunk is not where the file says")
        return self.data[start + 8 : start + 8 + size]

    def touched(self, rows: Sequence[tuple[int, int]]) -> list[int]:
        """The chunks that hold any of these row ranges (first, end), counted from the window's top."""
        return sorted(
            {place for first, end in rows for place in range(first // self.lines, -(-end // self.lines))}
        )

    def rows_of(self, places: Sequence[int]) -> list[tuple[int, int]]:
        """The row ranges of chunks, neighbours joined."""
        ranges: list[tuple[int, int]] = []
        for place in places:
            first, end = place * self.lines, min((place + 1) * self.lines, self.height)
            if ranges and ranges[-1][1] == first:
                ranges[-1] = (ranges[-1][0], end)
            else:
                ranges.append((first, end))
        return ranges


def read_chunks(path: Path) -> Chunks | None:
    """A file's chunks, or None where it is not of the simple kind. Damage shows when a chunk is asked for.

    Raises:
        OSError: the file cannot be read.
    """
    data = memoryview(path.read_bytes())
    try:
        magic, version = struct.unpack_from("<II", data, 0)
        if magic != MAGIC or version & 0xFF != 2 or version & ~(0xFF | _LONG_NAMES):
            return None
        attributes, end = _attributes(data)
        lines = _LINES.get(bytes(attributes["compression"])[0])
        _, top, _, bottom = struct.unpack("<iiii", attributes["dataWindow"])
        channels = _channels(bytes(attributes["channels"]))
    except (struct.error, KeyError, IndexError, ValueError):
        return None
    height = bottom - top + 1
    if lines is None or channels is None or height < 1:
        return None
    count = -(-height // lines)
    if end + 8 * count > len(data):
        return None
    offsets = struct.unpack_from(f"<{count}Q", data, end)
    return Chunks(data, bytes(data[:end]), channels, top, height, lines, offsets)


def same_content(one: memoryview, other: memoryview) -> bool:
    """Whether two chunks hold the same bytes. Views compare byte by byte in Python; numpy lets other threads run."""
    return len(one) == len(other) and np.array_equal(
        np.frombuffer(one, np.uint8), np.frombuffer(other, np.uint8)
    )


def write_spliced(path: Path, source: Chunks, fresh: Mapping[int, memoryview]) -> None:
    """Write a file that is the source but for some chunks.

    Args:
        fresh: place of a chunk -> its coded content.

    Raises:
        OSError: it could not be written.
        ValueError: the source is damaged.
    """
    order = sorted(range(len(source.offsets)), key=source.offsets.__getitem__)  # its line order stays
    contents = {place: fresh[place] if place in fresh else source.content(place) for place in order}
    at, offsets = len(source.header) + 8 * len(order), dict.fromkeys(order, 0)
    for place in order:
        offsets[place], at = at, at + 8 + len(contents[place])
    with open(path, "wb", buffering=AT_ONCE) as file:
        file.write(source.header)
        file.write(struct.pack(f"<{len(order)}Q", *(offsets[place] for place in range(len(order)))))
        for place in order:
            file.write(struct.pack("<ii", source.top + place * source.lines, len(contents[place])))
            file.write(contents[place])


def _attributes(data: memoryview) -> tuple[dict[str, memoryview], int]:
    """The header's attributes by name, as they lie, and where the header ends."""
    found, at = {}, 8
    while data[at]:
        name, at = _word(data, at)
        _, at = _word(data, at)
        (size,) = struct.unpack_from("<i", data, at)
        if not 0 <= size <= len(data) - at - 4:
            raise ValueError("an attribute longer than the file")
        found[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found, at + 1


def _word(data: memoryview, at: int) -> tuple[str, int]:
    """A text that ends with a zero byte, 255 bytes at most, and where the next thing starts."""
    end = bytes(data[at : at + 256]).index(0)
    return bytes(data[at : at + end]).decode(), at + end + 1


def _channels(listed: bytes) -> tuple[tuple[str, int], ...] | None:
    """Name and pixel type of every channel; None where one is subsampled."""
    found, at = [], 0
    while listed[at]:
        end = listed.index(0, at)
        kind, _, across, down = struct.unpack_from("<iiii", listed, end + 1)
        if (across, down) != (1, 1):
            return None
        found.append((listed[at:end].decode(), kind))
        at = end + 17
    return tuple(found)
