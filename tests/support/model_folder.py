"""Tiny ONNX models and their manifests, written into a model folder for a test."""

import hashlib
from pathlib import Path

import onnx
from onnx import TensorProto, helper

MANIFEST = """
id = "{id}"
task = "{task}"
version = "{version}"
licence = "CC0-1.0"
class = "{licence_class}"
[weights]
file = "open/{id}-{version}.onnx"
sha256 = "{sha256}"
runtime = "onnx"
[input]
shape = "B 3 H W"
range = [0.0, 1.0]
space = "sRGB"
template = "{template}"
"""


def brighter_model(gain: float = 1.0) -> bytes:
    """y = gain * x, for batches of any size."""
    size = ["B", 3, "H", "W"]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["image", "gain"], ["result"])],
        "stub",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, size)],
        [helper.make_tensor("gain", TensorProto.FLOAT, [1], [gain])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def finder_model(side: float = 60.0) -> bytes:
    """A detector that takes green for a face: in DetectNet's form, (B, N, 15) rows for strides 8, 16 and 32.

    Every 8 px cell that is greener than red by half is a face of `side` pixels around the cell, with
    upright eyes, nose and mouth in it; coarser cells see nothing.
    """
    points = [-0.2, -0.2, 0.2, -0.2, 0.0, 0.05, -0.15, 0.25, 0.15, 0.25]
    offsets = [side * share for share in (-0.5, -0.5, 0.5, 0.5, *points)]
    nodes, constants, rows = (
        [],
        {"one": [1.0], "zero": [0.0], "half": [0.5], "quarter": [0.25], "four": [4.0]},
        [],
    )

    def put(kind, inputs, output, **settings):
        nodes.append(helper.make_node(kind, inputs, [output], **settings))
        return output

    for stride in (8, 16, 32):
        kernel = [value / stride**2 for value in (-1.0, 1.0, 0.0) for _ in range(stride * stride)]
        tensor = helper.make_tensor(f"kernel{stride}", TensorProto.FLOAT, [1, 3, stride, stride], kernel)
        put("Constant", [], f"kernel{stride}", value=tensor)
        constants[f"stride{stride}"] = [float(stride)]
        green = put("Conv", ["image", f"kernel{stride}"], f"green{stride}", strides=[stride, stride])
        above = put("Mul", [put("Sub", [green, "quarter"], f"above{stride}"), "four"], f"sure{stride}")
        seen = put("Clip", [above, "zero1", "one1"], f"seen{stride}")
        nothing = put("Mul", [green, "zero"], f"nothing{stride}")
        ones = put("Add", [nothing, "one"], f"ones{stride}")
        columns = [seen if stride == 8 else nothing]
        centres = []
        for axis, name in ((3, "x"), (2, "y")):
            counted = put("CumSum", [ones, f"axis{axis}"], f"count{name}{stride}")
            inner = put("Sub", [counted, "half"], f"inner{name}{stride}")
            centres.append(put("Mul", [inner, f"stride{stride}"], f"centre{name}{stride}"))
        for place, offset in enumerate(offsets):
            constants[f"offset{place}"] = [offset]
            columns.append(put("Add", [centres[place % 2], f"offset{place}"], f"place{place}_{stride}"))
        joined = put("Concat", columns, f"joined{stride}", axis=1)
        rows.append(put("Reshape", [joined, "flat"], f"rows{stride}"))
    whole = put("Concat", rows, "whole", axis=2)
    put("Transpose", [whole], "rows", perm=[0, 2, 1])
    tensors = [helper.make_tensor(name, TensorProto.FLOAT, [1], value) for name, value in constants.items()]
    tensors += [
        helper.make_tensor(f"{name}1", TensorProto.FLOAT, [], constants[name]) for name in ("zero", "one")
    ]
    tensors += [helper.make_tensor(f"axis{axis}", TensorProto.INT64, [], [axis]) for axis in (2, 3)]
    tensors.append(helper.make_tensor("flat", TensorProto.INT64, [3], [0, 15, -1]))
    graph = helper.make_graph(
        nodes,
        "finder",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["B", "N", 15])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def add_model(
    folder: Path,
    task: str,
    *,
    id: str = "stub",
    version: str = "1.0.0",
    licence_class: str = "A",
    content: bytes | None = None,
    template: str = "",
) -> Path:
    """Write a model and its manifest into a model folder; returns the weights' path."""
    content = brighter_model() if content is None else content
    for name in ("manifests", "open"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    weights = folder / "open" / f"{id}-{version}.onnx"
    weights.write_bytes(content)
    words = MANIFEST.format(
        id=id, task=task, version=version, licence_class=licence_class, template=template,
        sha256=hashlib.sha256(content).hexdigest(),
    )  # fmt: skip
    (folder / "manifests" / f"{id}-{version}.toml").write_text(words, encoding="utf-8")
    return weights


def external_model(place: str) -> bytes:
    """A model one of whose tensors lies in another file: an initializer, a constant, in a branch or in a function."""
    tensor = TensorProto(
        name="away", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL
    )
    tensor.external_data.add(key="location", value="../../etc/weights.bin")
    constant = helper.make_node("Constant", [], ["away"], value=tensor)
    graph = helper.make_graph([], "stub", [], [])
    model = helper.make_model(graph)
    if place == "initializer":
        model.graph.initializer.append(tensor)
    elif place == "constant":
        model.graph.node.append(constant)
    elif place == "branch":
        inner = helper.make_graph([constant], "branch", [], [])
        model.graph.node.append(helper.make_node("If", ["which"], [], then_branch=inner, else_branch=graph))
    else:
        model.functions.append(helper.make_function("house", "f", [], ["away"], [constant], []))
    return model.SerializeToString()


def mean_colour_model() -> bytes:
    """An identity net that knows a face by its mean colour: (B, 3, H, W) -> (B, 3)."""
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["image"], ["face"], axes=[2, 3], keepdims=0)],
        "mean",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["B", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def content_model(quality: float = 0.8) -> bytes:
    """A quality net that has seen worse: (B, 3, H, W) -> (B, 1), always the same."""
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["mean"], axes=[2, 3], keepdims=0),
            helper.make_node("Gemm", ["mean", "nothing", "always"], ["quality"]),
        ],
        "content",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["B", 3, "H", "W"])],
        [helper.make_tensor_value_info("quality", TensorProto.FLOAT, ["B", 1])],
        [
            helper.make_tensor("nothing", TensorProto.FLOAT, [3, 1], [0.0] * 3),
            helper.make_tensor("always", TensorProto.FLOAT, [1], [quality]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def crisper_model(reach: int = 9) -> bytes:
    """A restorer that doubles whatever stands out from its surroundings of `reach` pixels."""
    blur = [-1.0 / reach**2] * reach**2
    blur[reach**2 // 2] += 2.0
    kernel = helper.make_tensor("kernel", TensorProto.FLOAT, [3, 1, reach, reach], blur * 3)
    size = ["B", 3, "H", "W"]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "kernel"], ["result"], group=3, pads=[reach // 2] * 4)],
        "crisper",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info("result", TensorProto.FLOAT, size)],
        [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def add_stub_pack(folder: Path) -> Path:
    """A pack of stubs: green is a face, restoring doubles its detail, its mean colour is who it is, it shows well."""
    add_model(folder, "face.detect", id="finder", content=finder_model())
    add_model(folder, "face.restore", id="crisper", content=crisper_model(), template="ffhq_512")
    add_model(folder, "face.identity", id="mean-colour", content=mean_colour_model(), template="arcface_112")
    add_model(folder, "face.quality", id="content", content=content_model(), template="arcface_112")
    return folder
