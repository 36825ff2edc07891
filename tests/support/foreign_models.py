"""Tiny ONNX files with the graphs of other people's models: same inputs and outputs, weights of no use to anybody.

The detectors take red for a face and are blind to blue, in the channel order and the range of the model they stand
for: fed wrongly, they find nothing, or the wrong thing.
"""

import hashlib
from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from faceplate.registry.bring import as_toml

STRIDES = (8, 16, 32)
POINTS = (-0.2, -0.2, 0.2, -0.2, 0.0, 0.05, -0.15, 0.25, 0.15, 0.25)
"""Eyes, nose and mouth of the face that a red cell stands for, in its side."""

FORMS: dict[str, dict[str, Any]] = {
    "yunet": {"input": {"range": [0.0, 255.0], "order": "BGR"}, "red": (-1.0, 0.0, 1.0), "from": 64.0},
    "scrfd": {"input": {"range": [-0.99609375, 0.99609375]}, "red": (1.0, 0.0, -1.0), "from": 0.5},
    "retinaface": {
        "input": {"range": [0.0, 255.0], "order": "BGR", "mean": [104.0, 117.0, 123.0]},
        "red": (-1.0, 0.0, 1.0),
        "from": 64.0,
    },
}
"""Adapter -> how the model is fed; which channel counts as a face, and from how much of it on."""


def foreign_detector(form: str, *, side: float = 60.0, size: tuple[int, int] | None = None) -> bytes:
    """A detector in another model's form: every red cell of the finest grid is a face of `side` pixels around it."""
    build = _Build(FORMS[form])
    heads = {"yunet": _yunet_heads, "scrfd": _scrfd_heads, "retinaface": _retina_heads}[form](build, side)
    shape = ["B", 3, *(size or ("H", "W"))]
    return build.model(shape, heads, rank=2 if form == "scrfd" else 3)


class _Build:
    """A graph in the making."""

    def __init__(self, form: dict[str, Any]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.form = form

    def put(self, kind: str, inputs: list[str], output: str, **settings: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output

    def constant(
        self, name: str, values: Sequence[float], shape: list[int], kind: int = TensorProto.FLOAT
    ) -> str:
        return self.put("Constant", [], name, value=helper.make_tensor(name, kind, shape, values))

    def score(self, stride: int) -> str:
        """(B, 1, h, w): 0-1, how red a cell is; 0 on all grids but the finest."""
        kernel = [weight / stride**2 for weight in self.form["red"] for _ in range(stride * stride)]
        red = self.put(
            "Conv",
            ["image", self.constant(f"kernel{stride}", kernel, [1, 3, stride, stride])],
            f"red{stride}",
            strides=[stride, stride],
        )
        least = self.constant(f"from{stride}", [self.form["from"]], [1])
        above = self.put("Div", [self.put("Sub", [red, least], f"above{stride}"), least], f"sure{stride}")
        top = self.constant(f"top{stride}", [1.0 if stride == STRIDES[0] else 0.0], [])
        return self.put("Clip", [above, self.constant(f"zero{stride}", [0.0], []), top], f"score{stride}")

    def everywhere(self, like: str, values: list[float], name: str) -> str:
        """(B, K, h, w): the same numbers in every cell of a grid."""
        nothing = self.put("Mul", [like, self.constant(f"{name}_0", [0.0], [1])], f"{name}_none")
        return self.put(
            "Add", [nothing, self.constant(f"{name}_k", values, [1, len(values), 1, 1])], f"{name}_grid"
        )

    def listed(self, grid: str, width: int, name: str, *, batch: bool = True) -> str:
        """A grid (B, anchors * width, h, w) as (B, N, width), cells row by row, or (N, width) without the batch."""
        last = self.put("Transpose", [grid], f"{name}_last", perm=[0, 2, 3, 1])
        shape = [0, -1, width] if batch else [-1, width]
        flat = self.constant(f"{name}_shape", shape, [len(shape)], TensorProto.INT64)
        return self.put("Reshape", [last, flat], name)

    def model(self, shape: list[Any], outputs: list[str], *, rank: int) -> bytes:
        graph = helper.make_graph(
            self.nodes,
            "foreign",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * rank) for name in outputs],
        )
        return _checked(graph)


def _yunet_heads(build: _Build, side: float) -> list[str]:
    heads: dict[str, list[str]] = {"cls": [], "obj": [], "bbox": [], "kps": []}
    for stride in STRIDES:
        score = build.score(stride)
        box = [0.5, 0.5, log(side / stride), log(side / stride)]
        points = [0.5 + share * side / stride for share in POINTS]
        for kind in ("cls", "obj"):
            heads[kind].append(build.listed(score, 1, f"{kind}_{stride}"))
        heads["bbox"].append(build.listed(build.everywhere(score, box, f"box{stride}"), 4, f"bbox_{stride}"))
        heads["kps"].append(
            build.listed(build.everywhere(score, points, f"point{stride}"), 10, f"kps_{stride}")
        )
    return [name for names in heads.values() for name in names]


def _scrfd_heads(build: _Build, side: float) -> list[str]:
    """Two anchors a cell, of which the second sees nothing; outputs have no batch, as InsightFace's have none."""
    scores, boxes, points = [], [], []
    for stride in STRIDES:
        score = build.score(stride)
        blind = build.put("Mul", [score, build.constant(f"blind{stride}", [0.0], [1])], f"never{stride}")
        both = build.put("Concat", [score, blind], f"both{stride}", axis=1)
        middle = 0.5  # an anchor lies at its cell's corner, the face around its middle
        box = [side / 2 / stride + shift for shift in (-middle, -middle, middle, middle)]
        at = [middle + share * side / stride for share in POINTS]
        scores.append(build.listed(both, 1, f"score_{stride}", batch=False))
        boxes.append(
            build.listed(build.everywhere(score, box * 2, f"box{stride}"), 4, f"bbox_{stride}", batch=False)
        )
        points.append(
            build.listed(build.everywhere(score, at * 2, f"at{stride}"), 10, f"kps_{stride}", batch=False)
        )
    return scores + boxes + points


