"""Plates of old film before anything looks for faces on them: flicker evened out, dust and short scratches repaired.

A cleaned plate is a function of its own file, the two beside it and the shot, so it comes out the same in any order.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from faceplate.errors import RangeError
from faceplate.plate import Plate
from faceplate.restore.film import Repaired, deflicker, repair_dirt
from faceplate.stabilise.flow import find_flow
from faceplate.stabilise.pipeline import Memory
from faceplate.stages.shot import Shot


@dataclass(frozen=True)
class FilmParams:
    """`deflicker` 0-1: how much of the flicker is evened out. `repair`: whether dirt is taken out.

    Raises:
        RangeError: a value outside its range.
    """

    deflicker: float = 0.0
    repair: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.deflicker <= 1.0:
            raise RangeError(f"deflicker should be 0-1, got {self.deflicker}")

    @property
    def off(self) -> bool:
        return self.deflicker == 0.0 and not self.repair

    def as_words(self) -> dict[str, Any]:
        """In plain values: for proofs."""
        return asdict(self)


class FilmPlates:
    """Cleans the plates of a shot, each once as long as it is among the last `keep`. For one thread at a time."""

    def __init__(
        self, shot: Shot, params: FilmParams, *, plate_of: Callable[[int], Plate], keep: int
    ) -> None:
        self._shot, self._params, self._plate_of = shot, params, plate_of
        self._even: Memory[Plate] = Memory(keep)
        self._clean: Memory[Repaired] = Memory(keep)

    def frames_for(self, frame: int) -> list[int]:
        """The frames besides its own that cleaning a frame reads: those before and after it, within its cuts."""
        if not self._params.repair:
            return []
        return [each for each in self._shot.window(frame, 1) if each != frame]

    def clean(self, frame: int) -> Repaired:
        """A frame's plate, cleaned, and the matte of what was repaired.

        Dirt is found by comparing with both neighbours: the first and last frame of a shot keep theirs.

        Raises:
            Whatever reading a plate raises.
        """
        return self._clean.of(frame, lambda: self._cleaned(frame))

    def _cleaned(self, frame: int) -> Repaired:
        plate, near = self._evened(frame), self.frames_for(frame)
        if near != [frame - 1, frame + 1]:
            return Repaired(plate, np.zeros(plate.pixels.shape[:2], np.float32))
        before, after = (self._evened(each) for each in near)
        return repair_dirt(plate, before, after, find=find_flow)

    def _evened(self, frame: int) -> Plate:
        def make() -> Plate:
            r, g, b = (
                value**self._params.deflicker for value in self._shot.flicker.get(frame, (1.0, 1.0, 1.0))
            )
            return deflicker(self._plate_of(frame), (r, g, b))

        return self._even.of(frame, make)
