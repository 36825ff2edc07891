"""A frame in its shot: the faces are its tracks, held steady by the plates around it.

A frame needs its shot and a fixed window of plates, nothing that was rendered before: it comes out the same alone, in
a chunk and in a whole sequence. What is kept between frames only saves time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from faceplate.arrays import Image, Matte
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.frames.alone import DOUBTFUL
from faceplate.frames.finishing import Finished, finish
from faceplate.operations import RestoreRequest, RestoreTools
from faceplate.plate import Plate
from faceplate.restore.face import restore_crop
from faceplate.restore.pipeline import (
    Restored,
    TakeCrop,
    crop_side,
    face_crop,
    restore_frame,
    why_left_alone,
)
from faceplate.runtime.net import Net
from faceplate.stabilise.flow import flow_finder
from faceplate.stabilise.pipeline import Memory, Restore, SteadyFaces, SteadyParams, crops_kept
from faceplate.stages.align import Crop
from faceplate.stages.detect import detect_faces
from faceplate.stages.face_rows import overlap
from faceplate.stages.grain import Grain
from faceplate.stages.regrain import grain_taken, regrain
from faceplate.stages.shot import Shot, Track

HELD = 12
"""Frames for which a face that was lost is still veiled where it was: as long as the gaps that tracks bridge."""

SAME = 0.3
"""Overlap above which something detected is a chosen face, and not a stranger in front of it."""


class SteadyShot:
    """Restores the tracks of a shot, frame by frame in any order. For one thread, and one that prepares beside it."""

    def __init__(
        self,
        shot: Shot,
        params: SteadyParams,
        *,
        ids: Collection[int],
        request: RestoreRequest,
        tools: RestoreTools,
        anonymise: bool = False,
        restore: Restore | None = None,
        by_size: bool = False,
    ) -> None:
        """Prepare; nothing is run yet.

        Args:
            shot: whose plates will come. params: how it is held steady.
            ids: the tracks to restore; of these, `request.faces` "largest" leaves the largest on each frame, and with
                `by_size` its numbers those of each frame, 1 being the largest.
            request: what the artist set. tools: open nets.
            anonymise: veil everybody who was not chosen, and whatever might be a face.
            restore: a crop's way through the restoring net, by default that of `tools`.
        """
        self._shot, self._ids, self._request, self._tools = shot, frozenset(ids), request, tools
        self._anonymise, self._by_size = anonymise, by_size
        nets, mirror = tools.nets, request.params.mirror
        self._take = take = _taken_once(crops_kept(shot, params))
        self._faces = SteadyFaces(
            shot,
            params,
            take=lambda plate, face, side: take(plate, face, side).pixels,
            restore=restore or (lambda crop: restore_crop(crop, nets.restore, mirror=mirror)),
            find=flow_finder(tools.flow),
        )

    def window(self, frame: int) -> list[int]:
        """The other frames that steady this one; none where the shot has nobody to restore on it."""
        try:
            here = [track for track, _ in self._shot.tracks_at(frame) if track.id in self._ids]
            around = self._faces.frames_for(frame)
        except RangeError:
            return []  # the shot does not have this frame: reading it says so
        return [number for number in around if any(number in track.faces for track in here)]

    def held(self, frame: int) -> tuple[Face | None, Face | None]:
        """The face that an STMap of a frame holds still, there and where it is held: as on its track's first frame.

        Of the tracks to be restored the one whose face is largest; None and None where there is none.
        """
        for track, face in self._wanted(frame):
            return face, track.faces[track.first]
        return None, None

    def _wanted(self, frame: int) -> list[tuple[Track, Face]]:
        """The tracks to restore on a frame, the largest face first."""
        here = [pair for pair in self._shot.tracks_at(frame) if pair[0].id in self._ids]
        if not self._by_size and self._request.faces != "largest":
            return here
        chosen = {id(face) for face in self._request.chosen([face for _, face in here])}
        return [pair for pair in here if id(pair[1]) in chosen]

    def prepare(self, plate: Plate, near: Mapping[int, Plate]) -> None:
        """Restore what `render` of this plate will look at on the frames after it; changes nothing but the time.

        For a thread of its own, which has time while the frame before is rendered: reading takes half as long.

        Args:
            plate, near: as for `render`.

        Raises:
            ShapeError, ModelError: a net that does not keep its word.
        """
        nets, params = self._tools.nets, self._request.params
        for track, face in self._wanted(plate.frame):
            if not why_left_alone(plate, face, params):
                side = crop_side(face, nets, params)
                self._faces.prepare(plate.frame, track, side, plate_of=near.__getitem__)

    def render(self, plate: Plate, near: Mapping[int, Plate], *, repaired: Matte | None = None) -> Finished:
        """Restore the tracks on a frame, each steadied by its neighbours, and grain what was restored.

        Args:
            plate: one of the shot's. near: the plates of its `window`.
            repaired: (H, W), where the plate was cleaned before.

        Raises:
            ShapeError, ModelError: a net that does not keep its word.
        """
        frame, request = plate.frame, self._request
        here = self._shot.tracks_at(frame)
        wanted = self._wanted(frame)

        def steadied(number: int, crop: Crop) -> Image:
            track = wanted[number][0]
            return self._faces.restored(frame, track, crop.pixels, plate_of=near.__getitem__)

        def drift(number: int, crop: Crop, matte: Matte) -> Image:
            track = wanted[number][0]
            return self._faces.drift(frame, track, crop.pixels, matte, plate_of=near.__getitem__)

        found, chosen = [face for _, face in here], [face for _, face in wanted]
        grain = self._shot.grain if request.params.scale == 1 else None
        # Where the shot's grain is not known at this size, each face gets back what the net took out of it.
        params = replace(request.params, grain=0.0) if grain else request.params
        done = restore_frame(
            plate,
            chosen,
            nets=self._tools.nets,
            params=params,
            restored_crop=steadied,
            drift=drift,
            take=self._take,
        )
        if grain:
            done = replace(done, plate=self._grained(plate, done, grain))
        others = self._others(plate, chosen) if self._anonymise else None
        finished = finish(done, found, chosen, scale=request.params.scale, veiled=others, repaired=repaired)
        return replace(finished, tracks=[(track.id, track.name) for track, _ in here])

    def _others(self, plate: Plate, chosen: Sequence[Face]) -> list[Face]:
        return others_on(
            plate, chosen, shot=self._shot, detector=self._tools.detector, smallest=self._request.smallest
        )

    def _grained(self, plate: Plate, done: Restored, grain: Grain) -> Plate:
        """The restored plate with as much of the shot's grain as the restoration took out."""
        amount = self._request.params.grain
        if amount == 0.0:
            return done.plate
        taken = grain_taken(plate, done.plate, done.matte, grain)
        return regrain(
            done.plate,
            done.matte,
            grain,
            amount=amount * taken**0.5,
            seed=(plate.frame,),
            in_place=done.plate.pixels is not plate.pixels,
        )


