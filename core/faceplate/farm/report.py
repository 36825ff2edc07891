"""The report of a run: a JSON line a frame, safe to read while it grows and whole after a kill."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from faceplate_client.errors import OutputError

RESTORED, NO_FACE, UNTOUCHED, FAILED = "restored", "no_face", "untouched", "failed"
"""What became of a frame: a face was restored; none was found; faces were found and left alone; it could not be."""


@dataclass(frozen=True)
class FrameRecord:
    """What is known of one frame once it is done.

    `frame`: its number. `status`: one of the four above. `input`, `output`: paths. `faces`: one mapping a face, as
    the pipeline reports them, largest first; one that was found and not asked for is "not_chosen". `seconds`: wall
    time by stage. `models`: names of the nets that ran. `error`: code and sentence when it failed. `damaged`: the
    movie's decoder had to guess parts of the input. `resumed`: an earlier run rendered it, and its proof still holds.
    """

    frame: int
    status: str
    input: str
    output: str
    faces: Sequence[Mapping[str, Any]] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    models: Sequence[str] = ()
    error: Mapping[str, str] | None = None
    damaged: bool = False
    resumed: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain values; numbers that JSON has no word for become null."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> "FrameRecord":
        """The inverse of `as_json`.

        Raises:
            TypeError: not a record's keys.
        """
        return cls(**facts)

    def as_resumed(self) -> "FrameRecord":
        """The same record, marked as rendered by an earlier run."""
        return replace(self, resumed=True)


class Report:
    """A report file. Frames are appended as they are done, in any order; `close` leaves them sorted, once each.

    Until it is closed the file grows by whole lines, each in one write, so that a kill leaves what was done so far.
    One run writes one file: two chunks of a farm need two.
    """

    def __init__(self, path: Path) -> None:
        """Begin a report, replacing the one of an earlier run.

        Raises:
            OutputError: the file cannot be made.
        """
        self.path = path
        self._records: dict[int, FrameRecord] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
        except OSError as error:
            raise _refused(path, error) from error

    def add(self, record: FrameRecord) -> None:
        """Append one frame.

        Raises:
            OutputError: the disk is full.
        """
        self._records[record.frame] = record
        line = _line(record)
        try:
            written = os.write(self._file, line)
        except OSError as error:
            raise _refused(self.path, error) from error
        if written < len(line):
            raise _refused(self.path, OSError(28, "No space left on device"))

    def close(self) -> None:
        """Put the frames in order, in a new file that replaces the grown one at once.

        Raises:
            OutputError: the disk is full; the grown file stays.
        """
        os.close(self._file)
        ordered = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            with open(ordered, "wb") as file:
                for _, record in sorted(self._records.items()):
                    file.write(_line(record))
                file.flush()
                os.fsync(file.fileno())
            os.replace(ordered, self.path)
        except OSError as error:
            with suppress(OSError):
                ordered.unlink()
            raise _refused(self.path, error) from error


def _line(record: FrameRecord) -> bytes:
    return json.dumps(record.as_json(), separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    """Numpy values and containers as JSON's own kinds."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"The report {path} cannot be written: {error.strerror}. Make room, or give --report another path.",
        code="output.report",
    )
