"""What is seen of a frame before anything is restored, and the shot that is made of a run of such looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.colour import linear_from_srgb
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.plate import Plate
from faceplate.restore.film_fields import Combing, fields_of
from faceplate.restore.likeness import identity as identity_of
from faceplate.runtime.net import Net
from faceplate.stabilise.cuts import THUMBNAIL, find_cuts
from faceplate.stages.align import align_face
from faceplate.stages.detect import detect_faces
from faceplate.stages.follow import Path, Sighting, follow_faces, group_people
from faceplate.stages.grain import Grain, mean_grain, measure_grain
from faceplate.stages.landmarks import find_landmarks
from faceplate.stages.quality import face_quality
from faceplate.stages.shot import Shot, Track, flicker_of, given_name
from faceplate.stages.view import view_plate
from faceplate_client.errors import RequestError

GRAIN_FRAMES = 8
"""Frames, evenly spread, that grain is measured on."""


@dataclass(frozen=True)
class Seen:
    """What was seen on one frame.

    `hash`: of the file it was read from, "" where there is none. `size`: (width, height) of the display window.
    `faces`: with identities, where those were asked for. `small`: (36, 64, 3) float16, display-encoded: for cuts and
    flicker. `grain`: on some frames. `combing`: against the frame before, where that was at hand.
    """

    frame: int
    hash: str
    size: tuple[int, int]
    faces: tuple[Sighting, ...]
    small: NDArray[np.float16]
    grain: Grain | None = None
    combing: Combing | None = None


def grained_among(frames: Sequence[int]) -> set[int]:
    """The frames of a run that its grain is measured on: at most GRAIN_FRAMES, its first and last among them."""
    return {frames[round(place)] for place in np.linspace(0, len(frames) - 1, GRAIN_FRAMES)}


def look_at(
    plate: Plate,
    *,
    detector: Net,
    identity: Net | None,
    smallest: float,
    grained: bool,
    hash: str = "",
    quality: Net | None = None,
    landmarks: Net | None = None,
    beside: Plate | None = None,
) -> Seen:
    """Find a frame's faces, and what else its shot is to know of it.

    Args:
        plate: in its own space, any values.
        detector: a face.detect net. identity: a face.identity net, None where nobody asks who it is.
        smallest: height of the lowest face, pixels.
        grained: whether its grain is measured.
        hash: of the file it was read from.
        quality: a face.quality net, None where nobody asks how much a face shows.
        landmarks: a face.landmarks net, None where nobody asks for 68 points and the head's turn.
        beside: the plate of `neighbour_of_frame`, to tell grain from picture; None where there is none.

    Raises:
        RangeError, ShapeError: as `detect_faces`. ModelError: as `face_quality`.
    """
    found = detect_faces(plate, detector, smallest=smallest)
    found = [_marked(plate, face, landmarks) for face in found]
    faces = tuple(_sighting(plate, face, identity, quality) for face in found)
    grain = grain_on(plate, beside) if grained else None
    size = (plate.display_window.width, plate.display_window.height)
    return Seen(plate.frame, hash, size, faces, small_view(plate).astype(np.float16), grain)


def neighbour_of_frame(frame: int, frames: Sequence[int]) -> int | None:
    """The frame of a run that another's grain is held against: the one before, for the first the one after."""
    place = frames.index(frame)
    if len(frames) < 2:
        return None
    return frames[place - 1] if place else frames[1]


def grain_on(plate: Plate, beside: Plate | None) -> Grain | None:
    """A frame's grain, held against the frame beside it over what both have pixels of.

    None where it cannot be measured, where there is nothing beside it, and where that is the same picture again: grain
    and what is merely soft can then not be told apart, and faces get back what the net took out of each.
    """
    window = None if beside is None else plate.data_window.within(beside.data_window)
    if beside is None or window is None:
        return None
    shown, other = view_plate(plate, window).pixels, view_plate(beside, window).pixels
    return None if np.array_equal(shown, other) else measure_grain(shown, beside=other)


def small_view(plate: Plate) -> Image:
    """(36, 64, 3) float32, display-encoded, 0-1: a plate as cuts are found on it, made small before it is encoded."""
    pixels = cv2.resize(plate.pixels, THUMBNAIL, interpolation=cv2.INTER_AREA)
    if not np.isfinite(pixels).all():
        pixels = cv2.resize(np.nan_to_num(plate.pixels), THUMBNAIL, interpolation=cv2.INTER_AREA)
    small = Plate.of(np.asarray(pixels, np.float32), encoding=plate.encoding)
    return view_plate(small).pixels


