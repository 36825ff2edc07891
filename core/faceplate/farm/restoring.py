"""One frame's way through `restore`: read, detect, restore; then published and proven as a picture."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from faceplate import __version__
from faceplate.arrays import Matte
from faceplate.faces import Face
from faceplate.farm.chunk import STOPPED
from faceplate.farm.proof import is_proven, prove, read_proof
from faceplate.farm.report import FAILED, NO_FACE, RESTORED, UNTOUCHED, FrameRecord
from faceplate.farm.store import publish
from faceplate.io.colourspaces import config_in_use, encoding_for, guess_space
from faceplate.io.conversion import picture_of
from faceplate.io.images import verify_picture, write_picture
from faceplate.io.layers import outputs_of
from faceplate.io.limits import format_for
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate.io.plates import to_plate, with_result
from faceplate.io.sequence import Footage, FrameFile, FrameReader
from faceplate.io.target import Target
from faceplate.operations import RestoreRequest, RestoreTools
from faceplate.plate import Plate
from faceplate.restore.pipeline import FaceReport, restore_frame
from faceplate.stages.detect import detect_faces
from faceplate_client.errors import Cancelled, InputError

_MENDED = ("restored", "thin_evidence")
"""Statuses of faces that were changed; the pipeline's others mean that a face was left alone."""


@dataclass(frozen=True)
class Job:
    """Everything that restoring the frames of one chunk needs, opened and checked.

    `colourspace`: name, None to believe the files. `layers`: names of the mattes to write. `resume`: trust proofs.
    `stop`: set when the work should end.
    """

    footage: Footage
    target: Target
    request: RestoreRequest
    tools: RestoreTools
    colourspace: str | None = None
    layers: tuple[str, ...] = ()
    resume: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def as_words(self) -> dict[str, Any]:
        """Whatever could change a pixel besides input and models, in plain values: for proofs."""
        return {
            **self.request.as_words(),
            "colourspace": self.colourspace,
            "config": config_in_use(),
            "layers": list(self.layers),
            "faceplate": __version__,
        }


@dataclass(frozen=True)
class Fetched:
    """A frame as it was read: the file's own numbers and the plate made of them."""

    file: FrameFile
    source: Picture | MovieFrame
    plate: Plate
    seconds: dict[str, float]


@dataclass(frozen=True)
class Rendered:
    """A frame ready to be written: what was read, the plate with its restored faces, and the layers asked for."""

    fetched: Fetched
    plate: Plate
    layers: Mapping[str, Matte]
    faces: Sequence[FaceReport]
    seconds: dict[str, float]

    @property
    def status(self) -> str:
        if not self.faces:
            return NO_FACE
        return RESTORED if any(face.status in _MENDED for face in self.faces) else UNTOUCHED


