"""Small movies with known planes, encoded by PyAV alone, for tests of what reads and writes them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer

LOSSLESS = {
    "libx264": {"qp": "0", "preset": "ultrafast"},
    "libx265": {"x265-params": "lossless=1:log-level=error", "preset": "ultrafast"},
}


def save_movie(
    path: Path,
    frames: Sequence[Sequence[np.ndarray]],
    *,
    encoder: str = "libx264",
    pix_fmt: str = "yuv420p",
    rate: int = 25,
    tags: tuple[int, int, int, int] = (1, 1, 1, 1),
    options: dict[str, str] | None = None,
    stamps: Sequence[int] | None = None,
    gop: int = 4,
    rotation: int = 0,
    sound: bool = False,
    timecode: str = "",
) -> Path:
    """Write frames, each a list of planes. `stamps`: in 1/600 s, evenly spaced when not given."""
    height, width = frames[0][0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate, options=options or LOSSLESS.get(encoder, {}))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        codec = stream.codec_context
        codec.gop_size, codec.time_base = gop, Fraction(1, 600)
        codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range = tags
        if rotation:
            stream.set_display_rotation(rotation)
        if timecode:
            stream.metadata["timecode"] = timecode
        voice = container.add_stream("aac", rate=48000, layout="stereo") if sound else None
        assert voice is None or isinstance(voice, av.AudioStream)
        for place, planes in enumerate(frames):
            picture = av.VideoFrame(width, height, pix_fmt)
            for plane, samples in zip(picture.planes, planes, strict=True):
                rows = np.frombuffer(memoryview(plane), samples.dtype).reshape(
                    -1, plane.line_size // samples.itemsize
                )
                rows[: samples.shape[0], : samples.shape[1]] = samples
            picture.pts = stamps[place] if stamps else place * 600 // rate
            picture.time_base = Fraction(1, 600)
            picture.color_primaries, picture.color_trc, picture.colorspace, picture.color_range = tags
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
        if voice is not None:
            _add_sound(container, voice, len(frames) / rate)
    return path


def _add_sound(container: OutputContainer, voice: av.AudioStream, seconds: float) -> None:
    count = int(seconds * 48000)
    wave = np.sin(np.arange(count) * 440 * 2 * np.pi / 48000).astype(np.float32) * 0.5
    for start in range(0, count, 1024):
        block = np.stack([wave[start : start + 1024]] * 2)
        sound = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout="stereo")
        sound.sample_rate, sound.pts, sound.time_base = 48000, start, Fraction(1, 48000)
        container.mux(voice.encode(sound))
    container.mux(voice.encode())


def ramp_planes(
    place: int, *, width: int = 64, height: int = 48, bits: int = 8, shift=(1, 1), count: int = 3
):
    """Planes that differ from frame to frame and use every step of their depth."""
    top = 2**bits - 1
    dtype = np.uint8 if bits == 8 else np.uint16
    planes = []
    for plane in range(count):
        across, down = (width >> shift[0], height >> shift[1]) if plane in (1, 2) else (width, height)
        y, x = np.mgrid[0:down, 0:across]
        value = (x * (7 + plane) + y * 13 + place * 29) % (top * 6 // 10) + top // 5
        planes.append(value.astype(dtype))
    return planes


def packets_of(path: Path, kind: str) -> list[tuple[int, bytes]]:
    """(time in ms, content) of every packet of the first stream of a kind."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [
            (round(float((p.pts or 0) * p.time_base) * 1000), bytes(p))
            for p in container.demux(stream)
            if p.size
        ]
