"""Messages between a host and the engine: framing, versions, and what a body may hold. The contract is docs/wire.md.

Both ends read through here, and neither trusts the other: a message that is not exactly as docs/wire.md says raises
WireError, and whoever reads it drops the connection. Nothing in a message is ever executed.
"""

import enum
import hashlib
import json
import math
import os
import re
import struct
import zlib
from typing import Any, Callable, Dict, NamedTuple, Tuple

from .errors import EngineError

MAGIC = b"FPWR"
PROTOCOL = 1
LARGEST_BODY = 1 << 20
DEEPEST = 8
LONGEST_SIDE = 1 << 16

_HEADER = struct.Struct("<4sHHQIHHII")
HEADER_BYTES = _HEADER.size
_CHECKSUM_AT = 24


class WireError(EngineError):
    """A message that breaks docs/wire.md: damaged, hostile, or from another version."""

    code = "engine.wire"


class VersionError(EngineError):
    """The two ends do not belong to the same release."""

    code = "engine.version"


class Kind(enum.IntEnum):
    """Every kind of message, by its number in the header."""

    HELLO = 1
    WELCOME = 2
    SHARE = 3
    RELEASE = 4
    SUBMIT = 5
    PROGRESS = 6
    RESULT = 7
    ERROR = 8
    CANCEL = 9
    PING = 10
    PONG = 11
    STATUS = 12
    STATUS_REPLY = 13
    SHUTDOWN = 14


FROM_CLIENT = frozenset(
    (Kind.HELLO, Kind.SHARE, Kind.RELEASE, Kind.SUBMIT, Kind.CANCEL, Kind.PING, Kind.STATUS, Kind.SHUTDOWN)
)

_OF_A_REQUEST = frozenset(
    (
        Kind.SUBMIT,
        Kind.PROGRESS,
        Kind.RESULT,
        Kind.CANCEL,
        Kind.PING,
        Kind.PONG,
        Kind.STATUS,
        Kind.STATUS_REPLY,
    )
)
"""Kinds whose request is never 0; all others concern the connection and carry 0, an ERROR may be either."""


class Header(NamedTuple):
    """What precedes a body. `request` 0 means the connection itself. `checksum`: of header and body, CRC-32."""

    kind: Kind
    request: int
    body_bytes: int
    fds: int
    checksum: int


class Message(NamedTuple):
    """One message, read and checked. `fds` belong to whoever holds the message, who must close them."""

    kind: Kind
    request: int
    body: Dict[str, Any]
    fds: Tuple[int, ...] = ()


def encode(kind: Kind, request: int = 0, body: Any = None, fds: int = 0) -> bytes:
    """A message's bytes.

    Args:
        kind: which message.
        request: the request it belongs to, 0 for the connection.
        body: what docs/wire.md lists for this kind; None is {}.
        fds: how many file descriptors travel with it.

    Raises:
        WireError: the body is not what this kind may hold, or is too large.
    """
    held = {} if body is None else body
    check_message(kind, request, held, fds)
    text = json.dumps(held, separators=(",", ":"), allow_nan=False).encode("utf-8")
    if len(text) > LARGEST_BODY:
        raise WireError(f"A message of {len(text)} bytes is over the limit of {LARGEST_BODY}.")
    bare = _HEADER.pack(MAGIC, PROTOCOL, kind, request, len(text), 0, fds, 0, 0)
    checksum = zlib.crc32(text, zlib.crc32(bare))
    return _HEADER.pack(MAGIC, PROTOCOL, kind, request, len(text), 0, fds, checksum, 0) + text


def read_header(data: bytes) -> Header:
    """The first HEADER_BYTES of a message, checked as far as they can be without the body.

    Raises:
        VersionError: the other end speaks another version of the protocol.
        WireError: no header of ours.
    """
    magic, protocol, number, request, body_bytes, flags, fds, checksum, reserved = _HEADER.unpack(data)
    if magic != MAGIC:
        raise WireError("What arrived is no message of Faceplate's.")
    if protocol != PROTOCOL:
        raise VersionError(
            f"This end speaks version {PROTOCOL} of Faceplate's protocol, the other version {protocol}. "
            "Install the same release of Faceplate for the host and the engine, then run `faceplate engine stop`."
        )
    if flags or reserved:
        raise WireError("A message has flags set that this version does not know.")
    if number not in Kind._value2member_map_:
        raise WireError(f"There is no message of kind {number}.")
    kind = Kind(number)
    if body_bytes > LARGEST_BODY:
        raise WireError(f"A message of {body_bytes} bytes is over the limit of {LARGEST_BODY}.")
    if fds != (1 if kind is Kind.SHARE else 0):
        raise WireError(f"{kind.name} came with {fds} file descriptors.")
    return Header(kind, request, body_bytes, fds, checksum)


