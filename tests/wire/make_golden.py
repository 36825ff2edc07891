"""Writes the golden messages anew: run it only when docs/wire.md and the protocol version change.

    python tests/wire/make_golden.py

Bytes are put together here by hand, from docs/wire.md alone and not by faceplate_client.wire, so that the tests
compare two readings of the contract.
"""

import json
import struct
import zlib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OPERATIONS = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
NUMBERS = {
    "hello": 1, "welcome": 2, "share": 3, "release": 4, "submit": 5, "progress": 6, "result": 7, "error": 8,
    "cancel": 9, "ping": 10, "pong": 11, "status": 12, "status_reply": 13, "shutdown": 14,
}  # fmt: skip

PLANE = {
    "buffer": 1, "offset": 0, "row_bytes": 30720, "channels": "RGBA", "dtype": "float32",
    "data_window": [0, 0, 1920, 1080], "display_window": [0, 0, 1920, 1080],
    "colourspace": "lin_rec709", "alpha": "premultiplied", "frame": 1001,
}  # fmt: skip
OVERSCAN = {
    **PLANE, "buffer": 2, "offset": 64, "row_bytes": 24640, "channels": "RGB", "data_window": [-64, -32, 1984, 1112],
    "colourspace": "ACEScg", "alpha": "none", "frame": -3,
}  # fmt: skip
MATTE = {
    **PLANE, "buffer": 3, "row_bytes": 7680, "channels": "A", "colourspace": "data", "alpha": "none",
}  # fmt: skip
SUBMIT = {
    "operation": "restore",
    "params": {"faces": "largest", "strength": 0.75, "mirror": False, "scale": 1},
    "inputs": {"plate": PLANE},
    "outputs": {"plate": {**PLANE, "buffer": 2}, "matte": MATTE},
    "priority": "interactive",
    "deadline_ms": 30000,
}
AROUND = {
    f"plate{offset:+d}": {**PLANE, "buffer": 10 + offset, "frame": 1001 + offset} for offset in (-2, -1, 2)
}
STEADY = {
    **SUBMIT,
    "operation": "steady",
    "params": {"strength": 0.75, "steady": 1, "radius": 2, "grain": 0.5},
    "inputs": {"plate": {**PLANE, "buffer": 10}, **AROUND},
}
VEIL = {
    **SUBMIT,
    "operation": "veil",
    "params": {"faces": "1,3", "anonymise_others": True},
    "outputs": {"plate": {**PLANE, "buffer": 2}, "matte": MATTE},
}
ONLY_MATTE = {**SUBMIT, "operation": "matte", "params": {"smallest": 24.5}, "outputs": {"matte": MATTE}}
RELEASE = {"protocol": 1, "operations": OPERATIONS, "product": "0.1.0"}

ACCEPTED: list[tuple[str, str, int, dict[str, Any]]] = [
    ("a host says hello", "hello", 0, {**RELEASE, "client": "python"}),
    ("the engine answers", "welcome", 0, {**RELEASE, "pid": 4711}),
    ("a buffer is shared", "share", 0, {"buffer": 1, "bytes": 33177600}),
    ("a buffer is let go", "release", 0, {"buffer": 1}),
    ("one 1080p frame to restore, with its matte", "submit", 7, SUBMIT),
    (
        "a batch frame in place, with overscan, a negative frame and padded rows",
        "submit",
        18446744073709551615,
        {
            "operation": "noop", "params": {}, "inputs": {"plate": OVERSCAN}, "outputs": {"plate": OVERSCAN},
            "priority": "batch", "deadline_ms": 0,
        },
    ),
    ("a frame to hold steady, with the plates around it of which the next is missing", "submit", 8, STEADY),
    ("a frame on which everybody but two is veiled", "submit", 9, VEIL),
    ("a frame whose matte alone is wanted", "submit", 10, ONLY_MATTE),
    ("a quarter is done", "progress", 7, {"stage": "restore", "done": 0.25}),
    (
        "a result with its report, in two scripts",
        "result",
        7,
        {"report": {"status": "restored", "faces": [{"status": "restored", "similarity": None}],
                    "note": "2 faces \u2014 \u9854"}, "seconds": 1.5},
    ),
    ("a request is refused", "error", 7, {"code": "params.range", "sentence": "strength should be 0-1, got 7"}),
    ("the connection is refused", "error", 0, {"code": "engine.wire", "sentence": "What arrived is no message."}),
    ("a request is taken back", "cancel", 7, {}),
    ("a heartbeat", "ping", 8, {}),
    ("and its echo", "pong", 8, {}),
    ("how is the engine", "status", 9, {}),
    ("it is well", "status_reply", 9, {"engine": {"pid": 4711, "clients": 2, "running": 1, "models": []}}),
    ("the engine should go", "shutdown", 0, {}),
]  # fmt: skip


def message(kind: int, request: int, text: bytes, *, fds: int = 0, **other: Any) -> bytes:
    """A whole message; `other` spoils header fields: magic, protocol, length, flags, reserved, checksum."""
    words = [
        other.get("magic", b"FPWR"), other.get("protocol", 1), kind, request, other.get("length", len(text)),
        other.get("flags", 0), fds,
    ]  # fmt: skip
    reserved = other.get("reserved", 0)
    bare = struct.pack("<4sHHQIHHII", *words, 0, reserved)
    checksum = zlib.crc32(bare + text) ^ other.get("checksum", 0)
    return struct.pack("<4sHHQIHHII", *words, checksum, reserved) + text


