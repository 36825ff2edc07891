"""A picture as its file holds it: every part, every channel in its own type, every attribute.

Nothing here opens a file. A `Picture` is what `images.py` reads and writes and what `plates.py` turns into a plate and
back; everything that the plate does not touch stays in the file's own numbers from the first byte to the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from faceplate.arrays import Matte
from faceplate.errors import RangeError
from faceplate.plate import Rect
from faceplate_client.errors import InputError

GREY_NAMES = ("y", "l", "i", "luminance", "grey", "gray")


@dataclass(frozen=True)
class Roles:
    """Which channels a plate is made of, as places in the part's channel order.

    `rgb`: three places; a grey picture names its one channel three times. `alpha`: place or None.
    """

    rgb: tuple[int, int, int]
    alpha: int | None = None

    @property
    def grey(self) -> bool:
        return self.rgb[0] == self.rgb[1]


@dataclass(frozen=True)
class Part:
    """One part of a file: an EXR part, a TIFF page, or all there is.

    `spec`: the header as OpenImageIO read it; never written to, copy it. `runs`: the pixels over the data window,
    (H, W, n) in the file's own type, one array for each run of neighbouring channels that share a type, so that half
    RGB beside float depth stays what it is. `deep`: OpenImageIO's DeepData in place of runs, for a deep EXR part.
    `origin`: what is known of the file it was read from; see `from_file`.
    """

    spec: oiio.ImageSpec
    runs: tuple[np.ndarray, ...]
    deep: Any = None
    origin: "Origin | None" = field(default=None, repr=False, compare=False)

    def from_file(self, changed_rows: tuple[tuple[int, int], ...] = ()) -> "Part":
        """The same part, known to be that of its file, header and all, outside these row ranges (first, end)."""
        return replace(self, origin=Origin(self.spec, self.runs, changed_rows))

    @property
    def changed_rows(self) -> tuple[tuple[int, int], ...] | None:
        """Row ranges, counted from the data window's top, outside which the part is its file's; None: nobody knows."""
        origin = self.origin
        if origin is None or origin.spec is not self.spec or origin.runs is not self.runs:
            return None
        return origin.changed_rows

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.spec.channelnames)

    @property
    def data_window(self) -> Rect:
        return Rect(self.spec.x, self.spec.y, self.spec.x + self.spec.width, self.spec.y + self.spec.height)

    @property
    def display_window(self) -> Rect:
        spec = self.spec
        return Rect(spec.full_x, spec.full_y, spec.full_x + spec.full_width, spec.full_y + spec.full_height)

    @property
    def bits(self) -> int:
        """Bits of a sample in the file: 10 for most DPX, although its samples arrive here in the top of 16."""
        held = self.runs[0].dtype.itemsize * 8 if self.runs else 32
        told = self.spec.get_int_attribute("oiio:BitsPerSample", held)
        return told if 0 < told <= held else held

    def channel(self, place: int) -> np.ndarray:
        """(H, W) view of one channel, in its own type."""
        for run in self.runs:
            if place < run.shape[2]:
                return run[:, :, place]
            place -= run.shape[2]
        raise IndexError(place)

    def attributes(self) -> dict[str, Any]:
        """Every attribute of the header by name, as Python values."""
        return {attribute.name: attribute.value for attribute in self.spec.extra_attribs}


@dataclass(frozen=True)
class Origin:
    """What was known of a part when it had this header and these runs; with others it says nothing."""

    spec: oiio.ImageSpec
    runs: tuple[np.ndarray, ...]
    changed_rows: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Picture:
    """One file's content.

    `path`: where it came from. `format`: openexr, dpx, tiff, png or jpeg. `main`: the part whose channels `roles`
    make the plate. `layers`: mattes that this format has no channels for; they are written beside the picture.
    `changed`: False as long as every pixel is the one the file at `path` holds. `stamp`: size and time of change, ns,
    of that file when it was read.
    """

    path: Path
    format: str
    parts: tuple[Part, ...] = field(repr=False)
    main: int
    roles: Roles
    layers: Mapping[str, Matte] = field(default_factory=dict, repr=False)
    changed: bool = False
    stamp: tuple[int, int] | None = None

    @property
    def part(self) -> Part:
        return self.parts[self.main]

    @property
    def alpha_kind(self) -> str:
        """`none`, `straight` or `premultiplied`: how the file's alpha is meant (OpenEXR's is premultiplied)."""
        if self.roles.alpha is None:
            return "none"
        return (
            "straight" if self.part.spec.get_int_attribute("oiio:UnassociatedAlpha", 0) else "premultiplied"
        )

    @property
    def orientation(self) -> int:
        """EXIF orientation 1-8; always 1 for EXR, which has windows instead."""
        told = 1 if self.format == "openexr" else self.part.spec.get_int_attribute("Orientation", 1)
        return told if 1 <= told <= 8 else 1


def roles_in(names: Sequence[str]) -> Roles | None:
    """Which of these channels are red, green, blue and alpha; None when no picture can be made of them.

    Plain R G B first, then the first layer that has all three (`beauty.R`), then one grey channel.
    """
    lower = [name.lower() for name in names]
    layers = dict.fromkeys(["", *(name.rpartition(".")[0] + "." for name in lower if "." in name)])
    for layer in layers:
        for letters in (("r", "g", "b"), ("red", "green", "blue")):
            wanted = [layer + letter for letter in letters]
            if all(name in lower for name in wanted):
                red, green, blue = (lower.index(name) for name in wanted)
                return Roles((red, green, blue), _alpha_in(lower, layer))
    for layer in layers:
        for grey in GREY_NAMES:
            if layer + grey in lower:
                place = lower.index(layer + grey)
                return Roles((place, place, place), _alpha_in(lower, layer))
    return (
        Roles((0, 0, 0)) if len(lower) == 1 and "." not in lower[0] and lower[0] not in ("a", "z") else None
    )


def _alpha_in(lower: Sequence[str], layer: str) -> int | None:
    return next((lower.index(layer + name) for name in ("a", "alpha") if layer + name in lower), None)


def choose_main(parts: Sequence[Part], path: Path) -> tuple[int, Roles]:
    """The part with the picture in it, colour before grey, first before later.

    Raises:
        InputError: no part holds one.
    """
    found = [(place, roles_in(part.names)) for place, part in enumerate(parts) if part.deep is None]
    pictures = [(place, roles) for place, roles in found if roles is not None]
    for place, roles in sorted(pictures, key=lambda pair: pair[1].grey):
        return place, roles
    if any(part.deep is not None for part in parts):
        raise InputError(
            f"{path} is a deep EXR; flatten it first (in Nuke: DeepToImage) and give the flat one"
        )
    names = ", ".join(name for part in parts for name in part.names)
    raise InputError(
        f"{path} should hold R, G and B or one grey channel, but holds {names}; rename or shuffle them"
    )


def check_windows(part: Part, path: Path) -> None:
    """Refuse a part whose data or display window is empty.

    Raises:
        InputError: names the file and the window.
    """
    try:
        _ = part.data_window, part.display_window
    except RangeError as error:
        raise InputError(f"{path} has an empty data or display window ({error}); render it again") from error


def runs_of(spec: oiio.ImageSpec) -> list[tuple[int, int, oiio.TypeDesc]]:
    """Neighbouring channels of one type: (first, end, type)."""
    kinds = [spec.channelformat(place) for place in range(spec.nchannels)]
    starts = [place for place in range(spec.nchannels) if place == 0 or kinds[place] != kinds[place - 1]]
    return [(a, b, kinds[a]) for a, b in zip(starts, [*starts[1:], spec.nchannels], strict=True)]


def stamp_of(path: Path) -> tuple[int, int]:
    """A file's size and the time it was last changed, ns."""
    told = path.stat()
    return told.st_size, told.st_mtime_ns
