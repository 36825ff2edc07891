"""Parameters of operations, read from `faceplate_client/operations.json` and checked against it.

Every range, default and hint is written down there once; the command line, the hosts and these checks all read it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from faceplate.errors import RangeError
from faceplate_client import read_operations
from faceplate_client.errors import RequestError


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation, as `operations.json` describes it. `page` groups parameters in a host."""

    name: str
    label: str
    type: str
    default: Any
    hint: str
    page: str
    min: float | None = None
    max: float | None = None
    choices: tuple[Any, ...] = ()

    def checked(self, value: Any) -> Any:
        """The value in the parameter's own type.

        Raises:
            RangeError: names the parameter, what it may be and what it got.
        """
        if self.type == "choice":
            for choice in self.choices:
                if type(value) is not bool and (value == choice or value == str(choice)):
                    return choice
            raise RangeError(f"{self.name} should be one of {', '.join(map(str, self.choices))}, got {value}")
        if self.type in ("float", "int"):
            return self._number(value)
        wanted = {"bool": bool, "string": str}[self.type]
        if not isinstance(value, wanted):
            raise RangeError(f"{self.name} should be a {self.type}, got {value!r}")
        return value

    def _number(self, value: Any) -> float | int:
        try:
            number = float(value)
            if self.type == "int":
                number = int(number) if number.is_integer() else None
        except (TypeError, ValueError, OverflowError):
            number = None
        low, high = self.min, self.max
        assert low is not None and high is not None, (
            f"{self.name} is a number without a range in operations.json"
        )
        # Written so that NaN, which compares false with everything, is refused.
        if number is None or isinstance(value, bool) or not low <= number <= high:
            kind = "whole number" if self.type == "int" else "number"
            raise RangeError(f"{self.name} should be a {kind} {low:g}-{high:g}, got {value}")
        return number


@dataclass(frozen=True)
class Operation:
    """One operation as `operations.json` describes it."""

    name: str
    label: str
    hint: str
    parameters: tuple[Parameter, ...]

    def checked(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter's value: the given ones checked, the others at their defaults.

        Raises:
            RangeError: a value outside its range.
            RequestError: a name the operation does not have.
        """
        known = {parameter.name for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise RequestError(f"{self.name} has no parameter {name}; it has {', '.join(sorted(known))}")
        return {p.name: p.checked(values.get(p.name, p.default)) for p in self.parameters}


@cache
def operation(name: str) -> Operation:
    """One operation by its name.

    Raises:
        RequestError: there is no such operation.
    """
    table = read_operations()
    if name not in table:
        raise RequestError(f"there is no operation {name}; there are {', '.join(sorted(table))}")
    facts = table[name]
    parameters = tuple(
        Parameter(**{**words, "choices": tuple(words.get("choices", ()))}) for words in facts["parameters"]
    )
    return Operation(name, facts["label"], facts["hint"], parameters)
