"""What the engine does for each operation: planes in, planes out, a report."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from faceplate.engine.jobs import Job
from faceplate.engine.nets import watched_tools
from faceplate.engine.plates import (
    expect_alone,
    expect_outputs,
    planes_around,
    plate_of,
    write_outputs,
)
from faceplate.parameters import operation
from faceplate_client.errors import RequestError

if TYPE_CHECKING:
    from faceplate.frames.finishing import Finished
    from faceplate.operations import RestoreTools

# The engine starts without any of the pipelines: a no-op, a status or a refusal needs none of them. So operations
# import theirs when they are first asked for.

LAYERS = ("matte", "invented", "confidence")
"""Mattes that restoring can give besides the plate."""


def noop(job: Job) -> Mapping[str, Any]:
    """Give the plate back: copied, or left where it is when input and output are the same place. For measurements."""
    plate = expect_alone(job)
    if job.params:
        raise RequestError("noop has no parameters")
    expect_outputs(job, ("plate",))
    output = job.outputs["plate"]
    with job.writing():
        if not output.is_same_place(plate):
            np.copyto(output.pixels, plate.pixels)
    return {}


def restore(job: Job) -> Mapping[str, Any]:
    """Find the faces on a plate and restore those that were asked for.

    Raises:
        RequestError: a parameter or a plane does not fit. ModelError: no model. Cancelled: between two stages.
    """
    from faceplate.frames.alone import restore_alone
    from faceplate.operations import restore_request

    (own,) = settings_of(job, restore=None)
    request, plane = restore_request(own), expect_alone(job)
    expect_outputs(job, ("plate", *LAYERS), scale=request.params.scale)
    plate, tools = plate_of(plane), watched_tools(job, upscale=request.params.wants_upscale)
    return answered(job, restore_alone(plate, request, tools), tools)


def steady(job: Job) -> Mapping[str, Any]:
    """Restore the faces on a plate, each held steady by the plates around it that the request brings.

    Raises:
        RequestError: a parameter or a plane does not fit. ModelError: no model. Cancelled: between two stages.
    """
    from faceplate.engine.window import chosen_tracks, remembered, shot_around
    from faceplate.frames.steady import SteadyShot
    from faceplate.operations import restore_request
    from faceplate.restore.face import restore_crop
    from faceplate.stabilise.pipeline import SteadyParams

    own, held = settings_of(job, restore=None, steady=None)
    request = replace(restore_request(own, shot=True), faces=restore_request(own).faces)
    values = operation("steady").checked(held)
    params = SteadyParams(strength=values["steady"], radius=values["radius"])
    planes = planes_around(job)
    expect_outputs(job, ("plate", *LAYERS), scale=request.params.scale)
    tools = watched_tools(job, values["flow"], upscale=request.params.wants_upscale)
    frame = job.inputs["plate"].frame
    shot = shot_around(planes, tools, smallest=request.smallest, grained=request.params.grain > 0)
    net, mirror = tools.nets.restore, request.params.mirror
    faces = SteadyShot(
        shot,
        params,
        ids=chosen_tracks(shot, frame, request),
        request=request,
        tools=tools,
        restore=remembered(lambda crop: restore_crop(crop, net, mirror=mirror), tools, mirror),
    )
    near = {number: plate_of(planes[number]) for number in faces.window(frame)}
    done = faces.render(plate_of(planes[frame]), near)
    return {**answered(job, done, tools), "frames": sorted([frame, *near])}


def matte(job: Job) -> Mapping[str, Any]:
    """Where restoring would change the plate, without restoring it.

    Raises:
        RequestError: a parameter or a plane does not fit. ModelError: no model. Cancelled: between two stages.
    """
    from faceplate.frames.finishing import finish
    from faceplate.operations import restore_request
    from faceplate.restore.pipeline import RestoreNets, restore_frame
    from faceplate.stages.detect import detect_faces

    (own,) = settings_of(job, restore=("faces", "smallest"))
    request, plane = restore_request(own), expect_alone(job)
    expect_outputs(job, ("matte",))
    plate, tools = plate_of(plane), watched_tools(job)
    found = detect_faces(plate, tools.detector, smallest=request.smallest)
    chosen = request.chosen(found)
    done = restore_frame(
        plate,
        chosen,
        nets=RestoreNets(tools.nets.restore, parse=tools.nets.parse),
        params=request.params,
        restored_crop=lambda _, crop: crop.pixels,
    )
    return answered(job, finish(done, found, chosen, scale=1), tools)


def veil(job: Job) -> Mapping[str, Any]:
    """Make the chosen faces unrecognisable, or with `anonymise_others` everybody but them.

    With the plates around it, a face that was lost for a frame stays veiled where it was.

    Raises:
        RequestError: a parameter or a plane does not fit. ModelError: no model. Cancelled: between two stages.
    """
    from faceplate.engine.window import shot_around
    from faceplate.frames.veiling import veil_alone, veil_shot
    from faceplate.operations import restore_request

    own, switch = settings_of(job, restore=("faces", "smallest"), veil=None)
    request, others = restore_request(own), operation("veil").checked(switch)["anonymise_others"]
    planes = planes_around(job)
    expect_outputs(job, ("plate", "matte"))
    plate, tools = plate_of(job.inputs["plate"]), watched_tools(job)
    if len(planes) == 1:
        return answered(job, veil_alone(plate, request, tools.detector, others=others), tools)
    shot = shot_around(planes, tools, smallest=request.smallest, grained=False)
    done = veil_shot(plate, shot, request, tools.detector, others=others)
    return {**answered(job, done, tools), "frames": sorted(planes)}


WORK: Mapping[str, Callable[[Job], Mapping[str, Any]]] = {
    "noop": noop,
    "restore": restore,
    "steady": steady,
    "matte": matte,
    "veil": veil,
}
"""Operation -> what carries it out."""


def settings_of(job: Job, **operations: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """A request's parameters, parted by the operations of operations.json that they belong to.

    Args:
        operations: whose parameters the job takes: these names, or None for all of them.

    Raises:
        RequestError: a parameter of none of them.
    """
    names = {
        each: [p.name for p in operation(each).parameters] if only is None else only
        for each, only in operations.items()
    }
    known = {name for each in names.values() for name in each}
    for name in job.params:
        if name not in known:
            raise RequestError(f"{job.operation} has no parameter {name}; it has {', '.join(sorted(known))}")
    return [{name: job.params[name] for name in each if name in job.params} for each in names.values()]


def answered(job: Job, done: "Finished", tools: "RestoreTools") -> dict[str, Any]:
    """Write what was made into the client's planes, and say what became of every face."""
    write_outputs(job, done.plate, done.layers)
    return plain(
        {
            "faces": [asdict(face) for face in done.faces],
            "seconds": done.seconds,
            "models": list(tools.models),
            **({"notes": job.notes} if job.notes else {}),
        }
    )


def plain(value: Any) -> Any:
    """Numbers of numpy and containers as JSON's own kinds; what JSON has no word for becomes null."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return round(value, 6) if np.isfinite(value) else None
    return value
