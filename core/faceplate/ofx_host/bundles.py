"""Where plug-ins lie: bundles, the binary in them, and the folders that are searched.

After the OpenFX specification, "Packaging OFX Plug-ins".
"""

import os
import platform
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from faceplate.ofx_host.native import PluginError

VARIABLE = "OFX_PLUGIN_PATH"
SUFFIX = ".ofx.bundle"


def architecture() -> str:
    """The folder below Contents that holds this machine's binary.

    Raises:
        PluginError: this system has no OpenFX architecture name.
    """
    if sys.platform.startswith("linux"):
        return f"Linux-{platform.machine().replace('x86_64', 'x86-64')}"
    if sys.platform == "darwin":
        return "MacOS"
    if sys.platform == "win32":
        return "Win64"
    raise PluginError(f"OpenFX has no bundles for {sys.platform}", code="ofx.bundle")


def search_folders(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders a host searches: those of OFX_PLUGIN_PATH in their order, then the system's own."""
    separator = ":" if sys.platform.startswith("linux") else ";"
    named = [Path(word) for word in environment.get(VARIABLE, "").split(separator) if word]
    if sys.platform == "darwin":
        own = Path("/Library/OFX/Plugins")
    elif sys.platform == "win32":
        own = Path(environment.get("CommonProgramFiles", r"C:\Program Files\Common Files"), "OFX", "Plugins")
    else:
        own = Path("/usr/OFX/Plugins")
    return list(dict.fromkeys([*named, own]))


def find_bundles(folders: list[Path] | None = None) -> list[Path]:
    """Every bundle in some folders and below them, sorted within each.

    Names that begin with @ are skipped, bundles are not searched for further bundles, and a link that leads back to a
    folder that is being searched is not followed. Folders that cannot be read are left out.
    """
    found = []
    for folder in search_folders() if folders is None else folders:
        found += sorted(_below(folder, ()))
    return list(dict.fromkeys(found))


def _below(folder: Path, above: tuple[str, ...]) -> Iterator[Path]:
    real = os.path.realpath(folder)
    if real in above:
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith("@") or not entry.is_dir():
            continue
        if entry.name.endswith(SUFFIX):
            yield entry
        else:
            yield from _below(entry, (*above, real))


def binary_of(bundle: str | Path) -> Path:
    """The shared library of a bundle, or the path itself when it is a bare .ofx file.

    Raises:
        PluginError: it is neither, or it has no binary for this machine.
    """
    path = Path(bundle)
    if path.is_file() and path.suffix == ".ofx":
        return path
    if not path.is_dir() or not path.name.endswith(SUFFIX):
        raise PluginError(
            f"{path} should be a folder that ends in {SUFFIX}, or an .ofx file; check the path", "ofx.bundle"
        )
    name = path.name[: -len(".bundle")]
    binary = path / "Contents" / architecture() / name
    if binary.is_file():
        return binary
    contents = path / "Contents"
    held = sorted(p.name for p in contents.iterdir() if p.is_dir()) if contents.is_dir() else []
    raise PluginError(
        f"{path} has no {architecture()}/{name}; it holds {', '.join(held) or 'nothing'}: get the plug-in for this "
        "machine",
        "ofx.bundle",
    )
