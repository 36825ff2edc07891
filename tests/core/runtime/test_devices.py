"""Which device a request gets, and what it hears when there is none."""

import pytest

from faceplate.errors import RangeError
from faceplate.runtime import devices
from faceplate.runtime.devices import choose_device, devices_here, threads
from faceplate_client.errors import RequestError


@pytest.fixture
def machine(monkeypatch):
    """A machine with the given parts."""

    def build(*, providers=("CPUExecutionProvider",), gpu="", openvino=False):
        monkeypatch.setattr(devices, "_onnx_providers", lambda: list(providers))
        monkeypatch.setattr(devices, "_nvidia_gpu", lambda: gpu)
        monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: object() if openvino else None)

    return build


CUDA = ("CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.mark.parametrize(
    ("parts", "best"),
    [
        ({}, "cpu"),
        ({"openvino": True}, "openvino"),
        ({"providers": CUDA, "gpu": "H200", "openvino": True}, "cuda"),
        ({"providers": CUDA, "gpu": ""}, "cpu"),  # the package alone makes no GPU
        ({"gpu": "H200"}, "cpu"),  # a GPU alone makes no runtime
    ],
)
def test_auto_takes_the_best_that_works(machine, parts, best):
    machine(**parts)
    assert choose_device("auto").name == best
    assert [device.name for device in devices_here()][-1] == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "openvino"])
def test_a_device_that_is_not_here_says_what_to_install(machine, wanted):
    machine()
    with pytest.raises(RequestError, match=r"install faceplate\[") as caught:
        choose_device(wanted)
    assert caught.value.code == "request.device"


def test_a_name_that_is_no_device_is_refused():
    with pytest.raises(RangeError, match="auto, cpu, cuda, openvino"):
        choose_device("tpu")


@pytest.mark.parametrize(("words", "number"), [("1", 1), ("7", 7)])
def test_the_thread_count_can_be_set(monkeypatch, words, number):
    monkeypatch.setenv("FACEPLATE_THREADS", words)
    threads.cache_clear()
    assert threads() == number


@pytest.mark.parametrize("words", ["0", "-2", "many", "1.5"])
def test_a_thread_count_that_is_none_is_refused(monkeypatch, words):
    monkeypatch.setenv("FACEPLATE_THREADS", words)
    threads.cache_clear()
    with pytest.raises(RangeError, match="FACEPLATE_THREADS"):
        threads()


def test_no_more_threads_than_the_process_may_use(monkeypatch):
    monkeypatch.delenv("FACEPLATE_THREADS", raising=False)
    monkeypatch.setattr(devices.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    for cores, expected in ((8, 3), (2, 2), (0, 3)):
        monkeypatch.setattr(devices, "_physical_cores", lambda cores=cores: cores)
        threads.cache_clear()
        assert threads() == expected


@pytest.fixture(autouse=True)
def forget():
    yield
    threads.cache_clear()
