"""The door of systems without Unix sockets or memfds: who is let in, which files are opened, what is left behind."""

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceplate.engine import server as server_module
from faceplate.engine.guarded_port import TOKEN_BYTES, GuardedPort
from faceplate_client import launch
from faceplate_client.errors import EngineError
from faceplate_client.launch import PORT, SOCKET, knock
from faceplate_client.link import NAME_BYTES, Link
from faceplate_client.planes import Buffer
from faceplate_client.session import Engine, connect
from faceplate_client.wire import Kind, WireError, encode
from tests.benchmarks.engine_fuzz import accepted_of
from tests.support.engine_process import own_engine
from tests.support.engines import engine_in, greet, hello, receive

CORE = Path(__file__).resolve().parents[3] / "core"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("FACEPLATE_RUNTIME", str(tmp_path))
    monkeypatch.setenv("FACEPLATE_TRANSPORT", "loopback")
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def engine(folder):
    with engine_in(folder) as server:
        yield server


def told(folder) -> tuple[int, bytes]:
    """Port and token, as the engine has written them."""
    port, token = (folder / PORT).read_text().split()
    return int(port), token.encode()


def stranger(folder) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", told(folder)[0]), 2.0)
    sock.settimeout(5.0)
    return sock


def is_shown_out(sock: socket.socket) -> bool:
    """Whether the other end hangs up without having said a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_the_token_is_for_its_owner_alone_and_the_port_for_this_machine(engine, folder):
    facts = (folder / PORT).stat()
    assert stat.S_IMODE(facts.st_mode) == 0o600
    port, token = told(folder)
    assert len(token) == TOKEN_BYTES
    listening = Path("/proc/self/net/tcp").read_text().splitlines()[1:]
    ours = [line.split()[1] for line in listening if int(line.split()[1].split(":")[1], 16) == port]
    assert set(ours) == {f"0100007F:{port:04X}"}, "127.0.0.1 and no other address"
    assert not (folder / SOCKET).exists()


def test_two_engines_have_two_tokens(folder):
    tokens = []
    for _ in range(2):
        with engine_in(folder):
            tokens.append(told(folder)[1])
    assert tokens[0] != tokens[1]


def test_who_knows_the_token_is_heard_however_it_comes(engine, folder):
    with stranger(folder) as sock:
        for byte in told(folder)[1]:
            sock.sendall(bytes([byte]))
            time.sleep(0.001)
        greet(Link(sock))


@pytest.mark.parametrize("change", [lambda t: t[:-1] + b"x", lambda t: bytes(len(t)), lambda t: t[::-1]])
def test_who_does_not_is_shown_out_without_a_word(engine, folder, change):
    with stranger(folder) as sock:
        sock.sendall(change(told(folder)[1]) + encode(Kind.HELLO, 0, hello()))
        assert is_shown_out(sock)
    with connect("test", start=False) as client:
        assert client.status()["clients"] == 1


def test_a_token_guessed_byte_by_byte_tells_nothing_until_it_is_whole(engine, folder):
    with stranger(folder) as right, stranger(folder) as wrong:
        right.sendall(told(folder)[1][:-1])
        wrong.sendall(b"!" * (TOKEN_BYTES - 1))
        for sock in (right, wrong):
            sock.settimeout(0.2)
            with pytest.raises(TimeoutError):
                sock.recv(1)


def test_who_says_nothing_is_not_kept(engine, folder, monkeypatch):
    monkeypatch.setattr(server_module, "GREETING", 0.1)
    with stranger(folder) as sock:
        assert is_shown_out(sock)


def test_without_a_file_or_with_nonsense_in_it_there_is_no_engine(folder):
    assert knock(str(folder)) is None
    for words in ("", "1", "port token", "70000 " + "0" * 64, "9 " + "0" * 64):
        (folder / PORT).write_text(words)
        assert knock(str(folder)) is None
    with pytest.raises(EngineError) as raised:
        connect("test", start=False)
    assert raised.value.code == "engine.absent"


def test_no_spoiled_message_is_accepted_behind_the_token_either(engine, folder):
    assert accepted_of(folder, 200) == 0
    with connect("test", start=False) as client:
        assert client.status()["pid"] == os.getpid()


# ------------------------------------------------------------ buffers known by name


@pytest.fixture
def link(engine, folder):
    sock = knock(str(folder))
    assert sock is not None
    made = Link(sock)
    greet(made)
    yield made
    made.close()


def share(link: Link, handle: str, size: int = 4096) -> None:
    link.put(Kind.SHARE, 0, {"buffer": 1, "bytes": size}, handle)


def refused(link: Link) -> str:
    """The engine's last words, after which it hangs up."""
    message = receive(link)
    assert message.kind is Kind.ERROR and message.request == 0
    return message.body["sentence"]


