"""A shot: what was found out about a run of plates once, so that every frame of it can be rendered alone.

The text it is kept in is `stages/shot_text.py`; docs/shot.md describes it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.plate import Fields
from faceplate.stages.grain import Grain
from faceplate_client.errors import InputError, RequestError

VERSION = 1
"""Version of the shot file. A later one that an older reader would misunderstand has a higher number."""

CHOICES = ("all", "largest", "none")
"""Words for a choice of faces that name nobody, so that nobody may be called so."""

WEAKEST, EVIDENCE, ENOUGH = 0.5, 0.09, 4
"""A face seen once counts as much as its score exceeds the first. A person needs the second for each frame of a
stretch, of at most so many frames as the third: four sightings at the detector's threshold, or one beyond doubt.
"""

BRIDGED = 0.0
"""Score of a face on a frame that it was not found on."""


@dataclass(frozen=True)
class Track:
    """One face through a shot.

    `id`: 1 or more, unique in its shot and never used again. `name`: whose face it is; several tracks may share one.
    `faces`: frame -> face in display window coordinates, rising without gaps; a score of 0 marks a frame on which it
    was not found. `locked`: a new analysis leaves it as it is.

    Raises:
        RangeError: an id below 1, a name that cannot be asked for, no face, frames with a gap.
    """

    id: int
    name: str
    faces: Mapping[int, Face] = field(repr=False)
    locked: bool = False

    def __post_init__(self) -> None:
        if self.id < 1:
            raise RangeError(f"a track's id should be 1 or more, got {self.id}")
        check_name(self.name)
        frames = list(self.faces)
        if not frames or frames != list(range(frames[0], frames[-1] + 1)):
            raise RangeError(f"track {self.id} should hold every frame from its first to its last, in order")

    @property
    def first(self) -> int:
        return next(iter(self.faces))

    @property
    def last(self) -> int:
        return self.first + len(self.faces) - 1

    @property
    def found(self) -> int:
        """Frames on which the face was seen, and not only bridged."""
        return sum(face.score > BRIDGED for face in self.faces.values())

    @property
    def quality(self) -> float:
        """0-1: how much the face shows of who it is, the median over all its frames; what was lost counts as 0.

        The detector's score stands in where no net has told it: of shots from before there was one, or without one.
        """
        told = any(face.quality is not None for face in self.faces.values())
        return float(
            np.median([(face.quality or 0.0) if told else face.score for face in self.faces.values()])
        )


@dataclass(frozen=True)
class Shot:
    """The analysis of a run of plates.

    `source`: the input as it was named. `size`: (width, height) of the display window, pixels. `plates`: frame ->
    hash of the file it was read from. `cuts`: frames that begin a new shot. `tracks`: by id. `flicker`: frame -> (R, G,
    B), how many times brighter than its surroundings in time a frame is, in scene-linear light; 1 where it is not told.
    `grain`: of the plates, or None where it could not be measured. `models`: name -> SHA-256 of what found the faces.
    `fields`: whether the plates are interlaced, as their pixels tell it. `agree`: 0-1, how far neighbouring plates
    agree, where somebody asked whether this is a shot; None where nobody did.

    Raises:
        RangeError: tracks that share an id, or that leave the plates.
    """

    source: str
    size: tuple[int, int]
    plates: Mapping[int, str] = field(repr=False)
    cuts: tuple[int, ...] = ()
    tracks: tuple[Track, ...] = ()
    flicker: Mapping[int, tuple[float, float, float]] = field(default_factory=dict, repr=False)
    grain: Grain | None = field(default=None, repr=False)
    models: Mapping[str, str] = field(default_factory=dict)
    fields: Fields = ""
    agree: float | None = None

    def __post_init__(self) -> None:
        ids = [track.id for track in self.tracks]
        if len(set(ids)) != len(ids):
            raise RangeError(f"two tracks share an id; ids are {', '.join(map(str, sorted(ids)))}")
        for track in self.tracks:
            if track.first not in self.plates or track.last not in self.plates:
                raise RangeError(
                    f"track {track.id} runs over {track.first}-{track.last}, beyond the plates of this shot"
                )

    @property
    def first(self) -> int:
        return min(self.plates)

    @property
    def last(self) -> int:
        return max(self.plates)

    def track(self, id: int) -> Track:
        """A track by its id.

        Raises:
            RequestError: there is none.
        """
        for track in self.tracks:
            if track.id == id:
                return track
        known = ", ".join(str(track.id) for track in self.tracks) or "none"
        raise RequestError(f"this shot has no track {id}; it has {known}")

    def tracks_at(self, frame: int) -> list[tuple[Track, Face]]:
        """The tracks on a frame, the largest face first."""
        here = [(track, track.faces[frame]) for track in self.tracks if frame in track.faces]
        return sorted(here, key=lambda pair: (-pair[1].width * pair[1].height, pair[0].id))

    def window(self, frame: int, radius: int) -> list[int]:
        """The frames around one, itself included, that belong to the same stretch between two cuts.

        Args:
            frame: one of the plates. radius: frames on either side.

        Returns:
            Rising; plates that are missing are left out.

        Raises:
            RangeError: the shot does not have this frame; a negative radius.
        """
        if frame not in self.plates or radius < 0:
            raise RangeError(
                f"a window should lie around one of the frames {self.first}-{self.last} with a radius of "
                f"0 or more, got {frame} and {radius}"
            )
        start = max((cut for cut in self.cuts if cut <= frame), default=self.first)
        end = min((cut for cut in self.cuts if cut > frame), default=self.last + 1)
        around = range(max(start, frame - radius), min(end, frame + radius + 1))
        return [each for each in around if each in self.plates]

    def stretch(self, frame: int) -> list[int]:
        """The plates between the cuts around one of them, rising."""
        return self.window(frame, self.last - self.first)

    def is_doubtful(self, track: Track) -> bool:
        """Whether a track was seen too rarely, and too faintly, to be taken for a face.

        Gravel or a buckle passes for a face on a frame or two; a face stays. All tracks of a name count together, and
        one that somebody has renamed or locked is vouched for.
        """
        ours = [each for each in self.tracks if each.name == track.name]
        if any(each.locked or not _is_given_name(each.name) for each in ours):
            return False
        scores = [face.score for each in ours for face in each.faces.values()]
        seen = sum(max(score - WEAKEST, 0.0) for score in scores)
        return seen < EVIDENCE * min(len(self.stretch(track.first)), ENOUGH)

    def chosen(self, words: str) -> Collection[int]:
        """Ids of the tracks that a choice such as `anna,2` names: names, or ids; all but the doubtful; none.

        Raises:
            RequestError: a word that is neither.
        """
        if words == "all":
            return {track.id for track in self.tracks if not self.is_doubtful(track)}
        if words == "none":
            return set()
        ids: set[int] = set()
        for word in (word.strip() for word in words.split(",")):
            named = {track.id for track in self.tracks if word in (track.name, str(track.id))}
            if not named:
                known = ", ".join(sorted({track.name for track in self.tracks})) or "no faces"
                raise RequestError(f"this shot has nobody called {word}; it has {known}")
            ids |= named
        return ids

    def check_plate(self, frame: int, hash: str) -> None:
        """Refuse a plate that this shot was not made from.

        Raises:
            InputError: the shot has no such frame, or it was another picture.
        """
        if frame not in self.plates:
            raise InputError(
                f"frame {frame} is not among the frames {self.first}-{self.last} that this shot was made "
                f"from; analyse the plates again",
                code="shot.plates",
            )
        if self.plates[frame] != hash:
            raise InputError(
                f"this shot was made from other plates than these: frame {frame} of {self.source} has "
                f"changed since; analyse the plates again, or name the shot that belongs to them",
                code="shot.plates",
            )

    def with_tracks(self, tracks: Sequence[Track]) -> "Shot":
        """The same shot with other tracks, in order of their ids."""
        return replace(self, tracks=tuple(sorted(tracks, key=lambda track: track.id)))


def given_name(number: int) -> str:
    """What an analysis calls somebody until an artist does."""
    return f"face{number}"


def _is_given_name(name: str) -> bool:
    return name.removeprefix(given_name(0)[:-1]).isdigit()


def check_name(name: str) -> None:
    """Refuse a name that `--faces` could not ask for.

    Raises:
        RangeError: it is empty, a number, a word with a meaning of its own, or holds a comma or a line's end.
    """
    fits = name and name == name.strip() and name.isprintable() and "," not in name
    if not fits or name.isdigit() or name in CHOICES or len(name) > 60:
        raise RangeError(
            f"a name should be 1-60 letters without a comma, no number, and not all, largest or none, got {name!r}"
        )


def flicker_of(levels: Mapping[int, NDArray[np.float64]], cuts: Sequence[int] = (), *, radius: int = 8):
    """How much brighter or darker than its surroundings in time every frame is.

    Args:
        levels: frame -> (3,) mean scene-linear level of R, G, B, above 0.
        cuts: frames that begin a new shot; nothing is compared across one.
        radius: frames on either side that make the surroundings.

    Returns:
        frame -> (R, G, B): 1.02 is 2 % brighter than a straight line through its surroundings, as logarithms, says.
    """
    told: dict[int, tuple[float, float, float]] = {}
    for stretch in _stretches(sorted(levels), cuts):
        frames = np.array(stretch, np.float64)
        logs = np.log(np.maximum([levels[frame] for frame in stretch], 1e-9))
        for place, frame in enumerate(stretch):
            near = np.abs(frames - frame) <= radius
            gap = logs[place] - _line_at(frames[near] - frame, logs[near])
            r, g, b = (float(value) for value in np.exp(gap))
            told[frame] = (r, g, b)
    return told


def _stretches(frames: Sequence[int], cuts: Sequence[int]) -> Iterator[list[int]]:
    starts = sorted(cuts)
    for before, after in zip([None, *starts], [*starts, None], strict=True):
        inside = [f for f in frames if (before is None or f >= before) and (after is None or f < after)]
        if inside:
            yield inside


def _line_at(times: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3,) what a line through (N, 3) values says at time 0: a fade is no flicker."""
    if len(times) < 3:
        return values[np.argmin(np.abs(times))]
    weight = np.sqrt(1.0 - np.abs(times) / (np.abs(times).max() + 1.0))
    powers = np.vander(times, 2, increasing=True) * weight[:, None]
    return np.linalg.lstsq(powers, values * weight[:, None], rcond=None)[0][0]
