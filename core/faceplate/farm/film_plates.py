"""Old footage before anything looks for faces on it: fields made frames, flicker evened out, dirt repaired.

A cleaned plate is a function of its own file, a few beside it and the shot, so it comes out the same in any order.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import no_matte
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.farm.interlacing import Asked, first_field
from faceplate.plate import Plate, Rect
from faceplate.restore.film import Repaired, deflicker, repair_dirt
from faceplate.restore.film_fields import deinterlace
from faceplate.stabilise.flow import SMALLEST, find_flow
from faceplate.stabilise.pipeline import Memory
from faceplate.stages.shot import Shot

NEIGHBOUR = 2
"""Frames away that a frame's neighbour may be; further away motion is no longer followed."""

EYE = 0.35
"""Radius that an eye is spared in, as a share of the distance between the eyes."""


@dataclass(frozen=True)
class FilmParams:
    """`deinterlace`: the field filmed first, whose time a frame keeps, "off" for whole frames, "auto" for what the shot
    says. `deflicker` 0-1: how much of the flicker is evened out. `repair`: whether dirt is taken out.

    Raises:
        RangeError: a value outside its range.
    """

    deinterlace: Asked = "off"
    deflicker: float = 0.0
    repair: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.deflicker <= 1.0:
            raise RangeError(f"deflicker should be 0-1, got {self.deflicker}")
        if self.deinterlace not in get_args(Asked):
            raise RangeError(
                f"deinterlace should be one of {', '.join(get_args(Asked))}, got {self.deinterlace}"
            )

    @property
    def off(self) -> bool:
        return self.deinterlace == "off" and self.deflicker == 0.0 and not self.repair

    @property
    def reach(self) -> int:
        """Frames on either side that cleaning one looks at, where none is missing."""
        return int(self.deinterlace != "off") + int(self.repair)

    def as_words(self) -> dict[str, Any]:
        """In plain values: for proofs."""
        return asdict(self)


class FilmPlates:
    """Cleans the plates of a shot, each once as long as it is among the last `keep`. For one thread at a time."""

    def __init__(
        self, shot: Shot, params: FilmParams, *, plate_of: Callable[[int], Plate], keep: int
    ) -> None:
        self._shot, self._params, self._plate_of = shot, params, plate_of
        self._first = first_field(params.deinterlace, shot.fields, "")
        self._whole: Memory[Plate] = Memory(keep)
        self._even: Memory[Plate] = Memory(keep)
        self._clean: Memory[Repaired] = Memory(keep)

    def frames_for(self, frame: int) -> list[int]:
        """The frames besides its own that cleaning a frame reads, within its cuts.

        A neighbour may be NEIGHBOUR frames away: footage numbered by twos, or with a frame missing, is repaired too.
        """
        looked_at = {frame, *(self._beside(frame) if self._params.repair else ())}
        if self._first != "off":
            looked_at |= {each for one in looked_at for each in self._beside(one)}
        return sorted(looked_at - {frame})

    def _beside(self, frame: int) -> list[int]:
        """The frame before and the frame after, where the shot has them."""
        around = self._shot.window(frame, NEIGHBOUR)
        before = [each for each in around if each < frame][-1:]
        return before + [each for each in around if each > frame][:1]

    def clean(self, frame: int) -> Repaired:
        """A frame's plate, cleaned, and the matte of what was repaired.

        Dirt is found by comparing with both neighbours: the first and last frame of a shot keep theirs.

        Raises:
            Whatever reading a plate raises.
        """
        return self._clean.of(frame, lambda: self._cleaned(frame))

    def _cleaned(self, frame: int) -> Repaired:
        plate, near = self._evened(frame), self._beside(frame)
        if not self._params.repair or len(near) < 2:
            return Repaired(plate, no_matte(*plate.pixels.shape[:2]))
        before, after = (self._evened(each) for each in near)
        return repaired(plate, before, after, [face for _, face in self._shot.tracks_at(frame)])

    def _evened(self, frame: int) -> Plate:
        def make() -> Plate:
            r, g, b = (
                value**self._params.deflicker for value in self._shot.flicker.get(frame, (1.0, 1.0, 1.0))
            )
            return deflicker(self._made_whole(frame), (r, g, b))

        return self._even.of(frame, make)

    def _made_whole(self, frame: int) -> Plate:
        plate = self._plate_of(frame)
        first = self._first
        if first != "top" and first != "bottom":
            return plate
        beside = {each: self._plate_of(each) for each in self._beside(frame)}
        same = {each: other for each, other in beside.items() if other.data_window == plate.data_window}
        before = next((other for each, other in same.items() if each < frame), None)
        after = next((other for each, other in same.items() if each > frame), None)
        return self._whole.of(frame, lambda: deinterlace(plate, before, after, first=first))


def repaired(plate: Plate, before: Plate, after: Plate, faces: Sequence[Face]) -> Repaired:
    """Repair the part of a plate that all three frames have pixels of: data windows may move from frame to frame."""
    matte = np.zeros(plate.pixels.shape[:2], np.float32)
    window = plate.data_window.within(before.data_window)
    window = window and window.within(after.data_window)
    if window is None or min(window.width, window.height) < SMALLEST:
        return Repaired(plate, matte)
    part, *near = (_part(each, window) for each in (plate, before, after))
    done = repair_dirt(part, *near, find=find_flow, spare=eyes_on(part, faces))
    if done.plate is part:
        return Repaired(plate, matte)
    place = window.slices(plate.data_window)
    pixels = plate.pixels.copy()
    pixels[place], matte[place] = done.plate.pixels, done.matte
    return Repaired(plate.with_pixels(pixels), matte)


def _part(plate: Plate, window: Rect) -> Plate:
    """A plate's colours inside a window that it covers."""
    pixels = plate.pixels[window.slices(plate.data_window)]
    return replace(plate, pixels=pixels, data_window=window, alpha=None, alpha_kind="none")


def eyes_on(plate: Plate, faces: Sequence[Face]) -> NDArray[np.bool_]:
    """(H, W) over the data window: where the eyes of these faces are.

    A lid that is down for one frame stands out of both neighbours just as dirt does, and a blink that is half repaired
    is worse than a speck: the restoration of the face comes later and takes the speck.
    """
    window = plate.data_window
    rows = np.arange(window.y0, window.y1)[:, None] + 0.5
    columns = np.arange(window.x0, window.x1)[None, :] + 0.5
    spared = np.zeros((window.height, window.width), bool)
    for face in faces:
        right, left = face.points[:2]
        reach = EYE * float(np.hypot(*(right - left)))
        for x, y in (right, left):
            spared |= (columns - x) ** 2 + (rows - y) ** 2 <= reach**2
    return spared