def test_a_buffer_of_the_folder_is_mapped_by_its_name(link):
    made = Buffer(1, 4096)
    share(link, made.handle)
    link.put(Kind.PING, 5)
    assert receive(link).kind is Kind.PONG
    assert len(made.handle) == NAME_BYTES
    made.close()
    assert not os.path.exists(made.path)


def padded(name: str) -> str:
    return name.ljust(NAME_BYTES, "x")[:NAME_BYTES]


@pytest.mark.parametrize(
    "name",
    [
        "0" * 10 + "-" + "0" * 24,
        padded("../../../../../../etc/hostname"),
        padded("engine.port"),
        "/" * NAME_BYTES,
    ],
)
def test_nothing_else_is_ever_opened(link, name):
    share(link, name)
    assert "a file that the client has made" in refused(link)


def test_a_link_to_elsewhere_is_not_followed(link, folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "file"
    elsewhere.write_bytes(bytes(4096))
    name = "0000000001-" + "a" * 24
    (folder / name).symlink_to(elsewhere)
    share(link, name)
    assert "a file that the client has made" in refused(link)


@pytest.mark.parametrize("size", [4095, 4097, 1 << 30])
def test_a_file_of_another_size_is_refused(link, size):
    made = Buffer(1, 4096)
    share(link, made.handle, size)
    assert f"a file of {size} bytes" in refused(link)
    made.close()


def test_a_folder_or_a_pipe_is_no_buffer(folder):
    door = GuardedPort()
    door.folder = str(folder)
    (folder / ("0" * 10 + "-" + "b" * 24)).mkdir()
    with pytest.raises(WireError):
        door.open_buffer(b"0" * 10 + b"-" + b"b" * 24)
    door.close()


# ------------------------------------------------------------ what is left behind


def buffers_in(folder) -> list[str]:
    return [each.name for each in folder.iterdir() if len(each.name) == NAME_BYTES]


def test_a_client_leaves_no_file(engine, folder):
    with Engine("test", start=False) as client:
        plate, output = client.plane((0, 0, 64, 32)), client.plane((0, 0, 64, 32))
        client.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(10)
        assert len(buffers_in(folder)) == 2
        client.free(plate)
        client.free(output)
    del plate, output
    assert buffers_in(folder) == []


def test_what_a_killed_client_left_goes_with_its_connection(engine, folder):
    script = (
        "import os, signal\n"
        "from faceplate_client.session import connect\n"
        "engine = connect('doomed', start=False)\n"
        "plate, output = engine.plane((0, 0, 64, 32)), engine.plane((0, 0, 64, 32))\n"
        "engine.submit('noop', inputs={'plate': plate}, outputs={'plate': output}).result(10)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    own = Buffer(7, 4096)
    killed = subprocess.run([sys.executable, "-c", script], cwd=CORE, capture_output=True, timeout=60)
    assert killed.returncode == -9, killed.stderr
    until = time.monotonic() + 5
    while len(buffers_in(folder)) > 1 and time.monotonic() < until:
        time.sleep(0.02)
    assert buffers_in(folder) == [own.handle], "what a living process holds stays"
    own.close()


def test_where_system_and_python_lack_the_better_way_this_one_is_taken(folder, monkeypatch):
    monkeypatch.delenv("FACEPLATE_TRANSPORT")
    assert not launch.loopback()
    monkeypatch.delattr(os, "memfd_create")
    assert launch.loopback()
    pair, unix = socket.socketpair, socket.AF_UNIX
    # Where there are none, Python makes its pairs in another way.
    monkeypatch.setattr(socket, "socketpair", lambda: pair(unix))
    monkeypatch.delattr(socket, "AF_UNIX")
    for name in ("send_fds", "recv_fds"):
        monkeypatch.delattr(socket, name)
    with engine_in(folder), Engine("test", start=False) as client:
        plate, output = client.plane((0, 0, 64, 32)), client.plane((0, 0, 64, 32))
        plate.pixels[:] = bytes(range(256)) * (plate.size // 256)
        client.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(10)
        assert output.pixels == plate.pixels


@pytest.mark.slow
def test_an_engine_of_its_own_is_started_asked_and_ended_over_the_port(tmp_path):
    """As on such a system: by the installed command, from the first client to `engine stop`."""
    with own_engine(tmp_path / "run", FACEPLATE_TRANSPORT="loopback"):
        with connect("test", wait=60.0) as client:
            plate, output = client.plane((0, 0, 64, 32)), client.plane((0, 0, 64, 32))
            plate.pixels[:] = b"\x07" * plate.size
            client.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(60)
            assert output.pixels == plate.pixels
            pid = client.status(60.0)["pid"]
        assert pid != os.getpid() and (tmp_path / "run" / PORT).exists()
    assert not (tmp_path / "run" / PORT).exists()
