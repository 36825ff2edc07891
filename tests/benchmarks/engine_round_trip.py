"""What the engine costs, on this machine, now: every figure beside what it is compared with, in the same run.

    python tests/benchmarks/engine_round_trip.py [round memory kill fuzz]

round: a 4K float RGBA plate to the engine and back, work that does nothing, against two copies of the same frame; and
1080p, the median and the 99th percentile of 500. memory: what the engine holds after 2,000 requests. kill: kill -9 at
100 random moments. fuzz: 20,000 spoiled messages.
"""

import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "core"))

from faceplate.cli.__main__ import main as main_command  # noqa: E402
from faceplate_client.errors import FaceplateError  # noqa: E402
from faceplate_client.launch import SOCKET  # noqa: E402
from faceplate_client.session import Engine, connect  # noqa: E402
from faceplate_client.wire import HEADER_BYTES, PROTOCOL, Kind, encode, operations_hash  # noqa: E402


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
    return (
        bytes(spoiled) if not spoiled.startswith(data) else bytes(spoiled[len(data) :]) + b"\0" * HEADER_BYTES
    )


def round_trips(
    engine: Engine, size: tuple[int, int], count: int, *, apart: bool = False
) -> tuple[list[float], list[float]]:
    """Seconds of each round trip, host memory to host memory, and of two copies of the frame beside it."""
    window = (0, 0, *size)
    plate = engine.plane(window)
    output = engine.plane(window) if apart else plate
    host, copy = bytearray(os.urandom(4096)) * (plate.size // 4096 + 1), bytearray(plate.size)
    host = host[: plate.size]
    other = bytearray(plate.size)
    trips, copies = [], []
    for _ in range(count):
        began = time.perf_counter()
        plate.pixels[:] = host
        engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(60)
        memoryview(copy)[:] = output.pixels
        between = time.perf_counter()
        memoryview(other)[:] = host
        memoryview(copy)[:] = other
        trips.append(between - began)
        copies.append(time.perf_counter() - between)
    assert copy == host
    return trips, copies


def measure_round() -> None:
    with connect("benchmark", wait=60) as engine:
        for name, apart in (("in place", False), ("into a second buffer", True)):
            trips, copies = round_trips(engine, (4096, 2160), 40, apart=apart)
            trip, both = statistics.median(trips[5:]), statistics.median(copies[5:])
            beside = f"two memcpys {both * 1e3:.1f} ms: {trip / both:.2f} x"
            quickest = f"quickest against quickest {min(trips) / min(copies):.2f} x"
            print(f"4096x2160 RGBA float {name}: {trip * 1e3:.1f} ms, {beside} ({quickest})")
        trips, copies = round_trips(engine, (1920, 1080), 510)
        for name, found in (("round trip", trips[10:]), ("two memcpys", copies[10:])):
            ordered = sorted(found)
            median, late = statistics.median(ordered), ordered[int(len(ordered) * 0.99)]
            print(
                f"1920x1080 {name}: median {median * 1e3:.2f} ms, p99 {late * 1e3:.2f} ms: {late / median:.2f} x"
            )


def measure_memory() -> None:
    with connect("benchmark", wait=60) as engine:
        held = []
        for number in range(2001):
            plate, output = engine.plane((0, 0, 256, 144)), engine.plane((0, 0, 256, 144))
            engine.submit("noop", inputs={"plate": plate}, outputs={"plate": output}).result(60)
            engine.free(plate)
            engine.free(output)
            if number in (100, 1000, 2000):
                held.append(f"{number}: {engine.status()['resident_bytes'] / 1e6:.1f} MB")
        print("engine memory after requests", ", ".join(held))


def measure_kill(count: int = 100) -> None:
    chance = random.Random(11)
    right = failed = wrong = 0
    longest = 0.0
    with connect("benchmark", wait=60) as engine, connect("benchmark 2", wait=60) as other:
        planes = [
            (each, each.plane((0, 0, 960, 540)), each.plane((0, 0, 960, 540))) for each in (engine, other)
        ]
        for _, plate, _ in planes:
            plate.pixels[:] = os.urandom(plate.size)
        for _ in range(count):
            pid = engine.status(60)["pid"]
            began = time.perf_counter()
            jobs = [
                (plate, output, each.submit("noop", inputs={"plate": plate}, outputs={"plate": output}))
                for each, plate, output in planes
                for _ in range(3)
            ]
            time.sleep(chance.random() * 0.01)
            os.kill(pid, signal.SIGKILL)
            for plate, output, job in jobs:
                try:
                    job.result(60)
                    right += plate.pixels == output.pixels
                    wrong += plate.pixels != output.pixels
                except FaceplateError as error:
                    failed += error.code in ("engine.gone", "engine.absent")
                    wrong += error.code not in ("engine.gone", "engine.absent")
                longest = max(longest, time.perf_counter() - began)
            for each in (engine, other):  # an engine may be absent for a moment, which is a clear failure
                while True:
                    try:
                        each.status(60)
                        break
                    except FaceplateError:
                        time.sleep(0.2)
    print(
        f"{count} kills: {right} right, {failed} clear failures, {wrong} wrong, longest wait {longest:.2f} s"
    )


def measure_fuzz(count: int = 20_000) -> None:
    plane = {
        "buffer": 1, "offset": 0, "row_bytes": 256, "channels": "RGBA", "dtype": "float32",
        "data_window": [0, 0, 16, 16], "display_window": [0, 0, 16, 16], "colourspace": "srgb", "alpha": "none",
        "frame": 1,
    }  # fmt: skip
    submit = {
        "operation": "noop", "params": {}, "inputs": {"plate": plane}, "outputs": {"plate": plane},
        "priority": "batch", "deadline_ms": 0,
    }  # fmt: skip
    hello = {"protocol": PROTOCOL, "operations": operations_hash(), "product": "0.1.0", "client": "fuzz"}
    first, chance, accepted = encode(Kind.HELLO, 0, hello), random.Random(3), 0
    whole = [encode(Kind.SUBMIT, 7, submit), encode(Kind.PING, 3), encode(Kind.STATUS, 4), first]
    with connect("benchmark", wait=60) as engine:
        pid = engine.status()["pid"]
        for _ in range(count):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(60)
            sock.connect(os.path.join(os.environ["FACEPLATE_RUNTIME"], SOCKET))
            message = chance.choice(whole)
            spoiled = spoil(message, chance)
            try:
                sock.sendall(spoiled if message is first else first + spoiled)
                sock.shutdown(socket.SHUT_WR)
                answers = _kinds(sock)
            except OSError:
                answers = []  # it hung up before it had read everything
            expected = [] if message is first else [Kind.WELCOME]
            accepted += [kind for kind in answers if kind is not Kind.ERROR] not in (expected, [])
            sock.close()
        print(
            f"{count} spoiled messages: {accepted} accepted; the same engine lives: {engine.status()['pid'] == pid}"
        )


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
    chosen = sys.argv[1:] or ["round", "memory", "kill", "fuzz"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FACEPLATE_RUNTIME"] = os.path.join(folder, "run")
        try:
            for name in chosen:
                {
                    "round": measure_round,
                    "memory": measure_memory,
                    "kill": measure_kill,
                    "fuzz": measure_fuzz,
                }[name]()
        finally:
            main_command(["engine", "stop"])


if __name__ == "__main__":
    main()
