"""Movies, frame by frame: any frame alone is the same as that frame in a run, in its own bits and colours."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.plane import VideoPlane

from faceplate.io.limits import check_size
from faceplate.io.movie_frame import MovieFrame, Tags
from faceplate.io.yuv import is_planar, layout_of
from faceplate.plate import Fields
from faceplate_client.errors import InputError, RequestError

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".mxf", ".avi", ".webm", ".mts", ".m2ts", ".ts", ".mpg", ".mpeg")
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mxf,mpegts,mpeg,mpegvideo,h264,hevc"
_PLANAR = {
    "nv12": "yuv420p", "nv21": "yuv420p", "nv16": "yuv422p", "uyvy422": "yuv422p", "yuyv422": "yuv422p",
    "p010le": "yuv420p10le", "rgb24": "gbrp", "bgr24": "gbrp", "rgb0": "gbrp", "bgr0": "gbrp", "0rgb": "gbrp",
    "0bgr": "gbrp", "pal8": "gbrp", "rgb48le": "gbrp16le", "rgb48be": "gbrp16le",
}  # fmt: skip
"""Packed formats -> the planar one that holds exactly the same samples."""

_FIELD_ORDERS: dict[int, Fields] = {1: "progressive", 2: "top", 3: "bottom", 4: "bottom", 5: "top"}
"""FFmpeg's AVFieldOrder -> the field displayed first, whichever is coded first."""

_UNREAD_MATRICES = {8: "YCgCo", 11: "YDzDx", 14: "ICtCp"}


@dataclass(frozen=True)
class MovieFacts:
    """What a movie says of itself.

    `frames`: pictures in it. `size`: (width, height) as stored. `rate`: average frames a second. `time_base`: seconds
    a tick. `variable`: its frames are not evenly spaced. `profile`: the codec's, as FFmpeg names it. `aspect`: a
    pixel's width over its height. `fields`: "progressive", or the field displayed first, "top" or "bottom"; "" where it
    does not say.
    """

    path: Path
    codec: str
    profile: str
    pix_fmt: str
    size: tuple[int, int]
    frames: int
    rate: Fraction
    time_base: Fraction
    variable: bool
    tags: Tags
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    audio: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    stream_metadata: dict[str, str] = field(default_factory=dict)
    fields: Fields = ""


class MovieReader:
    """Opens a movie and reads its frames by number, 1 being the first.

    The index of time stamps is made from the packets, without decoding. Reading the next frame goes on decoding;
    reading any other one seeks to the last key frame at or before it, so that what comes out never depends on what
    was read before. Use as a context manager, in one thread.

    Raises:
        InputError: missing, damaged, no movie, or of a kind that is not read.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._stamps, self._keys = _index(self.path)
        self.facts = _facts(self.path, self._stamps)
        self._container, self._stream = self._opened()
        self._decoded = self._container.decode(self._stream)
        self._next = 0

    def __enter__(self) -> "MovieReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._stamps)

    def close(self) -> None:
        """Let go of the file."""
        self._container.close()

    def read(self, number: int) -> MovieFrame:
        """Frame `number`, 1 to len(self).

        Raises:
            RequestError: no such frame.
            InputError: it cannot be decoded.
        """
        if not 1 <= number <= len(self):
            raise RequestError(f"{self.path.name} has frames 1-{len(self)}; frame {number} was asked for")
        place = number - 1
        if place != self._next:
            self._seek(place)
        try:
            frame = self._frame_at(place)
            if frame is None:
                self._restart()
                frame = self._frame_at(place)
        except av.error.FFmpegError as error:
            raise _undecodable(self.path, number, str(error)) from error
        if frame is None:
            raise _undecodable(self.path, number, "the decoder left it out")
        self._next = place + 1
        return self._movie_frame(frame, number)

    def stamp(self, number: int) -> int:
        """The presentation time stamp of a frame, ticks of the stream's time base."""
        return self._stamps[number - 1]

    def _opened(self) -> tuple[InputContainer, av.VideoStream]:
        container = _open(self.path)
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return container, stream

    def _seek(self, place: int) -> None:
        target = self._stamps[place]
        keys = [stamp for stamp in self._keys if stamp <= target]
        if not keys or (0 <= place - self._next <= 8 and keys[-1] <= self._stamps[self._next]):
            if place < self._next:
                self._restart()
            return
        try:
            self._container.seek(keys[-1], stream=self._stream, backward=True, any_frame=False)
        except av.error.FFmpegError:
            self._restart()
            return
        self._decoded = self._container.decode(self._stream)

    def _restart(self) -> None:
        self._container.close()
        self._container, self._stream = self._opened()
        self._decoded = self._container.decode(self._stream)

    def _frame_at(self, place: int) -> av.VideoFrame | None:
        """The frame with the wanted stamp, None when the decoder goes past it or ends."""
        target = self._stamps[place]
        for frame in self._decoded:
            if frame.pts is None or frame.pts < target:
                continue
            return frame if frame.pts == target else None
        return None

    def _movie_frame(self, frame: av.VideoFrame, number: int) -> MovieFrame:
        pix_fmt = str(frame.format.name)
        if pix_fmt in _PLANAR:
            pix_fmt = _PLANAR[pix_fmt]
            frame = frame.reformat(format=pix_fmt)
        if not is_planar(pix_fmt):
            raise InputError(
                f"{self.path} holds {pix_fmt} pixels, which are not read; convert it to ProRes or EXR"
            )
        layout = layout_of(pix_fmt)
        planes = tuple(
            _samples(plane, layout.dtype, layout.size(index, frame.width, frame.height))
            for index, plane in enumerate(list(frame.planes)[: layout.count])
        )
        return MovieFrame(
            self.path,
            number,
            self._stamps[number - 1],
            planes,
            pix_fmt,
            self.facts.tags,
            self.facts.rotation,
            bool(frame.is_corrupt),
        )