def compact(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def submit_but(**changes: Any) -> bytes:
    return message(5, 7, compact({**SUBMIT, **changes}))


def plane_but(**changes: Any) -> bytes:
    return submit_but(inputs={"plate": {**PLANE, **changes}})


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


def refused() -> list[tuple[str, bytes]]:
    ping = (10, 8, b"{}")
    return [
        ("other magic", message(*ping, magic=b"HTTP")),
        ("protocol 0", message(*ping, protocol=0)),
        ("protocol 2", message(*ping, protocol=2)),
        ("an unknown flag", message(*ping, flags=1)),
        ("reserved is not 0", message(*ping, reserved=1)),
        ("kind 0", message(0, 8, b"{}")),
        ("kind 15", message(15, 8, b"{}")),
        ("one bit of the checksum", message(*ping, checksum=1)),
        ("a body over the limit", message(*ping, length=(1 << 20) + 1)),
        ("the longest body there can be", message(*ping, length=0xFFFFFFFF)),
        ("descriptors announced with a ping", message(*ping, fds=1)),
        ("a share without its descriptor", message(3, 0, compact({"buffer": 1, "bytes": 4}))),
        ("a share with two", message(3, 0, compact({"buffer": 1, "bytes": 4}), fds=2)),
        ("request 0 where one is needed", message(10, 0, b"{}")),
        ("a request where none may be", message(14, 3, b"{}")),
        ("no body at all", message(10, 8, b"")),
        ("a body that is no JSON", message(10, 8, b"{]")),
        ("JSON that goes on", message(10, 8, b"{}{}")),
        ("a list for a body", message(10, 8, b"[]")),
        ("a field too many", message(10, 8, b'{"a":1}')),
        ("a name twice", message(3, 0, b'{"buffer":1,"buffer":1,"bytes":4}', fds=1)),
        ("not UTF-8", message(8, 7, b'{"code":"error","sentence":"\xff"}')),
        ("half a surrogate pair", message(8, 7, b'{"code":"error","sentence":"\\ud800"}')),
        ("a control character", message(8, 7, b'{"code":"error","sentence":"\\u0007"}')),
        ("NaN for a number", message(6, 7, b'{"stage":"restore","done":NaN}')),
        ("infinity by its digits", message(6, 7, b'{"stage":"restore","done":1e999}')),
        ("progress over 1", message(6, 7, b'{"stage":"restore","done":1.5}')),
        ("nesting without end", message(7, 7, b'{"report":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b',"seconds":1}')),
        ("a report nested too deep", message(7, 7, b'{"report":{"a":[[[[[[[[1]]]]]]]]},"seconds":1}')),
        ("a whole number too large to say", message(3, 0, b'{"buffer":1,"bytes":' + b"9" * 5000 + b"}", fds=1)),
        ("true for a number", message(3, 0, b'{"buffer":true,"bytes":4}', fds=1)),
        ("4.0 for a whole number", message(3, 0, b'{"buffer":1,"bytes":4.0}', fds=1)),
        ("no bytes to share", message(3, 0, compact({"buffer": 1, "bytes": 0}), fds=1)),
        ("buffer 0", message(4, 0, compact({"buffer": 0}))),
        ("a hash too short", message(1, 0, compact({**RELEASE, "operations": "9f86", "client": "python"}))),
        ("a hash in capitals", message(1, 0, compact({**RELEASE, "operations": OPERATIONS.upper(), "client": "x"}))),
        ("hello without its client", message(1, 0, compact(RELEASE))),
        ("a submit without its deadline", message(5, 7, compact(without(SUBMIT, "deadline_ms")))),
        ("a negative deadline", submit_but(deadline_ms=-1)),
        ("an unknown priority", submit_but(priority="urgent")),
        ("an operation with a path in it", submit_but(operation="../restore")),
        ("a parameter that is a list", submit_but(params={"faces": [1, 3]})),
        ("a parameter that is null", submit_but(params={"faces": None})),
        ("a parameter with an odd name", submit_but(params={"Faces!": 1})),
        ("too many parameters", submit_but(params={f"p{number}": 1 for number in range(65)})),
        ("a neighbour named with a space", submit_but(inputs={"plate": PLANE, "plate +1": PLANE})),
        ("a neighbour named by its offset alone", submit_but(inputs={"plate": PLANE, "+1": PLANE})),
        ("inputs as a list", submit_but(inputs=[PLANE])),
        ("a plane of halves", plane_but(dtype="float16")),
        ("a plane of two channels", plane_but(channels="RG")),
        ("a window of three numbers", plane_but(data_window=[0, 0, 1920])),
        ("an empty window", plane_but(data_window=[0, 0, 0, 1080])),
        ("a window turned over", plane_but(data_window=[1920, 1080, 0, 0])),
        ("a window too wide", plane_but(data_window=[0, 0, 65537, 1])),
        ("negative row bytes", plane_but(row_bytes=-30720)),
        ("a negative offset", plane_but(offset=-4)),
        ("half a frame", plane_but(frame=1001.5)),
        ("an alpha nobody named", plane_but(alpha="associated")),
        ("a plane without its space", submit_but(inputs={"plate": without(PLANE, "colourspace")})),
        ("a space with a line break", plane_but(colourspace="sRGB\n")),
    ]  # fmt: skip


def main() -> None:
    good = []
    for says, kind, request, body in ACCEPTED:
        fds = 1 if kind == "share" else 0
        data = message(NUMBERS[kind], request, compact(body), fds=fds)
        good.append(
            {"says": says, "kind": kind, "request": str(request), "fds": fds, "body": body, "hex": data.hex()}
        )
    bad = [{"says": says, "hex": data.hex()} for says, data in refused()]
    for name, found in (("accepted", good), ("refused", bad)):
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in found)
        (HERE / f"{name}.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
