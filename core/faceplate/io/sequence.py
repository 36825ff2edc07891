"""Footage: what INPUT names, as an ordered list of frames that can each be read alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from faceplate.io.images import read_picture
from faceplate.io.limits import FORMATS
from faceplate.io.movie import MovieFacts, MovieReader, is_movie
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.naming import (
    Pattern,
    folder_names,
    frame_numbers,
    group,
    has_mark,
    missing,
    numbered,
    pattern_of,
    spell,
)
from faceplate.io.picture import Picture
from faceplate_client.errors import InputError, RequestError

Kind = Literal["sequence", "stills", "movie"]

RUN = 3
"""Files in a row that make a sequence of a folder with other things in it; fewer are stills that happen to count."""


@dataclass(frozen=True)
class FrameFile:
    """One frame: its number, and the file it is in (a movie's frames share one)."""

    number: int
    path: Path


@dataclass(frozen=True)
class Footage:
    """An input, opened: nothing of it has been decoded yet.

    `kind`: a sequence has one name and numbers, stills are files that have nothing to do with each other (numbered
    from 1 in the order of their names), a movie is one file. `frames`: rising in number. `pattern`: of a sequence.
    `movie`: what a movie says of itself. Reading does not depend on what was read before.
    """

    words: str
    kind: Kind
    frames: tuple[FrameFile, ...]
    pattern: Pattern | None = None
    movie: MovieFacts | None = None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def range(self) -> str:
        """The frames as artists write them: `1001-1024`."""
        return spell(frame.number for frame in self.frames)

    @property
    def rate(self) -> Fraction:
        """Frames a second: a movie's own, 24 for pictures."""
        return self.movie.rate if self.movie is not None else Fraction(24)

    def reader(self) -> "FrameReader":
        """What reads the frames; one for each thread."""
        return FrameReader(self)


class FrameReader:
    """Reads footage frame by frame; keeps a movie open between frames. A context manager."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self._movie: MovieReader | None = None

    def __enter__(self) -> "FrameReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the movie, if there is one."""
        if self._movie is not None:
            self._movie.close()
            self._movie = None

    def read(self, frame: FrameFile) -> Picture | MovieFrame:
        """One frame of the footage, in its file's own numbers.

        Raises:
            InputError: it is missing or damaged.
        """
        if self._footage.kind != "movie":
            return read_picture(frame.path)
        if self._movie is None:
            self._movie = MovieReader(frame.path)
        return self._movie.read(frame.number)


def open_input(words: str | Path, *, frames: str | None = None, skip_missing: bool = False) -> Footage:
    """Find what INPUT names: a file, a sequence by its pattern, a folder of one sequence or of stills, a movie.

    Args:
        words: as typed: `shot/plate.####.exr`, `plate.%04d.exr`, `plate.@@@@.exr`, `shot/`, `still.png`, `take.mov`.
        frames: `1001-1100x2`, or None for all there are.
        skip_missing: go on without the frames that are not there.

    Raises:
        InputError: nothing there, or frames missing (named) without `skip_missing`.
        RequestError: a frame range that reads wrong, a folder with several sequences in it.
    """
    path = Path(words)
    wanted = None if frames is None else frame_numbers(frames)
    if path.is_dir():
        footage = _folder(path)
    elif path.exists() or not has_mark(path.name):
        footage = _file(path)
    else:
        footage = _sequence(path.parent, pattern_of(path.name))
    return _chosen(footage, wanted, skip_missing)


def _file(path: Path) -> Footage:
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path{_hint(path)}")
    if is_movie(path):
        with MovieReader(path) as movie:
            frames = tuple(FrameFile(number, path) for number in range(1, len(movie) + 1))
            return Footage(str(path), "movie", frames, movie=movie.facts)
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path} should end in one of {', '.join(FORMATS)} or be a movie; convert it first")
    found = numbered(path.name)
    pattern, number = found if found is not None else (None, 1)
    return Footage(str(path), "sequence" if pattern else "stills", (FrameFile(number, path),), pattern)


def _hint(path: Path) -> str:
    found = numbered(path.name)
    if found is None or not path.parent.is_dir():
        return ""
    numbers = [found[0].number_in(name) for name in folder_names(path.parent, FORMATS)]
    held = [number for number in numbers if number is not None]
    return f" and the frame number: {found[0]} has {spell(held)}" if held else ""


def _sequence(folder: Path, pattern: Pattern) -> Footage:
    if not folder.is_dir():
        raise InputError(f"the folder {folder} does not exist; check the path")
    held = {pattern.number_in(entry.name): entry for entry in folder.iterdir()}
    numbers = sorted(number for number in held if number is not None)
    if not numbers:
        raise InputError(
            f"there is no frame of {folder / str(pattern)}; check the name and the number of digits"
        )
    return _numbered_footage(folder, pattern, numbers)


def _numbered_footage(folder: Path, pattern: Pattern, numbers: Sequence[int]) -> Footage:
    frames = tuple(FrameFile(number, folder / pattern.name(number)) for number in numbers)
    return Footage(str(folder / str(pattern)), "sequence", frames, pattern)


def _folder(folder: Path) -> Footage:
    names = folder_names(folder, FORMATS)
    if not names:
        raise InputError(f"{folder} holds no EXR, DPX, TIFF, PNG or JPEG; name the folder the frames are in")
    sequences, single = group(names)
    long = {pattern: numbers for pattern, numbers in sequences.items() if len(numbers) > 1}
    if len(long) == 1 and not single and len(sequences) == 1:
        return _numbered_footage(folder, *next(iter(long.items())))
    runs = [pattern for pattern, numbers in long.items() if len(numbers) >= RUN and not missing(numbers)]
    if len(runs) > 1:
        found = "; ".join(f"{pattern} {spell(long[pattern])}" for pattern in runs)
        raise RequestError(f"{folder} holds {len(runs)} sequences ({found}); name one of them as INPUT")
    frames = tuple(FrameFile(place, folder / name) for place, name in enumerate(names, 1))
    return Footage(str(folder), "stills", frames)


def _chosen(footage: Footage, wanted: Iterable[int] | None, skip_missing: bool) -> Footage:
    held = {frame.number: frame for frame in footage.frames}
    if wanted is None:
        gaps = missing(list(held)) if footage.kind == "sequence" else []
        chosen = list(footage.frames)
    else:
        gaps = [number for number in wanted if number not in held]
        chosen = [held[number] for number in wanted if number in held]
    if gaps and (not skip_missing or not chosen):
        which = f"frame {spell(gaps)} is" if len(gaps) == 1 else f"frames {spell(gaps)} are"
        cure = "render them, or use --skip-missing to go on without" if chosen else "check --frames"
        raise InputError(
            f"{which} missing from {footage.words}, which has {footage.range}; {cure}", "input.missing_frames"
        )
    return Footage(footage.words, footage.kind, tuple(chosen), footage.pattern, footage.movie)