def shot_of(
    seen: Sequence[Seen], *, source: str, models: Mapping[str, str], stills: bool = False
) -> tuple[Shot, dict[int, NDArray[np.float32]]]:
    """Make a shot of what was seen of its frames.

    Args:
        seen: one or more frames, in any order.
        source: what the plates are called. models: name -> fingerprint of what looked at them.
        stills: whether the pictures have nothing to do with each other.

    Returns:
        The shot, and the identity vector of each of its tracks that has one, by the track's id.
    """
    seen = sorted(seen, key=lambda each: each.frame)
    frames = [each.frame for each in seen]
    cuts = frames[1:] if stills else [frames[place] for place in find_cuts(_Thumbnails(seen))]
    paths = follow_faces({each.frame: each.faces for each in seen}, cuts=cuts)
    tracks = _tracks(paths)
    shot = Shot(
        source=source,
        size=seen[0].size,
        plates={each.frame: each.hash for each in seen},
        cuts=tuple(cuts),
        tracks=tuple(tracks),
        flicker=flicker_of(_levels(seen), cuts),
        grain=mean_grain([each.grain for each in seen if each.grain is not None]),
        models=models,
        fields=fields_of([s.combing for s in seen if s.combing is not None and s.frame not in cuts]),
    )
    known = zip(tracks, paths, strict=True)
    return shot, {track.id: path.identity for track, path in known if path.identity is not None}


def _sighting(plate: Plate, face: Face, identity: Net | None, quality: Net | None) -> Sighting:
    if identity is None and quality is None:
        return Sighting(plate.frame, face)
    try:
        crop = align_face(plate, face, template="arcface_112", side=112).pixels
    except RequestError:
        return Sighting(
            plate.frame, face
        )  # its points fall together, or it lies beyond the plate: nobody to look at
    if quality is not None:
        face = replace(face, quality=face_quality(crop, quality))
    return Sighting(plate.frame, face, None if identity is None else identity_of(crop, identity))


def _marked(plate: Plate, face: Face, net: Net | None) -> Face:
    """The face with its 68 points and how its head is turned, where it can be looked at."""
    if net is None:
        return face
    try:
        marks = find_landmarks(plate, face, net)
    except RangeError:
        return face  # as in `_sighting`
    x, y, z = (float(value) for value in marks.turn)
    return replace(face, landmarks=marks.points, turn=(x, y, z))


class _Thumbnails(Sequence[Image]):
    """The small pictures of frames, each made when it is asked for: those of a film would fill the memory."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = seen

    def __len__(self) -> int:
        return len(self._seen)

    @overload
    def __getitem__(self, place: int) -> Image: ...
    @overload
    def __getitem__(self, place: slice) -> "_Thumbnails": ...
    def __getitem__(self, place: int | slice) -> "Image | _Thumbnails":
        if isinstance(place, slice):
            return _Thumbnails(self._seen[place])
        return self._seen[place].small.astype(np.float32)


def _tracks(paths: Sequence[Path]) -> list[Track]:
    """Numbered from 1; the tracks of one person share the name of the first."""
    people = group_people(paths)
    return [
        Track(place, given_name(people[place - 1] + 1), path.faces)
        for place, path in enumerate(paths, start=1)
    ]


def _levels(seen: Sequence[Seen]) -> dict[int, NDArray[np.float64]]:
    """Scene-linear level of each frame, as the sum of the steps from frame to frame.

    A step is the mean of the middle half of all points' steps: what moves through the picture has no say.
    """
    level, levels = np.zeros(3), {seen[0].frame: np.ones(3)}
    for (_, before), (frame, after) in pairwise(
        zip((each.frame for each in seen), _Thumbnails(seen), strict=True)
    ):
        level = level + _step(before, after)
        levels[frame] = np.exp(level)
    return levels


def _step(before: Image, after: Image) -> NDArray[np.float64]:
    """(3,) logarithm of how much lighter one small picture is than another."""
    told = (np.minimum(before, after) > 0.03) & (np.maximum(before, after) < 0.97)
    told = told.all(axis=2)
    if told.sum() < 32:
        return np.zeros(3)
    steps = np.log(linear_from_srgb(after[told])) - np.log(linear_from_srgb(before[told]))
    ordered = np.sort(np.asarray(steps, np.float64), axis=0)
    quarter = len(ordered) // 4
    return ordered[quarter : len(ordered) - quarter].mean(axis=0)
