"""The socket from outside: who is let in, and what happens to whoever breaks the contract."""

import gc
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceplate.engine import server as server_module
from faceplate.engine.requests import FROM_CLIENT
from faceplate_client.launch import SOCKET
from faceplate_client.link import Link, LinkClosed
from faceplate_client.planes import Buffer
from faceplate_client.wire import Kind, encode
from tests.benchmarks.engine_fuzz import accepted_of, spoiled_messages
from tests.support.engines import engine_in, greet, hello, open_files, receive

GOLDEN = Path(__file__).resolve().parents[2] / "wire"
PLATE = {
    "buffer": 1, "offset": 0, "row_bytes": 256, "channels": "RGBA", "dtype": "float32", "data_window": [0, 0, 16, 16],
    "display_window": [0, 0, 16, 16], "colourspace": "lin_rec709", "alpha": "none", "frame": 1,
}  # fmt: skip
SUBMIT = {
    "operation": "noop", "params": {}, "inputs": {"plate": PLATE}, "outputs": {"plate": PLATE},
    "priority": "interactive", "deadline_ms": 0,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def engine(folder):
    with engine_in(folder) as server:
        yield server


def knock(folder) -> Link:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(str(folder / SOCKET))
    return Link(sock)


@pytest.fixture
def link(engine, folder):
    made = knock(folder)
    greet(made)
    yield made
    made.close()


def share(link: Link, number: int = 1, size: int = 4096) -> Buffer:
    made = Buffer(number, size)
    link.put(Kind.SHARE, 0, {"buffer": number, "bytes": size}, fd=made.fd)
    return made


def expect_dropped(link: Link, code: str) -> None:
    """The engine says why, then hangs up."""
    told = receive(link)
    assert (told.kind, told.request, told.body["code"]) == (Kind.ERROR, 0, code)
    with pytest.raises(LinkClosed):
        receive(link)


def expect_alive(folder) -> None:
    link = knock(folder)
    greet(link)
    share(link)
    link.put(Kind.SUBMIT, 1, SUBMIT)
    assert receive(link).kind is Kind.RESULT
    link.close()


def test_a_client_is_greeted_heard_and_answered(link, engine):
    share(link)
    link.put(Kind.PING, 5)
    assert receive(link)[:2] == (Kind.PONG, 5)
    link.put(Kind.SUBMIT, 6, SUBMIT)
    assert receive(link)[:2] == (Kind.RESULT, 6)
    until, status = time.monotonic() + 5, {"done": 0}
    while status["done"] == 0 and time.monotonic() < until:  # it is counted a moment after it is answered
        link.put(Kind.STATUS, 7)
        status = receive(link).body["engine"]
    assert status["done"] == 1 and status["clients"] == 1 and status["pid"] == os.getpid()


@pytest.mark.parametrize("kind", sorted(FROM_CLIENT.keys() - {Kind.HELLO, Kind.SHARE}))
def test_nothing_is_heard_before_hello(engine, folder, kind):
    body = {Kind.RELEASE: {"buffer": 1}, Kind.SUBMIT: SUBMIT}.get(kind, {})
    link = knock(folder)
    link.put(kind, 0 if kind in (Kind.RELEASE, Kind.SHUTDOWN) else 1, body)
    expect_dropped(link, "engine.wire")
    expect_alive(folder)


@pytest.mark.parametrize(
    "kind, body",
    [
        (Kind.HELLO, hello()),
        (Kind.WELCOME, {**{k: v for k, v in hello().items() if k != "client"}, "pid": 1}),
        (Kind.RELEASE, {"buffer": 9}),
        (Kind.PONG, {}),
        (Kind.STATUS_REPLY, {"engine": {}}),
    ],
)
def test_what_a_client_may_not_say_costs_it_the_connection(link, folder, kind, body):
    link.put(kind, 1 if kind in (Kind.PONG, Kind.STATUS_REPLY) else 0, body)
    expect_dropped(link, "engine.wire")
    expect_alive(folder)


def test_a_request_number_that_is_open_is_not_used_again(link, folder):
    for _ in range(2):
        link.put(
            Kind.SUBMIT,
            3,
            {**SUBMIT, "operation": "nap", "inputs": {}, "outputs": {}, "params": {"seconds": 5}},
        )
    found = [receive(link) for _ in range(1)]
    while found[-1].kind is Kind.PROGRESS:
        found.append(receive(link))
    assert (found[-1].request, found[-1].body["code"]) == (0, "engine.wire")
    expect_alive(folder)


def test_another_release_is_told_so(engine, folder):
    link = knock(folder)
    link.put(Kind.HELLO, 0, hello(operations="0" * 64, product="9.9.9"))
    told = receive(link)
    assert told.body["code"] == "engine.version" and "9.9.9" in told.body["sentence"]


def test_another_protocol_is_told_so(engine, folder):
    link = knock(folder)
    data = bytearray(encode(Kind.HELLO, 0, hello()))
    data[4] = 2
    link.socket.send(data)
    expect_dropped(link, "engine.version")


def test_a_client_that_never_says_hello_is_not_kept(engine, folder, monkeypatch):
    monkeypatch.setattr(server_module, "GREETING", 0.1)
    link = knock(folder)
    expect_dropped(link, "engine.wire")


def test_an_unsealed_buffer_costs_the_connection(link, folder):
    fd = os.memfd_create("t")
    os.ftruncate(fd, 4096)
    link.put(Kind.SHARE, 0, {"buffer": 1, "bytes": 4096}, fd=fd)
    os.close(fd)
    expect_dropped(link, "engine.wire")
    expect_alive(folder)


def test_a_plane_that_does_not_fit_costs_only_the_request(link):
    share(link)
    link.put(Kind.SUBMIT, 4, {**SUBMIT, "inputs": {"plate": {**PLATE, "offset": 16}}})
    assert receive(link).body["code"] == "request.plane"
    link.put(Kind.SUBMIT, 5, SUBMIT)
    assert receive(link).kind is Kind.RESULT


def test_every_golden_refusal_costs_the_connection_and_nothing_else(engine, folder):
    for golden in json.loads((GOLDEN / "refused.json").read_text(encoding="utf-8")):
        link = knock(folder)
        greet(link)
        data = bytes.fromhex(golden["hex"])
        try:
            # The first bytes are enough for an engine that hangs up on the header.
            link.socket.setblocking(True)
            link.socket.sendall(data)
            link.socket.shutdown(socket.SHUT_WR)
            link.socket.setblocking(False)
        except OSError:
            continue
        assert receive(link).kind is Kind.ERROR, golden["says"]
        link.close()
    expect_alive(folder)


def test_no_spoiled_message_is_accepted(engine, folder):
    """Bytes changed, cut, doubled and put in, and forgeries; tests/benchmarks/engine_fuzz.py does 20,000."""
    assert len({*spoiled_messages(400)}) > 350
    assert accepted_of(folder, 400) == 0
    expect_alive(folder)


def test_a_client_that_leaves_takes_its_jobs_along(engine, folder):
    link = knock(folder)
    greet(link)
    link.put(
        Kind.SUBMIT, 1, {**SUBMIT, "operation": "nap", "inputs": {}, "outputs": {}, "params": {"seconds": 30}}
    )
    assert receive(link).kind is Kind.PROGRESS
    link.close()
    expect_alive(folder)  # it would wait half a minute behind the job


def test_nothing_grows_over_many_requests(engine, folder):
    """Descriptors, mappings and open jobs; memory itself is measured over 2,000 by the benchmark."""

    def left():
        gc.collect()
        with open("/proc/self/maps", encoding="ascii") as file:
            return (
                open_files(),
                sum("memfd" in line for line in file),
                len(engine._clients),
                len(engine._answers),
            )

    expect_alive(folder)
    time.sleep(0.1)
    before = left()
    for _ in range(100):
        expect_alive(folder)
    time.sleep(0.1)
    assert left() == before


def test_an_engine_that_nobody_asks_leaves_and_a_heartbeat_does_not_keep_it(folder):
    with engine_in(folder, idle=1.0):
        link = knock(folder)
        greet(link)
        with pytest.raises(LinkClosed):
            for number in range(1, 500):
                link.put(Kind.PING, number)
                receive(link, 1.0)
                time.sleep(0.02)


def test_a_stop_answers_open_requests(link, engine):
    link.put(
        Kind.SUBMIT, 1, {**SUBMIT, "operation": "nap", "inputs": {}, "outputs": {}, "params": {"seconds": 30}}
    )
    assert receive(link).kind is Kind.PROGRESS
    link.put(Kind.SHUTDOWN)
    message = receive(link)
    while message.kind is Kind.PROGRESS:
        message = receive(link)
    assert message.body["code"] == "engine.stopping"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_refused(folder, engine):
    """Were the folder open, by accident, the kernel's word on who calls would still shut them out."""
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.getuid() and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o711)
    (folder / SOCKET).chmod(0o666)
    asks = (
        f"import os, socket; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect({str(folder / SOCKET)!r}); "
        "s.settimeout(5); print(len(s.recv(1)))"
    )
    told = subprocess.run([sys.executable, "-I", "-S", "-c", asks], capture_output=True, text=True)
    assert told.stdout.strip() == "0", told.stderr
    expect_alive(folder)


def test_no_port_is_open(engine, folder):
    expect_alive(folder)
    paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    ours = {os.readlink(path) for path in paths if os.path.lexists(path)}
    assert any(name.startswith("socket:") for name in ours), "there should be sockets to look at"
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = Path("/proc/net", table)
        if path.exists():
            for line in path.read_text(encoding="ascii").splitlines()[1:]:
                assert f"socket:[{line.split()[9]}]" not in ours


def test_the_socket_is_its_owners_alone(engine, folder):
    assert (folder / SOCKET).stat().st_mode & 0o777 == 0o600