def _retina_heads(build: _Build, side: float) -> list[str]:
    boxes, scores, points = [], [], []
    for stride, anchors in zip(STRIDES, ((16, 32), (64, 128), (256, 512)), strict=True):
        score = build.score(stride)
        one = build.constant(f"one{stride}", [1.0], [1])
        none = build.put("Sub", [one, score], f"background{stride}")
        both = build.put("Concat", [none, score, none, score], f"both{stride}", axis=1)
        box = [number for anchor in anchors for number in (0.0, 0.0, *[log(side / anchor) / 0.2] * 2)]
        at = [share * side / anchor / 0.1 for anchor in anchors for share in POINTS]
        scores.append(build.listed(both, 2, f"conf{stride}"))
        boxes.append(build.listed(build.everywhere(score, box, f"box{stride}"), 4, f"loc{stride}"))
        points.append(build.listed(build.everywhere(score, at, f"at{stride}"), 10, f"land{stride}"))
    joined = {"loc": boxes, "conf": scores, "landms": points}
    return [build.put("Concat", names, name, axis=1) for name, names in joined.items()]


def foreign_restorer(
    side: int, *, gains: tuple[float, float, float] = (1.0, 0.5, 0.0), weight: bool = False
) -> bytes:
    """A restorer of one size that multiplies each channel, as it gets it; with `weight`, that input's number as well.

    The inputs are those of GFPGAN's exports, `input`, and of CodeFormer's: `weight` is a double of one number.
    """
    shape = [1, 3, side, side]
    nodes = [helper.make_node("Mul", ["input", "gains"], ["made"])]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
    if weight:
        inputs.append(helper.make_tensor_value_info("weight", TensorProto.DOUBLE, [1]))
        nodes.append(helper.make_node("Cast", ["weight"], ["share"], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", ["made", "share"], ["output"]))
    else:
        nodes.append(helper.make_node("Identity", ["made"], ["output"]))
    graph = helper.make_graph(
        nodes,
        "restorer",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)],
        [helper.make_tensor("gains", TensorProto.FLOAT, [1, 3, 1, 1], gains)],
    )
    return _checked(graph)


def foreign_recogniser() -> bytes:
    """A recogniser in the shape of ArcFace's: one face of 112 px in, the mean of its channels as it gets them out."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["input.1"], ["683"], axes=[2, 3], keepdims=0)],
        "recogniser",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, 112, 112])],
        [helper.make_tensor_value_info("683", TensorProto.FLOAT, [1, 3])],
    )
    return _checked(graph)


def foreign_flow(
    *,
    size: tuple[int, int] | None = None,
    coarse: bool = False,
    one: bool = False,
    channels: int = 2,
    still: bool = False,
) -> bytes:
    """A net in RAFT's form: two pictures in, pixels of motion out.

    It takes red for the place across and green for the place down: how much a colour differs, over how steeply it rises
    there. `size`: (height, width) of the only picture it takes. `coarse`: gives a flow at an eighth first, as the
    OpenCV zoo's export does. `one`: reads one picture. `channels`: of what it gives. `still`: nothing moves, whatever
    it sees.
    """
    build = _Build({})
    shape = [1, 3, *(size or ("H", "W"))]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("0", "1")]
    moved = build.put("Sub", ["0", "0" if one else "1"], "moved")
    ends = [
        build.constant(name, [place], [1], TensorProto.INT64) for name, place in (("a", 0), ("b", channels))
    ]
    axis = build.constant("axis", [1], [1], TensorProto.INT64)
    both = build.put("Slice", [moved, *ends, axis], "both")
    kernel = [0.0] * (channels * 3 * 9)
    kernel[3], kernel[5] = -0.5, 0.5  # red, from the left to the right
    kernel[27 + 9 + 1], kernel[27 + 9 + 7] = -0.5, 0.5  # green, from above to below
    rising = build.put(
        "Conv", ["0", build.constant("kernel", kernel, [channels, 3, 3, 3])], "rising", pads=[1] * 4
    )
    never = build.constant("never", [0.0], [1])
    flow = build.put("Mul", [both, never], "flow") if still else build.put("Div", [both, rising], "flow")
    outputs = [flow]
    if coarse:
        outputs = [build.put("AveragePool", [flow], "low", kernel_shape=[8, 8], strides=[8, 8]), flow]
    graph = helper.make_graph(
        build.nodes,
        "flow",
        inputs[: 1 if one else 2],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * 4) for name in outputs],
    )
    return _checked(graph)


def _checked(graph: onnx.GraphProto) -> bytes:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def add_foreign(
    folder: Path, task: str, content: bytes, *, adapter: str, id: str = "foreign", **facts: Any
) -> None:
    """Write a model and its manifest into a model folder. `facts`: input, output; further keys of the manifest."""
    for name in ("manifests", "open"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "open" / f"{id}.onnx").write_bytes(content)
    words: dict[str, Any] = {
        "id": id, "task": task, "version": "1.0.0", "licence": "CC0-1.0", "class": "A", "adapter": adapter,
        "weights": {
            "file": f"open/{id}.onnx", "sha256": hashlib.sha256(content).hexdigest(), "runtime": "onnx"
        },
        **facts,
    }  # fmt: skip
    words["input"] = {"shape": "1 3 H W", "range": [0.0, 1.0], "space": "sRGB", **words.get("input", {})}
    (folder / "manifests" / f"{id}.toml").write_text(as_toml(words), encoding="utf-8")
