"""Open nets, one session of each model and device in a process, and no more of them than there is room for."""

import os
import threading

from faceplate.adapters.opening import PICTURES, adapted
from faceplate.errors import RangeError
from faceplate.registry.acceptance import expect_permitted
from faceplate.registry.catalogue import find_weights, read_weights
from faceplate.registry.manifest import Manifest
from faceplate.runtime import cuda_stream
from faceplate.runtime.devices import Device, choose_device, threads
from faceplate.runtime.net import Net
from faceplate_client.errors import ModelError

ROOM_MB = 4096
"""Megabytes of weights that may be open at a time; $FACEPLATE_MODEL_MB says otherwise."""

_open: dict[tuple[str, str, str, int], Net] = {}
"""Open nets by model, hash, device and threads, the one that was asked for last at the end."""

_sizes: dict[tuple[str, str, str, int], int] = {}
_closed_seconds = 0.0
_opening = threading.Lock()


def open_net(manifest: Manifest, *, device: str = "auto", policy: str = "", shared: bool = False) -> Net:
    """The open net of a model: verified and opened on first use, shared by every later caller.

    Args:
        manifest: the model.
        device: "auto", "cpu", "cuda" or "openvino".
        policy: the highest licence class that may load, see `registry.acceptance.strictest`.
        shared: whether other threads have as much to do as the nets, see `devices.threads`; no bit depends on it.

    Raises:
        ModelError: its licence was not accepted or is forbidden here; its weights are missing, have the wrong hash,
            are not whole in themselves or cannot be opened; or it needs another runtime.
        RequestError: the device does not work here.
    """
    expect_permitted(manifest, policy=policy)  # of an open net as well: an acceptance can be taken back
    chosen = choose_device(device)
    count = threads(shared=shared)
    key = (manifest.name, manifest.fingerprint, chosen.name, count)
    with _opening:  # a second caller waits for the first one's session instead of opening another
        net = _open.pop(key, None)
        if net is None:
            alone = not cuda_stream.in_use()
            net = adapted(_fresh_net(manifest, chosen, count), manifest)
            if alone and cuda_stream.in_use():
                _let_go(
                    "cuda"
                )  # they run on streams of their own: on torch's from when they are asked for next
            _sizes[key] = _size_of(manifest)
        _open[key] = net
        _make_room()
        return net


def room() -> int:
    """Bytes of weights that may be open at a time.

    Raises:
        RangeError: $FACEPLATE_MODEL_MB is no whole number above 0.
    """
    words = os.environ.get("FACEPLATE_MODEL_MB", "")
    if words and (not words.isdigit() or int(words) < 1):
        raise RangeError(f"FACEPLATE_MODEL_MB should be a whole number above 0, got {words}")
    return int(words or ROOM_MB) * 1_000_000


def _size_of(manifest: Manifest) -> int:
    """Bytes of a model's weights, which its session at work takes in proportion."""
    return (find_weights(manifest) or manifest.weights_path).stat().st_size


def _make_room() -> None:
    """Let go of the nets that nobody has asked for the longest; whoever still works with one keeps it until then.

    The one that was asked for last stays, however large it is.
    """
    global _closed_seconds
    limit = room()
    for key in list(_open)[:-1]:
        if sum(_sizes.get(each, 0) for each in _open) <= limit:
            return
        _closed_seconds += _open.pop(key).seconds


def _let_go(device: str) -> None:
    """Forget the open nets of a device; whoever still works with one keeps it until then."""
    global _closed_seconds
    for key in [key for key in _open if key[2] == device]:
        _closed_seconds += _open.pop(key).seconds


def open_models() -> list[str]:
    """Names of the models that are open, in the order they were opened. Waits for nobody."""
    return list(dict.fromkeys(name for name, *_ in list(_open)))


def seconds_in_nets() -> float:
    """Wall time that this process has spent inside its nets so far."""
    with _opening:
        return _closed_seconds + sum(net.seconds for net in _open.values())


def _fresh_net(manifest: Manifest, device: Device, count: int) -> Net:
    if manifest.adapter == "spandrel":
        from faceplate.runtime.spandrel_net import SpandrelNet

        return SpandrelNet(read_weights(manifest), manifest, cuda=device.name == "cuda")
    if manifest.weights.runtime != "onnx":
        raise ModelError(
            f"{manifest.name} needs the {manifest.weights.runtime} runtime, which runs in training only. "
            "Export it to ONNX, as its recipe does.",
            code="model.runtime",
        )
    content = read_weights(manifest)
    template, pictures = manifest.input.template, PICTURES.get(manifest.adapter, 1)
    if device.name == "openvino":
        from faceplate.runtime.openvino_net import OpenVinoNet

        return OpenVinoNet(
            content,
            id=manifest.name,
            template=template,
            threads=count,
            fixed=manifest.input.fixed,
            pictures=pictures,
        )
    from faceplate.runtime.onnx_net import OnnxNet

    return OnnxNet(
        content,
        id=manifest.name,
        template=template,
        providers=device.providers,
        threads=count,
        fixed=manifest.input.fixed,
        pictures=pictures,
    )
