"""Register a model that the user has: a copy in the user's model folder, and a manifest beside it.

The new manifest is written after one that is known ("this file is like GFPGAN"): the same task, adapter, input and
licence, with the file's own hash.
"""

import getpass
import json
import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from faceplate.registry.catalogue import find_manifests
from faceplate.registry.fetch import hash_of
from faceplate.registry.manifest import CLASSES, Manifest, is_id, is_version, read_manifest
from faceplate.registry.places import copy_file, land
from faceplate.registry.weights_file import runtime_of
from faceplate_client.errors import ModelError, RequestError

FOLDER = "imported"
_TABLES = ("weights", "input", "output", "terms", "card")


def bring(
    file: Path,
    like: Manifest,
    folder: Path,
    *,
    id: str = "",
    version: str = "",
    licence: str = "",
    licence_class: str = "",
) -> Manifest:
    """Copy a weights file into a model folder and write a manifest for it.

    Args:
        file: an .onnx, .safetensors or .npz file.
        like: the model whose task, adapter, input and licence it shares. A file with the very hash that `like` pins
            becomes `like` itself.
        folder: the model folder.
        id: the new model's id; the file's name without it.
        version: "1.2.0"; that of `like` without it.
        licence, licence_class: where they differ from `like`'s; both have to be said for a file like a class A model,
            since nobody has looked at what that file is.

    Raises:
        ModelError: `model.pickle`, `model.format`, `model.external`, `model.damaged`, `model.missing`, `model.runtime`.
        RequestError: an id, version or class that is none, or a name that is taken.
        OutputError: the folder cannot be written.
    """
    _expect_runtime(file, like)
    sha256 = hash_of(file)
    if sha256 == like.weights.sha256 and not (id or version):
        _copy(file, folder / like.weights.file, sha256)
        return like
    id, version = id or _id_from(file), version or like.version
    _expect_words(id, version, licence, licence_class, like)
    twin = next((m for m in find_manifests() if m.name == f"{id}@{version}"), None)
    if twin is not None and (twin.folder != folder or twin.weights.sha256 != sha256):
        raise RequestError(
            f"there is a model {twin.name} already, in {twin.folder}; choose another --id or --version"
        )
    facts = tomllib.loads(like.path.read_text(encoding="utf-8"))
    place = f"{FOLDER}/{id}-{version}{file.suffix.lower()}"
    facts |= {"id": id, "version": version}
    facts |= {"licence": licence or like.licence, "class": licence_class or like.licence_class}
    facts["weights"] = {"file": place, "sha256": sha256, "runtime": like.weights.runtime}
    facts["card"] = _card(file, like)
    if licence or licence_class:
        facts.pop("terms", None)
    _copy(file, folder / place, sha256)
    path = folder / "manifests" / f"{id}-{version}.toml"
    land(path, lambda out: out.write(as_toml(facts).encode()))
    return read_manifest(path, folder=folder)


def as_toml(facts: Mapping[str, Any]) -> str:
    """A manifest's facts as TOML; `tomllib.loads` reads them back the same."""
    lines = [f"{key} = {_value(value)}" for key, value in facts.items() if not isinstance(value, Mapping)]
    for name in _TABLES:
        if name in facts:
            lines += [
                "",
                f"[{name}]",
                *(f"{_key(key)} = {_value(value)}" for key, value in facts[name].items()),
            ]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    # JSON's strings, numbers and truth values are TOML's, but for one control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _expect_runtime(file: Path, like: Manifest) -> None:
    runtime = runtime_of(file)
    if runtime != like.weights.runtime:
        endings = {"onnx": "an .onnx file", "torch": "a .safetensors file", "npz": "an .npz file"}
        wanted = endings.get(like.weights.runtime, "no net")
        raise ModelError(
            f"{file} cannot be like {like.name}, which is {wanted}. Choose another --like; "
            "`faceplate models list` shows them.",
            code="model.runtime",
        )


def _expect_words(id: str, version: str, licence: str, licence_class: str, like: Manifest) -> None:
    if not is_id(id):
        raise RequestError(f"--id should be lower-case letters, digits, dots and dashes, got {id}")
    if not is_version(version):
        raise RequestError(f'--version should be three numbers such as "1.2.0", got {version}')
    if licence_class and licence_class not in CLASSES:
        raise RequestError(f"--class should be one of {', '.join(CLASSES)}, got {licence_class}")
    if like.licence_class == "A" and not (licence and licence_class):
        raise RequestError(
            f"{like.name} is ours and of class A, which says nothing of this file; say its --licence and its --class"
        )


def _card(file: Path, like: Manifest) -> dict[str, Any]:
    return {
        "origin": f"imported from {file.name} by {getpass.getuser()} on {datetime.now(UTC):%Y-%m-%d}",
        "like": like.name,
        "measured": "nothing: nobody here has seen this file",
        "evidence": False,
    }


def _id_from(file: Path) -> str:
    """An id made of a file's name: lower case, everything that an id cannot hold becomes a dash."""
    return "-".join(re.findall(r"[a-z0-9]+(?:\.[a-z0-9]+)*", file.stem.lower())) or "imported"


def _copy(source: Path, path: Path, sha256: str) -> None:
    def check(copied: str) -> None:
        if copied != sha256:
            raise ModelError(f"{source} changed while it was copied. Try again.", code="model.hash")

    copy_file(source, path, check)
