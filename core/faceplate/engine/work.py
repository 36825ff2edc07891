"""What the engine does for each operation: planes in, planes out, a report."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from faceplate.engine.jobs import Job
from faceplate.engine.plane_store import EnginePlane
from faceplate.plate import Alpha, Plate, Rect
from faceplate.runtime.net import Net, fixed_side
from faceplate_client.errors import RequestError

if TYPE_CHECKING:
    from faceplate.operations import RestoreTools
    from faceplate.restore.pipeline import Restored

LAYERS = ("matte", "invented", "confidence")
"""Single-channel outputs that restoring can give besides the plate."""


def noop(job: Job) -> Mapping[str, Any]:
    """Give the plate back: copied, or left where it is when input and output are the same place. For measurements."""
    _expect_names(job, inputs=("plate",), outputs=("plate",))
    if job.params:
        raise RequestError("noop has no parameters")
    plate, output = job.inputs["plate"], job.outputs["plate"]
    _expect_fit("plate", output, like=plate, window=plate.data_window, channels=plate.channels)
    with job.writing():
        if not output.is_same_place(plate):
            np.copyto(output.pixels, plate.pixels)
    return {}


def restore(job: Job) -> Mapping[str, Any]:
    """Find the faces on a plate and restore those that were asked for.

    Raises:
        RequestError: a parameter or a plane does not fit. ModelError: no model. Cancelled: between two stages.
    """
    # The engine starts without any of this: a no-op, a status or a refusal needs none of it.
    from faceplate.operations import restore_request
    from faceplate.restore.pipeline import RestoreNets, restore_frame
    from faceplate.stages.detect import detect_faces

    request = restore_request(job.params)
    _expect_names(job, inputs=("plate",), outputs=("plate", *LAYERS))
    _expect_restore_planes(job, request.params.scale)
    plate, tools = plate_of(job.inputs["plate"]), _restore_tools()
    job.stage("detect", 0.05)
    found = detect_faces(plate, Watched(tools.detector, job, "detect", 0.1, 0.0), smallest=request.smallest)
    chosen = request.chosen(found)
    share = 0.65 / max(1, len(chosen) * (2 if request.params.mirror else 1))
    identity = tools.nets.identity and Watched(tools.nets.identity, job, "likeness", 0.9, 0.0)
    nets = RestoreNets(Watched(tools.nets.restore, job, "restore", 0.25, share), identity)
    done = restore_frame(plate, chosen, nets=nets, params=request.params)
    job.stage("write", 0.95)
    with job.writing():
        _write(job, done)
    reports = {id(face): report for face, report in zip(chosen, done.faces, strict=True)}
    faces = [asdict(reports[id(face)]) if id(face) in reports else _not_chosen(face) for face in found]
    return plain({"faces": faces, "seconds": done.seconds, "models": list(tools.models)})


WORK: Mapping[str, Callable[[Job], Mapping[str, Any]]] = {"noop": noop, "restore": restore}
"""Operation -> what carries it out."""


class Watched:
    """A net that lets its job stop, or step aside, before every call. `share`: progress that each call is worth."""

    def __init__(self, net: Net, job: Job, stage: str, done: float, share: float) -> None:
        self._net, self._job, self._stage, self._done, self._share = net, job, stage, done, share
        self.id, self.template, self.side, self.seconds = net.id, net.template, fixed_side(net), net.seconds

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """As the net itself.

        Raises:
            Cancelled: the job was taken back.
        """
        self._job.stage(self._stage, self._done)
        self._done += self._share
        answer = self._net(batch)
        self.seconds = self._net.seconds
        return answer


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


def models_in_use() -> list[str]:
    """Names of the models that are open."""
    return list(_restore_tools().models) if _restore_tools.cache_info().currsize else []


@cache
def _restore_tools() -> "RestoreTools":
    """The nets, opened once for every client of this engine."""
    from faceplate.operations import open_restore

    return open_restore()


def _expect_names(job: Job, *, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    if set(job.inputs) != set(inputs) or not job.outputs or not set(job.outputs) <= set(outputs):
        raise RequestError(
            f"{job.operation} takes {', '.join(inputs)} and gives {', '.join(outputs)}; this request brings "
            f"{', '.join(job.inputs) or 'nothing'} and wants {', '.join(job.outputs) or 'nothing'}",
            code="request.plane",
        )


def _expect_restore_planes(job: Job, scale: int) -> None:
    plate = job.inputs["plate"]
    window = plate.data_window.scaled(scale)
    for name, output in job.outputs.items():
        if name == "plate":
            _expect_fit(name, output, like=plate, window=window, channels=plate.channels, scale=scale)
        else:
            _expect_fit(name, output, like=None, window=window, channels="A")


def _expect_fit(
    name: str, output: EnginePlane, *, like: EnginePlane | None, window: Rect, channels: str, scale: int = 1
) -> None:
    """An output must be what the operation writes, or a host would show one thing and mean another."""
    meaning = (like.colourspace, like.alpha) if like else ("data", "none")
    wanted = (channels, window, *meaning)
    got = (output.channels, output.data_window, output.colourspace, output.alpha)
    if got != wanted or (like and output.display_window != like.display_window.scaled(scale)):
        words = [" ".join(map(str, each)) for each in (wanted, got)]
        raise RequestError(f"output {name} should be {words[0]}, got {words[1]}", code="request.plane")


def _write(job: Job, done: "Restored") -> None:
    """Into the client's memory, once; what lies there already stays."""
    plate, output = job.inputs["plate"], job.outputs.get("plate")
    if output is not None:
        in_place = output.is_same_place(plate)
        if not (in_place and done.plate.pixels.base is plate.pixels):
            np.copyto(output.pixels[..., :3], done.plate.pixels)
        if output.channels == "RGBA" and not in_place and done.plate.alpha is not None:
            np.copyto(output.pixels[..., 3], done.plate.alpha)
    for name in LAYERS:
        if name in job.outputs:
            np.copyto(job.outputs[name].pixels[..., 0], getattr(done, name))


def _not_chosen(face: Any) -> dict[str, Any]:
    """A face that nobody asked for, so that numbers in the report are those of the parameter `faces`."""
    return {"box": face.box, "points": face.points, "score": face.score, "status": "not_chosen"}
