"""The same face keeps the same track from frame to frame, and its points move as the face does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.stages.assignment import assign

LONGEST_GAP = 12
"""Frames that a face may be lost for and still be the same track."""

REACH, REACH_PER_FRAME = 0.6, 0.12
"""Face heights that a face may be from where its motion leads: on the next frame, and more for every frame lost."""

GROWTH, GROWTH_PER_FRAME = 0.35, 0.04
"""Change of size, as a logarithm, that it may show: on the next frame, and more for every frame lost."""

LIKENESS_WEIGHT = 1.5
"""Cost of a stranger's face, in units of the reach: who it is says more than where it is."""

STRANGER = 0.15
"""Similarity of identities below which a face that was lost and found is somebody else."""

UNLIKE_ITSELF, ASTRAY = 0.35, 0.5
"""How much less like a track a face must be than the track is like itself, and how far from where motion leads, as a
share of the reach, to be somebody else who steps in front. Both: a head that turns changes in place."""

SAME_PERSON = 0.35
"""Similarity of two tracks' mean identities from which they are one person; a photo each, 1 % of strangers reach it."""

MOTION_FRAMES = 5
"""Frames that a track's motion is measured over."""

SMOOTHING = 3
"""Frames on either side that points are smoothed over."""


@dataclass(frozen=True)
class Sighting:
    """A face found on a frame. `identity`: (N,) float32 of length 1, or None where nobody asked who it is."""

    frame: int
    face: Face
    identity: NDArray[np.float32] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Path:
    """One face through a shot. `faces`: every frame from the first to the last, points smoothed; `bridged`: the frames
    among them on which it was not found; `identity`: (N,) of length 1, its mean, or None.
    """

    faces: Mapping[int, Face]
    bridged: frozenset[int] = frozenset()
    identity: NDArray[np.float32] | None = field(default=None, repr=False)


def follow_faces(
    sightings: Mapping[int, Sequence[Sighting]], *, cuts: Sequence[int] = (), gap: int = LONGEST_GAP
) -> list[Path]:
    """Link the faces of a run of frames into tracks.

    On every frame all live tracks and all faces are matched at once, at the least total cost of motion, size and
    identity, so that two people who cross keep their tracks. A track that finds no face waits, moving on as it moved.

    Args:
        sightings: frame -> what was found on it; frames are followed in rising order.
        cuts: frames that begin a new shot; no track crosses one.
        gap: frames that a face may be lost for.

    Returns:
        Paths in order of their first frame, then of size, largest first.

    Raises:
        RangeError: a negative gap.
    """
    if gap < 0:
        raise RangeError(f"a gap should be 0 frames or more, got {gap}")
    done: list[list[Sighting]] = []
    live: list[list[Sighting]] = []
    for frame in sorted(sightings):
        waiting = [
            frame - track[-1].frame - 1 <= gap and not _cut_between(track, frame, cuts) for track in live
        ]
        done += [track for track, waits in zip(live, waiting, strict=True) if not waits]
        live = [track for track, waits in zip(live, waiting, strict=True) if waits]
        found = list(sightings[frame])
        matched = _match(live, found)
        for place, track in matched.items():
            live[track].append(found[place])
        live += [[sighting] for place, sighting in enumerate(found) if place not in matched]
    tracks = sorted(
        done + live, key=lambda t: (t[0].frame, -t[0].face.width * t[0].face.height, t[0].face.box)
    )
    return [_path(track) for track in tracks]


def group_people(paths: Sequence[Path], *, similarity: float = SAME_PERSON) -> list[int]:
    """Which tracks are one person: for every path the place of the first path of the same person.

    Somebody who leaves and returns is two tracks and one person. Two tracks on one frame are never one person.

    Args:
        paths: in order; those without an identity are a person each.
        similarity: cosine of mean identities from which two are the same.
    """
    groups: list[list[int]] = []
    for place, path in enumerate(paths):
        best, nearest = None, similarity
        for group in groups:
            alike = _alike(path, [paths[member] for member in group])
            if alike is not None and alike >= nearest:
                best, nearest = group, alike
        if best is None:
            groups.append([place])
        else:
            best.append(place)
    first = {member: group[0] for group in groups for member in group}
    return [first[place] for place in range(len(paths))]


