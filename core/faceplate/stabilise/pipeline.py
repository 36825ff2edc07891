"""Restored crops held together in time: a fixed window of frames around each, and nothing remembered beyond it.

What is kept between frames saves time and nothing else: every entry is a pure function of its key, so a frame comes
out the same alone, in any order, in a chunk, or in a whole shot.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

import cv2
import numpy as np

from faceplate.arrays import Flow, Image, Matte, expect_shapes
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.stabilise.flow import ALIKE_SIGMA, FindFlow, carry, find_flow, resemblance, visibility
from faceplate.stabilise.temporal import Neighbour, steady_crop
from faceplate.stages.shot import Shot, Track
from faceplate.stages.tone import tone_drift

LARGEST_RADIUS = 8
"""Frames on either side of a window; beyond that a face has moved on and the net's inventions with it."""

EXPOSURE_ROWS, FEWEST = 128, 64
"""Rows and columns of a crop that an exposure is told by, and pixels below which it is not told at all."""

Value = TypeVar("Value")

Take = Callable[[Plate, Face, int], Image]
"""(plate, face, side) -> the face's crop, (S, S, 3), display-encoded, 0-1: what the net is shown."""

Restore = Callable[[Image], Image]
"""A crop -> the restored crop, same shape and space; the same crop gives the same bits."""


class Memory(Generic[Value]):
    """Keeps the last few results of a pure function by its key; what falls out is made again when it is asked for.

    Safe to use from several threads; two that ask for the same at the same time may both make it.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: OrderedDict[Hashable, Value] = OrderedDict()
        self._looking = threading.Lock()

    def of(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What `make` makes for this key, or has made."""
        with self._looking:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()
        with self._looking:
            self._held[key] = made
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        return made


@dataclass(frozen=True)
class Restoration:
    """One face on one frame: `crop` as it was filmed and `restored` as the net made it, both (S, S, 3), 0-1."""

    crop: Image
    restored: Image


@dataclass(frozen=True)
class SteadyParams:
    """`strength` 0-1: a neighbour's weight; 0 restores frame by frame. `radius`: frames on either side, 0-8.

    Raises:
        RangeError: a value outside its range.
    """

    strength: float = 1.0
    radius: int = 2

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= 1.0:
            raise RangeError(f"steady should be 0-1, got {self.strength}")
        if not 0 <= self.radius <= LARGEST_RADIUS:
            raise RangeError(f"radius should be 0-{LARGEST_RADIUS} frames, got {self.radius}")

    @property
    def off(self) -> bool:
        return self.strength == 0.0 or self.radius == 0


def crops_kept(shot: Shot, params: SteadyParams) -> int:
    """Crops that a shot's frames share, rendered one after the other: a window and the frame that comes in."""
    faces = max((len(shot.tracks_at(frame)) for frame in shot.plates), default=0)
    return max(1, faces) * (2 * params.radius + 2)


