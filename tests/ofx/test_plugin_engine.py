"""The plug-in's client against engines that work, die, hang, lie, or are not there. No host: C functions around it."""

import ctypes
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from faceplate_client.link import Link
from faceplate_client.wire import Kind, Message, encode
from tests.support.cplusplus import PLUGIN, ROOT, compiled
from tests.support.engines import engine_in, open_files
from tests.support.ofx_hosting import shares_its_child
from tests.support.scripted_engine import answers, dies, says, scripted

HERE = Path(__file__).resolve().parent
PARTS = ("engine", "engine_link", "launch", "spawn", "plane", "backoff", "json", "wire")
WANTED = ctypes.CFUNCTYPE(ctypes.c_int)
DONE, FAILED, ABORTED = range(3)


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    told = subprocess.run([sys.executable, ROOT / "ofx_bridge" / "generate_operations.py"])
    assert told.returncode == 0
    sources = (HERE / "engine_probe.cpp", *(PLUGIN / f"{part}.cpp" for part in PARTS))
    return ctypes.CDLL(str(compiled("engine_probe", *sources, flags=("-shared",))))


class Told:
    """What came of a request. `result`: DONE, FAILED or ABORTED. `pixels`: (H, W, 4). `seconds`: it took."""

    def __init__(self, result: int, pixels: np.ndarray, code: str, sentence: str, seconds: float) -> None:
        self.result, self.pixels, self.code, self.sentence = result, pixels, code, sentence
        self.seconds = seconds


Perform = Callable[..., Told]


@pytest.fixture
def perform(library) -> Iterator[Perform]:
    """Ask for one frame, as a render thread of a host would."""

    def ask(operation="noop", pixels=None, *, wanted=None, size=(6, 5), **params) -> Told:
        width, height = size
        out = np.zeros((height, width, 4), np.float32)
        given = None if operation == "nap" else np.zeros_like(out) if pixels is None else pixels
        code, sentence = ctypes.create_string_buffer(1000), ctypes.create_string_buffer(1000)
        began = time.monotonic()
        result = library.probe_perform(
            operation.encode(), json.dumps(params).encode(), width, height,
            None if given is None else ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(out.ctypes.data),
            WANTED(wanted or (lambda: 1)), code, sentence,
        )  # fmt: skip
        seconds = time.monotonic() - began
        return Told(result, out, code.value.decode(), sentence.value.decode(), seconds)

    library.probe_forget()
    yield ask
    library.probe_forget()