def _taken_once(size: int) -> TakeCrop:
    """`face_crop` with a memory of so many crops: a frame and those around it all look at the same ones.

    A function of its own: one that knew its `SteadyShot` would keep both alive until the next collection of cycles.
    """
    kept: Memory[Crop] = Memory(size)

    def take(plate: Plate, face: Face, side: int) -> Crop:
        key = (plate.frame, face.box, face.points.tobytes(), side)
        return kept.of(key, lambda: face_crop(plate, face, side))

    return take


def tall_tracks(shot: Shot, smallest: float, *, among: str = "all") -> set[int]:
    """Ids of the tracks of a choice whose face is as high as `smallest`, pixels, or higher.

    A track's face counts with its median height: a person is left alone for a whole shot or not at all.

    Args:
        among: names or ids of tracks, or all.

    Raises:
        RequestError: the shot has nobody of that name.
    """
    return {id for id in shot.chosen(among) if _height(shot.track(id)) >= smallest}


def others_on(
    plate: Plate, chosen: Sequence[Face], *, shot: Shot, detector: Net, smallest: float
) -> list[Face]:
    """Every face to veil on a frame: of other tracks, held where they were lost, and what else might be one.

    Args:
        plate: one of the shot's. chosen: the faces of the shot on it that stay as they are.
        detector: a face.detect net. smallest: height of the lowest face to look for, pixels.
    """
    seen = detect_faces(plate, detector, smallest=smallest, threshold=DOUBTFUL)
    mine = np.array([face.box for face in chosen], np.float32).reshape(-1, 4)
    strangers = [f for f in seen if not (overlap(np.array(f.box, np.float32), mine)[0] > SAME).any()]
    kept = {id(face) for face in chosen}
    tracked = [held(track, plate.frame, shot) for track in shot.tracks]
    return strangers + [face for face in tracked if face is not None and id(face) not in kept]


def held(track: Track, frame: int, shot: Shot) -> Face | None:
    """A track's face on a frame, or where it was last, or will be first, within HELD frames and the same cut."""
    nearest = min(max(frame, track.first), track.last)
    if abs(nearest - frame) > HELD or nearest not in shot.window(frame, HELD):
        return None
    return track.faces[nearest]


def _height(track: Track) -> float:
    return median(face.height for face in track.faces.values())
