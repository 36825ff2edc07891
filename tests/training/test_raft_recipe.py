"""RAFT-small rebuilt: with its authors' weights it follows motion, and the file it is written to does the same."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from faceplate.adapters.flows import FlowNet
from faceplate.registry.catalogue import manifest_named
from faceplate.runtime.onnx_net import OnnxNet
from faceplate.stabilise.flow import flow_by
from faceplate_training.raft_small import RaftSmall, export, load_raft_small, main
from tests.support.plates import make_picture

CPU = ("CPUExecutionProvider",)


@pytest.fixture(scope="module")
def weights(shared):
    path = shared / "models" / "raft-small.safetensors"
    if not path.exists():
        pytest.skip("the shared folder holds no weights of RAFT-small")
    return path


@pytest.fixture(scope="module")
def exported(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("raft") / "raft-small.onnx"
    main([str(weights), "-o", str(path)])
    return path


@pytest.fixture(scope="module")
def raft(exported):
    """The file as `--flow` opens it: with the facts of the manifest that it is imported with."""
    net = OnnxNet(exported.read_bytes(), id="raft", template="", providers=CPU, threads=1, pictures=2)
    return FlowNet(net, manifest_named("raft-small"))


@pytest.mark.parametrize("size", [(160, 136), (200, 264)])
def test_a_grainy_shift_is_followed_at_any_size(raft, size):
    width, height = size
    scene, random = make_picture(width + 40, height + 40, seed=4), np.random.default_rng(5)
    x, y = 7, 3
    pictures = [scene[20:, 20:][:height, :width], scene[20 - y :, 20 - x :][:height, :width]]
    grainy = [np.clip(p + random.normal(0, 0.03, p.shape), 0, 1).astype(np.float32) for p in pictures]
    wrong = np.hypot(*(flow_by(raft, *grainy) - (x, y)).transpose(2, 0, 1))[16:-16, 16:-16]
    assert wrong.mean() < 0.3


def test_the_file_gives_what_the_net_gives(weights, exported):
    net = load_raft_small(weights)
    onnx = OnnxNet(exported.read_bytes(), id="raft", template="", providers=CPU, threads=1, pictures=2)
    scene = make_picture(184, 136, seed=1).transpose(2, 0, 1)[None] * 255
    pair = [scene[:, :, 8:, 8:], scene[:, :, 5:133, 2:178]]
    with torch.no_grad():
        wanted = net(*(torch.from_numpy(np.ascontiguousarray(each)) for each in pair)).numpy()
    np.testing.assert_allclose(onnx(np.concatenate(pair, axis=1))[0], wanted, atol=0.01)


def test_other_weights_are_refused(tmp_path):
    torch.manual_seed(0)
    held = dict(RaftSmall().state_dict())
    held.pop("fnet.conv1.bias")
    save_file(held, str(tmp_path / "other.safetensors"))
    with pytest.raises(SystemExit, match="RAFT-small"):
        load_raft_small(tmp_path / "other.safetensors")


def test_untrained_weights_are_written_as_well(tmp_path):
    torch.manual_seed(0)
    export(RaftSmall().eval(), tmp_path / "raw.onnx")
    net = OnnxNet(
        (tmp_path / "raw.onnx").read_bytes(), id="raw", template="", providers=CPU, threads=1, pictures=2
    )
    assert net(np.zeros((1, 6, 144, 128), np.float32))[0].shape == (1, 2, 144, 128)
