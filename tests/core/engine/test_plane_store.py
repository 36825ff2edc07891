"""Buffers and planes: only sealed memory of the right size, only planes inside it, nothing left behind."""

import fcntl
import os
import tempfile

import numpy as np
import pytest

from faceplate.engine.plane_store import MOST_BUFFERS, PlaneStore, planes_of
from faceplate_client.errors import InputError, RequestError
from faceplate_client.planes import Buffer
from faceplate_client.wire import WireError

PLATE = {
    "buffer": 1, "offset": 0, "row_bytes": 160, "channels": "RGBA", "dtype": "float32", "data_window": [-2, 3, 8, 11],
    "display_window": [0, 0, 8, 8], "colourspace": "lin_rec709", "alpha": "straight", "frame": 5,
}  # fmt: skip


@pytest.fixture
def store():
    return PlaneStore()


@pytest.fixture
def buffer(store):
    made = Buffer(1, 8192)
    store.share(1, 8192, made.fd)
    return made


def test_both_ends_see_the_same_pixels(store, buffer):
    plane = store.plane(PLATE)
    assert plane.pixels.shape == (8, 10, 4)
    plane.pixels[1, 2, 3] = 0.5
    assert memoryview(buffer.memory).cast("f")[160 // 4 + 2 * 4 + 3] == 0.5
    buffer.memory[:4] = np.float32(-3).tobytes()
    assert plane.pixels[0, 0, 0] == -3


def test_rows_may_be_padded_and_begin_later(store, buffer):
    plane = store.plane({**PLATE, "offset": 32, "row_bytes": 176, "channels": "RGB", "alpha": "none"})
    plane.pixels[...] = 1
    floats = np.frombuffer(buffer.memory, np.float32)
    assert floats[8 : 8 + 30].all() and floats[8 + 44 : 8 + 44 + 30].all()
    assert floats.sum() == 8 * 30, "padding and whatever else lies there are left alone"


@pytest.mark.parametrize(
    "change, why",
    [
        ({"buffer": 2}, "not shared"),
        ({"row_bytes": 156}, "does not fit"),
        ({"row_bytes": 162}, "multiple of 4"),
        ({"offset": 8}, "multiple of 16"),
        ({"offset": 6928}, "ends at byte"),
        ({"row_bytes": 8000}, "ends at byte"),
        ({"channels": "RGB"}, "no straight alpha"),
    ],
)
def test_a_plane_that_does_not_fit_its_buffer_is_refused(store, buffer, change, why):
    with pytest.raises(RequestError, match=why) as told:
        store.plane({**PLATE, **change})
    assert told.value.code == "request.plane"


def test_a_plane_may_end_with_the_buffer_and_not_a_byte_later(store, buffer):
    last = 8192 - 8 * 160
    assert store.plane({**PLATE, "offset": last}).end == 8192
    with pytest.raises(RequestError):
        store.plane({**PLATE, "offset": last + 16})


def test_a_plane_over_the_limit_is_refused(store, monkeypatch):
    monkeypatch.setenv("FACEPLATE_MAX_IMAGE_MB", "1")
    size = 1024 * 1024 * 4
    large = Buffer(1, size)
    store.share(1, size, large.fd)
    with pytest.raises(InputError):
        store.plane({**PLATE, "data_window": [0, 0, 1024, 256], "row_bytes": 16384})


def unsealed(size: int) -> int:
    fd = os.memfd_create("t", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    return fd


def test_memory_that_could_be_taken_away_is_refused(store):
    """The engine would be killed by SIGBUS when it touched what was cut off."""
    made = [unsealed(4096) for _ in range(4)]
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        made.append(os.dup(file.fileno()))
    fcntl.fcntl(made[1], fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)
    fcntl.fcntl(made[2], fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
    fcntl.fcntl(made[3], fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
    for fd in made:
        with pytest.raises(WireError):
            store.share(1, 4096, fd)
        os.close(fd)


@pytest.mark.parametrize("size", [8188, 8196, 4])
def test_memory_of_another_size_is_refused(store, size):
    made = Buffer(1, 8192)
    with pytest.raises(WireError, match="bytes large"):
        store.share(1, size, made.fd)


def test_a_number_is_shared_once_and_released_once(store, buffer):
    with pytest.raises(WireError, match="already"):
        store.share(1, 8192, buffer.fd)
    store.release(1)
    with pytest.raises(WireError, match="never shared"):
        store.release(1)
    store.share(1, 8192, buffer.fd)


def test_there_is_a_limit_to_buffers(store):
    made = Buffer(1, 4096)
    for number in range(1, MOST_BUFFERS + 1):
        store.share(number, 4096, made.fd)
    with pytest.raises(WireError, match="release some"):
        store.share(MOST_BUFFERS + 1, 4096, made.fd)


def mappings() -> int:
    with open("/proc/self/maps", encoding="ascii") as file:
        return sum("memfd:faceplate" in line for line in file)


def test_a_released_buffer_stays_for_the_job_that_uses_it_and_then_goes(store, buffer):
    before = mappings()
    plane = store.plane(PLATE)
    store.release(1)
    plane.pixels[...] = 2.0
    assert mappings() == before
    del plane
    assert mappings() == before - 1


def test_an_output_is_its_input_or_lies_apart(store, buffer):
    def ask(**change):
        return planes_of(store, {"inputs": {"plate": PLATE}, "outputs": {"plate": {**PLATE, **change}}})

    inputs, outputs = ask()
    assert outputs["plate"].is_same_place(inputs["plate"])
    assert not ask(offset=1280)[1]["plate"].is_same_place(inputs["plate"])
    for change in ({"offset": 16}, {"row_bytes": 176}, {"offset": 1264}):
        with pytest.raises(RequestError, match="overlaps"):
            ask(**change)


def test_two_outputs_never_overlap(store, buffer):
    body = {"inputs": {}, "outputs": {"plate": PLATE, "matte": {**PLATE, "offset": 1264}}}
    with pytest.raises(RequestError, match="overlaps"):
        planes_of(store, body)
