"""What an input is: frames of a shot, whose faces are held together, or stills with nothing to do with each other.

Nobody has to say. A movie is a shot; files without numbers are stills; of numbered pictures the neighbours are looked
at. The answer is that of the whole input, whatever part of it is rendered, so that a frame alone is that of the whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from faceplate.arrays import Image
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.plates import to_plate
from faceplate.io.sequence import RUN, Footage, FrameFile, FrameReader
from faceplate.io.target import Target
from faceplate.stabilise.agreement import agreement, shown_small
from faceplate_client.errors import InputError, RequestError

TakenAs = Literal["auto", "shot", "stills"]

TAKEN_AS = get_args(TakenAs)

PAIRS = 8
"""Pairs of neighbours, evenly spread over the input, that are looked at."""

APART = 2
"""Frame numbers that neighbours may lie apart: the radius that faces are held steady over unless told otherwise."""

AGREE = 0.7
"""Agreement from which two neighbours are of one shot; three pairs in four must be, cuts account for the fourth."""


@dataclass(frozen=True)
class Verdict:
    """Whether an input is a shot. `agree`: what the plates said, see `agree_of`; None where nobody looked at them.

    `sentence`: what the artist should hear of it, "" where it goes without saying.
    """

    shot: bool
    agree: float | None = None
    sentence: str = ""


def judged(whole: Footage, target: Target, *, known: float | None, colourspace: str | None) -> Verdict:
    """Judge an input of which nobody said what it is.

    Args:
        whole: all of it, whatever is rendered.
        target: where the output goes. Plates that are written over are stills: a shot's frames are made from their
            neighbours as they were filmed.
        known: what `agree_of` said of these very plates before, None where nobody asked.
        colourspace: name, None to believe the files.

    Raises:
        RequestError: the colour space has to be named.
    """
    name = Path(whole.words).name
    if whole.kind == "movie":
        return Verdict(True, None, _is_shot(name))
    if whole.kind == "stills" or len(whole) < RUN:
        return Verdict(False)
    if _in_place(whole, target):
        told = "is written over itself: every frame is restored alone; choose another -o to hold faces steady"
        return Verdict(False, None, f"{name} {told}")
    agree = agree_of(whole, colourspace) if known is None else known
    if agree is None or agree < AGREE:
        told = "is a row of stills, whose neighbours do not agree: each is restored alone; --as shot says otherwise"
        return Verdict(False, agree, f"{name} {told}")
    return Verdict(True, agree, _is_shot(name))


def _is_shot(name: str) -> str:
    return (
        f"{name} is a shot: its faces are held steady over the frames around each; --as stills says otherwise"
    )


def agree_of(whole: Footage, colourspace: str | None) -> float | None:
    """How far the neighbours of a sequence agree: three pairs in four by this much or more.

    A function of the files alone. It stops looking once that is below AGREE for certain.

    Args:
        whole: a sequence. colourspace: name, None to believe the files.

    Returns:
        0-1, or None where no pair of neighbours says anything.

    Raises:
        RequestError: the colour space has to be named.
    """
    pairs = _spread(
        [
            (one, other)
            for one, other in zip(whole.frames, whole.frames[1:], strict=False)
            if other.number - one.number <= APART
        ]
    )
    told: list[float] = []
    with whole.reader() as reader:
        for one, other in _pictures(pairs, reader, colourspace):
            said = agreement(one, other) if one.shape == other.shape else 0.0
            if said is not None:
                told.append(said)
            if sum(each < AGREE for each in told) > len(pairs) // 4:
                break
    return sorted(told)[len(told) // 4] if told else None


def expect_no_contradiction(taken_as: str, *, wants_shot: bool) -> None:
    """Refuse stills that something is asked for which only a shot has.

    Raises:
        RequestError: no such word; a contradiction.
    """
    if taken_as not in TAKEN_AS:
        raise RequestError(f"--as should be one of {', '.join(TAKEN_AS)}, got {taken_as}")
    if taken_as == "stills" and wants_shot:
        raise RequestError(
            "--as stills restores every picture by itself; leave out --shot, --steady, --radius, --flow and what "
            "cleans film, or say --as shot"
        )


def _spread(pairs: Sequence[tuple[FrameFile, FrameFile]]) -> list[tuple[FrameFile, FrameFile]]:
    """At most PAIRS of them, evenly spread, the first and the last among them."""
    places = np.linspace(0, len(pairs) - 1, min(PAIRS, len(pairs)))
    return [pairs[round(place)] for place in places]


def _pictures(
    pairs: Sequence[tuple[FrameFile, FrameFile]], reader: FrameReader, colourspace: str | None
) -> Iterator[tuple[Image, Image]]:
    """Each pair that can be read, made small; a frame of two pairs in a row is read once."""
    held: dict[int, Image] = {}
    for pair in pairs:
        try:
            held = {
                file.number: held[file.number] if file.number in held else _small(file, reader, colourspace)
                for file in pair
            }
        except InputError:
            held = {}  # the analysis will name it
            continue
        one, other = (held[file.number] for file in pair)
        yield one, other


def _small(file: FrameFile, reader: FrameReader, colourspace: str | None) -> Image:
    source = reader.read(file)
    return shown_small(to_plate(source, file.number, encoding_for(colourspace or guess_space(source))))


def _in_place(whole: Footage, target: Target) -> bool:
    places = ((target.path_for(file), file.path) for file in whole.frames)
    return any(path.exists() and path.samefile(source) for path, source in places if source.exists())
