"""Parameter values as words: what `--set name=value` means for a parameter of an effect."""

from collections.abc import Mapping, Sequence
from typing import Any

from faceplate_client.errors import RequestError

_WHOLE = ("Integer", "Integer2D", "Integer3D")
_REAL = ("Double", "Double2D", "Double3D", "RGB", "RGBA")
_TEXT = ("String", "StrChoice", "Custom")
_COUNT = {"Integer2D": 2, "Double2D": 2, "Integer3D": 3, "Double3D": 3, "RGB": 3, "RGBA": 4}
_SWITCH = {"1": 1, "true": 1, "on": 1, "yes": 1, "0": 0, "false": 0, "off": 0, "no": 0}


def values_from(words: Mapping[str, str], params: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Words as the values an instance is created with.

    Args:
        words: name -> what was typed: numbers with commas for several dimensions, a choice by its option or its number,
            on or off, or text.
        params: as `Effect.params` gives them.

    Raises:
        RequestError: there is no such parameter, or the words are no value of it; says what is expected.
    """
    return {name: _value(name, word, params) for name, word in words.items()}


def _value(name: str, word: str, params: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    held = [each for each, facts in params.items() if _type(facts) not in ("Group", "Page", "PushButton")]
    if name not in held:
        raise RequestError(
            f"--set {name}: the effect has no such parameter; it has {', '.join(held) or 'none'}"
        )
    facts = params[name]
    kind = _type(facts)
    if kind in _TEXT:
        return [_text(name, word, kind, facts)]
    if kind == "Boolean":
        return [_switch(name, word)]
    if kind == "Choice":
        return [_choice(name, word, facts.get("OfxParamPropChoiceOption", []))]
    return _numbers(name, word, kind, facts)


def _type(facts: Mapping[str, Any]) -> str:
    return str(facts["type"]).removeprefix("OfxParamType")


def _text(name: str, word: str, kind: str, facts: Mapping[str, Any]) -> str:
    options = facts.get("OfxParamPropChoiceEnum") or []
    if kind == "StrChoice" and options and word not in options:
        raise RequestError(f"--set {name} should be one of {', '.join(options)}, got {word}")
    return word


def _switch(name: str, word: str) -> int:
    try:
        return _SWITCH[word.lower()]
    except KeyError:
        raise RequestError(f"--set {name} should be on or off, got {word}") from None


def _choice(name: str, word: str, options: Sequence[str]) -> int:
    lower = [option.lower() for option in options]
    if word.lower() in lower:
        return lower.index(word.lower())
    if word.isdecimal() and int(word) < len(options):
        return int(word)
    raise RequestError(f"--set {name} should be one of {', '.join(options)}, got {word}")


def _numbers(name: str, word: str, kind: str, facts: Mapping[str, Any]) -> list[Any]:
    count = _COUNT.get(kind, 1)
    wanted = "whole number" if kind in _WHOLE else "number"
    plural = f"{count} {wanted}s with commas between" if count > 1 else f"a {wanted}"
    try:
        values: list[Any] = [int(each) if kind in _WHOLE else float(each) for each in word.split(",")]
    except ValueError:
        values = []
    if len(values) != count:
        raise RequestError(f"--set {name} should be {plural}, got {word}")
    low, high = facts.get("OfxParamPropMin"), facts.get("OfxParamPropMax")
    for value, least, most in zip(values, low or values, high or values, strict=False):
        if not least <= value <= most:
            raise RequestError(
                f"--set {name} should be {least:g} to {most:g}, got {word}", code="params.range"
            )
    return values
