"""The embedder's faces, its teacher and what ships: the parts that can be wrong without anybody noticing."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the training recipes need the `train` extra")
onnx = pytest.importorskip("onnx", reason="the training recipes need the `train` extra")
onnxruntime = pytest.importorskip("onnxruntime", reason="the teacher is an ONNX file")

from onnx import TensorProto, helper  # noqa: E402

from faceplate.nets.identity_net import SIDE, MirroredIdentityNet  # noqa: E402
from faceplate_training.identity_face.train import bent, for_any_batch, relit  # noqa: E402


@pytest.fixture
def crop() -> np.ndarray:
    coarse = np.random.default_rng(0).uniform(30, 220, (14, 14, 3)).astype(np.float32)
    return np.kron(coarse, np.ones((8, 8, 1), np.float32))


@pytest.mark.parametrize("change", [bent, relit])
def test_a_changed_face_is_a_function_of_its_seed(change, crop: np.ndarray) -> None:
    before = crop.copy()
    one, other, another = (change(crop, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(crop, before)
    assert one.shape == (SIDE, SIDE, 3) and one.dtype == np.float32
    assert one.min() >= -1e-3 and one.max() <= 255
    assert not np.array_equal(one, another)


def test_a_bend_moves_features_by_pixels_and_not_away(crop: np.ndarray) -> None:
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    places = np.dstack([x, y, x])
    inner = np.s_[20:-20, 20:-20]
    moved = [np.abs(bent(places, np.random.default_rng(seed)) - places)[inner] for seed in range(20)]
    assert 0.5 < np.mean(moved) < 4 and np.max(moved) < 25


def test_a_teacher_for_one_picture_answers_many_alike() -> None:
    """The teacher's file flattens to one row; a stand-in of its form."""
    rng = np.random.default_rng(0)
    weight = helper.make_tensor(
        "w", TensorProto.FLOAT, [4, 3, 2, 2], rng.standard_normal(48).astype(np.float32)
    )
    shape = helper.make_tensor("s", TensorProto.INT64, [2], [1, -1])
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2]),
        helper.make_node("Constant", [], ["shape"], value=shape),
        helper.make_node("Reshape", ["y", "shape"], ["z"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])
    made = helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 16])
    model = helper.make_model(
        helper.make_graph(nodes, "teacher", [given], [made], [weight]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    pictures = rng.standard_normal((5, 3, 4, 4)).astype(np.float32)
    alone = onnxruntime.InferenceSession(model.SerializeToString())
    expected = np.concatenate([alone.run(None, {"x": picture[None]})[0] for picture in pictures])
    together = onnxruntime.InferenceSession(for_any_batch(model).SerializeToString())
    np.testing.assert_allclose(together.run(None, {"x": pictures})[0], expected, atol=1e-5)


def test_a_face_and_its_mirror_image_are_one_person() -> None:
    torch.manual_seed(0)
    net, faces = MirroredIdentityNet().eval(), torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        one, other = net(faces), net(faces.flip(3))
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(one.norm(dim=1), torch.ones(2))
