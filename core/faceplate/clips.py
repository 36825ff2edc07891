"""A clip made ready for a head: one person followed through it, 68 points on every frame, a few of them as photos."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.frames.looking import look_at, shot_of
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.plates import to_plate
from faceplate.io.sequence import Footage, FrameFile, FrameReader
from faceplate.plate import Plate
from faceplate.portraits import BESIDE, LENS, SMALL, PortraitNets, guess_of, still_of
from faceplate.reconstruct.camera import FULL_FRAME_WIDTH, Camera
from faceplate.reconstruct.frame_choice import Candidate, choose_frames
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.performance import ClipFrame
from faceplate.reconstruct.pipeline import Still
from faceplate.stages.landmarks import Landmarks, find_landmarks
from faceplate.stages.shot import BRIDGED, Track
from faceplate_client.errors import InputError, ModelError, RequestError

MOST_STILLS = 5
"""Frames of a clip that its head is made of."""

_SMALLEST = 24.0  # pixels, the lowest face that is looked for


@dataclass(frozen=True)
class Clip:
    """One person in a clip.

    `stills`: the frames the head is made of, and `chosen`: their numbers. `faces`: of every frame that shows the
    person. `frames`: the numbers of all that were asked for. `size`: (width, height) of the display window, pixels.
    `lens`: mm full-frame equivalent, None where it is a guess. `height`: of the face, pixels, the median. `notes`: for
    the artist.
    """

    words: str
    frames: tuple[int, ...]
    rate: Fraction
    size: tuple[int, int]
    faces: tuple[ClipFrame, ...] = field(repr=False)
    stills: tuple[Still, ...] = field(repr=False)
    chosen: tuple[int, ...]
    lens: float | None
    height: float
    notes: tuple[str, ...] = ()

    def camera(self, focal: float) -> Camera:
        """The camera of every frame, over the display window, from a focal length in pixels."""
        return Camera(focal, (self.size[0] / 2, self.size[1] / 2))


def read_clip(
    footage: Footage,
    nets: PortraitNets,
    head: HeadModel | None = None,
    *,
    face: int | None = None,
    lens: float | None = None,
    colourspace: str | None = None,
    on_frame: Callable[[], object] = lambda: None,
) -> Clip:
    """Follow one person through a clip, find the points of every frame, and choose the frames a head is made of.

    A clip is looked through twice: for faces, which are followed by place and by who they are, and for the points of
    the one that is meant. Only the chosen frames stay in memory.

    Args:
        footage: of the frames that are asked for.
        nets: open, those that find faces and points; a net for identity tells people apart, one for quality helps to
            choose frames.
        head: the model that is to be fitted, for the net that says what it sees of the head; None asks no net.
        face: which person, 1 is the one shown largest and longest; None where there is but one.
        lens: mm, full-frame equivalent; None takes 50 as a guess.
        colourspace: of the frames, None for what the files say.
        on_frame: told of every frame that is looked at, each twice. It may raise to stop the work.

    Raises:
        InputError: a frame cannot be read; no face in the clip. RequestError: several people and none chosen, or no
        such person; frames of different sizes. ModelError: no net finds faces and points.
    """
    if nets.detect is None or nets.landmarks is None:
        raise ModelError("no net looks for faces here; install the model pack", code="model.missing")
    with footage.reader() as reader:
        frames = _Frames(footage, reader, colourspace)
        tracks, size = _followed(frames, nets, on_frame)
        person = choose_person(tracks, frames.numbers, footage.words, face)
        faces, candidates, guesses = [], [], {}
        for place, stretch, found in person:
            on_frame()
            plate, number = frames.plate(place), frames.numbers[place]
            try:
                seen = find_landmarks(plate, found, nets.landmarks)
            except RangeError:
                continue  # its points fall together, or it lies beyond the plate: the frame does not show it
            guess = guesses[number] = guess_of(plate, found, seen, nets, head)
            expected = None if guess is None else guess.expression
            spread = float(np.median(seen.spread))
            faces.append(ClipFrame(number, seen.points, seen.trust, spread, stretch, expected))
            candidates.append(_candidate(number, seen, found))
        if not faces:
            raise _no_face(footage)
        chosen = choose_frames(candidates, MOST_STILLS)
        told = {face.number: face for face in faces}
        stills = [
            still_of(
                f"{footage.words} frame {number}",
                frames.plate(frames.place_of(number)),
                told[number].points,
                lens or LENS,
                told[number].trust,
                told[number].spread,
                guesses[number],
                nets.parse,
            )
            for number in chosen
        ]
    height = float(np.median([found.height for _, _, found in person]))
    return Clip(
        footage.words,
        tuple(frames.numbers),
        footage.rate,
        size,
        tuple(faces),
        tuple(stills),
        tuple(chosen),
        lens,
        height,
        _notes(footage, height),
    )


def focal_of(clip: Clip) -> float:
    """Pixels: the focal length that the lens, or the guess of one, has on the clip's frames."""
    return max(clip.size) * (clip.lens or LENS) / FULL_FRAME_WIDTH


