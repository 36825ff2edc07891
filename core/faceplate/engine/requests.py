"""What a client may say: the bodies of its messages, as docs/wire.md lists them."""

import re
from typing import Any

from faceplate_client.wire import RELEASE_FORM, Kind, fits, text_form

_NAME = re.compile("[a-z][a-z0-9_+.-]{0,63}")
_BUFFER = range(1, 1 << 31)
_FARTHEST, _LONGEST = 1 << 24, 1 << 16


def _is_window(value: Any) -> bool:
    if type(value) is not list or [type(number) for number in value] != [int] * 4:
        return False
    x0, y0, x1, y1 = value
    return max(map(abs, value)) <= _FARTHEST and 0 < x1 - x0 <= _LONGEST and 0 < y1 - y0 <= _LONGEST


def _is_setting(value: Any) -> bool:
    if type(value) is str:
        return fits(_TEXT, value)
    return type(value) is bool or (type(value) in (int, float) and abs(value) < 1 << 53)


def _are_settings(value: Any) -> bool:
    return _are_named(value, _is_setting, 64)


def _are_inputs(value: Any) -> bool:
    return _are_named(value, _PLANE, 64)


def _are_outputs(value: Any) -> bool:
    return _are_named(value, _PLANE, 16)


def _are_named(value: Any, form: Any, most: int) -> bool:
    """Whether this is an object of at most so many fields, freely named, each of one form."""
    if type(value) is not dict or len(value) > most:
        return False
    return all(_NAME.fullmatch(name) and fits(form, inner) for name, inner in value.items())


_TEXT = text_form(1024)
_PLANE = {
    "buffer": _BUFFER,
    "offset": range((1 << 40) + 1),
    "row_bytes": range(4, (1 << 24) + 1),
    "channels": re.compile("RGBA|RGB|A"),
    "dtype": re.compile("float32"),
    "data_window": _is_window,
    "display_window": _is_window,
    "colourspace": text_form(128),
    "alpha": re.compile("none|straight|premultiplied"),
    "frame": range(-(1 << 31), 1 << 31),
}

FROM_CLIENT: dict[Kind, dict[str, Any]] = {
    Kind.HELLO: {**RELEASE_FORM, "client": text_form(64)},
    Kind.SHARE: {"buffer": _BUFFER, "bytes": range(4, (1 << 40) + 1)},
    Kind.RELEASE: {"buffer": _BUFFER},
    Kind.SUBMIT: {
        "operation": re.compile("[a-z][a-z0-9_.]{0,63}"),
        "params": _are_settings,
        "inputs": _are_inputs,
        "outputs": _are_outputs,
        "priority": re.compile("interactive|batch"),
        "deadline_ms": range(86_400_001),
    },
    Kind.CANCEL: {},
    Kind.PING: {},
    Kind.STATUS: {},
    Kind.SHUTDOWN: {},
}
"""Kind -> its fields and their forms, see `faceplate_client.wire.fits`."""