def _undecodable(path: Path, number: int, reason: str) -> InputError:
    return InputError(
        f"frame {number} of {path} cannot be decoded ({reason}); render or copy the movie again"
    )


def _facts(path: Path, stamps: list[int]) -> MovieFacts:
    """What the header and the first frame say; in a container of its own, whose streams die with it."""
    with _open(path) as container:
        stream = container.streams.video[0]
        try:
            first = next(container.decode(stream))
        except (av.error.FFmpegError, StopIteration) as error:
            raise _undecodable(path, 1, str(error) or "nothing comes out of it") from error
        primaries, transfer, matrix = (
            int(v) for v in (first.color_primaries, first.color_trc, first.colorspace)
        )
        pix_fmt = str(first.format.name)
        if matrix in _UNREAD_MATRICES:
            raise InputError(f"{path} is coded as {_UNREAD_MATRICES[matrix]}; convert it to BT.709 Y'CbCr")
        steps = np.diff(stamps)
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        return MovieFacts(
            path,
            stream.codec_context.name,
            str(stream.codec_context.profile or ""),
            _PLANAR.get(pix_fmt, pix_fmt),
            (first.width, first.height),
            len(stamps),
            rate,
            Fraction(stream.time_base or 1 / rate),
            bool(len(steps) and steps.max() - steps.min() > max(1, 0.01 * float(np.median(steps)))),
            Tags(primaries, transfer, matrix, int(first.color_range)),
            int(first.rotation),
            Fraction(stream.sample_aspect_ratio or 1),
            len(container.streams.audio),
            dict(container.metadata),
            dict(stream.metadata),
            _FIELD_ORDERS.get(int(stream.codec_context.field_order), ""),
        )


def is_movie(path: Path) -> bool:
    """Whether a file of this name is read and written as a movie."""
    return path.suffix.lower() in SUFFIXES


def _open(path: Path) -> InputContainer:
    if not path.is_file():
        raise InputError(f"{path} does not exist or is no file; check the path")
    only_files = {
        "protocol_whitelist": "file",
        "format_whitelist": _DEMUXERS,
    }  # a movie may not point elsewhere
    try:
        container = av.open(str(path.absolute()), options=only_files)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened as a movie ({error}); render or copy it again") from error
    if not container.streams.video:
        container.close()
        raise InputError(
            f"{path} has no picture in it, only {len(container.streams)} other streams; give a movie"
        )
    return container


def _index(path: Path) -> tuple[list[int], list[int]]:
    """Presentation stamps of all pictures, in order, and those of the key frames."""
    with _open(path) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        check_size(path, (codec.width, codec.height), 3, 4)
        try:
            packets = [
                (packet.pts, packet.is_keyframe)
                for packet in container.demux(stream)
                if packet.size and not packet.is_discard
            ]
        except av.error.FFmpegError as error:
            raise InputError(f"{path} is damaged ({error}); render or copy it again") from error
    if not packets:
        raise InputError(f"{path} has no frames; render or copy it again")
    stamps = [stamp for stamp, _ in packets if stamp is not None]
    if len(stamps) != len(packets) or len(set(stamps)) != len(stamps):
        return _decoded_index(path)
    return sorted(stamps), sorted(stamp for stamp, key in packets if key and stamp is not None)


def _decoded_index(path: Path) -> tuple[list[int], list[int]]:
    """The index of a movie whose packets carry no usable stamps (raw streams, some AVI): by decoding it once."""
    with _open(path) as container:
        try:
            stamps = [frame.pts for frame in container.decode(video=0)]
        except av.error.FFmpegError as error:
            raise InputError(f"{path} is damaged ({error}); render or copy it again") from error
    kept = sorted({stamp for stamp in stamps if stamp is not None})
    if not kept or len(kept) != len(stamps):
        raise InputError(
            f"{path} has frames without time stamps; wrap it into .mov or .mp4 first (ffmpeg -c copy)"
        )
    return kept, kept[:1]


def _samples(plane: VideoPlane, dtype: np.dtype, size: tuple[int, int]) -> np.ndarray:
    width, height = size
    rows = np.frombuffer(memoryview(plane), dtype).reshape(-1, plane.line_size // dtype.itemsize)
    return rows[:height, :width].copy()
