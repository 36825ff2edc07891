"""Laws of a net on ONNX Runtime: same numbers however it is called, clear errors, time counted."""

import threading
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi import onnxruntime_pybind11_state as state  # pyright: ignore[reportAttributeAccessIssue]

from faceplate.errors import ShapeError
from faceplate.runtime import cuda_stream
from faceplate.runtime.onnx_net import OnnxNet
from faceplate_client.errors import EngineError, ModelError
from tests.support.model_folder import brighter_model

CPU = ("CPUExecutionProvider",)


def net(content, threads=1):
    return OnnxNet(content, id="stub@1.0.0", template="ffhq_512", providers=CPU, threads=threads)


def conv_model(seed=7, channels=24):
    """Three random 3x3 convolutions with a stride, a SiLU between them: the kernels of a real net."""
    random = np.random.default_rng(seed)
    nodes, weights, name, width = [], [], "image", 3
    for layer, (out, stride) in enumerate([(channels, 2), (channels * 2, 2), (3, 1)]):
        kernel = random.normal(0, 0.2, (out, width, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(kernel, f"w{layer}"))
        nodes.append(
            helper.make_node("Conv", [name, f"w{layer}"], [f"c{layer}"], pads=[1] * 4, strides=[stride] * 2)
        )
        nodes.append(helper.make_node("Sigmoid", [f"c{layer}"], [f"s{layer}"]))
        nodes.append(helper.make_node("Mul", [f"c{layer}", f"s{layer}"], [f"m{layer}"]))
        name, width = f"m{layer}", out
    size = ["B", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "convs",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, size)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 3, "h", "w"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def picture(height=96, width=64):
    return np.random.default_rng(3).random((1, 3, height, width), np.float32)


def test_a_gain_is_a_gain():
    np.testing.assert_array_equal(net(brighter_model(2.0))(picture())[0], picture() * 2)


def test_the_thread_count_does_not_change_one_bit():
    alone, together = (net(conv_model(), threads)(picture(512, 512))[0] for threads in (1, 3))
    np.testing.assert_array_equal(alone, together)


def test_another_process_order_does_not_change_one_bit():
    """Whatever size ran before: sessions keep no state that a frame could feel."""
    one, other = net(conv_model()), net(conv_model())
    other(picture(32, 160))
    np.testing.assert_array_equal(one(picture())[0], other(picture())[0])


def test_threads_may_share_a_net():
    shared_net, found = net(conv_model()), {}
    expected = [net(conv_model())(picture(32 * n, 64))[0] for n in range(1, 5)]

    def run(n):
        found[n] = [shared_net(picture(32 * n, 64))[0] for _ in range(5)]

    workers = [threading.Thread(target=run, args=(n,)) for n in range(1, 5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for n, one in enumerate(expected, start=1):
        for result in found[n]:
            np.testing.assert_array_equal(result, one)


def test_a_strided_view_reads_as_the_same_picture():
    image = np.random.default_rng(5).random((1, 64, 64, 3), np.float32)
    view = image.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(net(conv_model())(view)[0], net(conv_model())(view.copy())[0])


def test_the_time_in_the_runtime_adds_up():
    one = net(conv_model())
    assert one.seconds == 0
    one(picture())
    after_one = one.seconds
    one(picture())
    assert 0 < after_one < one.seconds


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 4, 32, 32)])
def test_a_batch_of_the_wrong_shape_names_the_net_and_the_shape(shape):
    with pytest.raises(ShapeError, match=r"stub@1\.0\.0 does not take a batch of"):
        net(conv_model())(np.zeros(shape, np.float32))


@pytest.mark.parametrize("content", [b"", b"not a model", brighter_model()[:60]])
def test_a_file_that_is_no_model_is_a_model_error(content):
    with pytest.raises(ModelError, match=r"stub@1\.0\.0") as caught:
        net(content)
    assert caught.value.code == "model.damaged"


SHORT = [
    state.RuntimeException(
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
        "Status Message: bfc_arena.cc:376 AllocateRawInternal Failed to allocate memory for requested buffer of size 9"
    ),
    state.Fail("Available memory of 0 is smaller than requested bytes of 1024"),
    state.Fail("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);"),
    state.RuntimeException("CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0"),
    state.EPFail("CUDNN failure 5003: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0"),
    state.RuntimeException("std::bad_alloc"),
    MemoryError(),
]
"""What ONNX Runtime raises where memory is short, as people have reported it; and what its C++ becomes in Python."""


class Failing:
    """A session whose provider fails."""

    def __init__(self, error):
        self._error = error

    def run(self, *_):
        raise self._error


@pytest.mark.parametrize("error", SHORT, ids=lambda error: f"{type(error).__name__} {str(error)[:24]}")
def test_out_of_memory_is_worth_a_retry_and_says_so(error, monkeypatch):
    one = net(brighter_model())
    monkeypatch.setattr(one, "_session", Failing(error))
    with pytest.raises(EngineError, match=r"stub@1\.0\.0 ran out of memory") as caught:
        one(picture())
    assert (caught.value.code, caught.value.exit_code) == ("engine.memory", 75)

    def opened(*_, **__):
        raise error

    monkeypatch.setattr("onnxruntime.InferenceSession", opened)
    with pytest.raises(EngineError) as caught:
        net(brighter_model())
    assert caught.value.code == "engine.memory", "nor is a model damaged that there is no room for"


def test_another_failure_is_not_taken_for_a_lack_of_memory(monkeypatch):
    one = net(brighter_model())
    monkeypatch.setattr(one, "_session", Failing(state.Fail("kernel not found")))
    with pytest.raises(EngineError, match="kernel not found") as caught:
        one(picture())
    assert caught.value.code == "engine.failed"


def test_onnx_runtime_never_goes_on_elsewhere_by_itself():
    """It would print so on stdout, where a command's JSON goes, and the artist would never know."""
    assert net(brighter_model())._session._enable_fallback is False


def test_the_cuda_provider_works_on_torchs_stream_where_torch_works(monkeypatch):
    asked = []

    def opened(content, options, *, providers, enable_fallback):
        asked.append(providers)
        raise state.Fail("no such device")

    def ask():
        with pytest.raises(ModelError):
            OnnxNet(b"", id="a", template="", providers=("CUDAExecutionProvider", *CPU), threads=1)
        return asked[-1]

    monkeypatch.setattr("onnxruntime.InferenceSession", opened)
    monkeypatch.setattr(cuda_stream, "_streams", [])
    assert ask() == ["CUDAExecutionProvider", *CPU]
    made = SimpleNamespace(cuda_stream=140240, device=SimpleNamespace(index=0))
    torch = SimpleNamespace(cuda=SimpleNamespace(Stream=lambda: made))
    assert cuda_stream.torch_stream(torch) is cuda_stream.torch_stream(torch) is made
    options = {"device_id": "0", "user_compute_stream": "140240"}
    assert ask() == [("CUDAExecutionProvider", options), *CPU]