def smooth_track(faces: Mapping[int, Face], *, radius: int = SMOOTHING) -> dict[int, Face]:
    """Take the detector's tremor out of a track without letting it lag behind the face.

    Every value is the local quadratic through its neighbours in a window that is symmetric where the track allows, so
    steady motion and steady acceleration come out as they went in. Frames that are missing are bridged along a line.

    Args:
        faces: frame -> face, at least one, with gaps or without.
        radius: frames on either side; 0 only bridges.

    Returns:
        Every frame from the first to the last. A bridged frame has a score of 0, and nobody looked at its quality.
        Landmarks and the head's turn are smoothed and bridged likewise, from the first frame that has them to the last.

    Raises:
        RangeError: no face at all; a negative radius.

    After: Savitzky & Golay, "Smoothing and Differentiation of Data", 1964; tricube weights as in Cleveland's LOESS.
    """
    if not faces or radius < 0:
        raise RangeError(
            f"a track should hold a face and its radius be 0 or more, got {len(faces)}, {radius}"
        )
    rows = _smoothed({frame: _row(face) for frame, face in faces.items()}, radius)
    # Apart from the rest, whose last bits must not depend on whether somebody looked for landmarks.
    marks = _smoothed({frame: row for frame, face in faces.items() if (row := _marks(face))}, radius)
    return {frame: _face(row, marks.get(frame), faces.get(frame)) for frame, row in rows.items()}


def _path(track: Sequence[Sighting]) -> Path:
    found = {sighting.frame: sighting.face for sighting in track}
    faces = smooth_track(found)
    return Path(faces, frozenset(faces.keys() - found.keys()), _mean_identity(track))


def _cut_between(track: Sequence[Sighting], frame: int, cuts: Sequence[int]) -> bool:
    return any(track[-1].frame < cut <= frame for cut in cuts)


def _match(live: Sequence[Sequence[Sighting]], found: Sequence[Sighting]) -> dict[int, int]:
    """Place in `found` -> place in `live`."""
    costs = np.array([[_cost(track, sighting) for sighting in found] for track in live], np.float64)
    # Faces that have crossed out of sight are forbidden by an infinite cost, and stay unmatched.
    return {sighting: track for track, sighting in assign(costs.reshape(len(live), len(found)))}


def _cost(track: Sequence[Sighting], sighting: Sighting) -> float:
    """0 where motion, size and identity all fit; infinite where they cannot belong together."""
    lost = sighting.frame - track[-1].frame - 1
    where, size = _expected(track, sighting.frame)
    away = float(np.hypot(*(_centre(sighting.face) - where))) / max(size, 1e-6)
    growth = abs(float(np.log(max(sighting.face.height, 1e-6) / max(size, 1e-6))))
    reach, grown = REACH + REACH_PER_FRAME * lost, GROWTH + GROWTH_PER_FRAME * lost
    alike = _likeness(track, sighting)
    if away > reach or growth > grown or (alike is not None and lost and alike < STRANGER):
        return float("inf")
    if alike is not None and away > ASTRAY * reach and alike < _constancy(track) - UNLIKE_ITSELF:
        return float("inf")
    stranger = 0.0 if alike is None else LIKENESS_WEIGHT * (1.0 - max(alike, 0.0))
    return away / reach + 0.5 * growth / grown + stranger


def _expected(track: Sequence[Sighting], frame: int) -> tuple[NDArray[np.float64], float]:
    """Where a track's motion leads on a frame, and how high its face is: the median of the last few."""
    last = track[-MOTION_FRAMES:]
    size = float(np.median([sighting.face.height for sighting in last]))
    here = _centre(last[-1].face)
    frames = last[-1].frame - last[0].frame
    if not frames:
        return here, size
    return here + (here - _centre(last[0].face)) * ((frame - last[-1].frame) / frames), size


