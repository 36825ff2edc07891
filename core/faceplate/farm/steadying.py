"""Frames of a shot, read with the plates around them; `frames/steady.py` restores them."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faceplate.arrays import Matte
from faceplate.errors import RangeError
from faceplate.farm.film_plates import FilmParams, FilmPlates, Repaired
from faceplate.farm.proof import hash_file
from faceplate.farm.rendering import Fetched, Job, Rendered, read_frame, rendered_of
from faceplate.frames.steady import SteadyShot, tall_tracks
from faceplate.io.sequence import FrameFile, FrameReader
from faceplate.operations import DIS, RestoreRequest
from faceplate.plate import Plate
from faceplate.stabilise.flow import flow_finder
from faceplate.stabilise.motion import motion_vectors, steady_map
from faceplate.stabilise.pipeline import Memory, SteadyParams
from faceplate.stages.shot import Shot
from faceplate_client.errors import InputError

BESIDE = {"forward": 1, "backward": -1}
"""Motion layers -> the frame they lead to, counted from a frame."""

STMAP = "stmap"

MOTION = (*BESIDE, STMAP)
"""Layers of two float channels, u and v, that only a shot and an EXR have."""


@dataclass(frozen=True)
class Steadying:
    """A shot and how it is used.

    `by_size`: whether a choice of faces counts those on each frame by size, as it does where there is no shot; else it
    names tracks. `film`: what is cleaned first. `flow`: how motion is followed. `digest`: of the shot's text. `files`:
    every frame of the input, those outside `--frames` as well: a window reaches over the ends of a chunk.
    """

    shot: Shot
    params: SteadyParams
    film: FilmParams
    digest: str
    files: Mapping[int, FrameFile] = field(repr=False)
    flow: str = DIS
    by_size: bool = False

    def as_words(self) -> dict[str, Any]:
        """Whatever of it could change a pixel, in plain values: for proofs."""
        steady = {"steady": self.params.strength, "radius": self.params.radius, "flow": self.flow}
        return {"shot": self.digest, "by_size": self.by_size, **steady, **self.film.as_words()}

    def chosen(self, request: RestoreRequest) -> set[int]:
        """Ids of the tracks that a request may restore, by its names or ids, and by its smallest face.

        Raises:
            RequestError: the shot has nobody of that name.
        """
        asked = "all" if self.by_size or request.faces == "largest" else request.faces
        return tall_tracks(self.shot, request.smallest, among=asked)


class _Near(Mapping[int, Plate]):
    """The plates around a frame, each made when it is asked for."""

    def __init__(self, numbers: Sequence[int], plate_of: Callable[[int], Plate]) -> None:
        self._numbers, self._plate_of = numbers, plate_of

    def __getitem__(self, number: int) -> Plate:
        if number not in self._numbers:
            raise KeyError(number)
        return self._plate_of(number)

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class SteadyFrames:
    """Reads a frame with its window, cleans the plates if asked, and restores the shot's tracks on it."""

    def __init__(self, job: Job) -> None:
        assert job.steadying is not None
        self._job, self._use = job, job.steadying
        self._shot = SteadyShot(
            self._use.shot,
            self._use.params,
            ids=self._use.chosen(job.request),
            request=job.request,
            tools=job.tools,
            anonymise=job.anonymise,
            by_size=self._use.by_size,
        )
        # A 4K frame is 160 MB: kept are the frame, those after it in its window, the one read ahead, and what cleaning
        # looks at around them. Of those before it the faces are kept, and they are read again where that is not enough.
        kept = self._use.params.radius + 2 + 2 * self._use.film.reach
        self._read: Memory[Fetched] = Memory(kept)
        self._reading = threading.RLock()
        self._reader: FrameReader | None = None
        self._film = FilmPlates(self._use.shot, self._use.film, plate_of=self._plate, keep=kept)

    def fetch(self, reader: FrameReader, file: FrameFile) -> Fetched:
        """Read a frame and the plates after it in its window, and restore their faces.

        The plates before it are read when they are asked for.

        Raises:
            InputError: one of them is missing, damaged, or not the one that the shot was made from.
            RequestError: the colour space has to be named.
            ShapeError, ModelError: a net that does not keep its word.
        """
        self._reader = reader
        own = self._fetched(file.number)
        for number in self._needed(file.number):
            self._expect(number, file.number)
        cleaned = None if self._use.film.off else self._cleaned(file.number)
        others = sorted({*self._shot.window(file.number), *self._beside(file.number).values()})
        near = _Near(others, lambda number: self._cleaned(number).plate)
        for number in others:
            if number > file.number:
                near[number]
        self._shot.prepare(cleaned.plate if cleaned else own.plate, near)
        return replace(own, near=near, cleaned=cleaned)

    def render(self, fetched: Fetched) -> Rendered:
        """Restore the tracks on a frame, each steadied by its neighbours, and grain what was restored.

        Raises:
            Cancelled: the job is to stop.
        """
        self._job.expect_wanted()
        cleaned = fetched.cleaned
        plate, repaired = (cleaned.plate, cleaned.matte) if cleaned else (fetched.plate, None)
        rendered = rendered_of(fetched, self._shot.render(plate, fetched.near, repaired=repaired), self._job)
        return replace(rendered, layers={**rendered.layers, **self._motion(plate, fetched.near)})

    def _motion(self, plate: Plate, near: Mapping[int, Plate]) -> dict[str, Matte]:
        """The motion layers that were asked for, two channels each."""
        beside, scale = self._beside(plate.frame), self._job.request.params.scale
        find = flow_finder(self._job.tools.flow)
        pairs = {
            name: motion_vectors(plate, near.get(beside.get(name, plate.frame)), scale=scale, find=find)
            for name in BESIDE
            if name in self._job.layers
        }
        if STMAP in self._job.layers:
            pairs[STMAP] = steady_map(plate, *self._shot.held(plate.frame), scale=scale)
        return {
            f"{name}.{axis}": part
            for name, pair in pairs.items()
            for axis, part in zip("uv", pair, strict=True)
        }

    def _beside(self, frame: int) -> dict[str, int]:
        """Motion layer -> the frame that its vectors lead to, for those asked for that have one within the cuts."""
        try:
            around = self._use.shot.window(frame, 1)
        except RangeError:
            return {}
        asked = {name: frame + step for name, step in BESIDE.items() if name in self._job.layers}
        return {name: other for name, other in asked.items() if other in around}

    def inputs(self, file: FrameFile) -> list[Path]:
        """The plates that a frame is made from, its own first."""
        files = (self._use.files[each].path for each in self._needed(file.number) if each in self._use.files)
        return list(dict.fromkeys([file.path, *files]))

    def _needed(self, frame: int) -> list[int]:
        """Every frame that this one is made from, its own included."""
        try:
            window = [frame, *self._shot.window(frame), *self._beside(frame).values()]
            return sorted({*window, *(each for one in window for each in self._film.frames_for(one))})
        except RangeError:
            return [frame]

    def _expect(self, number: int, frame: int) -> None:
        if number not in self._use.files:
            raise InputError(
                f"frame {number} is missing, and frame {frame} is made from it as well; put it back, analyse "
                "the plates that are there, or work without neighbours: --steady 0, no --repair, no --deinterlace"
            )

    def _cleaned(self, number: int) -> Repaired:
        """A plate, cleaned. Asked for by the thread that reads, and by the one that renders."""
        with self._reading:
            return self._film.clean(number)

    def _fetched(self, number: int) -> Fetched:
        def make() -> Fetched:
            file = self._use.files[number]
            self._use.shot.check_plate(number, hash_file(file.path))
            assert self._reader is not None
            return read_frame(self._reader, file, self._job)

        with self._reading:
            return self._read.of(number, make)

    def _plate(self, number: int) -> Plate:
        return self._fetched(number).plate
