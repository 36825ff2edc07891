"""What may be done to a shot by hand: every edit gives a new shot and leaves the old one as it was."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from faceplate.faces import Face
from faceplate.stages.shot import BRIDGED, Shot, Track, given_name
from faceplate_client.errors import RequestError


def renamed(shot: Shot, id: int, name: str) -> Shot:
    """Give a track a name.

    Raises:
        RequestError: no such track; it is locked. RangeError: a name that cannot be asked for.
    """
    return _changed(shot, replace(_free(shot, id), name=name))


def merged(shot: Shot, ids: Sequence[int]) -> Shot:
    """Make one track of several that follow each other; frames between them are bridged along a line.

    Args:
        ids: two or more; the first gives its id and name.

    Raises:
        RequestError: no such track; one is locked; two of them are on the same frame or a cut lies between them.
    """
    if len(set(ids)) < 2:
        raise RequestError("to merge, name two tracks or more")
    parts = sorted((_free(shot, id) for id in set(ids)), key=lambda track: track.first)
    for before, after in itertools.pairwise(parts):
        if before.last >= after.first:
            raise RequestError(
                f"tracks {before.id} and {after.id} are both on frame {after.first}: two faces on one frame "
                "are two people. Split one of them first"
            )
        if any(before.last < cut <= after.first for cut in shot.cuts):
            raise RequestError(
                f"a cut lies between tracks {before.id} and {after.id}; give both the same name instead"
            )
    faces: dict[int, Face] = {}
    for part in parts:
        if faces:
            faces |= _bridge(
                next(reversed(faces)), faces[next(reversed(faces))], part.first, part.faces[part.first]
            )
        faces |= dict(part.faces)
    kept = replace(shot.track(ids[0]), faces=faces)
    return shot.with_tracks([*(track for track in shot.tracks if track.id not in ids), kept])


def split(shot: Shot, id: int, frame: int) -> Shot:
    """Cut a track in two before a frame. The later half gets a new id and is called `faceID` until it is renamed.

    Raises:
        RequestError: no such track; it is locked; it does not run across this frame.
    """
    track = _free(shot, id)
    if not track.first < frame <= track.last:
        raise RequestError(
            f"track {id} runs over {track.first}-{track.last}; split it before a frame from {track.first + 1} on"
        )
    new = max(each.id for each in shot.tracks) + 1
    early = {each: face for each, face in track.faces.items() if each < frame}
    late = {each: face for each, face in track.faces.items() if each >= frame}
    halves = [replace(track, faces=early), Track(new, given_name(new), late)]
    return shot.with_tracks([*(each for each in shot.tracks if each.id != id), *halves])


def dropped(shot: Shot, id: int) -> Shot:
    """Take a track out of the shot.

    Raises:
        RequestError: no such track; it is locked.
    """
    _free(shot, id)
    return shot.with_tracks([track for track in shot.tracks if track.id != id])


def locked(shot: Shot, id: int, *, lock: bool = True) -> Shot:
    """Keep a track as it is: edits refuse it, and a new analysis takes it over. `lock` False frees it again.

    Raises:
        RequestError: no such track.
    """
    return _changed(shot, replace(shot.track(id), locked=lock))


def taken_over(new: Shot, old: Shot) -> Shot:
    """A new analysis with the locked tracks of an earlier one of the same plates.

    A new track that is the same face as a locked one gives way to it; ids are given again where they would clash.
    """
    kept = [t for t in old.tracks if t.locked and t.first in new.plates and t.last in new.plates]
    tracks, used = list(kept), {track.id for track in kept}
    for track in new.tracks:
        if any(_same_face(track, other) for other in kept):
            continue
        id = track.id if track.id not in used else max(used | {t.id for t in new.tracks}) + 1
        used.add(id)
        tracks.append(replace(track, id=id))
    return new.with_tracks(tracks)


def _free(shot: Shot, id: int) -> Track:
    track = shot.track(id)
    if track.locked:
        raise RequestError(f"track {id} ({track.name}) is locked; free it with `shot lock --off` first")
    return track


def _changed(shot: Shot, track: Track) -> Shot:
    return shot.with_tracks([track if each.id == track.id else each for each in shot.tracks])


def _bridge(first: int, before: Face, last: int, after: Face) -> dict[int, Face]:
    """The frames between two faces, along a line, marked as not found."""
    bridged = {}
    for frame in range(first + 1, last):
        share = (frame - first) / (last - first)
        x0, y0, x1, y1 = (a + share * (b - a) for a, b in zip(before.box, after.box, strict=True))
        points = before.points + np.float32(share) * (after.points - before.points)
        bridged[frame] = Face((x0, y0, x1, y1), points.astype(np.float32), BRIDGED)
    return bridged


def _same_face(one: Track, other: Track) -> bool:
    """Whether two tracks are on each other on most of the frames they share."""
    shared = [frame for frame in one.faces if frame in other.faces]
    near = [_overlap(one.faces[frame].box, other.faces[frame].box) > 0.4 for frame in shared]
    return bool(shared) and sum(near) > len(near) / 2


def _overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0.0) * max(high, 0.0)
    areas = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1])
    return shared / max(areas - shared, 1e-9)
