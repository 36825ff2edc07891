"""Faceplate's client: all that a host is given. Standard library only, Python 3.9 syntax.

    with connect("my host") as engine:
        plate, output = engine.plane((0, 0, 1920, 1080)), engine.plane((0, 0, 1920, 1080))
        plate.pixels[:] = rows_of_float32_from_the_top
        job = engine.submit("restore", inputs={"plate": plate}, outputs={"plate": output})
        print(job.poll(), job.result().report)

`connect` and `Engine` are loaded when they are first asked for: the core only wants the errors and the operations.
"""

import json
import os
from typing import TYPE_CHECKING

from .errors import FaceplateError

if TYPE_CHECKING:
    from .session import Engine, Job, Plane, connect

__all__ = ["Engine", "FaceplateError", "Job", "Plane", "connect", "read_operations"]


def __getattr__(name):
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from . import session

    return getattr(session, name)


def read_operations():
    """Every operation and its parameters, as hosts and the command line show them.

    Returns:
        {operation: {"label", "hint", "parameters": [{"name", "label", "type", "default", "hint", "page", "min" and
        "max" for numbers, "choices"}]}}. Types: float, int, bool, choice, string; a hint says a number's unit.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)["operations"]
