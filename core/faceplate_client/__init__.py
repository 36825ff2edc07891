"""Faceplate's client: all that a host is given. Standard library only, Python 3.9 syntax.

    with connect("my host") as engine:
        plate, output = engine.plane((0, 0, 1920, 1080)), engine.plane((0, 0, 1920, 1080))
        plate.pixels[:] = rows_of_float32_from_the_top
        job = engine.submit("restore", inputs={"plate": plate}, outputs={"plate": output})
        print(job.poll(), job.result().report)

`connect`, `Engine` and what they return are loaded when they are first asked for: the core, which only wants the errors
and the table of operations, has no use for sockets.
"""

import json
import os
from typing import TYPE_CHECKING

from .errors import (
    Cancelled,
    ConsentError,
    EngineError,
    FaceplateError,
    InputError,
    ModelError,
    OutputError,
    RequestError,
)

if TYPE_CHECKING:
    from .session import Engine, Job, Plane, Progress, Result, connect

__all__ = [
    "Cancelled",
    "ConsentError",
    "Engine",
    "EngineError",
    "FaceplateError",
    "InputError",
    "Job",
    "ModelError",
    "OutputError",
    "Plane",
    "Progress",
    "RequestError",
    "Result",
    "connect",
    "read_operations",
]


def __getattr__(name):
    if name not in ("Engine", "Job", "Plane", "Progress", "Result", "connect"):
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from . import session

    return getattr(session, name)


def read_operations():
    """Every operation and its parameters, as hosts and the command line show them.

    Returns:
        {operation: {"label", "hint", "parameters": [{"name", "label", "type", "default", "hint", "page", and
        "min" and "max" for numbers, "choices" for choices}]}}. Types are float, int, bool, choice and string;
        a number's unit, where it has one, is said in its hint.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "operations.json")
    with open(path, encoding="utf-8") as file:
        return json.load(file)["operations"]