def read_body(header_bytes: bytes, body_bytes: bytes) -> Message:
    """A whole message from its header and its body, without the file descriptors.

    Raises:
        WireError: the checksum, the JSON or its contents are not what they should be.
    """
    header = read_header(header_bytes)
    bare = header_bytes[:_CHECKSUM_AT] + bytes(4) + header_bytes[_CHECKSUM_AT + 4 :]
    if len(body_bytes) != header.body_bytes or zlib.crc32(body_bytes, zlib.crc32(bare)) != header.checksum:
        raise WireError("A message was damaged on its way: its checksum does not fit.")
    body = _parse(body_bytes)
    check_message(header.kind, header.request, body, header.fds)
    return Message(header.kind, header.request, body)


def check_message(kind: Kind, request: int, body: Any, fds: int) -> None:
    """Raise WireError unless the parts make a message that docs/wire.md allows."""
    lawful = 0 <= request < 1 << 64 and (kind is Kind.ERROR or (request > 0) == (kind in _OF_A_REQUEST))
    if not lawful:
        raise WireError(f"{kind.name} cannot belong to request {request}.")
    if fds != (1 if kind is Kind.SHARE else 0):
        raise WireError(f"{kind.name} came with {fds} file descriptors.")
    _BODIES[kind](kind.name.lower(), body)


