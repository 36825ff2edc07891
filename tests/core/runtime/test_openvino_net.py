"""OpenVINO agrees with ONNX Runtime. Skips where OpenVINO is not installed."""

import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.runtime.onnx_net import OnnxNet
from faceplate_client.errors import ModelError
from tests.core.runtime.test_onnx_net import conv_model, picture
from tests.support.foreign_models import foreign_restorer

pytest.importorskip("openvino", reason="OpenVINO is not installed here")

from faceplate.runtime.openvino_net import OpenVinoNet


def net(content):
    return OpenVinoNet(content, id="stub@1.0.0", template="", threads=1)


def test_both_runtimes_agree():
    """To 2 % of the range: bfloat16, which OpenVINO uses where the processor has it, keeps eight bits."""
    reference = OnnxNet(conv_model(), id="stub", template="", providers=("CPUExecutionProvider",), threads=1)(
        picture()
    )[0]
    found = net(conv_model())(picture())[0]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference, atol=0.02 * float(np.ptp(reference)))


def test_a_later_call_does_not_change_an_earlier_result():
    one = net(conv_model())
    first = one(picture())[0]
    kept = first.copy()
    one(1 - picture())
    np.testing.assert_array_equal(first, kept)
    assert one.seconds > 0


def test_sizes_may_change_from_call_to_call():
    one = net(conv_model())
    for height, width in ((64, 96), (32, 32), (64, 96)):
        assert one(picture(height, width))[0].shape == (1, 3, height // 4, width // 4)


def test_a_batch_of_the_wrong_shape_names_the_net():
    with pytest.raises(ShapeError, match=r"stub@1\.0\.0"):
        net(conv_model())(np.zeros((1, 4, 32, 32), np.float32))


def test_a_file_that_is_no_model_is_a_model_error():
    with pytest.raises(ModelError, match=r"stub@1\.0\.0"):
        net(b"not a model")


@pytest.mark.parametrize("weight", [0.25, 1.0])
def test_an_input_that_is_always_the_same_is_filled(weight):
    content = foreign_restorer(32, gains=(1.0, 1.0, 1.0), weight=True)
    one = OpenVinoNet(content, id="stub@1.0.0", template="", threads=1, fixed={"weight": weight})
    batch = np.random.default_rng(1).uniform(0, 1, (1, 3, 32, 32)).astype(np.float32)
    np.testing.assert_allclose(one(batch)[0], batch * weight, atol=0.01)


@pytest.mark.parametrize("fixed", [{}, {"strength": 1.0}])
def test_an_input_that_nobody_fills_is_named(fixed):
    with pytest.raises(ModelError, match=r"input\.fixed") as caught:
        OpenVinoNet(foreign_restorer(32, weight=True), id="stub@1.0.0", template="", threads=1, fixed=fixed)
    assert caught.value.code == "model.shape"
