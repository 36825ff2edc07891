"""Open nets, one session of each model and device in a process."""

import threading

from faceplate.adapters.opening import adapted
from faceplate.registry.acceptance import expect_permitted
from faceplate.registry.catalogue import read_weights
from faceplate.registry.manifest import Manifest
from faceplate.runtime.devices import Device, choose_device, threads
from faceplate.runtime.net import Net
from faceplate_client.errors import ModelError

_open: dict[tuple[str, str, str], Net] = {}
_opening = threading.Lock()


def open_net(manifest: Manifest, *, device: str = "auto", policy: str = "") -> Net:
    """The open net of a model: verified and opened on first use, shared by every later caller.

    Args:
        manifest: the model.
        device: "auto", "cpu", "cuda" or "openvino".
        policy: the highest licence class that may load, see `registry.acceptance.strictest`.

    Raises:
        ModelError: its licence was not accepted or is forbidden here; its weights are missing, have the wrong hash,
            are not whole in themselves or cannot be opened; or it needs another runtime.
        RequestError: the device does not work here.
    """
    expect_permitted(manifest, policy=policy)  # of an open net as well: an acceptance can be taken back
    chosen = choose_device(device)
    key = (manifest.name, manifest.fingerprint, chosen.name)
    with _opening:  # a second caller waits for the first one's session instead of opening another
        if key not in _open:
            _open[key] = adapted(_fresh_net(manifest, chosen), manifest)
        return _open[key]


def open_models() -> list[str]:
    """Names of the models that are open, in the order they were opened. Waits for nobody."""
    return list(dict.fromkeys(name for name, _, _ in list(_open)))


def seconds_in_nets() -> float:
    """Wall time that this process has spent inside its nets so far."""
    with _opening:
        return sum(net.seconds for net in _open.values())


def _fresh_net(manifest: Manifest, device: Device) -> Net:
    if manifest.adapter == "spandrel":
        from faceplate.runtime.spandrel_net import SpandrelNet

        return SpandrelNet(read_weights(manifest), manifest, cuda=device.name == "cuda")
    if manifest.adapter == "raft":
        raise ModelError(
            f"{manifest.name} cannot be used yet: optical flow is DIS here, and nothing asks for a net. "
            "Leave it out of --model.",
            code="model.runtime",
        )
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

        return OpenVinoNet(
            content, id=manifest.name, template=template, threads=threads(), fixed=manifest.input.fixed
        )
    from faceplate.runtime.onnx_net import OnnxNet

    return OnnxNet(
        content,
        id=manifest.name,
        template=template,
        providers=device.providers,
        threads=threads(),
        fixed=manifest.input.fixed,
    )
