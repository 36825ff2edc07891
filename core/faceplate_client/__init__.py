"""Faceplate's client: all that a host is given. Standard library only, Python 3.9 syntax."""

import json
import os

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

__all__ = [
    "Cancelled",
    "ConsentError",
    "EngineError",
    "FaceplateError",
    "InputError",
    "ModelError",
    "OutputError",
    "RequestError",
    "read_operations",
]


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
