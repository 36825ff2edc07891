"""One CUDA stream for the nets of torch and of ONNX Runtime, where both are at work in one process.

On streams of their own the two take turns on the device by accident; on one they take turns in the order they are
called, and neither reserves the device against the other.
"""

from typing import Any

_streams: list[Any] = []
"""The stream, once a net of torch has been opened on CUDA; made once and never given back."""


def torch_stream(torch: Any) -> Any:
    """The stream that nets of torch run on. Not torch's default one, whose handle 0 means "none" to ONNX Runtime.

    Args:
        torch: the module, imported by whoever needs it anyway.
    """
    if not _streams:
        _streams.append(torch.cuda.Stream())
    return _streams[0]


def in_use() -> bool:
    """Whether a net of torch runs on CUDA here."""
    return bool(_streams)


def provider_options() -> dict[str, str]:
    """What ONNX Runtime's CUDA provider is told so that it works on torch's stream; nothing while torch runs no net.

    A session keeps the stream that it was opened with.
    """
    if not _streams:
        return {}
    stream = _streams[0]
    return {"device_id": str(stream.device.index or 0), "user_compute_stream": str(stream.cuda_stream)}
