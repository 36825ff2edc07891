"""Names of frames on disk: `plate.####.exr`, `plate.%04d.exr`, `plate.@@@@.exr`, and which files belong to one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from math import gcd
from pathlib import Path

from fileseq import framesToFrameRange
from fileseq.exceptions import FileSeqException
from fileseq.frameset import FrameSet
from fileseq.utils import pad

from faceplate_client.errors import RequestError

_MARK = re.compile(r"(?P<hash>#+)|(?P<at>@+)|%(?P<width>\d*)d|\$F(?P<houdini>\d*)")
_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<number>(?:(?<=[._])-)?\d+)(?P<tail>\.[^.]+)$")


@dataclass(frozen=True)
class Pattern:
    """A sequence's name with a hole for the frame number. `width`: digits, zero-padded; 1 means as many as it takes.

    Example:
        Pattern("plate.", 4, ".exr").name(7)  ->  "plate.0007.exr"
    """

    head: str
    width: int
    tail: str

    def name(self, number: int) -> str:
        return f"{self.head}{pad(number, self.width)}{self.tail}"

    def __str__(self) -> str:
        return f"{self.head}{'#' * self.width}{self.tail}"

    def number_in(self, name: str) -> int | None:
        """The frame number of a file of this name, None when it does not belong to the sequence."""
        if not (name.startswith(self.head) and name.endswith(self.tail)):
            return None
        digits = name[len(self.head) : len(name) - len(self.tail)]
        if re.fullmatch(r"-?\d+", digits) is None or self.name(int(digits)) != name:
            return None
        return int(digits)


def has_mark(name: str) -> bool:
    """Whether a name has a hole for a frame number in it."""
    return _MARK.search(name) is not None


def pattern_of(name: str) -> Pattern:
    """A file name with one frame mark as a Pattern: `#` and `@` count digits, a single `#` means four (as in fileseq).

    Raises:
        RequestError: no mark, or more than one.
    """
    marks = list(_MARK.finditer(name))
    if len(marks) != 1:
        raise RequestError(f"{name} should have one place for the frame number, as in plate.####.exr")
    mark = marks[0]
    if mark["hash"]:
        width = 4 if mark["hash"] == "#" else len(mark["hash"])
    elif mark["at"]:
        width = len(mark["at"])
    else:
        width = int(mark["width"] or mark["houdini"] or 1)
    return Pattern(name[: mark.start()], max(1, width), name[mark.end() :])


def numbered(name: str) -> tuple[Pattern, int] | None:
    """A file's own pattern and number, when it has digits right before its ending: `plate.1001.exr`, `100.png`."""
    found = _NUMBERED.match(name)
    if found is None:
        return None
    digits = found["number"]
    padded = digits.lstrip("-").startswith("0") or len(digits) >= 4
    return Pattern(found["head"], len(digits) if padded else 1, found["tail"]), int(digits)


def group(names: Iterable[str]) -> tuple[dict[Pattern, list[int]], list[str]]:
    """File names sorted into sequences, each with its frame numbers in order, and the names that have no number.

    A sequence that outgrows its padding (`plate.99.exr`, `plate.100.exr`) stays one.
    """
    stems: dict[tuple[str, str], list[str]] = {}
    single = []
    for name in sorted(names):
        found = _NUMBERED.match(name)
        if found is None:
            single.append(name)
        else:
            stems.setdefault((found["head"], found["tail"]), []).append(found["number"])
    sequences: dict[Pattern, list[int]] = {}
    for (head, tail), numbers in stems.items():
        padded = {len(number) for number in numbers if number.lstrip("-").startswith("0") and len(number) > 1}
        width = min(padded) if padded else min(len(number) for number in numbers)
        for number in numbers:
            fits = pad(int(number), width) == number
            pattern = Pattern(head, width if fits else len(number), tail)
            sequences.setdefault(pattern, []).append(int(number))
    return {pattern: sorted(numbers) for pattern, numbers in sequences.items()}, single


def frame_numbers(words: str) -> tuple[int, ...]:
    """`1001-1100x2`, `1-5,9`, `10-1x-3`: the numbers meant, in rising order, each once.

    Raises:
        RequestError: not a frame range.
    """
    try:
        numbers = sorted(set(FrameSet(words)))
        if not numbers or any(number != int(number) for number in numbers):
            raise ValueError("no whole frames")
        return tuple(int(number) for number in numbers)
    except (FileSeqException, ValueError, TypeError) as error:
        raise RequestError(
            f"--frames should read like 1001-1100, 1001-1100x2 or 1-5,9, got {words!r}"
        ) from error


def missing(numbers: Sequence[int]) -> list[int]:
    """The gaps in a sequence, measured against its own step: 100, 102, 106 lacks 104."""
    ordered = sorted(set(numbers))
    step = reduce(gcd, (after - before for before, after in pairwise(ordered)), 0)
    if not step:
        return []
    held = set(ordered)
    return [number for number in range(ordered[0], ordered[-1], step) if number not in held]


def spell(numbers: Iterable[int]) -> str:
    """Numbers as artists write them: `1007, 1011-1013`."""
    return framesToFrameRange(sorted(set(numbers)), sort=True, compress=False).replace(",", ", ")


def folder_names(folder: Path, endings: Iterable[str]) -> list[str]:
    """Names of the visible files in a folder that end in one of `endings`, whatever their case."""
    wanted = tuple(endings)
    return sorted(
        entry.name
        for entry in folder.iterdir()
        if not entry.name.startswith(".") and entry.suffix.lower() in wanted and entry.is_file()
    )
