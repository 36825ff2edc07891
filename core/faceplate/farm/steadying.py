"""Frames of a shot: the faces are its tracks, held steady by the plates around a frame, which are read with it.

A frame needs its shot and a fixed window of plates, nothing that was rendered before: it comes out the same alone, in
a chunk and in a whole sequence. What is kept between frames only saves time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from faceplate.arrays import Image
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.farm.chunk import STOPPED
from faceplate.farm.film_plates import FilmParams, FilmPlates
from faceplate.farm.proof import hash_file
from faceplate.farm.rendering import DOUBTFUL, Fetched, Job, Rendered, read_frame, rendered_of
from faceplate.io.sequence import FrameFile, FrameReader
from faceplate.operations import RestoreRequest
from faceplate.plate import Plate
from faceplate.restore.face import restore_crop
from faceplate.restore.pipeline import Restored, face_crop, restore_frame
from faceplate.stabilise.pipeline import Memory, SteadyFaces, SteadyParams
from faceplate.stages.align import Crop
from faceplate.stages.detect import detect_faces
from faceplate.stages.face_rows import overlap
from faceplate.stages.grain import Grain
from faceplate.stages.regrain import grain_taken, regrain
from faceplate.stages.shot import Shot, Track
from faceplate_client.errors import Cancelled, InputError

HELD = 12
"""Frames for which a face that was lost is still veiled where it was: as long as the gaps that tracks bridge."""

SAME = 0.3
"""Overlap above which something detected is a chosen face, and not a stranger in front of it."""


@dataclass(frozen=True)
class Steadying:
    """A shot and how it is used.

    `film`: what is cleaned first. `digest`: of the shot's text. `files`: every frame of the input, those outside
    `--frames` as well: a window reaches over the ends of a chunk.
    """

    shot: Shot
    params: SteadyParams
    film: FilmParams
    digest: str
    files: Mapping[int, FrameFile] = field(repr=False)

    def as_words(self) -> dict[str, Any]:
        """Whatever of it could change a pixel, in plain values: for proofs."""
        steady = {"steady": self.params.strength, "radius": self.params.radius}
        return {"shot": self.digest, **steady, **self.film.as_words()}

    def chosen(self, request: RestoreRequest) -> set[int]:
        """Ids of the tracks to restore, by the request's names or ids, and by its smallest face.

        Raises:
            RequestError: the shot has nobody of that name.
        """
        asked = "all" if request.faces == "largest" else request.faces
        ids = set(self.shot.chosen(asked))
        return {id for id in ids if _height(self.shot.track(id)) >= request.smallest}


class SteadyFrames:
    """Reads a frame with its window, cleans the plates if asked, and restores the shot's tracks on it."""

    def __init__(self, job: Job) -> None:
        assert job.steadying is not None
        self._job, self._use = job, job.steadying
        self._ids = self._use.chosen(job.request)
        nets, mirror = job.tools.nets, job.request.params.mirror
        self._faces = SteadyFaces(
            self._use.shot,
            self._use.params,
            take=lambda plate, face, side: face_crop(plate, face, side=side).pixels,
            restore=lambda crop: restore_crop(crop, nets.restore, mirror=mirror),
        )
        kept = 2 * self._use.params.radius + 4
        self._read: Memory[Fetched] = Memory(kept)
        self._reader: FrameReader | None = None
        self._film = FilmPlates(self._use.shot, self._use.film, plate_of=self._plate, keep=kept)

    def fetch(self, reader: FrameReader, file: FrameFile) -> Fetched:
        """Read a frame and the plates of its window.

        Raises:
            InputError: one of them is missing, damaged, or not the one that the shot was made from.
            RequestError: the colour space has to be named.
        """
        self._reader = reader
        own = self._fetched(file.number)
        for number in self._needed(file.number):
            self._expect(number, file.number)
        cleaned = None if self._use.film.off else self._film.clean(file.number)
        near = {number: self._film.clean(number).plate for number in self._window(file.number)}
        return replace(own, near=near, cleaned=cleaned)

    def render(self, fetched: Fetched) -> Rendered:
        """Restore the tracks on a frame, each steadied by its neighbours, and grain what was restored.

        Raises:
            Cancelled: the job is to stop.
        """
        job, frame = self._job, fetched.file.number
        if job.stop.is_set():
            raise Cancelled(STOPPED)
        here = self._use.shot.tracks_at(frame)
        wanted = [pair for pair in here if pair[0].id in self._ids]
        if job.request.faces == "largest":
            wanted = wanted[:1]

        def steadied(number: int, crop: Crop) -> Image:
            track = wanted[number][0]
            return self._faces.restored(frame, track, crop.pixels, plate_of=fetched.near.__getitem__)

        found: list[Face] = [face for _, face in here]
        chosen = [face for _, face in wanted]
        plate = fetched.cleaned.plate if fetched.cleaned else fetched.plate
        grain = self._use.shot.grain if job.request.params.scale == 1 else None
        # Where the shot's grain is not known at this size, each face gets back what the net took out of it.
        params = replace(job.request.params, grain=0.0) if grain else job.request.params
        done = restore_frame(plate, chosen, nets=job.tools.nets, params=params, restored_crop=steadied)
        if grain:
            done = replace(done, plate=self._grained(plate, done, grain, frame))
        others = self._others(plate, frame, chosen) if job.anonymise else []
        rendered = rendered_of(fetched, done, found, chosen, job, fetched.seconds, others=others)
        return replace(rendered, tracks=[(track.id, track.name) for track, _ in here])

    def _others(self, plate: Plate, frame: int, chosen: Sequence[Face]) -> list[Face]:
        """Every face to veil on a frame: of other tracks, held where they were lost, and what else might be one."""
        job = self._job
        seen = detect_faces(plate, job.tools.detector, smallest=job.request.smallest, threshold=DOUBTFUL)
        mine = np.array([face.box for face in chosen], np.float32).reshape(-1, 4)
        strangers = [f for f in seen if not (overlap(np.array(f.box, np.float32), mine)[0] > SAME).any()]
        kept = {id(face) for face in chosen}
        tracked = [held(track, frame, self._use.shot) for track in self._use.shot.tracks]
        return strangers + [face for face in tracked if face is not None and id(face) not in kept]

    def inputs(self, file: FrameFile) -> list[Path]:
        """The plates that a frame is made from, its own first."""
        files = (self._use.files[each].path for each in self._needed(file.number) if each in self._use.files)
        return list(dict.fromkeys([file.path, *files]))

    def _grained(self, plate: Plate, done: Restored, grain: Grain, frame: int) -> Plate:
        """The restored plate with as much of the shot's grain as the restoration took out."""
        amount = self._job.request.params.grain
        if amount == 0.0:
            return done.plate
        taken = grain_taken(plate, done.plate, done.matte, grain)
        return regrain(done.plate, done.matte, grain, amount=amount * taken**0.5, seed=(frame,))

    def _window(self, frame: int) -> list[int]:
        """The other frames that steady this one; none where the shot has nobody to restore on it."""
        try:
            here = [track for track, _ in self._use.shot.tracks_at(frame) if track.id in self._ids]
            around = self._faces.frames_for(frame)
        except RangeError:
            return []  # the shot does not have this frame: reading it says so
        return [number for number in around if any(number in track.faces for track in here)]

    def _needed(self, frame: int) -> list[int]:
        """Every frame that this one is made from, its own included."""
        try:
            window = [frame, *self._window(frame)]
            return sorted({*window, *(each for one in window for each in self._film.frames_for(one))})
        except RangeError:
            return [frame]

    def _expect(self, number: int, frame: int) -> None:
        if number not in self._use.files:
            raise InputError(
                f"frame {number} is missing, and frame {frame} is made from it as well; put it back, analyse "
                "the plates that are there, or work without neighbours: --steady 0, no --repair"
            )

    def _fetched(self, number: int) -> Fetched:
        def make() -> Fetched:
            file = self._use.files[number]
            self._use.shot.check_plate(number, hash_file(file.path))
            assert self._reader is not None
            return read_frame(self._reader, file, self._job)

        return self._read.of(number, make)

    def _plate(self, number: int) -> Plate:
        return self._fetched(number).plate


def held(track: Track, frame: int, shot: Shot) -> Face | None:
    """A track's face on a frame, or where it was last, or will be first, within HELD frames and the same cut."""
    nearest = min(max(frame, track.first), track.last)
    if abs(nearest - frame) > HELD or nearest not in shot.window(frame, HELD):
        return None
    return track.faces[nearest]


def _height(track: Track) -> float:
    """Median height of a track's face, plate pixels: a person is left alone for a whole shot or not at all."""
    return median(face.height for face in track.faces.values())
