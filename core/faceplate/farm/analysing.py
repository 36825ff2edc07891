"""`analyse`: plates read once, in order and in parallel with the looking; what was seen becomes a shot."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from faceplate import __version__
from faceplate.farm.chunk import render_chunk
from faceplate.farm.interlacing import interlace_warning
from faceplate.farm.proof import hash_file
from faceplate.farm.report import FAILED, NO_FACE, UNTOUCHED, FrameRecord
from faceplate.farm.shot_files import read_shot, write_identities, write_shot
from faceplate.farm.survey import Notes
from faceplate.frames.looking import Seen, grained_among, look_at, neighbour_of_frame, shot_of
from faceplate.io.colourspaces import encoding_for, guess_space
from faceplate.io.plates import to_plate
from faceplate.io.sequence import Footage, open_input
from faceplate.model_choice import PLAIN_CHOICE, ModelChoice, choose_models
from faceplate.parameters import operation
from faceplate.plate import Plate
from faceplate.restore.film_fields import Combing, Rows, combing, rows_of
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.shot import Shot
from faceplate.stages.shot_edits import taken_over
from faceplate_client.errors import InputError, RequestError

OnFrame = Callable[[FrameRecord], None]


@dataclass(frozen=True)
class AnalyseOrder:
    """What was ordered, in the words of the command line.

    `identities`: whether to tell faces apart by who they are, and keep the vectors beside the shot. `landmarks`:
    whether to find 68 points and the head's turn on every face, where a model does. `smallest`: height of the lowest
    face, pixels. `resume`: go on with a stopped analysis. `overwrite`: replace a shot that is there; its locked tracks
    stay. `models`: those asked for by name, and the policy. `agree`: how far neighbouring plates agree,
    where that was looked at before.
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
    agree: float | None = None
    landmarks: bool = True


@dataclass(frozen=True)
class Analysed:
    """The finished analysis: the shot, every frame's record, and what the artist should know, a sentence each."""

    shot: Shot
    records: tuple[FrameRecord, ...]
    exit_code: int
    warnings: tuple[str, ...] = ()


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
            shot, identities = shot_of(
                list(work.seen.values()),
                source=Path(footage.words).name,
                models=tools.models,
                stills=footage.kind == "stills",
            )
        shot = replace(shot, agree=order.agree)
        shot = taken_over(shot, earlier) if earlier is not None else shot
        kept = {id: vector for id, vector in identities.items() if id in {track.id for track in shot.tracks}}
        write_identities(order.output, kept, model=tools.identity_name)
        write_shot(order.output, shot)
        done = True
    finally:
        notes.close(done=done)
    warning = interlace_warning("off", shot.fields, footage.movie.fields if footage.movie else "")
    return Analysed(shot, report.records, report.exit_code, (warning,) if warning else ())


@dataclass(frozen=True)
class _Tools:
    detector: Net
    identity: Net | None
    quality: Net | None
    landmarks: Net | None
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
        self._grained = grained_among(self.frames)
        self._size: tuple[int, int] | None = None
        self.seen: dict[int, Seen] = {}
        self._before: tuple[int, Rows | None] | None = None

    def close(self) -> None:
        """Let go of the input."""
        self._reader.close()

    def fetch(self, frame: int) -> tuple[str, Plate, Plate | None] | FrameRecord:
        """Read a frame, and the one its grain is held against; or tell that it was seen by an earlier run."""
        file = self._files[frame]
        hashed = hash_file(file.path)
        earlier = self._notes.earlier.get(frame)
        if earlier is not None and earlier.hash == hashed:
            self._expect_size(frame, earlier.size)
            self.seen[frame] = earlier
            return self._record(earlier, resumed=True)
        return hashed, self._plate(frame), self._beside(frame)

    def _plate(self, frame: int) -> Plate:
        picture = self._reader.read(self._files[frame])
        return to_plate(picture, frame, encoding_for(self._colourspace or guess_space(picture)))

    def _beside(self, frame: int) -> Plate | None:
        """Read once more, for a few frames of a shot: an analysis that was stopped has to come to the same grain."""
        other = neighbour_of_frame(frame, self.frames) if frame in self._grained else None
        try:
            return None if other is None else self._plate(other)
        except InputError:
            return None

    def render(self, frame: int, fetched: tuple[str, Plate, Plate | None]) -> Seen:
        """Find its faces, and what else is to be known of it."""
        hashed, plate, beside = fetched
        window = plate.display_window
        self._expect_size(frame, (window.width, window.height))
        seen = look_at(
            plate,
            detector=self._tools.detector,
            identity=self._tools.identity,
            quality=self._tools.quality,
            landmarks=self._tools.landmarks,
            smallest=self._smallest,
            grained=frame in self._grained,
            hash=hashed,
            beside=beside,
        )
        return replace(seen, combing=self._combing(plate))

    def _combing(self, plate: Plate) -> Combing | None:
        """How a frame's fields fit those of the frame before it, where that was read just now."""
        before, here = self._before, rows_of(plate)
        self._before = (plate.frame, here)
        if before is None or before[0] != plate.frame - 1:
            return None
        if here is None or before[1] is None or here.shape != before[1].shape:
            return None
        return combing(here, before[1])

    def write(self, frame: int, rendered: Seen) -> FrameRecord:
        """Note what was seen."""
        self.seen[frame] = rendered
        self._notes.add(rendered)
        return self._record(rendered)

    def failed(self, frame: int, error: InputError) -> FrameRecord:
        """A frame that cannot be used is no part of the shot."""
        told = {"code": error.code, "sentence": str(error)}
        return FrameRecord(frame, FAILED, str(self._files[frame].path), "", error=told)

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
    wants = ["face.quality"]
    wants += ["face.identity"] if order.identities else []
    wants += ["face.landmarks"] if order.landmarks else []
    # An analysis that is made for a restoration hears of the models of both.
    others = ("face.restore", "face.identity", "frames.upscale")
    used = choose_models(order.models, needs=("face.detect",), wants=wants, knows=others)
    nets = {
        task: open_net(manifest, device=order.device, policy=order.models.policy)
        for task, manifest in used.items()
    }
    return _Tools(
        detector=nets["face.detect"],
        identity=nets.get("face.identity"),
        quality=nets.get("face.quality"),
        landmarks=nets.get("face.landmarks"),
        models={manifest.name: manifest.fingerprint for manifest in used.values()},
    )
