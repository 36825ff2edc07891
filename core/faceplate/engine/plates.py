"""Planes of a request as plates, and what must be true of them before anything is computed."""

import re
from collections.abc import Collection, Mapping
from typing import cast

import numpy as np

from faceplate.arrays import Matte
from faceplate.engine.jobs import Job
from faceplate.engine.plane_store import EnginePlane
from faceplate.plate import Alpha, Plate, Rect
from faceplate_client.errors import RequestError

FARTHEST = 16
"""Frames on either side that a request may bring plates of."""

_NEIGHBOUR = re.compile(r"plate([+-][1-9][0-9]?)")


def plate_of(plane: EnginePlane) -> Plate:
    """A plane as a Plate over the same memory.

    Raises:
        RequestError: `plate.space`, there is no such colour space; `request.plane`, it has no colour.
    """
    from faceplate.io.colourspaces import encoding_for

    if plane.channels == "A":
        raise RequestError("a plate should be RGB or RGBA, got one channel", code="request.plane")
    alpha = plane.pixels[..., 3] if plane.channels == "RGBA" else None
    return Plate(
        plane.pixels[..., :3],
        plane.frame,
        plane.data_window,
        plane.display_window,
        encoding_for(plane.colourspace),
        alpha,
        cast(Alpha, plane.alpha),
    )


def planes_around(job: Job) -> dict[int, EnginePlane]:
    """The planes of a request by their frame numbers: its plate, and those named plate-1, plate+1 and so on.

    Raises:
        RequestError: `request.plane`, a name that does not say which frame its plane is of, or a plane that is not of
            the plate's shot: another size of frame, other channels, another space.
    """
    plate = job.inputs.get("plate")
    if plate is None:
        raise _unfit(f"{job.operation} needs an input plate, and got {', '.join(job.inputs) or 'nothing'}")
    found = {plate.frame: plate}
    for name, plane in job.inputs.items():
        if plane is plate:
            continue
        offset = _NEIGHBOUR.fullmatch(name)
        if offset is None or abs(int(offset[1])) > FARTHEST:
            raise _unfit(
                f"{job.operation} takes plate and its neighbours plate-{FARTHEST} to plate+{FARTHEST}, got {name}"
            )
        if plane.frame - plate.frame != int(offset[1]):
            raise _unfit(f"{name} should be frame {plate.frame + int(offset[1])}, got frame {plane.frame}")
        if _kind(plane) != _kind(plate):
            raise _unfit(f"{name} should have plate's display window, channels, colour space and alpha")
        found[plane.frame] = plane
    return found


def _kind(plane: EnginePlane) -> tuple[object, ...]:
    return (plane.display_window, plane.channels, plane.colourspace, plane.alpha)


def expect_alone(job: Job) -> EnginePlane:
    """The only plane of a request that takes one.

    Raises:
        RequestError: `request.plane`, there are others, or it is missing.
    """
    if set(job.inputs) != {"plate"}:
        raise _unfit(f"{job.operation} takes plate, this request brings {', '.join(job.inputs) or 'nothing'}")
    return job.inputs["plate"]


def expect_outputs(job: Job, possible: Collection[str], *, scale: int = 1) -> None:
    """Refuse outputs that are not what the operation writes, or a host would show one thing and mean another.

    Args:
        possible: what it writes: `plate` in the input's likeness, all others mattes.
        scale: how many times larger than the input they are.

    Raises:
        RequestError: `request.plane`.
    """
    if not job.outputs or not set(job.outputs) <= set(possible):
        wanted = ", ".join(job.outputs) or "nothing"
        raise _unfit(f"{job.operation} gives {', '.join(possible)}; this request wants {wanted}")
    plate = job.inputs["plate"]
    for name, output in job.outputs.items():
        like = plate if name == "plate" else None
        _expect_fit(name, output, like=like, window=plate.data_window.scaled(scale), scale=scale)


def _expect_fit(
    name: str, output: EnginePlane, *, like: EnginePlane | None, window: Rect, scale: int
) -> None:
    meaning = (like.channels, like.colourspace, like.alpha) if like else ("A", "data", "none")
    wanted = (window, *meaning)
    got = (output.data_window, output.channels, output.colourspace, output.alpha)
    if got != wanted or (like and output.display_window != like.display_window.scaled(scale)):
        words = [" ".join(map(str, each)) for each in (wanted, got)]
        raise _unfit(f"output {name} should be {words[0]}, got {words[1]}")


def write_outputs(job: Job, plate: Plate, layers: Mapping[str, Matte]) -> None:
    """Into the client's memory, once; what lies there already stays.

    Raises:
        Cancelled: the job was taken back; nothing was written.
    """
    job.stage("write", 0.95)
    with job.writing():
        for name, output in job.outputs.items():
            if name != "plate":
                np.copyto(output.pixels[..., 0], layers[name])
            else:
                _write_plate(job.inputs["plate"], output, plate)


def _write_plate(source: EnginePlane, output: EnginePlane, plate: Plate) -> None:
    in_place = output.is_same_place(source)
    if not (in_place and plate.pixels.base is source.pixels):
        np.copyto(output.pixels[..., :3], plate.pixels)
    if output.channels == "RGBA" and not in_place and plate.alpha is not None:
        np.copyto(output.pixels[..., 3], plate.alpha)


def _unfit(why: str) -> RequestError:
    return RequestError(why, code="request.plane")
