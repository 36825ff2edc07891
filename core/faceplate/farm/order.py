"""An order to restore footage, as a command or a farm gives it: checked whole before anything is written."""

import threading
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from faceplate.farm.chunk import ChunkReport, render_chunk
from faceplate.farm.interlacing import interlace_warning
from faceplate.farm.movie_work import MovieWork
from faceplate.farm.proof import FOLDER, is_proven, prove, read_proof
from faceplate.farm.rendering import Job
from faceplate.farm.report import FrameRecord, Report
from faceplate.farm.restoring import PictureWork
from faceplate.farm.shot_of_input import known_shot, steadying_for
from faceplate.farm.shot_or_stills import Verdict, expect_no_contradiction, judged
from faceplate.farm.steadying import MOTION
from faceplate.farm.store import publish, sweep, temporary_for
from faceplate.io.colourspaces import encoding_for
from faceplate.io.limits import format_for
from faceplate.io.sequence import Footage, open_input
from faceplate.io.target import Target, open_output
from faceplate.model_choice import PLAIN_CHOICE, ModelChoice
from faceplate.operations import DIS, RestoreRequest, open_restore, restore_request
from faceplate.parameters import operation
from faceplate_client.errors import RequestError

OnFrame = Callable[[FrameRecord], None]


@dataclass(frozen=True)
class RestoreOrder:
    """What was ordered, in the words of the command line.

    `input`, `output`, `frames`, `colourspace`: as typed. `values`, `steady`, `film`: parameters of the operations
    `restore`, `steady` and `film` that were set by hand. `anonymise`: veil everybody who was not chosen. `shot`: a shot
    file, made if it is not there. With any of `shot`, `steady` and `film` the input is a shot; without, `taken_as` says
    what it is, or "auto" that the plates shall say. `report`: a JSON-lines file. `resume`: render only what is not
    proven done. `overwrite`: replace what is there. `models`: those asked for by name, and the policy.
    """

    input: str
    output: str
    frames: str | None = None
    skip_missing: bool = False
    colourspace: str | None = None
    layers: tuple[str, ...] = ()
    report: Path | None = None
    resume: bool = False
    overwrite: bool = False
    device: str = "auto"
    models: ModelChoice = PLAIN_CHOICE
    values: Mapping[str, Any] = field(default_factory=dict)
    anonymise: bool = False
    shot: Path | None = None
    steady: Mapping[str, Any] = field(default_factory=dict)
    film: Mapping[str, Any] = field(default_factory=dict)
    taken_as: str = "auto"

    @property
    def wants_shot(self) -> bool:
        """Whether something is asked for that only a shot has."""
        return self.shot is not None or bool(self.steady) or bool(self.film)


