"""A plate and the plates around it as a shot of their own, and what was seen of them kept for the next request.

A host that plays asks for frame after frame, and every plate comes several times: in the middle of its own request and
beside those of its neighbours. What is kept is a pure function of the pixels it is kept for, and only saves time.
"""

import hashlib
from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.engine.plane_store import EnginePlane
from faceplate.engine.plates import plate_of
from faceplate.frames.looking import Seen, grain_on, grained_among, look_at, neighbour_of_frame, shot_of
from faceplate.frames.steady import tall_tracks
from faceplate.operations import RestoreRequest, RestoreTools
from faceplate.stabilise.pipeline import Memory, Restore
from faceplate.stages.grain import Grain
from faceplate.stages.shot import Shot

_seen: Memory[Seen] = Memory(128)
_grains: Memory[Grain | None] = Memory(128)
_crops: Memory[Image] = Memory(24)
"""3 MB each where faces are large."""


def shot_around(
    planes: Mapping[int, EnginePlane], tools: RestoreTools, *, smallest: float, grained: bool
) -> Shot:
    """A shot of the plates that a request brings: its cuts, its tracks, its grain, as `faceplate analyse` finds them.

    Args:
        planes: by frame number. tools: open nets.
        smallest: height of the lowest face, pixels. grained: whether grain will be asked for.

    Raises:
        RequestError: `plate.space`, `request.plane`. Cancelled: from the nets.
    """
    frames = sorted(planes)
    measured = grained_among(frames) if grained else set()
    models = tuple(sorted(tools.models.items()))
    keys = {frame: _key_of(plane) for frame, plane in planes.items()}

    def look(plane: EnginePlane) -> Seen:
        return look_at(
            plate_of(plane),
            detector=tools.detector,
            identity=tools.nets.identity,
            quality=tools.nets.quality,
            smallest=smallest,
            grained=False,
        )

    def grain(frame: int) -> Grain | None:
        near = neighbour_of_frame(frame, frames)

        def measure() -> Grain | None:
            return grain_on(plate_of(planes[frame]), None if near is None else plate_of(planes[near]))

        # Apart from the look: which frame is beside the first one changes from request to request.
        return _grains.of((keys[frame], None if near is None else keys[near]), measure)

    seen = []
    for frame in frames:
        looked = _seen.of((keys[frame], smallest, models), lambda frame=frame: look(planes[frame]))
        seen.append(replace(looked, grain=grain(frame)) if frame in measured else looked)
    return shot_of(seen, source="", models=tools.models)[0]


def _key_of(plane: EnginePlane) -> Hashable:
    """What tells a frame from any other: its pixels and what they mean."""
    windows = (plane.data_window, plane.display_window)
    return digest_of(plane.pixels), windows, (plane.channels, plane.colourspace, plane.alpha, plane.frame)


def chosen_tracks(shot: Shot, frame: int, request: RestoreRequest) -> Collection[int]:
    """Ids of the tracks that a request chooses, whose numbers count the faces on its own frame by size."""
    tall = tall_tracks(shot, request.smallest)
    here = [(track.id, face) for track, face in shot.tracks_at(frame) if track.id in tall]
    if request.faces in ("all", "largest"):
        return tall
    faces = [face for _, face in here]
    wanted = {id(face) for face in request.chosen(faces)}
    return {track for track, face in here if id(face) in wanted}


def remembered(restore: Restore, tools: RestoreTools, mirror: bool) -> Restore:
    """The same, but for a crop that was restored a moment ago by the same nets, mirrored or not."""
    models = tuple(sorted(tools.models.items()))

    def again(crop: Image) -> Image:
        return _crops.of((digest_of(crop), models, mirror), lambda: restore(crop))

    return again


def digest_of(pixels: NDArray[np.float32]) -> bytes:
    """What tells pixels from other pixels."""
    return hashlib.sha256(np.ascontiguousarray(pixels).data).digest()