def choose_person(
    tracks: Sequence[Track], numbers: Sequence[int], words: str, chosen: int | None
) -> list[tuple[int, int, Face]]:
    """The frames that show the person who is meant: (place in the clip, id of the track, face), rising in place.

    Args:
        tracks: frames counted by their place in the clip. numbers: of the frames, by place.
        words: the clip's name, for sentences.
        chosen: which person, 1 is the one shown largest and longest; None where there is but one.

    Raises:
        InputError: nobody. RequestError: several people, and nobody said which; or not as many as said.
    """
    people: dict[str, list[tuple[int, int, Face]]] = {}
    for track in tracks:
        here = [(place, track.id, face) for place, face in track.faces.items() if face.score > BRIDGED]
        people.setdefault(track.name, []).extend(here)
    ranked = sorted(
        (sorted(seen, key=lambda each: each[0]) for seen in people.values()), key=_share, reverse=True
    )
    if not ranked:
        raise InputError(
            f"No face was found in {words}, frames {numbers[0]}-{numbers[-1]}. Give a range in which one is at least "
            f"{_SMALLEST:.0f} pixels high, sharp and not covered.",
            code="input.face",
        )
    if chosen is not None:
        if not 1 <= chosen <= len(ranked):
            raise RequestError(
                f"--face {chosen} was asked for, and {words} shows {len(ranked)}; 1 is shown largest and longest.",
                code="request.face",
            )
        return ranked[chosen - 1]
    near = [seen for seen in ranked if _share(seen) >= BESIDE * _share(ranked[0])]
    if len(near) > 1:
        listed = ", ".join(f"{k} {_where(seen, numbers)}" for k, seen in enumerate(near, 1))
        raise RequestError(
            f"There are {len(near)} people in {words}: {listed}. Say who is meant with --face N.",
            code="request.face",
        )
    return near[0]


def _share(seen: Sequence[tuple[int, int, Face]]) -> float:
    """How large and how long somebody is shown: pixels of height, summed over frames."""
    return sum(face.height for _, _, face in seen)


def _where(seen: Sequence[tuple[int, int, Face]], numbers: Sequence[int]) -> str:
    place, _, face = max(seen, key=lambda each: each[2].height)
    return (
        f"at x {sum(face.box[::2]) / 2:.0f}, y {sum(face.box[1::2]) / 2:.0f} on frame {numbers[place]} "
        f"({face.height:.0f} px high)"
    )


class _Frames:
    """A clip's plates by their place in it: frames that lie two apart, or a thousand, are next to each other."""

    def __init__(self, footage: Footage, reader: FrameReader, colourspace: str | None) -> None:
        self._files: Mapping[int, FrameFile] = dict(enumerate(footage.frames))
        self._reader, self._colourspace = reader, colourspace
        self.numbers = [file.number for file in footage.frames]

    def plate(self, place: int) -> Plate:
        picture = self._reader.read(self._files[place])
        return to_plate(picture, place, encoding_for(self._colourspace or guess_space(picture)))

    def place_of(self, number: int) -> int:
        return self.numbers.index(number)


def _followed(
    frames: _Frames, nets: PortraitNets, on_frame: Callable[[], object]
) -> tuple[tuple[Track, ...], tuple[int, int]]:
    """Everybody in the clip, and the size of its frames."""
    assert nets.detect is not None
    seen = []
    for place, number in enumerate(frames.numbers):
        on_frame()
        here = look_at(
            frames.plate(place),
            detector=nets.detect,
            identity=nets.identity,
            quality=nets.quality,
            smallest=_SMALLEST,
            grained=False,
        )
        if seen and here.size != seen[0].size:
            raise RequestError(
                f"frame {number} is {here.size[0]} x {here.size[1]}, those before it {seen[0].size[0]} x "
                f"{seen[0].size[1]}; a clip has one size, so choose frames with --frames"
            )
        seen.append(here)
    shot, _ = shot_of(seen, source="", models={})
    return shot.tracks, seen[0].size


def _candidate(number: int, seen: Landmarks, face: Face) -> Candidate:
    sure = 1 / (1 + 100 * float(np.median(seen.spread)) / max(face.height, 1.0))
    return Candidate(number, seen.yaw, seen.pitch, sure if face.quality is None else face.quality)


def _no_face(footage: Footage) -> InputError:
    return InputError(
        f"The points of the face could be found on no frame of {footage.words}. Give a range in which it is whole, "
        "sharp and not covered.",
        code="input.face",
    )


def _notes(footage: Footage, height: float) -> tuple[str, ...]:
    if height >= SMALL:
        return ()
    return (
        f"The face in {footage.words} is only {height:.0f} pixels high, so that the head is uncertain and its texture "
        "soft; give a larger one if there is.",
    )
