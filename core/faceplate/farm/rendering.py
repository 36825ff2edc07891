"""How a job's frames are read and rendered, each alone; `farm/steadying.py` has the way that looks at neighbours."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from faceplate import __version__
from faceplate.arrays import Matte
from faceplate.farm.chunk import STOPPED
from faceplate.farm.report import NO_FACE, RESTORED, UNTOUCHED
from faceplate.frames.alone import restore_alone
from faceplate.frames.finishing import Finished
from faceplate.io.colourspaces import config_in_use, encoding_for, guess_space
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate
from faceplate.io.sequence import Footage, FrameFile, FrameReader
from faceplate.io.target import Target
from faceplate.operations import RestoreRequest, RestoreTools
from faceplate.plate import Plate
from faceplate.restore.film import Repaired
from faceplate.restore.pipeline import FaceReport
from faceplate_client.errors import Cancelled

if TYPE_CHECKING:
    from faceplate.farm.steadying import Steadying

_MENDED = ("restored", "thin_evidence")
"""Statuses of faces that were changed; the pipeline's others mean that a face was left alone."""


@dataclass(frozen=True)
class Job:
    """Everything that restoring the frames of one chunk needs, opened and checked.

    `colourspace`: name, None to believe the files. `layers`: names of the mattes and motion layers to write. `resume`:
    trust proofs. `steadying`: the shot that holds faces steady, None to restore every frame by itself. `anonymise`:
    whether all faces that were not chosen are veiled. `stop`: set when the work should end.
    """

    footage: Footage
    target: Target
    request: RestoreRequest
    tools: RestoreTools
    colourspace: str | None = None
    layers: tuple[str, ...] = ()
    resume: bool = False
    steadying: "Steadying | None" = None
    anonymise: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def expect_wanted(self) -> None:
        """Raise Cancelled once the work should end."""
        if self.stop.is_set():
            raise Cancelled(STOPPED)

    def as_words(self) -> dict[str, Any]:
        """Whatever could change a pixel besides input and models, in plain values: for proofs."""
        return {
            **self.request.as_words(),
            "colourspace": self.colourspace,
            "config": config_in_use(),
            "layers": list(self.layers),
            "anonymise": self.anonymise,
            "steadying": self.steadying.as_words() if self.steadying else None,
            "faceplate": __version__,
        }


@dataclass(frozen=True)
class Fetched:
    """A frame as it was read: the file's own numbers and the plate made of them.

    `near`: the plates around it, cleaned, where they are needed. `cleaned`: its own plate cleaned, if that was asked.
    """

    file: FrameFile
    source: Picture | MovieFrame
    plate: Plate
    seconds: dict[str, float]
    near: Mapping[int, Plate] = field(default_factory=dict)
    cleaned: Repaired | None = None


@dataclass(frozen=True)
class Rendered:
    """A frame ready to be written: what was read, the plate with its restored faces, and the layers asked for.

    `faces`: what became of every face. `tracks`: for each of them the track's id and name, where there is a shot.
    """

    fetched: Fetched
    plate: Plate
    layers: Mapping[str, Matte]
    faces: Sequence[FaceReport]
    seconds: dict[str, float]
    tracks: Sequence[tuple[int, str]] = ()

    @property
    def status(self) -> str:
        if not self.faces:
            return NO_FACE
        return RESTORED if any(face.status in _MENDED for face in self.faces) else UNTOUCHED


class FrameWay(Protocol):
    """How frames are read and rendered. `fetch` is called from one thread, `render` from one other."""

    def fetch(self, reader: FrameReader, file: FrameFile) -> Fetched:
        """Read one frame, and whatever else rendering it needs.

        Raises:
            InputError: it is missing or damaged.
            RequestError: the colour space has to be named.
        """
        ...

    def render(self, fetched: Fetched) -> Rendered:
        """Restore the faces on it that were asked for.

        Raises:
            Cancelled: on the way, when the job is to stop.
        """
        ...

    def inputs(self, file: FrameFile) -> list[Path]:
        """Every file that a frame is made from, its own first."""
        ...


class LoneFrames:
    """Every frame by itself: its faces are found on it, and nothing else is looked at."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def fetch(self, reader: FrameReader, file: FrameFile) -> Fetched:
        return read_frame(reader, file, self._job)

    def render(self, fetched: Fetched) -> Rendered:
        job = self._job
        finished = restore_alone(
            fetched.plate, job.request, job.tools, anonymise=job.anonymise, between=job.expect_wanted
        )
        return rendered_of(fetched, finished, job)

    def inputs(self, file: FrameFile) -> list[Path]:
        return [file.path]


def read_frame(reader: FrameReader, file: FrameFile, job: Job) -> Fetched:
    """Read one frame and make it a plate.

    Raises:
        InputError, RequestError: as `FrameWay.fetch`.
    """
    seconds: dict[str, float] = {}
    with timed(seconds, "read"):
        source = reader.read(file)
        plate = to_plate(source, file.number, encoding_for(job.colourspace or guess_space(source)))
    return Fetched(file, source, plate, seconds)


def rendered_of(fetched: Fetched, finished: Finished, job: Job) -> Rendered:
    """A finished frame with the layers that were asked for."""
    return Rendered(
        fetched,
        finished.plate,
        {name: finished.layers[name] for name in job.layers if name in finished.layers},
        finished.faces,
        {**fetched.seconds, **finished.seconds},
        finished.tracks,
    )


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Note the wall time spent inside under `stage`."""
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
