"""Open nets, one session of each model and device in a process."""

import threading

from faceplate.registry.catalogue import read_weights
from faceplate.registry.manifest import Manifest
from faceplate.runtime.devices import Device, choose_device, threads
from faceplate.runtime.net import Net
from faceplate_client.errors import ModelError

_open: dict[tuple[str, str, str], Net] = {}
_opening = threading.Lock()


def open_net(manifest: Manifest, *, device: str = "auto") -> Net:
    """The open net of a model: verified and opened on first use, shared by every later caller.

    Args:
        manifest: the model.
        device: "auto", "cpu", "cuda" or "openvino".

    Raises:
        ModelError: the weights are missing, have the wrong hash, are not whole in themselves or cannot be opened;
            or the model needs another runtime.
        RequestError: the device does not work here.
    """
    chosen = choose_device(device)
    key = (manifest.name, manifest.weights.sha256, chosen.name)
    with _opening:  # a second caller waits for the first one's session instead of opening another
        if key not in _open:
            _open[key] = _fresh_net(manifest, chosen)
        return _open[key]


def seconds_in_nets() -> float:
    """Wall time that this process has spent inside its nets so far."""
    with _opening:
        return sum(net.seconds for net in _open.values())


def _fresh_net(manifest: Manifest, device: Device) -> Net:
    if manifest.weights.runtime != "onnx":
        raise ModelError(
            f"{manifest.name} needs the {manifest.weights.runtime} runtime, which runs in training only. "
            "Export it to ONNX, as its recipe does.",
            code="model.runtime",
        )
    content = read_weights(manifest)
    template = manifest.input.template
    if device.name == "openvino":
        from faceplate.runtime.openvino_net import OpenVinoNet

        return OpenVinoNet(content, id=manifest.name, template=template, threads=threads())
    from faceplate.runtime.onnx_net import OnnxNet

    return OnnxNet(
        content, id=manifest.name, template=template, providers=device.providers, threads=threads()
    )
