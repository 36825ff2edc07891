"""Command-line options made from an operation's description, and a parser whose complaints are ours."""

import argparse
from typing import Any, NoReturn

from faceplate.parameters import Operation, Parameter
from faceplate_client.errors import RequestError


class Parser(argparse.ArgumentParser):
    """An argparse parser that raises a RequestError instead of printing usage and leaving with code 2."""

    def error(self, message: str) -> NoReturn:
        raise RequestError(
            f"{message[:1].upper()}{message[1:]}. Try {self.prog} --help.", code="request.usage"
        )


def add_parameters(parser: argparse.ArgumentParser, operation: Operation) -> Any:
    """Add one option for every parameter of an operation, in groups by page; the last group, to add to.

    Values stay as they were typed: `Operation.checked` converts them and says what is wrong, in one place for the
    command line and for hosts. An option that was not given stays None, so that a style may set it.
    """
    groups, group = {}, None
    for parameter in operation.parameters:
        page = parameter.page.lower()
        if page not in groups:
            groups[page] = parser.add_argument_group(page)
        group = groups[page]
        flag = "--" + parameter.name.replace("_", "-")
        if parameter.type == "bool":
            group.add_argument(
                flag, dest=parameter.name, action=argparse.BooleanOptionalAction, help=_help(parameter)
            )
        else:
            group.add_argument(flag, dest=parameter.name, metavar=_metavar(parameter), help=_help(parameter))
    return group


def add_model_options(group: Any) -> None:
    """Add `--model` and `--policy`."""
    group.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="ID",
        help="use this model for the task it serves, by id or id@version; may be given once for each task",
    )
    add_policy(group)


def add_policy(group: Any) -> None:
    """Add `--policy`."""
    group.add_argument(
        "--policy",
        default="",
        metavar="A|B|C",
        help="the highest licence class of a model that may load; FACEPLATE_POLICY binds as well, the stricter wins",
    )


def given_values(options: argparse.Namespace, operation: Operation) -> dict[str, Any]:
    """The parameters that were set by hand, by name."""
    found = {parameter.name: getattr(options, parameter.name) for parameter in operation.parameters}
    return {name: value for name, value in found.items() if value is not None}


def _metavar(parameter: Parameter) -> str:
    if parameter.type == "choice":
        return "|".join(map(str, parameter.choices))
    if parameter.type in ("float", "int"):
        return f"{parameter.min:g}-{parameter.max:g}"
    return "WORDS"


def _help(parameter: Parameter) -> str:
    # argparse expands % in help texts.
    return f"{parameter.hint} Default: {parameter.default}.".replace("%", "%%")
