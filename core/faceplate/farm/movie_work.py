"""Frames into one movie: in order, from the first to the last, published when the whole movie is proven."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from faceplate.farm.rendering import Fetched, Job, Rendered
from faceplate.farm.report import FrameRecord
from faceplate.farm.restoring import failed_record, record_of, way_of
from faceplate.farm.store import publish
from faceplate.io.conversion import movie_frame_of
from faceplate.io.images import verify_picture, write_picture
from faceplate.io.layers import layer_pictures
from faceplate.io.movie_format import MovieFormat, format_like, format_new
from faceplate.io.movie_frame import MovieFrame
from faceplate.io.movie_writer import MovieWriter, verify_movie
from faceplate.io.plates import with_result
from faceplate_client.errors import InputError, OutputError


class MovieWork:
    """Restores frames and appends them to a movie at `at`, a temporary name. `path` is the name it will have."""

    goes_on = False
    """A movie without one of its frames would be another movie, out of step with its sound."""

    def __init__(self, job: Job, path: Path, at: Path) -> None:
        self._job, self._path, self._at = job, path, at
        self._way = way_of(job)
        self._files = {file.number: file for file in job.footage.frames}
        self._reader = job.footage.reader()
        self._writer: MovieWriter | None = None
        self.form: MovieFormat | None = None
        self.frames: Sequence[int] = list(self._files)

    def fetch(self, frame: int) -> Fetched:
        """Read a frame."""
        return self._way.fetch(self._reader, self._files[frame])

    def render(self, frame: int, fetched: Fetched) -> Rendered:
        """Restore its faces."""
        return self._way.render(fetched)

    def write(self, frame: int, rendered: Rendered) -> FrameRecord:
        """Encode the frame; its layers become pictures beside the movie, `take.matte.0001.png`."""
        start = perf_counter()
        if self._writer is None:
            self.form = self._format(rendered)
            self._writer = MovieWriter(self._at, self.form)
        self._writer.write(self._movie_frame(rendered, self.form))
        beside = self._path.with_name(f"{self._path.stem}.{frame:04d}.png")
        for path, picture in layer_pictures(beside, rendered.layers):
            publish(
                path,
                lambda at, picture=picture: write_picture(at, picture),
                verify=lambda at, picture=picture: verify_picture(at, picture),
            )
        seconds = {**rendered.seconds, "write": perf_counter() - start}
        return record_of(rendered, self._path, self._job, seconds)

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """A frame whose input cannot be used; the chunk does not go on after it."""
        return failed_record(self._files[frame], self._path, error)

    def finish(self) -> None:
        """Write the movie's end.

        Raises:
            OutputError: it could not be finished.
        """
        if self._writer is not None:
            self._writer.close()

    def close(self) -> None:
        """Let go of both files, finished or not."""
        self._reader.close()
        if self._writer is not None:
            self._writer.abandon()

    def verify(self, at: Path) -> None:
        """Open the finished movie again and count its frames.

        Raises:
            OutputError: they are not all there.
        """
        if self.form is None:
            raise OutputError(f"{self._path} got no frames; check --frames")
        verify_movie(at, self.form, len(self.frames))

    def _format(self, first: Rendered) -> MovieFormat:
        facts, scale = self._job.footage.movie, self._job.request.params.scale
        if facts is not None:
            return format_like(facts, self._path, scale=scale)
        window = first.plate.display_window
        return format_new(self._path, (window.width, window.height), self._job.footage.rate)

    def _movie_frame(self, rendered: Rendered, form: MovieFormat | None) -> MovieFrame:
        source = rendered.fetched.source
        assert form is not None
        if not isinstance(source, MovieFrame):
            return movie_frame_of(rendered.plate, form, self.frames.index(rendered.fetched.file.number))
        scale, before = self._job.request.params.scale, rendered.fetched.plate
        frame = with_result(source, rendered.plate, scale=scale, before=before)
        assert isinstance(frame, MovieFrame)
        return frame