class SteadyFaces:
    """Restores the faces of a shot's tracks, each steadied by its neighbours.

    For one thread that asks for `restored` and `drift`, and one beside it that prepares what will be asked next.

    `take` and `restore` are pure functions, see `Take` and `Restore`; `find` follows motion, DIS unless told otherwise.
    """

    def __init__(
        self, shot: Shot, params: SteadyParams, *, take: Take, restore: Restore, find: FindFlow = find_flow
    ) -> None:
        self._shot, self._params = shot, params
        self._take, self._restore, self._find = take, restore, find
        kept = crops_kept(shot, params)
        self._crops: Memory[Restoration] = Memory(kept)
        self._flows: Memory[Flow] = Memory(kept * (2 * params.radius + 1))

    def frames_for(self, frame: int) -> list[int]:
        """The frames whose plates this one needs besides its own."""
        if self._params.off:
            return []
        return [each for each in self._shot.window(frame, self._params.radius) if each != frame]

    def restored(self, frame: int, track: Track, crop: Image, *, plate_of: Callable[[int], Plate]) -> Image:
        """A track's face on a frame, restored and steady.

        Args:
            frame: one of the track's.
            track: whose face it is.
            crop: (S, S, 3), the face on this frame, as `take` gives it.
            plate_of: the plate of a frame nearby; asked only for what is not kept.

        Returns:
            (S, S, 3) float32, display-encoded.

        Raises:
            Whatever reading a plate or restoring raises.
        """
        side = expect_shapes(crop=(crop, "S S 3"))["S"]
        here = self._crops.of((frame, track.id, side), lambda: Restoration(crop, self._restore(crop)))
        near = []
        for other in self.frames_for(frame):
            if other not in track.faces:
                continue
            there = self._restoration(other, track, side, plate_of)
            if there is not None:
                near.append(self._neighbour(here, there, (frame, other, track.id, side)))
        return steady_crop(here.restored, near, strength=self._params.strength)

    def prepare(self, frame: int, track: Track, side: int, *, plate_of: Callable[[int], Plate]) -> None:
        """Restore the track's face on the frames after one in its window, as `restored` will ask for it.

        Args:
            frame, track, plate_of: as for `restored`. side: of its crop.

        Raises:
            Whatever reading a plate or restoring raises.
        """
        for other in self.frames_for(frame):
            if other > frame and other in track.faces:
                self._restoration(other, track, side, plate_of)

    def drift(
        self, frame: int, track: Track, crop: Image, matte: Matte, *, plate_of: Callable[[int], Plate]
    ) -> Image:
        """What the tone of a track's face on a frame lacks to that of the frames around, (S, S, 3); see `tone_drift`.

        Args:
            frame, track, crop, plate_of: as for `restored`, which is to be asked first: it keeps what this looks at.
            matte: (S, S), 0-1, where the face is on the crop.

        Raises:
            Whatever reading a plate or restoring raises.
        """
        side = expect_shapes(crop=(crop, "S S 3"))["S"]
        around, pairs = set(self.frames_for(frame)), []
        for step in range(1, self._params.radius + 1):
            both = (frame - step, frame + step)
            if not all(other in around and other in track.faces for other in both):
                continue
            before, after = (self._restoration(other, track, side, plate_of) for other in both)
            if before is not None and after is not None:
                pairs.append((before.crop, after.crop))
        return np.float32(self._params.strength) * tone_drift(crop, pairs, matte)

    def _restoration(
        self, frame: int, track: Track, side: int, plate_of: Callable[[int], Plate]
    ) -> Restoration | None:
        """The face on a frame nearby, or None where it lies outside that plate."""

        def make() -> Restoration:
            crop = self._take(plate_of(frame), track.faces[frame], side)
            return Restoration(crop, self._restore(crop))

        try:
            return self._crops.of((frame, track.id, side), make)
        except RangeError:
            return None  # it has left the frame there: no neighbour, on any machine and in any order

    def _neighbour(self, here: Restoration, there: Restoration, key: tuple[int, int, int, int]) -> Neighbour:
        frame, other, track, side = key
        forward = self._flows.of(key, lambda: self._find(here.crop, there.crop))
        backward = self._flows.of((other, frame, track, side), lambda: self._find(there.crop, here.crop))
        return neighbour_of(here, there, forward, backward)


def neighbour_of(here: Restoration, there: Restoration, forward: Flow, backward: Flow) -> Neighbour:
    """A face on a frame nearby as `steady_crop` takes it: at this frame's exposure, and believed where it may be.

    Args:
        here, there: the face on this frame and on the other, crops of one side S.
        forward, backward: (S, S, 2), pixels, of the original crops: a restored crop's inventions are not followed.

    Raises:
        ShapeError: arrays that do not share S.
    """
    expect_shapes(here=(here.crop, "S S 3"), there=(there.crop, "S S 3"), forward=(forward, "S S 2"))
    seen = visibility(forward, backward)
    # Told at half the size: what is averaged over pixels needs no more, and takes a fourth of the time.
    one, other, way = _halved(here.crop), _halved(there.crop), _halved(forward) * np.float32(0.5)
    carried = carry(other, way, sharp=False)
    shift = _exposure_between(one, carried, _halved(seen))
    alike = cv2.resize(resemblance(one, carried + shift, sigma=ALIKE_SIGMA / 2), seen.shape[::-1])
    return Neighbour(there.restored + shift, forward, np.asarray(seen * alike, np.float32))


def _halved(array: np.ndarray) -> np.ndarray:
    """Half the rows and columns of an array, each the mean of two."""
    height, width = array.shape[:2]
    return cv2.resize(array, (width // 2, height // 2), interpolation=cv2.INTER_AREA)


def _exposure_between(crop: Image, carried: Image, seen: Matte) -> Image:
    """(3,) what a neighbour lacks to this frame's exposure: the median difference where both show the same thing."""
    some = slice(None, None, max(1, crop.shape[0] // EXPOSURE_ROWS))
    both = seen[some, some] > 0.5
    if both.sum() < FEWEST:
        return np.zeros(3, np.float32)
    lacking = (crop[some, some] - carried[some, some])[both]
    return np.array([np.median(channel) for channel in lacking.T], np.float32)
