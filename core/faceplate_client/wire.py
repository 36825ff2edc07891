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
from typing import Any, Dict, NamedTuple, Tuple

from .errors import EngineError

MAGIC = b"FPWR"
PROTOCOL = 1
LARGEST_BODY = 1 << 20

_HEADER = struct.Struct("<4sHHQIHHII")
HEADER_BYTES = _HEADER.size


class WireError(EngineError):
    """A message that breaks docs/wire.md: damaged, hostile, or from another version."""

    code = "engine.wire"


class VersionError(EngineError):
    """The two ends do not belong to the same release: `ours` and `theirs` say what each is."""

    code = "engine.version"

    def __init__(self, ours: str, theirs: str) -> None:
        advice = "Install the same release for the host and the engine, then run `faceplate engine stop`."
        super().__init__(f"This end of Faceplate is {ours}, the other {theirs}. {advice}")


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


_OF_THE_CONNECTION = (Kind.HELLO, Kind.WELCOME, Kind.SHARE, Kind.RELEASE, Kind.SHUTDOWN)
"""Kinds whose request is 0; all others belong to a request, an ERROR to either."""


class Message(NamedTuple):
    """One message, read and checked. `fds` belong to whoever holds the message, who must close them."""

    kind: Kind
    request: int
    body: Dict[str, Any]
    fds: Tuple[int, ...] = ()


def encode(kind: Kind, request: int = 0, body: Any = None, fds: int = 0) -> bytes:
    """A message's bytes. `body` is what docs/wire.md lists for its kind, None is {}; `fds` descriptors travel with it.

    Raises:
        WireError: the body cannot be said, or is too large; or it is the engine's and not what this kind may hold.
    """
    held = {} if body is None else body
    _expect_lawful(kind, request, fds)
    try:
        text, lawful = _written(held), kind not in FROM_ENGINE or fits(FROM_ENGINE[kind], held)
    except (TypeError, ValueError, RecursionError) as error:
        raise WireError(f"{kind.name} cannot be said: {error}.") from None
    if not lawful:
        raise WireError(f"{kind.name} cannot hold what docs/wire.md does not list.")
    _expect_size(len(text))
    bare = _HEADER.pack(MAGIC, PROTOCOL, kind, request, len(text), 0, fds, 0, 0)
    return bare[:24] + struct.pack("<II", zlib.crc32(text, zlib.crc32(bare)), 0) + text


def read_header(data: bytes) -> Tuple[Kind, int, int, int, int]:
    """Kind, request, bytes of the body, file descriptors and checksum: what the first HEADER_BYTES of a message say.

    Raises:
        VersionError: the other end speaks another version of the protocol.
        WireError: no header of ours.
    """
    magic, protocol, number, request, body_bytes, flags, fds, checksum, reserved = _HEADER.unpack(data)
    if magic != MAGIC:
        raise WireError("What arrived is no message of Faceplate's.")
    if protocol != PROTOCOL:
        raise VersionError(f"version {PROTOCOL} of the protocol", f"version {protocol}")
    if flags or reserved or number not in Kind._value2member_map_:
        raise WireError(f"There is no message of kind {number} with flags {flags} and {reserved}.")
    _expect_size(body_bytes)
    _expect_lawful(Kind(number), request, fds)
    return Kind(number), request, body_bytes, fds, checksum


def read_message(data: bytes, forms: Dict[Kind, Dict[str, Any]]) -> Message:
    """A whole message from its bytes, without the file descriptors. `forms`: kind -> fields and their forms.

    Raises:
        VersionError: as `read_header`. WireError: the checksum, the JSON or its contents are not what they should be.
    """
    kind, request, size, _, checksum = read_header(data[:HEADER_BYTES])
    text = data[HEADER_BYTES:]
    if len(text) != size or checksum != zlib.crc32(text, zlib.crc32(data[:24] + bytes(8))):
        raise WireError("A message was damaged on its way: its checksum does not fit.")
    try:
        body = json.loads(
            text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite
        )
        _written(body)
        lawful = kind in forms and fits(forms[kind], body)
    except (ValueError, RecursionError) as error:  # JSON's and UTF-8's errors are ValueErrors
        raise WireError(f"A message's body is no JSON that Faceplate reads: {error}.") from None
    if not lawful:
        raise WireError(f"This end may not hear {kind.name}, or not with this body.")
    return Message(kind, request, body)


def operations_hash() -> str:
    """sha256 of operations.json as it lies beside this file, 64 hexadecimal digits."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.json")
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def _written(body: Any) -> bytes:
    """JSON in UTF-8, which has no room for half of a surrogate pair, as JSON's own escapes have."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")


def _expect_size(size: int) -> None:
    if size > LARGEST_BODY:
        raise WireError(f"A message of {size} bytes is over the limit of {LARGEST_BODY}.")


def _expect_lawful(kind: Kind, request: int, fds: int) -> None:
    belongs = kind is Kind.ERROR or (request == 0) == (kind in _OF_THE_CONNECTION)
    if not belongs or not 0 <= request < 1 << 64 or fds != (1 if kind is Kind.SHARE else 0):
        raise WireError(f"{kind.name} cannot belong to request {request} with {fds} file descriptors.")


def _once(pairs: Any) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _finite(digits: str) -> float:
    if not math.isfinite(float(digits)):
        raise ValueError(f"{digits} is no number")
    return float(digits)


# ------------------------------------------------------------ what a body may hold


def fits(form: Any, value: Any) -> bool:
    """Whether a value has a form.

    A range is a whole number in it, a tuple a number between its two, a pattern text that fits it, a dict an object
    with exactly these fields, a function any value it says yes to.
    """
    kind = type(value)  # not isinstance(): True is an int to Python
    if isinstance(form, dict):
        same = kind is dict and value.keys() == form.keys()
        return same and all(fits(form[name], value[name]) for name in form)
    if isinstance(form, range):
        return kind is int and value in form
    if isinstance(form, tuple):
        return kind in (int, float) and form[0] <= value <= form[1]
    if isinstance(form, re.Pattern):
        return kind is str and form.fullmatch(value) is not None
    return form(value)


def text_form(longest: int) -> "re.Pattern[str]":
    """Text without control characters."""
    return re.compile(f"[^\\x00-\\x1f\\x7f]{{0,{longest}}}")


def _is_report(value: Any) -> bool:
    """What people may want to know: free, and nested at most 8 deep."""
    return type(value) is dict and _depth(value) <= 8


def _depth(value: Any) -> int:
    inner = value.values() if type(value) is dict else value if type(value) is list else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


_CODE = re.compile(r"(?=.{1,64}$)[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
RELEASE_FORM = {
    "protocol": range(1, 1 << 16),
    "operations": re.compile("[0-9a-f]{64}"),
    "product": re.compile("[0-9A-Za-z.+-]{1,64}"),
}
FROM_ENGINE: Dict[Kind, Dict[str, Any]] = {
    Kind.WELCOME: {**RELEASE_FORM, "pid": range(1, 1 << 31)},
    Kind.PROGRESS: {"stage": text_form(64), "done": (0.0, 1.0)},
    Kind.RESULT: {"report": _is_report, "seconds": (0.0, 1e9)},
    Kind.ERROR: {"code": _CODE, "sentence": text_form(4096)},
    Kind.PONG: {},
    Kind.STATUS_REPLY: {"engine": _is_report},
}
"""What the engine may say; what it may hear is in faceplate.engine.requests."""