def recorder(path: Path, script: str) -> Path:
    """A stand-in for the faceplate command, a shell script that runs in the runtime folder's neighbour."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


# ------------------------------------------------------------ an engine that works


def test_pixels_come_back_as_they_went(perform, folder):
    bits = np.random.default_rng(1).integers(0, 1 << 32, (37, 53, 4), np.uint32)
    with engine_in(folder):
        told = perform(pixels=bits.view(np.float32), size=(53, 37))
        assert told.result == DONE, told.sentence
        np.testing.assert_array_equal(told.pixels.view(np.uint32), bits)


def test_buffers_and_connection_are_kept_between_frames(perform, folder, monkeypatch):
    shared = []
    from faceplate.engine.plane_store import PlaneStore

    share = PlaneStore.share
    monkeypatch.setattr(
        PlaneStore, "share", lambda self, *words: (shared.append(words), share(self, *words))[1]
    )
    with engine_in(folder) as server:
        assert perform().result == DONE
        files = open_files()
        for _ in range(30):
            assert perform().result == DONE
        assert open_files() == files
        assert len(shared) == 2 and server._numbers == 1


def test_a_larger_frame_replaces_the_buffers(perform, folder):
    with engine_in(folder):
        for size in ((4, 4), (200, 200), (4, 4), (199, 200)):
            pixels = np.full((size[1], size[0], 4), size[0], np.float32)
            told = perform(pixels=pixels, size=size)
            assert told.result == DONE, told.sentence
            np.testing.assert_array_equal(told.pixels, pixels)


def test_renders_at_the_same_time_do_not_meet(perform, folder):
    """More of them than there are connections: the others wait their turn."""
    found: dict[int, Told] = {}

    def render(number: int) -> None:
        found[number] = perform(pixels=np.full((5, 6, 4), number, np.float32))

    with engine_in(folder):
        threads = [threading.Thread(target=render, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    for number in range(12):
        assert found[number].result == DONE, found[number].sentence
        assert (found[number].pixels == number).all()


def test_what_the_engine_refuses_is_said_in_its_words_and_costs_nothing_more(perform, folder):
    with engine_in(folder):
        told = perform("paint")
        assert (told.result, told.code) == (FAILED, "request")
        assert perform().result == DONE, "the connection lives on"


def test_an_engine_that_left_while_nobody_asked_is_simply_found_again(perform, folder):
    for _ in range(3):
        with engine_in(folder):
            assert perform().result == DONE


# ------------------------------------------------------------ a host that loses interest


def test_an_abort_is_heard_within_50_ms_and_the_session_is_used_again(perform, folder):
    with engine_in(folder) as server:
        assert perform().result == DONE
        until = time.monotonic() + 0.3
        told = perform("nap", wanted=lambda: int(time.monotonic() < until), seconds=30, step=0.002)
        assert told.result == ABORTED
        assert told.seconds < 0.3 + 0.05
        assert perform().result == DONE
        assert server._numbers == 1, "the same connection"


def test_an_abort_while_the_engine_is_deaf_does_not_wait_for_it(perform, folder):
    """Its buffers are given up with the connection: the engine may still write into them."""

    def deaf(link: Link, message: Message) -> None:
        time.sleep(1)

    until = time.monotonic() + 0.2
    with scripted(folder, deaf, answers):
        told = perform(wanted=lambda: int(time.monotonic() < until))
        assert told.result == ABORTED and told.seconds < 0.2 + 0.06
        assert perform().result == DONE


# ------------------------------------------------------------ engines that die, hang or lie


def test_an_engine_that_dies_at_work_is_asked_once_more(perform, folder):
    with scripted(folder, dies, answers) as heard:
        assert perform().result == DONE
    assert heard == [Kind.HELLO, Kind.SHARE, Kind.SHARE, Kind.SUBMIT] * 2


def test_an_engine_that_dies_twice_is_an_error(perform, folder):
    with scripted(folder, dies, dies, answers):
        told = perform()
    assert (told.result, told.code) == (FAILED, "engine.gone")
    assert told.sentence.endswith("`faceplate engine logs` says more.")


def test_an_engine_that_hangs_is_an_error_within_five_seconds_and_is_left_alone(perform, folder):
    pings = []

    def hangs(link: Link, message: Message) -> None:
        until = time.monotonic() + 6
        while time.monotonic() < until:
            pings.extend(message.kind for message in link.take())
            time.sleep(0.02)

    with scripted(folder, hangs, answers) as heard:
        told = perform()
        assert (told.result, told.code) == (FAILED, "engine.hung")
        assert told.seconds < 5.5 and pings == [Kind.PING]
        again = perform()
        assert (again.result, again.code) == (FAILED, "engine.hung")
        assert again.seconds < 0.1 and heard.count(Kind.SUBMIT) == 1


def test_a_pong_keeps_a_long_request_alive(perform, folder):
    def slow(link: Link, message: Message) -> None:
        until = time.monotonic() + 6
        while time.monotonic() < until:
            for each in link.take():
                if each.kind is Kind.PING:
                    link.put(Kind.PONG, each.request)
            time.sleep(0.02)
        answers(link, message)

    with scripted(folder, slow):
        assert perform().result == DONE


def test_another_release_is_refused_with_a_sentence_and_left_alone(perform, folder):
    with engine_in(folder) as server:
        server._operations = "0" * 64
        told = perform()
        assert (told.result, told.code) == (FAILED, "engine.version")
        assert "same release" in told.sentence
        assert perform().code == "engine.version" and server._numbers == 1


def test_what_an_engine_may_say_wrongly_is_an_error_and_never_a_crash(perform, folder, library):
    refused = json.loads((ROOT / "tests" / "wire" / "refused.json").read_text(encoding="utf-8"))
    data = [bytes.fromhex(one["hex"]) for one in refused]
    data += [b"GET / HTTP/1.1\r\n\r\n" * 3, b"\0" * 64, encode(Kind.SHUTDOWN)[:31] + b"\1"]
    with scripted(folder, *map(says, data)):
        for spoken in data:
            told = perform()
            assert told.result == FAILED and told.code in ("engine.wire", "engine.version"), spoken
            library.probe_forget()


def test_descriptors_that_an_engine_sends_are_closed(perform, folder):
    def generous(link: Link, message: Message) -> None:
        pong = encode(Kind.PONG, message.request)
        socket.send_fds(link.socket, [pong], [0, 0])
        time.sleep(0.3)

    with scripted(folder, generous):
        before = open_files()
        told = perform()
        assert (told.result, told.code) == (FAILED, "engine.wire")
    assert open_files() <= before


# ------------------------------------------------------------ no engine


def test_a_folder_that_others_may_enter_is_refused(perform, folder):
    folder.chmod(0o755)
    told = perform()
    assert (told.result, told.code) == (FAILED, "engine.folder")
    assert "chmod 700" in told.sentence


@shares_its_child
def test_a_command_that_is_not_there_is_named(perform, folder):
    told = perform()
    assert (told.result, told.code) == (FAILED, "engine.absent")
    assert "nobody" in told.sentence and "FACEPLATE_ENGINE" in told.sentence
    assert told.seconds < 1


def test_a_playing_timeline_starts_a_broken_engine_once_a_second_and_less(
    perform, folder, tmp_path, monkeypatch
):
    starts = tmp_path / "starts"
    command = recorder(tmp_path / "faceplate", f"echo started >> {starts}; echo no licence found; exit 3")
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    told, failed = perform(), time.monotonic()
    frames = 0
    while starts.read_text() == "started\n" and time.monotonic() - failed < 30:
        told = perform()
        assert told.code == "engine.absent"
        frames += 1
    again = time.monotonic()
    assert again - failed >= 0.99, "a second passes before it is tried again"
    assert frames > 10, "in between, a frame fails at once"
    while time.monotonic() - again < 1.0:
        told = perform()
    assert starts.read_text() == "started\n" * 2, "and then two seconds"
    assert "exit code 3" in told.sentence and "no licence found" in told.sentence


def test_eight_renders_at_once_start_one_engine(perform, folder, tmp_path, monkeypatch):
    starts = tmp_path / "starts"
    command = recorder(tmp_path / "faceplate", f"echo started >> {starts}; sleep 0.3; exit 3")
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    threads = [threading.Thread(target=perform) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert starts.read_text() == "started\n"


def test_an_engine_that_is_still_starting_is_not_started_again(perform, folder, tmp_path, monkeypatch):
    """A user who scrubs gives every frame up before the engine is there."""
    starts = tmp_path / "starts"
    command = recorder(tmp_path / "faceplate", f"echo started >> {starts}; exec sleep 2")
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    for _ in range(5):
        until = time.monotonic() + 0.15
        told = perform(wanted=lambda until=until: int(time.monotonic() < until))
        assert told.result == ABORTED and told.seconds < 0.15 + 0.05
    assert starts.read_text() == "started\n"


def test_as_soon_as_somebody_starts_an_engine_it_is_used(perform, folder):
    """The back-off is about starting; looking whether one is there costs nothing."""
    assert perform().code == "engine.absent"
    with engine_in(folder):
        assert perform().result == DONE


def test_nothing_of_the_host_reaches_the_engine(perform, folder, tmp_path, monkeypatch):
    for name in ("LD_PRELOAD_FOR_TEST", "PYTHONHOME", "NUKE_PATH"):
        monkeypatch.setenv(name, "of the host's")
    monkeypatch.setenv("LC_TEST", "kept")
    told = tmp_path / "told"
    script = f"exec > {told}.new; env; pwd; ls /proc/self/fd; ps -o sid= -p $$; echo $$ $0 $*; mv {told}.new {told}"
    monkeypatch.setenv("FACEPLATE_ENGINE", str(recorder(tmp_path / "faceplate", script)))
    leaked = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        perform()
    finally:
        os.close(leaked)
    lines = told.read_text().splitlines()
    names = {line.split("=")[0] for line in lines if "=" in line}
    assert "LC_TEST" in names and "FACEPLATE_RUNTIME" in names
    assert not names & {"LD_PRELOAD_FOR_TEST", "PYTHONHOME", "NUKE_PATH"}
    at = lines.index("/")
    assert lines[at + 1 : at + 5] == ["0", "1", "2", "3"], "3 is the listing of the folder itself"
    session, process = lines[at + 5].strip(), lines[at + 6].split()
    assert process[0] == session, "a session of its own"
    assert process[2:] == ["engine", "start", "--foreground"]


@pytest.mark.slow
def test_the_engine_that_is_installed_is_started_and_stopped(perform, folder, monkeypatch):
    command = ROOT / ".venv" / "bin" / "faceplate"
    if not command.exists():
        pytest.skip("Faceplate is not installed in .venv")
    monkeypatch.setenv("FACEPLATE_ENGINE", str(command))
    pixels = np.random.default_rng(2).random((5, 6, 4), np.float32)
    until = time.monotonic() + 60
    try:
        told = perform(pixels=pixels)
        while told.code == "engine.absent" and time.monotonic() < until:
            told = perform(pixels=pixels)  # this machine takes longer to start one than a render waits
        assert told.result == DONE, told.sentence
        np.testing.assert_array_equal(told.pixels, pixels)
    finally:
        subprocess.run([command, "engine", "stop"], check=True, capture_output=True)
