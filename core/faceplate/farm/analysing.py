"""`analyse`: plates read once, in order and in parallel with the looking; what was seen becomes a shot."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faceplate import __version__
from faceplate.arrays import Image
from faceplate.colour import linear_from_srgb
from faceplate.farm.chunk import render_chunk
from faceplate.farm.proof import hash_file
from faceplate.farm.report import FAILED, NO_FACE, UNTOUCHED, FrameRecord
from faceplate.farm.shot_files import read_shot, write_identities, write_shot
from faceplate.farm.survey import Notes, Seen, small_view
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.plates import to_plate
from faceplate.io.sequence import Footage, open_input
from faceplate.model_choice import PLAIN_CHOICE, ModelChoice, choose_models
from faceplate.parameters import operation
from faceplate.plate import Plate
from faceplate.restore.likeness import identity_on
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stabilise.cuts import find_cuts
from faceplate.stages.detect import detect_faces
from faceplate.stages.follow import Path as FacePath
from faceplate.stages.follow import Sighting, follow_faces, group_people
from faceplate.stages.grain import mean_grain, measure_grain
from faceplate.stages.shot import Shot, Track, flicker_of
from faceplate.stages.shot_edits import taken_over
from faceplate.stages.view import view_plate
from faceplate_client.errors import InputError, RequestError

GRAIN_FRAMES = 8
"""Frames, evenly spread, that grain is measured on."""

OnFrame = Callable[[FrameRecord], None]


@dataclass(frozen=True)
class AnalyseOrder:
    """What was ordered, in the words of the command line.

    `identities`: whether to tell faces apart by who they are, and keep the vectors beside the shot. `smallest`: height
    of the lowest face, pixels. `resume`: go on with a stopped analysis. `overwrite`: replace a shot that is there; its
    locked tracks stay. `models`: those asked for by name, and the policy.
    """

    input: str
    output: Path
    frames: str | None = None
    skip_missing: bool = False
    colourspace: str | None = None
    smallest: Any = 16.0
    identities: bool = True
    resume: bool = False
    overwrite: bool = False
    device: str = "auto"
    models: ModelChoice = PLAIN_CHOICE


@dataclass(frozen=True)
class Analysed:
    """The finished analysis: the shot, and every frame's record."""

    shot: Shot
    records: tuple[FrameRecord, ...]
    exit_code: int


def analyse_footage(
    order: AnalyseOrder, *, stop: threading.Event, on_start: Callable[[int], None], on_frame: OnFrame
) -> Analysed:
    """Analyse footage and write its shot file.

    Args:
        order: what to do.
        stop: set it to end after the frame in hand; `resume` goes on from there.
        on_start: told how many frames there are, once everything is checked.
        on_frame: told of every frame as it is done.

    Raises:
        RequestError, InputError, ModelError: found before anything is written; no frame can be used.
        OutputError, EngineError, Cancelled: on the way.
    """
    earlier = _earlier(order)
    smallest = operation("restore").checked({"smallest": order.smallest})["smallest"]
    footage = open_input(order.input, frames=order.frames, skip_missing=order.skip_missing)
    if order.colourspace:
        encoding_for(order.colourspace)
    tools = _open_tools(order)
    asked = {
        "faceplate": __version__,
        "models": dict(tools.models),
        "smallest": smallest,
        "space": order.colourspace,
    }
    on_start(len(footage))
    notes = Notes(order.output, asked, resume=order.resume)
    done = False
    try:
        with closing(SurveyWork(footage, notes, tools, order.colourspace, smallest)) as work:
            report = render_chunk(work, stop=stop, on_frame=on_frame)
            if not work.seen:
                raise InputError(f"no frame of {order.input} can be read; nothing was analysed")
            shot, identities = shot_of(footage, list(work.seen.values()), tools.models)
        shot = taken_over(shot, earlier) if earlier is not None else shot
        kept = {id: vector for id, vector in identities.items() if id in {track.id for track in shot.tracks}}
        write_identities(order.output, kept, model=tools.identity_name)
        write_shot(order.output, shot)
        done = True
    finally:
        notes.close(done=done)
    return Analysed(shot, report.records, report.exit_code)


def shot_of(
    footage: Footage, seen: Sequence[Seen], models: Mapping[str, str]
) -> tuple[Shot, dict[int, NDArray[np.float32]]]:
    """Make a shot of what was seen of its frames, and the identity vector of each of its tracks that has one."""
    seen = sorted(seen, key=lambda each: each.frame)
    frames = [each.frame for each in seen]
    if footage.kind == "stills":
        cuts = frames[1:]  # pictures that have nothing to do with each other
    else:
        cuts = [frames[place] for place in find_cuts([each.small.astype(np.float32) for each in seen])]
    paths = follow_faces({each.frame: each.faces for each in seen}, cuts=cuts)
    tracks = _tracks(paths)
    shot = Shot(
        source=Path(footage.words).name,
        size=seen[0].size,
        plates={each.frame: each.hash for each in seen},
        cuts=tuple(cuts),
        tracks=tuple(tracks),
        flicker=flicker_of(_levels(seen), cuts),
        grain=mean_grain([each.grain for each in seen if each.grain is not None]),
        models=models,
    )
    vectors = {
        track.id: path.identity
        for track, path in zip(tracks, paths, strict=True)
        if path.identity is not None
    }
    return shot, vectors


