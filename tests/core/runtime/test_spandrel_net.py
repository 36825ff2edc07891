"""Spandrel is an extra: without it one clear sentence; with it (here a stand-in of its interface) pixels in and out."""

import sys
import types

import numpy as np
import pytest

from faceplate.errors import ShapeError
from faceplate.registry.manifest import Manifest, NetInput, Weights
from faceplate.runtime.spandrel_net import SpandrelNet
from faceplate_client.errors import EngineError, ModelError

torch = pytest.importorskip("torch", reason="torch is not installed: nothing of spandrel can run")
save = pytest.importorskip("safetensors.torch", reason="safetensors is not installed").save


def manifest(tmp_path):
    return Manifest(
        "restorer", "face.restore", "1.0.0", "Apache-2.0", "C", Weights("a.safetensors", "0" * 64, "torch"),
        NetInput(("1", "3", "64", "64"), (0.0, 1.0), "sRGB", "ffhq_512"), tmp_path / "a.toml", tmp_path,
        adapter="spandrel",
    )  # fmt: skip


class Descriptor:
    """What spandrel tells of a model: here one that multiplies by its only weight."""

    def __init__(self, state, scale=1):
        self.gain, self.scale, self.input_channels, self.device = state["gain"], scale, 3, "cpu"

    def eval(self):
        return self

    def __call__(self, picture):
        if picture.max() > 1:
            raise RuntimeError("picture out of range")
        return picture * self.gain


@pytest.fixture
def stand_in(monkeypatch):
    """A module with the part of spandrel's interface that is used."""

    class Loader:
        def __init__(self, device):
            assert device.type == "cpu"

        def load_from_state_dict(self, state):
            if "gain" not in state:
                raise ValueError("Unsupported model\nat some length")
            return Descriptor(state, scale=int(state.get("scale", 1)))

    module = types.SimpleNamespace(ModelLoader=Loader, ImageModelDescriptor=Descriptor)
    monkeypatch.setitem(sys.modules, "spandrel", module)


def broken_package(tmp_path, monkeypatch, line):
    """A package called spandrel that fails on import as the real one does."""
    (tmp_path / "spandrel").mkdir()
    (tmp_path / "spandrel" / "__init__.py").write_text(line + "\n")
    monkeypatch.delitem(sys.modules, "spandrel", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            'raise RuntimeError("operator torchvision::nms does not exist")',
            "torchvision does not load .*built for CUDA",
        ),
        ("import no_such_package", r"no_such_package is not installed; install faceplate\[spandrel\]"),
    ],
)
def test_why_it_does_not_load_is_one_clear_sentence(tmp_path, monkeypatch, line, words):
    broken_package(tmp_path, monkeypatch, line)
    with pytest.raises(EngineError, match=words) as caught:
        SpandrelNet(b"", manifest(tmp_path))
    assert caught.value.code == "engine.absent" and "\n" not in str(caught.value)


@pytest.mark.usefixtures("stand_in")
def test_a_picture_goes_through(tmp_path):
    net = SpandrelNet(save({"gain": torch.tensor(0.5)}), manifest(tmp_path))
    batch = np.random.default_rng(1).uniform(0, 1, (2, 3, 64, 64)).astype(np.float32)
    made = net(batch)[0]
    assert (made.dtype, net.template, net.side) == (np.float32, "ffhq_512", 64)
    np.testing.assert_allclose(made, batch * 0.5)
    assert net.seconds > 0


@pytest.mark.usefixtures("stand_in")
def test_what_it_cannot_use_is_refused(tmp_path):
    with pytest.raises(ModelError, match="Unsupported model") as caught:
        SpandrelNet(save({"other": torch.zeros(1)}), manifest(tmp_path))
    assert caught.value.code == "model.damaged" and "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="restores no face crops"):
        SpandrelNet(save({"gain": torch.ones(1), "scale": torch.tensor(4)}), manifest(tmp_path))


@pytest.mark.usefixtures("stand_in")
def test_a_run_that_fails_is_named(tmp_path):
    net = SpandrelNet(save({"gain": torch.ones(1)}), manifest(tmp_path))
    with pytest.raises(ShapeError, match="64 pixels"):
        net(np.zeros((1, 3, 32, 32), np.float32))
    with pytest.raises(EngineError, match="out of range") as caught:
        net(np.full((1, 3, 64, 64), 2.0, np.float32))
    assert caught.value.code == "engine.failed"
