"""One open session of each model, verified before it is opened."""

import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from faceplate.errors import RangeError
from faceplate.registry.acceptance import record_acceptance
from faceplate.registry.manifest import read_manifest
from faceplate.runtime import cuda_stream, pool
from faceplate.runtime.devices import Device
from faceplate.runtime.pool import open_models, open_net
from faceplate_client.errors import ModelError
from tests.support.model_folder import add_model, brighter_model


@pytest.fixture(autouse=True)
def empty_pool(monkeypatch):
    monkeypatch.setattr(pool, "_open", {})


def manifest(folder, **facts):
    weights = add_model(folder, "face.restore", **facts)
    return read_manifest(folder / "manifests" / f"{weights.stem}.toml", folder=folder)


def test_every_caller_gets_the_same_net(tmp_path):
    one, found = manifest(tmp_path), []
    workers = [threading.Thread(target=lambda: found.append(open_net(one, device="cpu"))) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(found) == 6
    assert all(net is found[0] for net in found)


def test_another_model_is_another_net(tmp_path):
    dark = open_net(manifest(tmp_path, id="dark", content=brighter_model(0.5)), device="cpu")
    bright = open_net(manifest(tmp_path, id="bright", content=brighter_model(2.0)), device="cpu")
    batch = np.ones((1, 3, 8, 8), np.float32)
    assert (dark(batch)[0].max(), bright(batch)[0].max()) == (0.5, 2.0)


def test_a_net_carries_its_models_name_and_template(tmp_path):
    net = open_net(manifest(tmp_path, id="restorer", version="2.1.0", template="ffhq_512"), device="cpu")
    assert (net.id, net.template) == ("restorer@2.1.0", "ffhq_512")


def test_damaged_weights_are_never_opened(tmp_path, monkeypatch):
    one = manifest(tmp_path)
    one.weights_path.write_bytes(brighter_model(3.0))
    monkeypatch.setattr("faceplate.runtime.onnx_net.OnnxNet", lambda *_, **__: pytest.fail("opened"))
    with pytest.raises(ModelError) as caught:
        open_net(one, device="cpu")
    assert caught.value.code == "model.hash"


def test_an_open_net_is_asked_for_its_licence_again(tmp_path, monkeypatch):
    """An acceptance can be taken back, and a policy set, while a long-lived process holds the net."""
    one = manifest(tmp_path, id="research", licence_class="C")
    with pytest.raises(ModelError) as caught:
        open_net(one, device="cpu")
    assert (caught.value.code, caught.value.exit_code) == ("model.licence", 77)
    monkeypatch.setenv("FACEPLATE_DATA", str(tmp_path / "data"))
    record_acceptance(one, who="Ada", terms=b"Research only.")
    open_net(one, device="cpu")
    with pytest.raises(ModelError) as caught:
        open_net(one, device="cpu", policy="A")
    assert caught.value.code == "model.policy"


def test_models_that_nobody_asked_for_the_longest_make_room(tmp_path, monkeypatch):
    """Two of them at a time, whose sizes are made up."""
    monkeypatch.setattr(pool, "_sizes", {})
    monkeypatch.setattr(pool, "_size_of", lambda _: 400_000)
    models = {name: manifest(tmp_path, id=name) for name in "abc"}

    def ask(name):
        return open_net(models[name], device="cpu")

    monkeypatch.setenv("FACEPLATE_MODEL_MB", "1")
    first, second = ask("a"), ask("b")
    assert ask("a") is first
    ask("c")
    assert [name[0] for name in open_models()] == ["a", "c"], "b was asked for the longest ago"
    assert ask("a") is first
    again = ask("b")
    assert [name[0] for name in open_models()] == ["a", "b"]
    batch = np.ones((1, 3, 8, 8), np.float32)
    assert again is not second
    assert second(batch)[0].max() == 1.0, "whoever still has it goes on"


def test_a_model_larger_than_all_room_is_open_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_sizes", {})
    monkeypatch.setattr(pool, "room", lambda: 10)
    for name in "abc":
        open_net(manifest(tmp_path, id=name), device="cpu")
    assert [name[0] for name in open_models()] == ["c"]


def test_time_in_nets_that_were_closed_still_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "_sizes", {})
    monkeypatch.setattr(pool, "_closed_seconds", 0.0)
    open_net(manifest(tmp_path, id="a"), device="cpu")(np.ones((1, 3, 64, 64), np.float32))
    spent = pool.seconds_in_nets()
    monkeypatch.setattr(pool, "room", lambda: 10)
    open_net(manifest(tmp_path, id="b"), device="cpu")
    assert len(open_models()) == 1 and pool.seconds_in_nets() == spent > 0.0


def test_once_torch_works_on_cuda_nets_of_onnx_runtime_come_anew_on_its_stream(tmp_path, monkeypatch):
    """A session keeps the stream it was opened with; the nets here are stand-ins that count what they were told."""
    monkeypatch.setattr(cuda_stream, "_streams", [])
    monkeypatch.setattr(pool, "choose_device", lambda name: Device(name, "", ("CUDAExecutionProvider",)))

    class Net:
        def __init__(self, *_, id="", **__):
            self.id, self.template, self.seconds = id, "", 1.0
            self.options = cuda_stream.provider_options()

    class TorchNet(Net):
        def __init__(self, *_, cuda):
            assert cuda
            stream = SimpleNamespace(cuda_stream=7, device=SimpleNamespace(index=0))
            cuda_stream.torch_stream(SimpleNamespace(cuda=SimpleNamespace(Stream=lambda: stream)))
            super().__init__()

    monkeypatch.setattr("faceplate.runtime.onnx_net.OnnxNet", Net)
    monkeypatch.setattr("faceplate.runtime.spandrel_net.SpandrelNet", TorchNet)
    monkeypatch.setattr(pool, "adapted", lambda net, manifest: net)
    finder, restorer = manifest(tmp_path, id="finder"), manifest(tmp_path, id="restorer")
    restorer = replace(restorer, adapter="spandrel")
    before: Any = open_net(finder, device="cuda")
    assert open_net(finder, device="cuda") is before and not before.options
    spent = pool.seconds_in_nets()
    torch_net = open_net(restorer, device="cuda")
    after: Any = open_net(finder, device="cuda")
    assert after is not before and after.options["user_compute_stream"] == "7"
    assert open_net(restorer, device="cuda") is torch_net and open_net(finder, device="cuda") is after
    assert pool.seconds_in_nets() == spent + 2.0


@pytest.mark.parametrize("words", ["0", "-1", "much", "1.5"])
def test_room_that_is_none_is_refused(tmp_path, monkeypatch, words):
    monkeypatch.setenv("FACEPLATE_MODEL_MB", words)
    with pytest.raises(RangeError, match="FACEPLATE_MODEL_MB"):
        open_net(manifest(tmp_path), device="cpu")
