"""The part of Nuke's expression language that our gizmos use: numbers, names, ! * / + - comparisons && || ? : ( )."""

import operator
import re
from collections.abc import Callable
from functools import cache

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Za-z_][\w.]*)|(&&|\|\||[=!<>]=|[-+*/()<>?:!]))")
_LEVELS: tuple[dict[str, Callable], ...] = (
    {"||": lambda a, b: float(bool(a) or bool(b))},
    {"&&": lambda a, b: float(bool(a) and bool(b))},
    {"==": operator.eq, "!=": operator.ne},
    {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge},
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
)


def evaluate(text: str, lookup: Callable[[str], float]) -> float:
    """The value of an expression.

    Args:
        lookup: gives the value of a name such as `parent.way` or `width`.

    Raises:
        ValueError: not an expression, or more of the language than is known here.
    """
    reader = _Reader(list(_tokens(text)), lookup)
    found = reader.choice()
    if reader.left():
        raise ValueError(f"{text!r}: nothing should follow {reader.tokens[: reader.at]}")
    return float(found)


@cache
def _tokens(text: str) -> tuple[str, ...]:
    found, at, text = [], 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text!r}: {text[at : at + 10]!r} is not known here")
        found.append(match.group().strip())
        at = match.end()
    return tuple(found)


class _Reader:
    def __init__(self, tokens: list[str], lookup: Callable[[str], float]) -> None:
        self.tokens, self.lookup, self.at = tokens, lookup, 0

    def left(self) -> bool:
        return self.at < len(self.tokens)

    def taken(self, *wanted: str) -> str | None:
        if self.left() and self.tokens[self.at] in wanted:
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def need(self, wanted: str) -> None:
        if self.taken(wanted) is None:
            raise ValueError(f"{wanted!r} is missing after {' '.join(self.tokens[: self.at])}")

    def choice(self) -> float:
        asked = self.level(0)
        if self.taken("?") is None:
            return asked
        yes = self.choice()
        self.need(":")
        no = self.choice()
        return yes if asked else no

    def level(self, depth: int) -> float:
        if depth == len(_LEVELS):
            return self.single()
        found = self.level(depth + 1)
        while (sign := self.taken(*_LEVELS[depth])) is not None:
            found = float(_LEVELS[depth][sign](found, self.level(depth + 1)))
        return found

    def single(self) -> float:
        if self.taken("("):
            found = self.choice()
            self.need(")")
            return found
        if self.taken("!"):
            return float(not self.single())
        if self.taken("-"):
            return -self.single()
        if not self.left():
            raise ValueError("an expression ends too early")
        word = self.tokens[self.at]
        self.at += 1
        if word[0].isdigit() or word[0] == ".":
            return float(word)
        if word[0].isalpha() or word[0] == "_":
            return float(self.lookup(word))
        raise ValueError(f"{word!r} stands where a number should")
