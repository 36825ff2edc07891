"""What a net can run on here, and which of it a request gets."""

import importlib.util
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cache

from faceplate.errors import RangeError
from faceplate_client.errors import RequestError

DEVICES = ("auto", "cpu", "cuda", "openvino")


@dataclass(frozen=True)
class Device:
    """One way to run a net. `name` is what --device calls it, `detail` is for people, `providers` for ONNX Runtime."""

    name: str
    detail: str
    providers: tuple[str, ...] = ()


def devices_here() -> list[Device]:
    """Every device that works here, best first: CUDA, OpenVINO, plain CPU (which always does)."""
    found = []
    providers = _onnx_providers()
    if "CUDAExecutionProvider" in providers and _nvidia_gpu():
        found.append(Device("cuda", _nvidia_gpu(), ("CUDAExecutionProvider", "CPUExecutionProvider")))
    if importlib.util.find_spec("openvino") is not None:
        found.append(Device("openvino", f"OpenVINO on {_processor()}"))
    found.append(Device("cpu", f"ONNX Runtime on {_processor()}", ("CPUExecutionProvider",)))
    return found


def choose_device(wanted: str = "auto") -> Device:
    """The device a request gets: the one it names, or the best one here for "auto".

    Raises:
        RangeError: `wanted` is no device's name.
        RequestError: `request.device`, the device does not work here; says what to install.
    """
    if wanted not in DEVICES:
        raise RangeError(f"device should be one of {', '.join(DEVICES)}, got {wanted}")
    here = devices_here()
    if wanted == "auto":
        return here[0]
    for device in here:
        if device.name == wanted:
            return device
    missing = {
        "cuda": "no NVIDIA GPU with an ONNX Runtime built for CUDA was found; install faceplate[gpu] on a machine "
        "that has one",
        "openvino": "OpenVINO is not installed; install faceplate[openvino]",
    }
    raise RequestError(
        f"{wanted} does not work here: {missing[wanted]}, or use device cpu.", code="request.device"
    )


@cache
def threads(*, shared: bool = False) -> int:
    """How many threads a net gets: $FACEPLATE_THREADS, else the physical cores this process may use.

    Two threads on one physical core compete for the same vector units, so more threads are slower, not faster.

    Args:
        shared: other threads have as much to do as the nets, as in a shot: half the cores then.

    Raises:
        RangeError: $FACEPLATE_THREADS is no whole number above 0.
    """
    words = os.environ.get("FACEPLATE_THREADS", "")
    if words:
        if not words.isdigit() or int(words) < 1:
            raise RangeError(f"FACEPLATE_THREADS should be a whole number above 0, got {words}")
        return int(words)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, min(usable, _physical_cores() or usable))
    return max(1, cores // 2) if shared else cores


def _physical_cores() -> int:
    """Physical cores of this machine as Linux lists them; 0 where it cannot be told."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            blocks = file.read().split("\n\n")
    except OSError:
        return 0
    cores = set()
    for block in blocks:
        facts = dict(_fact(line) for line in block.splitlines() if ":" in line)
        if "physical id" in facts and "core id" in facts:
            cores.add((facts["physical id"], facts["core id"]))
    return len(cores)


def _fact(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip(), value.strip()


@cache
def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, value = _fact(line)
                if key == "model name":
                    return value
    except OSError:
        pass  # not Linux: what Python knows is all there is
    return platform.processor() or platform.machine()


def _onnx_providers() -> list[str]:
    import onnxruntime

    return onnxruntime.get_available_providers()


@cache
def _nvidia_gpu() -> str:
    """Name of the first NVIDIA GPU, "" when there is none. The CUDA provider alone may be installed without one."""
    try:
        told = subprocess.run(
            ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip().splitlines()[0] if told.stdout.strip() else ""
