"""`faceplate doctor`: what runs here, and what is missing before `restore` can."""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from typing import Any

from faceplate import __version__
from faceplate_client.errors import FaceplateError

PACKAGES = (
    "numpy",
    "opencv-python-headless",
    "onnxruntime",
    "onnxruntime-gpu",
    "openvino",
    "OpenImageIO",
    "opencolorio",
    "av",
    "fileseq",
    "tqdm",
    "torch",
)
VARIABLES = (
    "OCIO",
    "FACEPLATE_MODELS",
    "FACEPLATE_DATA",
    "FACEPLATE_POLICY",
    "FACEPLATE_THREADS",
    "FACEPLATE_MAX_IMAGE_MB",
    "FACEPLATE_DEBUG",
)


def add_parser(commands: Any) -> None:
    """Add `doctor`."""
    parser = commands.add_parser("doctor", help="say what runs here: devices, codecs, colour, models, limits")
    parser.add_argument("--json", action="store_true", help="JSON on stdout")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    """Examine every room; a room with a problem does not hide the others."""
    rooms: dict[str, Callable[[], Any]] = {
        "host": _host,
        "packages": _packages,
        "devices": _devices,
        "images": _images,
        "codecs": _codecs,
        "colour": _colour,
        "models": _models,
        "limits": _limits,
    }
    findings: dict[str, Any] = {"faceplate": __version__}
    problems: list[dict[str, str]] = []
    exit_code = 0
    for name, examine in rooms.items():
        try:
            findings[name] = examine()
        except (FaceplateError, ImportError) as error:
            code = error.code if isinstance(error, FaceplateError) else "doctor.package"
            exit_code = exit_code or (error.exit_code if isinstance(error, FaceplateError) else 70)
            problems.append({"room": name, "code": code, "sentence": str(error)})
    findings["problems"] = problems
    print(json.dumps(findings, indent=2) if options.json else _told(findings))
    return exit_code


def _host() -> dict[str, str]:
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "interpreter": sys.executable,
    }


def _packages() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _devices() -> dict[str, str]:
    from faceplate.runtime.devices import devices_here, threads

    found = {device.name: device.detail for device in devices_here()}
    return {**found, "auto": f"takes {next(iter(found))}", "threads": str(threads())}


def _images() -> dict[str, str]:
    import OpenImageIO

    from faceplate.io.limits import FORMATS

    return {"formats": " ".join(FORMATS), "OpenImageIO": OpenImageIO.VERSION_STRING}


def _codecs() -> dict[str, str]:
    from faceplate.io.movie_writer import codecs

    return {name: _words(what) for name, what in codecs().items()}


def _colour() -> dict[str, str]:
    import PyOpenColorIO

    from faceplate.io.colourspaces import config_in_use, spaces

    return {
        "config": config_in_use(),
        "colour spaces": str(len(spaces())),
        "OpenColorIO": PyOpenColorIO.__version__,
    }


def _models() -> dict[str, str]:
    """Every model with its state; the nets that `restore` needs must be among them.

    Raises:
        ModelError: `restore` cannot run with what is here.
    """
    from faceplate.registry.catalogue import check_weights, find_manifests, find_weights, manifest_for

    found = {}
    for manifest in find_manifests():
        if not manifest.shipped and find_weights(manifest) is None:
            found[manifest.name] = f"{manifest.task}, class {manifest.licence_class}, not fetched"
            continue
        try:
            check_weights(manifest)
            found[manifest.name] = f"{manifest.task}, class {manifest.licence_class}, intact"
        except FaceplateError as error:
            found[manifest.name] = str(error)
    for task in ("face.detect", "face.restore"):
        check_weights(manifest_for(task))
    return found


def _limits() -> dict[str, str]:
    from faceplate.io.limits import MAX_CHANNELS, max_image_mb

    found = {"one frame": f"{max_image_mb()} MB decoded, {MAX_CHANNELS} channels"}
    return {**found, **{f"${name}": os.environ.get(name, "not set") for name in VARIABLES}}


def _words(what: Any) -> str:
    if isinstance(what, bool):
        return "yes" if what else "no"
    return ", ".join(map(str, what)) if isinstance(what, list | tuple | set) else str(what)


def _told(findings: Mapping[str, Any]) -> str:
    lines = [f"faceplate {findings['faceplate']}"]
    for room, facts in findings.items():
        if isinstance(facts, Mapping):
            lines += ["", room, *(f"  {name:24} {value}" for name, value in facts.items())]
    lines += [""]
    for problem in findings["problems"]:
        lines.append(f"PROBLEM in {problem['room']}: {problem['sentence']}")
    return "\n".join(lines) + ("" if findings["problems"] else "Everything that restore needs is here.")
