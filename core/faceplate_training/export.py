"""From a trained torch module to the ONNX file that ships, and back again for fine-tuning and losses."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

OPSET = 17


def export_onnx(
    net: nn.Module,
    example: torch.Tensor,
    path: Path,
    *,
    inputs: list[str],
    outputs: list[str],
    dynamic: dict[str, dict[int, str]],
    half: bool = True,
) -> None:
    """Write `net` as a self-contained ONNX file; initializers keep the module's parameter names.

    `half` stores weights as fp16 with a cast in the graph, so the file is half as large and computes in fp32.
    """
    net = net.eval().float()
    with torch.no_grad():
        torch.onnx.export(
            net,
            (example,),
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=dynamic,
            opset_version=OPSET,
            do_constant_folding=False,
            dynamo=False,
        )
    model = onnx.load(str(path))
    if half:
        store_half(model)
    model.producer_name, model.producer_version = "faceplate_training", ""
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def store_half(model: onnx.ModelProto, *, smallest: int = 64) -> None:
    """Replace every fp32 initializer of at least `smallest` values by an fp16 one and a Cast back to fp32."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < smallest:
            continue
        name, stored = tensor.name, f"{tensor.name}.fp16"
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def load_onnx_weights(net: nn.Module, path: Path, *, partly: bool = False) -> None:
    """Fill a module from a file that `export_onnx` wrote of the same architecture.

    Counters of the training itself stay as they are. The exporter writes tensors of equal content once only, so a file
    of untrained weights, with its many equal biases, cannot be read back. With `partly`, what the file lacks keeps its
    start, and what the module lacks is left: a net of more or fewer blocks goes on from another's weights.

    Raises:
        KeyError: the file lacks a parameter of the module, unless `partly`.
    """
    stored = {}
    for tensor in onnx.load(str(path)).graph.initializer:
        stored[tensor.name.removesuffix(".fp16")] = numpy_helper.to_array(tensor).astype(np.float32)
    state = net.state_dict()
    for name, value in state.items():
        if value.is_floating_point() and not (partly and name not in stored):
            state[name] = torch.from_numpy(stored[name].reshape(value.shape).copy())
    net.load_state_dict(state)
