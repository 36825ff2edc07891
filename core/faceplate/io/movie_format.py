"""What a movie is written as: the codec, depth and tags that change least of the movie it comes from."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from faceplate.io.movie import MovieFacts
from faceplate.io.movie_frame import Tags
from faceplate.io.yuv import is_planar, layout_of
from faceplate_client.errors import RequestError

ENCODERS = {"h264": "libx264", "hevc": "libx265", "prores": "prores_ks", "dnxhd": "dnxhd"}
NAMES = {"h264": "H.264", "hevc": "H.265", "prores": "ProRes", "dnxhd": "DNxHR"}
_CONTAINERS = {".mp4": ("h264", "hevc"), ".m4v": ("h264",), ".mov": tuple(ENCODERS), ".mkv": tuple(ENCODERS),
               ".mxf": ("dnxhd", "h264", "prores")}  # fmt: skip
_PRORES = {"Proxy": "proxy", "LT": "lt", "Standard": "standard", "HQ": "hq", "4444": "4444", "XQ": "4444xq"}


VIDEO = Tags(primaries=1, transfer=1, matrix=1, range=1)
"""BT.709 in limited range: what a movie made of pictures says it is."""


@dataclass(frozen=True)
class MovieFormat:
    """What a movie is written as.

    `codec`: h264, hevc, prores or dnxhd. `size`: (width, height) as stored. `source`: the movie that sound and
    metadata are copied from, if any. `profile`: the codec's, as FFmpeg names it.
    """

    codec: str
    pix_fmt: str
    size: tuple[int, int]
    rate: Fraction
    time_base: Fraction
    tags: Tags = VIDEO
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    profile: str = ""
    source: Path | None = None


def format_like(facts: MovieFacts, path: Path, *, scale: int = 1) -> MovieFormat:
    """The format that changes least when the movie `facts` is written to `path`.

    A codec that is only read (MPEG-2, VP9...), or that the container cannot hold, becomes H.264; bits and chroma are
    kept wherever the encoder has them and never lowered where it has more.

    Raises:
        RequestError: `path` ends in no container that is written.
    """
    held = _held_by(path)
    codec = facts.codec if facts.codec in held else held[0]
    size = (facts.size[0] * scale, facts.size[1] * scale)
    return MovieFormat(
        codec,
        _nearest(facts.pix_fmt, codec),
        size,
        facts.rate,
        facts.time_base,
        facts.tags,
        facts.rotation,
        facts.aspect,
        facts.profile,
        facts.path,
    )


def format_new(path: Path, size: tuple[int, int], rate: Fraction) -> MovieFormat:
    """The format for a movie made of single pictures: ten bits, BT.709; 4:2:0 where the size is even.

    Raises:
        RequestError: `path` ends in no container that is written.
    """
    codec = _held_by(path)[0]
    even = size[0] % 2 == 0 and size[1] % 2 == 0
    return MovieFormat(codec, _nearest("yuv420p10le" if even else "yuv444p10le", codec), size, rate, 1 / rate)


def _held_by(path: Path) -> tuple[str, ...]:
    held = [
        codec for codec in _CONTAINERS.get(path.suffix.lower(), ()) if ENCODERS[codec] in av.codecs_available
    ]
    if not held:
        raise RequestError(
            f"{path.name} should end in one of {', '.join(_CONTAINERS)} to be written as a movie"
        )
    return tuple(held)


def _nearest(pix_fmt: str, codec: str) -> str:
    """The encoder's format that loses least: same family, no less chroma, no fewer bits, then the smallest such."""
    formats = av.Codec(ENCODERS[codec], "w").video_formats or []
    names = [each.name for each in formats if is_planar(each.name)]
    if pix_fmt in names:
        return pix_fmt
    source = layout_of(pix_fmt)

    def loss(name: str) -> tuple:
        target = layout_of(name)
        chroma = 0 if source.family == "grey" else sum(target.shift) - sum(source.shift)
        needed = source.bits + (2 if source.family == "rgb" != target.family else 0)  # a matrix rounds
        return (
            max(chroma, 0) + 4 * (target.family == "grey" and source.family != "grey"),
            max(needed - target.bits, 0),
            source.alpha and not target.alpha,
            target.family != source.family,
            target.alpha and not source.alpha,
            target.full != source.full,
            -min(chroma, 0),
            target.bits,
            -sum(target.shift),
        )

    return min(names, key=loss)


def encoder_options(form: MovieFormat) -> dict[str, str]:
    """The encoder's settings: visually lossless where the codec has a choice, the source's profile where it has one."""
    layout = layout_of(form.pix_fmt)
    if form.codec == "h264":
        return {"crf": "16", "preset": "medium"}
    if form.codec == "hevc":
        return {"crf": "16", "preset": "medium", "x265-params": "log-level=error"}
    if form.codec == "prores":
        profile = _PRORES.get(form.profile, "hq")
        wide = layout.shift == (0, 0)
        return {"profile": profile if wide == profile.startswith("4444") else "4444" if wide else "hq"}
    if layout.shift == (0, 0):
        return {"profile": "dnxhr_444"}
    return {"profile": "dnxhr_hqx" if layout.bits > 8 else "dnxhr_hq"}