def restore_footage(
    order: RestoreOrder,
    *,
    stop: threading.Event,
    on_start: Callable[[int], None],
    on_frame: OnFrame,
    on_look: OnFrame | None = None,
    on_warning: Callable[[str], None] = lambda sentence: None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> ChunkReport:
    """Carry out an order.

    Args:
        order: what to do.
        stop: set it to end the work after the frame in hand.
        on_start: told how many frames there are, once everything is checked; twice where a shot is made first.
        on_frame: told of every frame as it is done.
        on_look: told of every frame that is looked at to make a shot.
        on_warning: told what the artist should know before the render, a sentence each.
        on_verdict: told what the input is taken for.

    Returns:
        Every frame's record.

    Raises:
        RequestError, InputError, ModelError: found before anything is written.
        OutputError, EngineError, Cancelled: on the way; whole frames remain.
    """
    job, verdict = _job(order, stop)
    on_verdict(verdict)
    if verdict.shot:
        looked = on_look or (lambda record: None)
        steadying = steadying_for(
            order,
            job.target,
            job.request.smallest,
            agree=verdict.agree,
            stop=stop,
            on_start=on_start,
            on_frame=looked,
            on_warning=on_warning,
        )
        steadying.chosen(job.request)
        job = replace(job, steadying=steadying)
    elif job.footage.movie is not None and (
        warning := interlace_warning("off", "", job.footage.movie.fields)
    ):
        on_warning(warning)
    report = Report(order.report) if order.report else None

    def tell(record: FrameRecord) -> None:
        if report is not None:
            report.add(record)
        on_frame(record)

    on_start(len(job.footage))
    try:
        return _to_movie(job, tell) if job.target.kind == "movie" else _to_pictures(job, tell)
    finally:
        if report is not None:
            report.close()


def remove_temporaries(order: RestoreOrder) -> None:
    """Remove what this process has half-written for an order; for a process that is about to end."""
    output = Path(order.output)
    places = [output, output / FOLDER, output.parent, output.parent / FOLDER]
    if order.report:
        places.append(order.report.parent)
    for folder in places:
        for path in folder.glob(temporary_for(folder / "*").name):
            with suppress(OSError):
                path.unlink()


def _job(order: RestoreOrder, stop: threading.Event) -> tuple[Job, Verdict]:
    """Everything opened and checked, the cheap things first, and what the input is taken for."""
    expect_no_contradiction(order.taken_as, wants_shot=order.wants_shot)
    request = _request(order, shot=order.wants_shot)
    steady = operation("steady").checked(order.steady)
    footage = open_input(order.input, frames=order.frames, skip_missing=order.skip_missing)
    target = open_output(order.output, footage, overwrite=order.overwrite)
    if order.colourspace:
        encoding_for(order.colourspace)
    _expect_room_for_motion(order, footage, target)
    if not (order.resume or order.overwrite):
        _refuse_existing(footage, target)
    verdict = _verdict(order, target, request.smallest)
    if not verdict.shot:
        _expect_no_motion(order)
    flow = steady["flow"] if verdict.shot else DIS
    tools = open_restore(
        order.device,
        order.models,
        flow=flow,
        upscale=request.params.wants_upscale,
        shared=verdict.shot,  # of a shot one frame is steadied and finished while the next one's faces are restored
    )
    job = Job(
        footage,
        target,
        _request(order, shot=verdict.shot),
        tools,
        order.colourspace,
        order.layers,
        order.resume,
        anonymise=order.anonymise,
        stop=stop,
    )
    return job, verdict


def _request(order: RestoreOrder, *, shot: bool) -> RestoreRequest:
    """The checked request. Names and ids of tracks are in a shot file that somebody can read: one that was named."""
    request = restore_request(order.values, shot=shot)
    return request if order.shot else replace(request, faces=restore_request(order.values).faces)


def _verdict(order: RestoreOrder, target: Target, smallest: float) -> Verdict:
    """Whether the input is a shot: as was said, or as its plates tell."""
    if order.taken_as != "auto" or order.wants_shot:
        return Verdict(order.taken_as == "shot" or order.wants_shot)
    whole = open_input(order.input, skip_missing=True)
    earlier = known_shot(order, target, smallest, whole)
    known = None if earlier is None else earlier.agree
    return judged(whole, target, known=known, colourspace=order.colourspace)


def _expect_room_for_motion(order: RestoreOrder, footage: Footage, target: Target) -> None:
    """Refuse motion layers where no file holds them."""
    asked = [name for name in order.layers if name in MOTION]
    if not asked:
        return
    written = [] if target.kind == "movie" else [target.path_for(file) for file in footage.frames]
    if not written or any(format_for(path) != "openexr" for path in written):
        raise RequestError(
            f"--layers {','.join(asked)} holds pixels and places that only an EXR can; write .exr, or leave it out"
        )


def _expect_no_motion(order: RestoreOrder) -> None:
    """Refuse motion layers of stills."""
    asked = [name for name in order.layers if name in MOTION]
    if asked:
        raise RequestError(
            f"--layers {','.join(asked)} needs a shot, which knows the frames beside; say --as shot if it is one"
        )


def _refuse_existing(footage: Footage, target: Target) -> None:
    for file in footage.frames:
        path = target.path_for(file)
        if path.exists():
            raise RequestError(
                f"{path} is there already; use --resume to render only what is not proven done, "
                "or --overwrite to replace it",
                code="output.exists",
            )


def _to_pictures(job: Job, tell: OnFrame) -> ChunkReport:
    sweep(job.target.folder)
    sweep(job.target.folder / FOLDER)
    with closing(PictureWork(job)) as work:
        return render_chunk(work, stop=job.stop, on_frame=tell)


def _to_movie(job: Job, tell: OnFrame) -> ChunkReport:
    """Render a whole movie inside its publication: it gets its name when its last frame is checked, or never."""
    path = job.target.path
    assert path is not None
    sweep(path.parent)
    facts: dict[str, Any] = {
        "inputs": list(dict.fromkeys(file.path for file in job.footage.frames)),
        "models": job.tools.models,
        "parameters": {**job.as_words(), "frames": [file.number for file in job.footage.frames]},
    }
    if job.resume and is_proven(path, **facts):
        return _proven_movie(path, tell)
    reports: list[ChunkReport] = []
    works: list[MovieWork] = []

    def write(at: Path) -> None:
        work = MovieWork(job, path, at)
        works.append(work)
        with closing(work):
            reports.append(render_chunk(work, stop=job.stop, on_frame=tell))
            work.finish()

    publish(path, write, verify=lambda at: works[-1].verify(at))
    if path.resolve() not in {each.resolve() for each in facts["inputs"]}:
        prove([path], notes={"records": [record.as_json() for record in reports[-1].records]}, **facts)
    return reports[-1]


def _proven_movie(path: Path, tell: OnFrame) -> ChunkReport:
    proof = read_proof(path)
    told = proof.notes.get("records", []) if proof else []
    records = tuple(FrameRecord.from_json(each).as_resumed() for each in told)
    for record in records:
        tell(record)
    return ChunkReport(records, 0.0)
