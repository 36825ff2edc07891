"""Spoiled messages, each over a connection of its own, to an engine in a process of its own.

    python tests/benchmarks/engine_fuzz.py [20000]

Issue 5: 20,000 mutated messages, 0 crashes, 0 accepted. Half of them are spoiled bytes; the other half carry a checksum
that fits, as those of a hostile client would, around a body or a header that docs/wire.md does not allow.
"""

import json
import random
import socket
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "core")]

from faceplate.engine.requests import FROM_CLIENT  # noqa: E402
from faceplate_client.errors import EngineError  # noqa: E402
from faceplate_client.launch import knock  # noqa: E402
from faceplate_client.session import connect  # noqa: E402
from faceplate_client.wire import HEADER_BYTES, Kind, encode, read_message  # noqa: E402
from tests.support.engine_process import own_engine  # noqa: E402
from tests.support.engines import hello  # noqa: E402

PLANE = {
    "buffer": 1, "offset": 0, "row_bytes": 256, "channels": "RGBA", "dtype": "float32",
    "data_window": [0, 0, 16, 16], "display_window": [0, 0, 16, 16], "colourspace": "srgb", "alpha": "none", "frame": 1,
}  # fmt: skip
SUBMIT = {
    "operation": "noop", "params": {"strength": 0.5}, "inputs": {"plate": PLANE, "plate-1": {**PLANE, "frame": 0}},
    "outputs": {"plate": PLANE}, "priority": "batch", "deadline_ms": 0,
}  # fmt: skip
WHOLE = (
    encode(Kind.SUBMIT, 7, SUBMIT),
    encode(Kind.RELEASE, 0, {"buffer": 1}),
    encode(Kind.CANCEL, 7),
    encode(Kind.PING, 3),
    encode(Kind.STATUS, 4),
)
JUNK = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    1.5,
    1e300,
    "",
    "x" * 5000,
    "\n",
    [],
    [0] * 5,
    {},
    {"plate": 1},
    [[]],
)


def spoil(data: bytes, chance: random.Random) -> bytes:
    """A message with some of its bytes changed, cut out, doubled or put in; never the same as before."""
    spoiled = bytearray(data)
    while bytes(spoiled) == data:
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(spoiled))
            length = chance.randint(1, 8)
            how = chance.randrange(5)
            if how == 0:
                spoiled[place] ^= 1 << chance.randrange(8)
            elif how == 1:
                spoiled[place] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            elif how == 2 and len(spoiled) > length + 1:
                del spoiled[place : place + length]
            elif how == 3:
                spoiled[place:place] = spoiled[place : place + length]
            else:
                spoiled[place:place] = chance.randbytes(length)
    # Bytes after a whole message would only be the next one's beginning: they spoil nothing.
    whole = bytes(spoiled)
    return whole[len(data) :] + b"\0" * HEADER_BYTES if whole.startswith(data) else whole


def forge(data: bytes, chance: random.Random) -> bytes:
    """A message whose checksum fits, with a field or part of the header that docs/wire.md does not allow."""
    while True:
        head, body = bytearray(data[:HEADER_BYTES]), json.loads(data[HEADER_BYTES:])
        if chance.random() < 0.3:
            place = chance.choice((*range(4, 24), *range(28, 32)))
            head[place] ^= 1 << chance.randrange(8)
        else:
            _spoil_field(body, chance)
        text = json.dumps(body).encode()
        if head[16:20] == data[16:20]:
            head[16:20] = len(text).to_bytes(4, "little")
        head[24:28] = bytes(4)
        head[24:28] = zlib.crc32(text, zlib.crc32(bytes(head))).to_bytes(4, "little")
        forged = bytes(head) + text
        if not _lawful(forged):
            return forged


def _spoil_field(body: dict[str, Any], chance: random.Random) -> None:
    """Replace, take out or add a field, at any depth."""
    place: Any = body
    while True:
        inner = [value for value in place.values() if isinstance(value, dict) and value]
        if not inner or chance.random() < 0.4:
            break
        place = chance.choice(inner)
    how, names = chance.randrange(3), list(place)
    if how == 0 or not names:
        place[chance.choice(("a", "Ä", "x" * 70, "plate +1", ""))] = chance.choice(JUNK)
    elif how == 1:
        del place[chance.choice(names)]
    else:
        place[chance.choice(names)] = chance.choice(JUNK)


def _lawful(data: bytes) -> bool:
    """Whether it came out as something that a client may say after all."""
    try:
        return bool(read_message(data, FROM_CLIENT))
    except EngineError:
        return False


def spoiled_messages(count: int, seed: int = 3) -> Iterator[bytes]:
    """So many of them, the same in every run."""
    chance = random.Random(seed)
    for number in range(count):
        yield (spoil if number % 2 else forge)(chance.choice(WHOLE), chance)


def accepted_of(folder: Path, count: int, seed: int = 3) -> int:
    """How many spoiled messages the engine in `folder` answers with anything but a refusal."""
    first, accepted = encode(Kind.HELLO, 0, hello()), 0
    for spoiled in spoiled_messages(count, seed):
        sock = knock(str(folder))
        assert sock is not None, "the engine is gone"
        with sock:
            sock.settimeout(60)
            try:
                sock.sendall(first + spoiled)
                sock.shutdown(socket.SHUT_WR)
                answers = _kinds(sock)
            except OSError:
                answers = []  # it hung up before it had read everything
            accepted += any(kind not in (Kind.WELCOME, Kind.ERROR) for kind in answers)
    return accepted


def _kinds(sock: socket.socket) -> list[Kind]:
    data = b""
    while piece := sock.recv(65536):
        data += piece
    kinds = []
    while data:
        kinds.append(Kind(int.from_bytes(data[6:8], "little")))
        data = data[HEADER_BYTES + int.from_bytes(data[16:20], "little") :]
    return kinds


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        with own_engine(run), connect("fuzz", wait=60) as engine:
            pid = engine.status()["pid"]
            accepted = accepted_of(run, count)
            lives = engine.status()["pid"] == pid
    print(f"{count} spoiled messages: {accepted} accepted; the same engine lives: {lives}")


if __name__ == "__main__":
    main()
