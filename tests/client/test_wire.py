"""Messages: the golden ones, the laws of framing, and what is refused."""

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faceplate.engine.requests import FROM_CLIENT
from faceplate_client.wire import (
    FROM_ENGINE,
    HEADER_BYTES,
    LARGEST_BODY,
    Kind,
    VersionError,
    WireError,
    encode,
    read_header,
    read_message,
)

GOLDEN = Path(__file__).resolve().parents[1] / "wire"
ACCEPTED = json.loads((GOLDEN / "accepted.json").read_text(encoding="utf-8"))
REFUSED = json.loads((GOLDEN / "refused.json").read_text(encoding="utf-8"))


def decode(data: bytes):
    return read_message(data, {**FROM_CLIENT, **FROM_ENGINE})


def says(golden: dict) -> str:
    return golden["says"]


@pytest.mark.parametrize("golden", ACCEPTED, ids=says)
def test_a_golden_message_is_read_as_it_was_meant(golden):
    data = bytes.fromhex(golden["hex"])
    message = decode(data)
    assert message.kind is Kind[golden["kind"].upper()]
    assert message.request == int(golden["request"])
    assert message.body == golden["body"]
    assert read_header(data[:HEADER_BYTES])[3] == golden["fds"]


@pytest.mark.parametrize("golden", ACCEPTED, ids=says)
def test_a_golden_message_is_written_as_it_was_meant(golden):
    data = encode(Kind[golden["kind"].upper()], int(golden["request"]), golden["body"], golden["fds"])
    again, meant = decode(data), decode(bytes.fromhex(golden["hex"]))
    assert again == meant
    if golden["hex"].isascii() and all(
        ord(letter) < 128 for letter in json.dumps(golden["body"], ensure_ascii=False)
    ):
        assert data.hex() == golden["hex"]


@pytest.mark.parametrize("golden", REFUSED, ids=says)
def test_a_golden_refusal_is_refused(golden):
    with pytest.raises((WireError, VersionError)) as told:
        decode(bytes.fromhex(golden["hex"]))
    assert isinstance(told.value, VersionError) == golden["says"].startswith("protocol")


def test_each_end_hears_only_what_the_other_may_say():
    for golden in ACCEPTED:
        kind = Kind[golden["kind"].upper()]
        for forms in (FROM_CLIENT, FROM_ENGINE):
            if kind not in forms:
                with pytest.raises(WireError, match="may not hear"):
                    read_message(bytes.fromhex(golden["hex"]), forms)
    assert not FROM_CLIENT.keys() & FROM_ENGINE.keys()


def test_there_is_a_golden_message_of_every_kind():
    assert {golden["kind"].upper() for golden in ACCEPTED} == {kind.name for kind in Kind}


def test_no_single_bit_can_change_unnoticed():
    data = bytes.fromhex(ACCEPTED[2]["hex"])
    for place in range(len(data) * 8):
        spoiled = bytearray(data)
        spoiled[place // 8] ^= 1 << place % 8
        with pytest.raises((WireError, VersionError)):
            decode(bytes(spoiled))


def test_a_message_cut_short_or_gone_on_is_refused():
    data = bytes.fromhex(ACCEPTED[4]["hex"])
    for length in range(HEADER_BYTES, len(data), 7):
        with pytest.raises(WireError):
            decode(data[:length])
    with pytest.raises(WireError):
        decode(data + b" ")


texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)
names = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
settings = st.dictionaries(
    names,
    texts | st.booleans() | st.integers(-(1 << 53) + 1, (1 << 53) - 1) | st.floats(-1e15, 1e15),
    max_size=8,
)


@given(params=settings, request=st.integers(1, (1 << 64) - 1), deadline=st.integers(0, 86_400_000))
def test_whatever_may_be_sent_arrives_as_it_was(params, request, deadline):
    body = {**ACCEPTED[4]["body"], "params": params, "deadline_ms": deadline}
    message = decode(encode(Kind.SUBMIT, request, body))
    assert (message.request, message.body) == (request, body)


plain = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(junk=plain, kind=st.sampled_from(sorted(FROM_CLIENT)), request=st.sampled_from((0, 7)))
def test_a_body_of_anything_else_is_refused_and_never_crashes(junk, kind, request):
    """The checksum fits and the JSON is sound: what a hostile client would send."""
    text = json.dumps(junk).encode()
    bare = (
        encode(Kind.PING, 1)[:4]
        + b"\x01\x00"
        + int(kind).to_bytes(2, "little")
        + request.to_bytes(8, "little")
    )
    bare += len(text).to_bytes(4, "little") + b"\0\0" + (b"\x01\0" if kind is Kind.SHARE else b"\0\0")
    checksum = zlib.crc32(text, zlib.crc32(bare + bytes(8)))
    empty = junk == {} and kind in (Kind.CANCEL, Kind.PING, Kind.STATUS, Kind.SHUTDOWN)
    if empty and (request > 0) == (kind is not Kind.SHUTDOWN):
        return
    with pytest.raises(WireError):
        decode(bare + checksum.to_bytes(4, "little") + bytes(4) + text)


def test_a_body_over_the_limit_is_not_written():
    with pytest.raises(WireError, match="over the limit"):
        encode(Kind.RESULT, 1, {"report": {"note": "x" * LARGEST_BODY}, "seconds": 1.0})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_report_with_a_number_that_json_has_no_word_for_is_not_written(value):
    with pytest.raises(WireError):
        encode(Kind.RESULT, 1, {"report": {"similarity": value}, "seconds": 1.0})
