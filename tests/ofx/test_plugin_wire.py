"""The plug-in's reading of docs/wire.md against the golden messages, and against the Python client's reading."""

import json
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faceplate.engine.requests import FROM_CLIENT
from faceplate_client.wire import (
    FROM_ENGINE,
    HEADER_BYTES,
    Kind,
    VersionError,
    WireError,
    encode,
    read_message,
)
from tests.support.cplusplus import PLUGIN, compiled

HERE = Path(__file__).resolve().parent
GOLDEN = HERE.parent / "wire"
ACCEPTED = json.loads((GOLDEN / "accepted.json").read_text(encoding="utf-8"))
REFUSED = json.loads((GOLDEN / "refused.json").read_text(encoding="utf-8"))

Ask = Callable[[str], str]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """The probe as a function: a line in, its answer out."""
    sources = (HERE / "wire_probe.cpp", PLUGIN / "wire.cpp", PLUGIN / "json.cpp")
    program = compiled("wire_probe", *sources)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([program], text=True, encoding="utf-8", **pipes) as process:  # type: ignore[call-overload]
        there, back = process.stdin, process.stdout
        assert there is not None and back is not None

        def answer(line: str) -> str:
            print(line, file=there, flush=True)
            told = back.readline()
            assert told, f"the probe ended with {process.wait()} at: {line[:200]}"
            return told.strip("\n")

        yield answer
        there.close()
        assert process.wait(10) == 0


def as_read(told: str) -> tuple[str, int, int, Any]:
    word, kind, request, descriptors, text = told.split(" ", 4)
    assert word == "ok", told
    return kind, int(request), int(descriptors), json.loads(text)


def says(golden: dict) -> str:
    return golden["says"]


@pytest.mark.parametrize("golden", ACCEPTED, ids=says)
def test_a_golden_message_is_read_as_it_was_meant(ask, golden):
    meant = (golden["kind"], int(golden["request"]), golden["fds"], golden["body"])
    assert as_read(ask("read " + golden["hex"])) == meant


@pytest.mark.parametrize("golden", ACCEPTED, ids=says)
def test_a_golden_message_is_written_byte_for_byte(ask, golden):
    """The golden bytes are JSON without blanks, text beyond ASCII as it is: what the plug-in writes too."""
    kind = Kind[golden["kind"].upper()]
    body = json.dumps(golden["body"], ensure_ascii=False)
    assert ask(f"write {int(kind)} {golden['request']} {golden['fds']} {body}") == "ok " + golden["hex"]


@pytest.mark.parametrize("golden", REFUSED, ids=says)
def test_a_golden_refusal_is_refused(ask, golden):
    code = "engine.version" if golden["says"].startswith("protocol") else "engine.wire"
    assert ask("read " + golden["hex"]) == "refused " + code


def test_a_message_cut_short_or_gone_on_is_refused(ask):
    data = bytes.fromhex(ACCEPTED[4]["hex"])
    for length in (0, 1, HEADER_BYTES - 1, *range(HEADER_BYTES, len(data), 41)):
        assert ask("read " + data[:length].hex()) == "refused engine.wire"
    assert ask("read " + (data + b" ").hex()) == "refused engine.wire"


def test_no_single_bit_can_change_unnoticed(ask):
    data = bytes.fromhex(ACCEPTED[2]["hex"])
    for place in range(len(data) * 8):
        spoiled = bytearray(data)
        spoiled[place // 8] ^= 1 << place % 8
        assert ask("read " + spoiled.hex()).startswith("refused")


def framed(kind: int, request: int, text: bytes, fds: int = 0) -> bytes:
    """A message around any body, with a checksum that fits."""
    bare = b"FPWR\x01\0" + kind.to_bytes(2, "little") + request.to_bytes(8, "little")
    bare += len(text).to_bytes(4, "little") + b"\0\0" + fds.to_bytes(2, "little")
    checksum = zlib.crc32(text, zlib.crc32(bare + bytes(8)))
    return bare + checksum.to_bytes(4, "little") + bytes(4) + text


def both_readings(ask: Ask, data: bytes) -> tuple[Any, Any]:
    """What Python's end and the plug-in's make of a message; None is a refusal."""
    told = ask("read " + data.hex())
    ours = None if told.startswith("refused") else as_read(told)
    try:
        message = read_message(data, {**FROM_CLIENT, **FROM_ENGINE})
    except (WireError, VersionError):
        return None, ours
    fds = 1 if message.kind is Kind.SHARE else 0
    return (message.kind.name.lower(), message.request, fds, message.body), ours


letters = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | letters,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(letters, inner, max_size=4),
    max_leaves=10,
)
LONG = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LONG
@given(report=st.dictionaries(letters, values, max_size=4), seconds=st.floats(-1, 2e9) | st.integers(-1, 5))
def test_both_ends_read_any_report_alike(ask, report, seconds):
    text = json.dumps({"report": report, "seconds": seconds}).encode()
    python, ours = both_readings(ask, framed(Kind.RESULT, 7, text))
    assert ours == python


golden_bodies = st.sampled_from([one for one in ACCEPTED if one["body"]])


@LONG
@given(golden=golden_bodies, data=st.data())
def test_both_ends_judge_a_mutated_body_alike(ask, golden, data):
    """One byte of the JSON changed, put in or taken out, and the checksum made to fit."""
    kind = Kind[golden["kind"].upper()]
    text = bytearray(json.dumps(golden["body"]).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255) | st.sampled_from(b'"{}[],:0-.eE\\u '))
    how = data.draw(st.sampled_from(("change", "put in", "take out")))
    text[place : place + (how != "put in")] = b"" if how == "take out" else bytes([byte])
    message = framed(kind, int(golden["request"]), bytes(text), golden["fds"])
    python, ours = both_readings(ask, message)
    assert ours == python, bytes(text)


@LONG
@given(
    params=st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
        st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | st.floats(-1e15, 1e15),
        max_size=8,
    ),
    request=st.integers(1, (1 << 64) - 1),
)
def test_what_the_plug_in_writes_is_what_python_reads(ask, params, request):
    """Real numbers come back bit for bit: the plug-in writes the shortest digits that do."""
    body = {**ACCEPTED[4]["body"], "params": params}
    told = ask(f"write {int(Kind.SUBMIT)} {request} 0 {json.dumps(body)}")
    data = bytes.fromhex(told.removeprefix("ok "))
    message = read_message(data, {**FROM_CLIENT, **FROM_ENGINE})
    assert (message.request, message.body) == (request, body)
    assert as_read(ask("read " + encode(Kind.SUBMIT, request, body).hex()))[3] == body


def test_a_body_over_the_limit_is_not_written(ask):
    body = json.dumps({"report": {"note": "x" * (1 << 20)}, "seconds": 1.0})
    assert ask(f"write {int(Kind.RESULT)} 1 0 {body}") == "refused engine.wire"


@pytest.mark.parametrize("text", ["1e-400", "-0.0", "0.1e1", "1E+2", "-0", "0.30000000000000004", "5e-324"])
def test_numbers_are_read_as_python_reads_them(ask, text):
    told = ask("read " + framed(Kind.RESULT, 7, f'{{"report":{{"n":{text}}},"seconds":1}}'.encode()).hex())
    assert as_read(told)[3]["report"]["n"] == json.loads(text)
