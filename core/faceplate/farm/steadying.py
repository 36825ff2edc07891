"""Frames of a shot, held steady: the faces are the shot's tracks, and the plates around a frame are read with it.

A frame needs its shot and a fixed window of plates, nothing that was rendered before: it comes out the same alone, in
a chunk and in a whole sequence. What is kept between frames only saves time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from faceplate.arrays import Image
from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.farm.chunk import STOPPED
from faceplate.farm.proof import hash_file
from faceplate.farm.rendering import Fetched, Job, Rendered, read_frame, rendered_of
from faceplate.io.sequence import FrameFile, FrameReader
from faceplate.operations import RestoreRequest
from faceplate.plate import Plate
from faceplate.restore.face import restore_crop
from faceplate.restore.pipeline import face_crop, restore_frame
from faceplate.stabilise.pipeline import Memory, SteadyFaces, SteadyParams
from faceplate.stages.align import Crop
from faceplate.stages.shot import Shot, Track
from faceplate_client.errors import Cancelled, InputError


@dataclass(frozen=True)
class Steadying:
    """A shot and how it is used.

    `digest`: of the shot's text. `files`: every frame of the input, those outside `--frames` as well: a window reaches
    over the ends of a chunk.
    """

    shot: Shot
    params: SteadyParams
    digest: str
    files: Mapping[int, FrameFile] = field(repr=False)

    def as_words(self) -> dict[str, Any]:
        """Whatever of it could change a pixel, in plain values: for proofs."""
        return {"shot": self.digest, "steady": self.params.strength, "radius": self.params.radius}

    def chosen(self, request: RestoreRequest) -> set[int]:
        """Ids of the tracks to restore, by the request's names or ids, and by its smallest face.

        Raises:
            RequestError: the shot has nobody of that name.
        """
        asked = "all" if request.faces == "largest" else request.faces
        ids = set(self.shot.chosen(asked))
        return {id for id in ids if _height(self.shot.track(id)) >= request.smallest}


class SteadyFrames:
    """Reads a frame with its window, and restores the shot's tracks on it."""

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
        self._read: Memory[Fetched] = Memory(2 * self._use.params.radius + 2)

    def fetch(self, reader: FrameReader, file: FrameFile) -> Fetched:
        """Read a frame and the plates of its window.

        Raises:
            InputError: one of them is missing, damaged, or not the one that the shot was made from.
            RequestError: the colour space has to be named.
        """
        own = self._plate(reader, file)
        near: dict[int, Plate] = {}
        for number in self._window(file.number):
            if number not in self._use.files:
                raise InputError(
                    f"frame {number} is missing, and frame {file.number} needs it to be steady; put it back, analyse "
                    "the plates that are there, or use --steady 0"
                )
            near[number] = self._plate(reader, self._use.files[number]).plate
        return replace(own, near=near)

    def render(self, fetched: Fetched) -> Rendered:
        """Restore the tracks on a frame, each steadied by its neighbours.

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
        done = restore_frame(
            fetched.plate, chosen, nets=job.tools.nets, params=job.request.params, restored_crop=steadied
        )
        rendered = rendered_of(fetched, done, found, chosen, job, fetched.seconds)
        return replace(rendered, tracks=[(track.id, track.name) for track, _ in here])

    def inputs(self, file: FrameFile) -> list[Path]:
        """The plates of a frame's window, its own first."""
        near = [self._use.files[number] for number in self._window(file.number) if number in self._use.files]
        return list(dict.fromkeys([file.path, *(each.path for each in near)]))

    def _window(self, frame: int) -> list[int]:
        """The other frames that this one is made from; none where the shot has nobody to restore on it."""
        try:
            here = [track for track, _ in self._use.shot.tracks_at(frame) if track.id in self._ids]
            around = self._faces.frames_for(frame)
        except RangeError:
            return []  # the shot does not have this frame: reading it says so
        return [number for number in around if any(number in track.faces for track in here)]

    def _plate(self, reader: FrameReader, file: FrameFile) -> Fetched:
        def make() -> Fetched:
            self._use.shot.check_plate(file.number, hash_file(file.path))
            return read_frame(reader, file, self._job)

        return self._read.of(file.number, make)


def _height(track: Track) -> float:
    """Median height of a track's face, plate pixels: a person is left alone for a whole shot or not at all."""
    return median(face.height for face in track.faces.values())