@dataclass(frozen=True)
class _Tools:
    detector: Net
    identity: Net | None
    models: Mapping[str, str]

    @property
    def identity_name(self) -> str:
        return self.identity.id if self.identity is not None else ""


class SurveyWork:
    """Looks at every frame once; a frame that an earlier run has noted is not looked at again."""

    goes_on = True

    def __init__(
        self, footage: Footage, notes: Notes, tools: _Tools, colourspace: str | None, smallest: float
    ) -> None:
        self._files = {file.number: file for file in footage.frames}
        self._reader = footage.reader()
        self._notes, self._tools = notes, tools
        self._colourspace, self._smallest = colourspace, smallest
        self.frames: Sequence[int] = list(self._files)
        spread = np.linspace(0, len(self.frames) - 1, GRAIN_FRAMES)
        self._grained = {self.frames[round(place)] for place in spread}
        self._size: tuple[int, int] | None = None
        self.seen: dict[int, Seen] = {}

    def close(self) -> None:
        """Let go of the input."""
        self._reader.close()

    def fetch(self, frame: int) -> tuple[str, Plate] | FrameRecord:
        """Read a frame, or tell that it was seen by an earlier run."""
        file = self._files[frame]
        hashed = hash_file(file.path)
        earlier = self._notes.earlier.get(frame)
        if earlier is not None and earlier.hash == hashed:
            self._expect_size(frame, earlier.size)
            self.seen[frame] = earlier
            return self._record(earlier, resumed=True)
        picture = self._reader.read(file)
        return hashed, to_plate(picture, frame, encoding_for(self._colourspace or guess_space(picture)))

    def render(self, frame: int, fetched: tuple[str, Plate]) -> Seen:
        """Find its faces, and what else is to be known of it."""
        hashed, plate = fetched
        window = plate.display_window
        self._expect_size(frame, (window.width, window.height))
        found = detect_faces(plate, self._tools.detector, smallest=self._smallest)
        faces = tuple(Sighting(frame, face, self._identity(plate, face)) for face in found)
        grain = measure_grain(view_plate(plate).pixels) if frame in self._grained else None
        return Seen(
            frame, hashed, (window.width, window.height), faces, small_view(plate).astype(np.float16), grain
        )

    def write(self, frame: int, rendered: Seen) -> FrameRecord:
        """Note what was seen."""
        self.seen[frame] = rendered
        self._notes.add(rendered)
        return self._record(rendered)

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """A frame that cannot be used is no part of the shot."""
        told = {"code": error.code, "sentence": str(error)}
        return FrameRecord(frame, FAILED, str(self._files[frame].path), "", error=told)

    def _identity(self, plate: Plate, face: Any) -> NDArray[np.float32] | None:
        net = self._tools.identity
        try:
            return None if net is None else identity_on(plate, face, net)
        except RequestError:
            return None  # its points fall together, or it lies beyond the plate: nobody to tell apart

    def _expect_size(self, frame: int, size: tuple[int, int]) -> None:
        self._size = self._size or size
        if size != self._size:
            raise RequestError(
                f"frame {frame} is {size[0]} x {size[1]}, those before it {self._size[0]} x {self._size[1]}; a shot "
                "has one size, so analyse them apart with --frames"
            )

    def _record(self, seen: Seen, *, resumed: bool = False) -> FrameRecord:
        faces = [{"box": sighting.face.box, "score": sighting.face.score} for sighting in seen.faces]
        status = UNTOUCHED if faces else NO_FACE
        path = str(self._files[seen.frame].path)
        return FrameRecord(
            seen.frame, status, path, "", faces, models=list(self._tools.models), resumed=resumed
        )


def _earlier(order: AnalyseOrder) -> Shot | None:
    """The shot that is there already, if it may be replaced."""
    if not order.output.exists():
        return None
    if not order.overwrite:
        raise RequestError(
            f"{order.output} is there already; use --overwrite to analyse again, locked tracks stay",
            code="output.exists",
        )
    return read_shot(order.output)


def _open_tools(order: AnalyseOrder) -> _Tools:
    who = ("face.identity",) if order.identities else ()
    # An analysis that is made for a restoration hears of the models of both.
    others = ("face.restore", "face.identity")
    used = choose_models(order.models, needs=("face.detect",), wants=who, knows=others)
    nets = {
        task: open_net(manifest, device=order.device, policy=order.models.policy)
        for task, manifest in used.items()
    }
    return _Tools(
        detector=nets["face.detect"],
        identity=nets.get("face.identity"),
        models={manifest.name: manifest.fingerprint for manifest in used.values()},
    )


def _tracks(paths: Sequence[FacePath]) -> list[Track]:
    """Numbered from 1; the tracks of one person share the name of the first."""
    people = group_people(paths)
    return [
        Track(place, f"face{people[place - 1] + 1}", path.faces) for place, path in enumerate(paths, start=1)
    ]


def _levels(seen: Sequence[Seen]) -> dict[int, NDArray[np.float64]]:
    """Scene-linear level of each frame, as the sum of the steps from frame to frame.

    A step is the mean of the middle half of all points' steps: what moves through the picture has no say.
    """
    level, levels = np.zeros(3), {seen[0].frame: np.ones(3)}
    for before, after in pairwise(seen):
        level = level + _step(before.small.astype(np.float32), after.small.astype(np.float32))
        levels[after.frame] = np.exp(level)
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
