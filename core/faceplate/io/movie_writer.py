"""Movies written with the codec, depth, tags, time stamps and sound of the movie they come from.

Encoding is lossy even where nothing was touched; the defaults (CRF 16, ProRes and DNxHR at the source's own profile)
keep that below the grain. For bit-exact frames render to an EXR or DPX sequence. A movie is one file: a render that
was killed starts again from its first frame, and only a finished movie ever gets its name (see `farm/store.py`).
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext

from faceplate.io.movie import MovieReader
from faceplate.io.movie_format import ENCODERS, NAMES, MovieFormat, encoder_options
from faceplate.io.movie_frame import MovieFrame, Tags
from faceplate_client.errors import InputError, OutputError, RequestError


def codecs() -> dict[str, bool]:
    """Which of the codecs Faceplate writes this machine's FFmpeg has, by the names artists use."""
    return {NAMES[codec]: encoder in av.codecs_available for codec, encoder in ENCODERS.items()}


class MovieWriter:
    """Writes frames, in order, to a movie at `path`; `close` finishes it, leaving the block early does not.

    Write to a temporary name and rename (`farm/store.publish`): until `close` has returned the file is no movie.

    Raises:
        OutputError: the disk is full, the folder read-only, the encoder refuses.
    """

    def __init__(self, path: str | Path, form: MovieFormat) -> None:
        self.path, self.form, self.frames = Path(path), form, 0
        self._first: int | None = None
        self._last = -1
        self._open = True
        try:
            self._container = av.open(str(self.path), "w")
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self.path} cannot be written: {error}") from error
        self._sound: _Sound | None = None
        try:
            self._stream = self._video_stream()
            if form.source is not None:
                self._sound = _Sound(form.source, self._container)
            self._container.start_encoding()  # the header now, so that a bad folder shows at once
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.abandon()
            raise OutputError(f"{self.path} cannot be encoded as {NAMES[form.codec]}: {error}") from error

    def __enter__(self) -> "MovieWriter":
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            self.close()
        else:
            self.abandon()

    def write(self, frame: MovieFrame) -> None:
        """Encode one frame. Its `pts` counts in the format's time base; the first one written is the movie's 0, and
        the sound moves with it.

        Raises:
            OutputError: the encoder or the disk refused it.
        """
        if self._first is None:
            self._first = frame.pts
        stamp = frame.pts - self._first
        if stamp <= self._last:
            raise OutputError(
                f"frames of {self.path.name} should come in order; frame {frame.number} came late"
            )
        self._last = stamp
        picture = _video_frame(frame.in_format(self.form.pix_fmt), self.form)
        picture.pts, picture.time_base = stamp, self.form.time_base
        try:
            if self._sound is not None:
                self._sound.copy_until(
                    frame.pts * self.form.time_base, start=self._first * self.form.time_base
                )
            for packet in self._stream.encode(picture):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputError(f"{self.path} could not be written at frame {frame.number}: {error}") from error
        self.frames += 1

    def close(self) -> None:
        """Finish the movie: the encoder's last frames, the rest of the sound, the index.

        Raises:
            OutputError: it could not be finished.
        """
        if not self._open:
            return
        try:
            for packet in self._stream.encode():
                self._container.mux(packet)
            if self._sound is not None and self._first is not None:
                start = self._first * self.form.time_base
                self._sound.copy_until(start + self._duration(), start=start)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            self.abandon()
            raise OutputError(f"{self.path} could not be finished: {error}") from error
        self._let_go(f"{self.path} could not be finished")

    def abandon(self) -> None:
        """Let go of the file without finishing it; what is there is not a movie and should be removed."""
        try:
            self._let_go("")
        except OutputError:
            return  # it is being thrown away already

    def _let_go(self, sentence: str) -> None:
        if not self._open:
            return
        self._open = False
        if self._sound is not None:
            self._sound.close()
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{sentence}: {error}") from error

    def _duration(self) -> Fraction:
        return (self._last + 1) * self.form.time_base + 1 / self.form.rate

    def _video_stream(self) -> av.VideoStream:
        form = self.form
        stream = self._container.add_stream(
            ENCODERS[form.codec], rate=form.rate, options=encoder_options(form)
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = form.size
        stream.pix_fmt = form.pix_fmt
        codec = stream.codec_context
        codec.time_base = stream.time_base = form.time_base
        codec.sample_aspect_ratio = form.aspect
        _tag(codec, form.tags)
        if form.rotation:
            stream.set_display_rotation(form.rotation)
        return stream


def _tag(target: av.VideoFrame | VideoCodecContext, tags: Tags) -> None:
    target.color_primaries, target.color_trc = tags.primaries, tags.transfer
    target.colorspace, target.color_range = tags.matrix, tags.range


def _video_frame(frame: MovieFrame, form: MovieFormat) -> av.VideoFrame:
    if frame.size != form.size:
        raise OutputError(
            f"frame {frame.number} is {frame.size}, the movie {form.size}; all frames must be one size"
        )
    picture = av.VideoFrame(form.size[0], form.size[1], form.pix_fmt)
    for plane, samples in zip(picture.planes, frame.planes, strict=False):
        rows = np.frombuffer(memoryview(plane), samples.dtype).reshape(
            -1, plane.line_size // samples.dtype.itemsize
        )
        rows[: samples.shape[0], : samples.shape[1]] = samples
    _tag(picture, form.tags)
    return picture


class _Sound:
    """The source's audio packets, copied without decoding, up to the picture's time."""

    def __init__(self, source: Path, container: OutputContainer) -> None:
        self._target = container
        self._source = av.open(str(source.absolute()), options={"protocol_whitelist": "file"})
        container.metadata.update(self._source.metadata)
        picture = self._source.streams.video[0]
        for key in ("timecode", "language", "handler_name", "reel_name"):
            if key in picture.metadata:
                container.streams.video[0].metadata[key] = picture.metadata[key]
        self._pairs = {}
        for stream in self._source.streams.audio:
            if stream.codec_context.name in container.supported_codecs or _holds(container, stream):
                self._pairs[stream.index] = container.add_stream_from_template(stream)
        self._packets = self._source.demux(*self._source.streams.audio) if self._pairs else iter(())
        self._waiting: av.Packet | None = None

    def copy_until(self, end: Fraction, *, start: Fraction) -> None:
        """Copy what sounds between `start` (which becomes time 0) and `end`, seconds of the source's clock."""
        while True:
            packet = self._waiting if self._waiting is not None else next(self._packets, None)
            if packet is None:
                return
            if packet.pts is None or packet.size == 0 or packet.stream.index not in self._pairs:
                self._waiting = None
                continue
            sounds_at = packet.pts * packet.time_base
            if sounds_at >= end:
                self._waiting = packet
                return
            self._waiting = None
            if (
                sounds_at + (packet.duration or 0) * packet.time_base >= start
            ):  # what primes the decoder stays
                self._copy(packet, start)

    def _copy(self, packet: av.Packet, start: Fraction) -> None:
        shift = round(start / packet.time_base)
        packet.pts = (packet.pts or 0) - shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = self._pairs[packet.stream.index]
        self._target.mux(packet)

    def close(self) -> None:
        self._source.close()


def _holds(container: OutputContainer, stream: av.AudioStream) -> bool:
    return stream.codec_context.codec.canonical_name in container.supported_codecs


def as_movie_frame(frame: MovieFrame, form: MovieFormat, place: int) -> MovieFrame:
    """A frame of a picture sequence given its time in the movie: the `place`th, from 0."""
    return replace(frame, pts=round(place / form.rate / form.time_base))


def verify_movie(path: str | Path, form: MovieFormat, frames: int) -> None:
    """Open a finished movie again: it has `frames` frames of the right size and its last one decodes.

    Raises:
        OutputError: it has not.
    """
    path = Path(path)
    try:
        with MovieReader(path) as movie:
            last = movie.read(len(movie))
            found = len(movie)
    except (InputError, RequestError) as error:
        raise OutputError(f"{path} was written but does not read back: {error}") from error
    if found != frames or last.size != form.size:
        raise OutputError(
            f"{path} should hold {frames} frames of {form.size}, but holds {found} of {last.size}"
        )