def fetch_frame(reader: FrameReader, file: FrameFile, job: Job) -> Fetched:
    """Read one frame and make it a plate.

    Raises:
        InputError: it is missing or damaged.
        RequestError: the colour space has to be named.
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "read"):
        source = reader.read(file)
        plate = to_plate(source, file.number, encoding_for(job.colourspace or guess_space(source)))
    return Fetched(file, source, plate, seconds)


def render_frame(fetched: Fetched, job: Job) -> Rendered:
    """Find the faces on a frame and restore those that were asked for.

    Raises:
        Cancelled: between the two, when the job is to stop.
    """
    seconds = dict(fetched.seconds)
    with _timed(seconds, "detect"):
        found = detect_faces(fetched.plate, job.tools.detector, smallest=job.request.smallest)
    if job.stop.is_set():
        raise Cancelled(STOPPED)
    chosen = job.request.chosen(found)
    done = restore_frame(fetched.plate, chosen, nets=job.tools.nets, params=job.request.params)
    layers = {name: getattr(done, name) for name in job.layers}
    reports = {id(face): report for face, report in zip(chosen, done.faces, strict=True)}
    faces = [reports.get(id(face)) or _not_chosen(face) for face in found]
    return Rendered(fetched, done.plate, layers, faces, {**seconds, **done.seconds})


def record_of(rendered: Rendered, output: Path, job: Job, seconds: Mapping[str, float]) -> FrameRecord:
    """What the report says of a frame that is done."""
    file = rendered.fetched.file
    return FrameRecord(
        frame=file.number,
        status=rendered.status,
        input=str(file.path),
        output=str(output),
        faces=[asdict(face) for face in rendered.faces],
        seconds=seconds,
        models=list(job.tools.models),
        damaged=isinstance(rendered.fetched.source, MovieFrame) and rendered.fetched.source.damaged,
    )


def failed_record(file: FrameFile, output: Path, error: InputError) -> FrameRecord:
    """What the report says of a frame whose input cannot be used."""
    told = {"code": error.code, "sentence": str(error)}
    return FrameRecord(file.number, FAILED, str(file.path), str(output), error=told)


class PictureWork:
    """Frames into pictures, one file each, proven one by one; every frame stands alone."""

    goes_on = True

    def __init__(self, job: Job) -> None:
        self._job = job
        self._files = {file.number: file for file in job.footage.frames}
        self._reader = job.footage.reader()
        self.frames: Sequence[int] = list(self._files)

    def close(self) -> None:
        """Let go of the input."""
        self._reader.close()

    def fetch(self, frame: int) -> Fetched | FrameRecord:
        """Read a frame, or tell that it is proven done."""
        file = self._files[frame]
        earlier = self._earlier(file) if self._job.resume else None
        return earlier or fetch_frame(self._reader, file, self._job)

    def render(self, frame: int, fetched: Fetched) -> Rendered:
        """Restore its faces."""
        return render_frame(fetched, self._job)

    def write(self, frame: int, rendered: Rendered) -> FrameRecord:
        """Publish the picture and what lies beside it, read each back, and prove them."""
        file, seconds = rendered.fetched.file, dict(rendered.seconds)
        path = self._job.target.path_for(file)
        with _timed(seconds, "write"):
            made = outputs_of(path, _picture(rendered, path, self._job.request.params.scale))
            # The picture itself comes last: where it is, everything beside it is as well.
            for name, picture in reversed(made):
                publish(
                    name,
                    lambda at, picture=picture: write_picture(at, picture),
                    verify=lambda at, picture=picture: verify_picture(at, picture),
                )
        record = record_of(rendered, path, self._job, seconds)
        if path.resolve() != file.path.resolve():  # an input that was replaced proves nothing any more
            prove([name for name, _ in made], notes={"record": record.as_json()}, **self._facts(file))
        return record

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """A frame whose input cannot be used."""
        file = self._files[frame]
        return failed_record(file, self._job.target.path_for(file), error)

    def _earlier(self, file: FrameFile) -> FrameRecord | None:
        path = self._job.target.path_for(file)
        if not is_proven(path, **self._facts(file)):
            return None
        proof = read_proof(path)
        try:
            record = FrameRecord.from_json(proof.notes["record"]) if proof else None
        except (KeyError, TypeError):
            return None  # proven by another version, whose words are not ours
        return record.as_resumed() if record else None

    def _facts(self, file: FrameFile) -> dict[str, Any]:
        words = {**self._job.as_words(), "frame": file.number}
        return {"inputs": [file.path], "models": self._job.tools.models, "parameters": words}


def _picture(rendered: Rendered, path: Path, scale: int) -> Picture:
    """The result in the input's own picture, or in a new one where the output is of another format."""
    source, plate = rendered.fetched.source, rendered.plate
    if isinstance(source, Picture) and source.format == format_for(path):
        same = with_result(source, plate, rendered.layers, scale=scale, before=rendered.fetched.plate)
        assert isinstance(same, Picture)
        return same
    return picture_of(plate, path, rendered.layers)


def _not_chosen(face: Face) -> FaceReport:
    """The report of a face that nobody asked for, so that numbers in the report are those of --faces."""
    return FaceReport(face.box, tuple((float(x), float(y)) for x, y in face.points), face.score, "not_chosen")


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