def _likeness(track: Sequence[Sighting], sighting: Sighting) -> float | None:
    mean = _mean_identity(track[-4 * MOTION_FRAMES :])
    if mean is None or sighting.identity is None:
        return None
    return float(mean @ sighting.identity)


def _constancy(track: Sequence[Sighting]) -> float:
    """How like itself a track is: the mean similarity of its last sightings to their middle; 0 of fewer than three."""
    last = track[-4 * MOTION_FRAMES :]
    mean = _mean_identity(last)
    known = [float(mean @ s.identity) for s in last if mean is not None and s.identity is not None]
    return float(np.mean(known)) if len(known) >= 3 else 0.0


def _mean_identity(track: Sequence[Sighting]) -> NDArray[np.float32] | None:
    """The direction in the middle of a track's identities; larger faces tell more."""
    known = [sighting for sighting in track if sighting.identity is not None]
    total = sum((s.face.height * np.asarray(s.identity, np.float64) for s in known), np.zeros(()))
    length = float(np.linalg.norm(total))
    return np.asarray(total / length, np.float32) if known and length > 0 else None


def _alike(path: Path, others: Sequence[Path]) -> float | None:
    """Mean similarity to a person's tracks, or None where one of them is on the same frame."""
    known = [
        float(path.identity @ o.identity)
        for o in others
        if path.identity is not None and o.identity is not None
    ]
    apart = all(path.faces.keys().isdisjoint(other.faces.keys()) for other in others)
    return float(np.mean(known)) if known and apart else None


def _smoothed(rows: Mapping[int, Sequence[float]], radius: int) -> dict[int, NDArray[np.float64]]:
    """Frame -> numbers, each smoothed in time, for every frame from the first to the last; nothing of nothing."""
    if not rows:
        return {}
    frames = np.array(sorted(rows), np.float64)
    values = np.array([rows[int(frame)] for frame in frames])
    smooth = np.array([_local(frames, values, frame, radius) for frame in frames])
    every = np.arange(frames[0], frames[-1] + 1)
    filled = np.stack([np.interp(every, frames, column) for column in smooth.T], axis=1)
    return {int(frame): row for frame, row in zip(every, filled, strict=True)}


def _local(
    frames: NDArray[np.float64], values: NDArray[np.float64], frame: float, radius: int
) -> NDArray[np.float64]:
    """The local polynomial's value on a frame; a number for each column."""
    near = np.abs(frames - frame) <= radius
    time, seen = (frames[near] - frame) / (radius + 1), values[near]
    order = 2 if len(time) >= 5 else 1 if len(time) >= 3 else 0
    if order == 0:
        return values[np.searchsorted(frames, frame)]
    weight = np.sqrt((1 - np.abs(time) ** 3) ** 3)
    powers = np.vander(time, order + 1, increasing=True) * weight[:, None]
    return np.linalg.lstsq(powers, seen * weight[:, None], rcond=None)[0][0]


def _centre(face: Face) -> NDArray[np.float64]:
    return np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]], np.float64) / 2


def _row(face: Face) -> list[float]:
    return [*face.box, *(float(value) for value in face.points.ravel())]


def _marks(face: Face) -> list[float]:
    """The head's turn and the landmarks of a face, or nothing where nobody looked."""
    if face.landmarks is None or face.turn is None:
        return []
    return [*face.turn, *(float(value) for value in face.landmarks.ravel())]


def _face(row: NDArray[np.float64], marks: NDArray[np.float64] | None, found: Face | None) -> Face:
    x0, y0, x1, y1 = (float(value) for value in row[:4])
    score, quality = (0.0, None) if found is None else (found.score, found.quality)
    face = Face((x0, y0, x1, y1), row[4:].reshape(5, 2).astype(np.float32), score, quality)
    if marks is None:
        return face
    x, y, z = (float(value) for value in marks[:3])
    return replace(face, turn=(x, y, z), landmarks=marks[3:].reshape(68, 2).astype(np.float32))
