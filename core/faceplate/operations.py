"""The table of operations: a checked request, and the nets it needs, opened."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceplate.errors import RangeError
from faceplate.faces import Face
from faceplate.model_choice import PLAIN_CHOICE, ModelChoice, choose_models, named_model
from faceplate.parameters import operation
from faceplate.restore.pipeline import RestoreNets, RestoreParams
from faceplate.restore.styles import STYLES
from faceplate.runtime.net import Net
from faceplate.runtime.pool import open_net
from faceplate.stages.shot import CHOICES

SHOT_GRAIN = 1.0
"""Grain given to what is restored in a shot, unless a style or a hand says otherwise: all around it there is grain."""

DIS = "dis"
"""What follows motion unless a model is named; it is no model."""

FLOW = "frames.flow"


@dataclass(frozen=True)
class RestoreRequest:
    """A checked request to restore: which faces (as words), the smallest, and the pipeline's parameters.

    `faces`: "all", "largest", "none", or words such as 1,3, where 1 is the largest face on the frame; with a shot they
    are names and ids of its tracks. `smallest`: height in plate pixels.
    """

    faces: str
    smallest: float
    style: str
    params: RestoreParams

    def chosen(self, faces: Sequence[Face]) -> list[Face]:
        """The faces this request asks for.

        Args:
            faces: those found on a frame, largest first.

        Raises:
            RangeError: the request names tracks of a shot, and there is none.
        """
        if self.faces == "all":
            return list(faces)
        if self.faces == "none":
            return []
        wanted = (1,) if self.faces == "largest" else _numbers(self.faces)
        return [face for number, face in enumerate(faces, start=1) if number in wanted]

    def as_words(self) -> dict[str, Any]:
        """Everything that decides the result, in plain values: what a proof of done hashes."""
        return {"faces": self.faces, "smallest": self.smallest, **dataclasses.asdict(self.params)}


def restore_request(values: Mapping[str, Any], *, shot: bool = False) -> RestoreRequest:
    """Check the values of a restore request and fill in what its style sets.

    Args:
        values: parameter name -> value, only those that were set by hand. They win over the style's.
        shot: whether there will be a shot: `faces` may name its tracks, and its grain is given back by default.

    Raises:
        RangeError, RequestError: as `Operation.checked`.
    """
    restore = operation("restore")
    style = restore.checked({"style": values["style"]} if "style" in values else {})["style"]
    base = {"grain": SHOT_GRAIN} if shot else {}
    full = restore.checked({**base, **STYLES[style], **values})
    fields = {field.name for field in dataclasses.fields(RestoreParams)}
    params = RestoreParams(**{name: value for name, value in full.items() if name in fields})
    faces = ",".join(word.strip() for word in full["faces"].split(","))
    if not shot and faces not in CHOICES:
        faces = ",".join(map(str, sorted(_numbers(faces))))
    return RestoreRequest(faces, full["smallest"], style, params)


def _numbers(words: str) -> set[int]:
    """The numbers that a choice of faces lists."""
    each = words.split(",")
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in each):
        raise RangeError(
            f"faces should be all, largest, none, or numbers such as 1,3, got {words}; names are for shots, see --shot"
        )
    return {int(word) for word in each}


@dataclass(frozen=True)
class RestoreTools:
    """Every net that restoring needs, open: the detector and the pipeline's. `models`: name -> fingerprint.

    `flow`: follows motion in a shot; None for DIS, which is no net.
    """

    detector: Net
    nets: RestoreNets
    models: Mapping[str, str]
    flow: Net | None = None

    @property
    def seconds(self) -> float:
        """Wall time spent in all nets so far."""
        others = (self.nets.identity, self.nets.quality, self.nets.upscale, self.nets.parse)
        nets = (self.detector, self.nets.restore, *others, self.flow)
        return sum(net.seconds for net in nets if net is not None)


def open_restore(
    device: str = "auto",
    choice: ModelChoice = PLAIN_CHOICE,
    *,
    flow: str = DIS,
    upscale: bool = False,
    shared: bool = False,
) -> RestoreTools:
    """Open the nets that `restore` needs; those for identity, quality, parsing and enlarging only if there are any.

    Args:
        device: "auto", "cpu", "cuda" or "openvino".
        choice: models asked for by name, and the policy.
        flow: how motion is followed in a shot: "dis", or the id of a model of task frames.flow.
        upscale: whether the plate will be enlarged by a net, see `RestoreParams.wants_upscale`.
        shared: whether other threads have as much to do as the nets, see `runtime.devices.threads`.

    Raises:
        ModelError: a model is missing, damaged, not permitted, or not one this operation can use.
        RequestError: the device does not work here; a model serves another task.
    """
    wants = ("face.identity", "face.quality", "face.parse", *(["frames.upscale"] if upscale else []))
    used = choose_models(choice, needs=("face.detect", "face.restore"), wants=wants)
    if flow != DIS:
        used = {**used, FLOW: named_model(flow, FLOW, policy=choice.policy, others=DIS)}
    # those of torch first: nets of ONNX Runtime that are opened after them run on the same CUDA stream
    order = sorted(used.items(), key=lambda each: each[1].adapter != "spandrel")
    nets = {
        task: open_net(manifest, device=device, policy=choice.policy, shared=shared)
        for task, manifest in order
    }
    return RestoreTools(
        detector=nets["face.detect"],
        nets=RestoreNets(
            restore=nets["face.restore"],
            identity=nets.get("face.identity"),
            quality=nets.get("face.quality"),
            upscale=nets.get("frames.upscale"),
            parse=nets.get("face.parse"),
        ),
        models={manifest.name: manifest.fingerprint for manifest in used.values()},
        flow=nets.get(FLOW),
    )