def operations_hash() -> str:
    """sha256 of operations.json as it lies beside this file, 64 hexadecimal digits."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.json")
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# ------------------------------------------------------------ what a body may hold

Check = Callable[[str, Any], None]

_PRINTABLE = "[^\x00-\x1f\x7f\ud800-\udfff]*"
"""No control characters, and no half of a surrogate pair, which JSON can spell and UTF-8 cannot."""


def _parse(text: bytes) -> Any:
    """JSON of the strict kind: UTF-8, no name twice, no NaN."""
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # JSON's and UTF-8's errors are ValueErrors
        raise WireError(f"A message's body is no JSON that Faceplate reads: {error}.") from None


def _once(pairs: Any) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _must(fits: Callable[[Any], bool], wanted: str) -> Check:
    def check(place: str, value: Any) -> None:
        if not fits(value):
            raise WireError(f"In a message, {place} should be {wanted}.")

    return check


def _whole(low: int, high: int) -> Check:
    # type(), not isinstance(): True is an int to Python.
    return _must(lambda value: type(value) is int and low <= value <= high, f"a whole number {low} to {high}")


def _number(low: float, high: float) -> Check:
    # NaN compares false with everything, and so is refused.
    return _must(
        lambda value: type(value) in (int, float) and low <= value <= high, f"a number {low:g} to {high:g}"
    )


def _text(longest: int, pattern: str = _PRINTABLE) -> Check:
    fits = re.compile(pattern).fullmatch
    return _must(
        lambda value: type(value) is str and len(value) <= longest and fits(value) is not None,
        f"text of at most {longest} characters that fits {pattern!r}",
    )


def _one_of(*words: str) -> Check:
    return _must(lambda value: type(value) is str and value in words, "one of " + ", ".join(words))


def _fields(**checks: Check) -> Check:
    """An object with exactly these fields."""
    listed = ", ".join(sorted(checks)) or "no fields"
    whole = _must(
        lambda value: type(value) is dict and value.keys() == checks.keys(), f"an object with {listed}, only"
    )

    def check(place: str, value: Any) -> None:
        whole(place, value)
        for name, inner in checks.items():
            inner(f"{place}.{name}", value[name])

    return check


def _named(each: Check, most: int) -> Check:
    """An object whose names are free."""
    whole = _must(
        lambda value: type(value) is dict and len(value) <= most, f"an object of at most {most} fields"
    )
    name_check = _text(64, "[a-z][a-z0-9_+.-]*")

    def check(place: str, value: Any) -> None:
        whole(place, value)
        for name, inner in value.items():
            name_check(f"a name in {place}", name)
            each(f"{place}.{name}", inner)

    return check


def _is_setting(value: Any) -> bool:
    if type(value) is str:
        return len(value) <= 1024 and re.fullmatch(_PRINTABLE, value) is not None
    return type(value) is bool or (type(value) in (int, float) and abs(value) < 1 << 53)


def _is_plain(value: Any, depth: int = DEEPEST) -> bool:
    """Values of any shape, for people and reports; a depth of 0 is one too many."""
    if type(value) is dict:
        names = all(_is_plain(name) for name in value)
        return depth > 0 and names and all(_is_plain(inner, depth - 1) for inner in value.values())
    if type(value) is list:
        return depth > 0 and all(_is_plain(inner, depth - 1) for inner in value)
    if type(value) is str:
        return re.fullmatch("[^\ud800-\udfff]*", value) is not None
    return type(value) is not float or math.isfinite(value)


def _is_window(value: Any) -> bool:
    if type(value) is not list or [type(number) for number in value] != [int] * 4:
        return False
    x0, y0, x1, y1 = value
    near = all(abs(number) <= 1 << 24 for number in value)
    return near and 0 < x1 - x0 <= LONGEST_SIDE and 0 < y1 - y0 <= LONGEST_SIDE


_SETTING = _must(_is_setting, "a number, true, false, or text of at most 1024 characters")
_REPORT = _must(lambda value: type(value) is dict and _is_plain(value), f"an object, at most {DEEPEST} deep")
_WINDOW = _must(_is_window, f"[x0, y0, x1, y1], 1 to {LONGEST_SIDE} pixels wide and high")
_SHA256 = _text(64, "[0-9a-f]{64}")
_BUFFER = _whole(1, (1 << 31) - 1)
_CODE = _text(64, "[a-z][a-z0-9_]*(\\.[a-z0-9_]+)*")
_PLANE = _fields(
    buffer=_BUFFER,
    offset=_whole(0, 1 << 40),
    row_bytes=_whole(4, 1 << 24),
    channels=_one_of("RGBA", "RGB", "A"),
    dtype=_one_of("float32"),
    data_window=_WINDOW,
    display_window=_WINDOW,
    colourspace=_text(128),
    alpha=_one_of("none", "straight", "premultiplied"),
    frame=_whole(-(1 << 31), (1 << 31) - 1),
)
_RELEASE_WORDS = {
    "protocol": _whole(1, 65535),
    "operations": _SHA256,
    "product": _text(64, "[0-9A-Za-z.+-]+"),
}
_EMPTY = _fields()

_BODIES: Dict[Kind, Check] = {
    Kind.HELLO: _fields(client=_text(64), **_RELEASE_WORDS),
    Kind.WELCOME: _fields(pid=_whole(1, (1 << 31) - 1), **_RELEASE_WORDS),
    Kind.SHARE: _fields(buffer=_BUFFER, bytes=_whole(4, 1 << 40)),
    Kind.RELEASE: _fields(buffer=_BUFFER),
    Kind.SUBMIT: _fields(
        operation=_text(64, "[a-z][a-z0-9_.]*"),
        params=_named(_SETTING, 64),
        inputs=_named(_PLANE, 64),
        outputs=_named(_PLANE, 16),
        priority=_one_of("interactive", "batch"),
        deadline_ms=_whole(0, 86_400_000),
    ),
    Kind.PROGRESS: _fields(stage=_text(64), done=_number(0.0, 1.0)),
    Kind.RESULT: _fields(report=_REPORT, seconds=_number(0.0, 1e9)),
    Kind.ERROR: _fields(code=_CODE, sentence=_text(4096)),
    Kind.CANCEL: _EMPTY,
    Kind.PING: _EMPTY,
    Kind.PONG: _EMPTY,
    Kind.STATUS: _EMPTY,
    Kind.STATUS_REPLY: _fields(engine=_REPORT),
    Kind.SHUTDOWN: _EMPTY,
}
