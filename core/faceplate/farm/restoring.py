"""What becomes of a rendered frame: its record, and a picture that is published and proven."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faceplate.farm.proof import is_proven, prove, read_proof
from faceplate.farm.rendering import Fetched, FrameWay, Job, LoneFrames, Rendered, timed
from faceplate.farm.report import FAILED, FrameRecord
from faceplate.farm.steadying import SteadyFrames
from faceplate.farm.store import publish
from faceplate.io.conversion import picture_of
from faceplate.io.images import verify_picture, write_picture
from faceplate.io.layers import outputs_of
from faceplate.io.limits import format_for
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.picture import Picture
from faceplate.io.plates import with_result
from faceplate.io.sequence import FrameFile
from faceplate_client.errors import InputError


def way_of(job: Job) -> FrameWay:
    """How the frames of a job are rendered: held steady where it has a shot, else each by itself."""
    return SteadyFrames(job) if job.steadying else LoneFrames(job)


def record_of(rendered: Rendered, output: Path, job: Job, seconds: Mapping[str, float]) -> FrameRecord:
    """What the report says of a frame that is done."""
    file = rendered.fetched.file
    faces = [asdict(face) for face in rendered.faces]
    for face, (track, name) in zip(faces, rendered.tracks, strict=False):
        face.update(track=track, name=name)
    return FrameRecord(
        frame=file.number,
        status=rendered.status,
        input=str(file.path),
        output=str(output),
        faces=faces,
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
        self._job, self._way = job, way_of(job)
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
        return earlier or self._way.fetch(self._reader, file)

    def render(self, frame: int, fetched: Fetched) -> Rendered:
        """Restore its faces."""
        return self._way.render(fetched)

    def write(self, frame: int, rendered: Rendered) -> FrameRecord:
        """Publish the picture and what lies beside it, read each back, and prove them."""
        file, seconds = rendered.fetched.file, dict(rendered.seconds)
        path = self._job.target.path_for(file)
        with timed(seconds, "write"):
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
        return {"inputs": self._way.inputs(file), "models": self._job.tools.models, "parameters": words}


def _picture(rendered: Rendered, path: Path, scale: int) -> Picture:
    """The result in the input's own picture, or in a new one where the output is of another format."""
    source, plate = rendered.fetched.source, rendered.plate
    if isinstance(source, Picture) and source.format == format_for(path):
        same = with_result(source, plate, rendered.layers, scale=scale, before=rendered.fetched.plate)
        assert isinstance(same, Picture)
        return same
    return picture_of(plate, path, rendered.layers)
