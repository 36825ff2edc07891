"""Proof that a frame is done: what came out, what went in, and what it was made with, as hashes in `.done/`.

A frame counts as done only if the file that is there now is the one that was made from this input with these models
and parameters. Anything else is rendered again.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from faceplate.farm.store import publish
from faceplate_client.errors import InputError, OutputError

FOLDER = ".done"


@dataclass(frozen=True)
class Proof:
    """One finished frame.

    `outputs`: file name -> SHA-256, the picture first and then what lies beside it. `inputs`: SHA-256 of every file
    it was made from, in order. `models`: id -> SHA-256 of the weights. `parameters`: every value that could change a
    pixel, as JSON knows values. `notes`: what the report said of the frame; proves nothing.
    """

    outputs: Mapping[str, str]
    inputs: tuple[str, ...]
    models: Mapping[str, str]
    parameters: Mapping[str, Any]
    notes: Mapping[str, Any] = field(default_factory=dict)


def hash_file(path: str | Path) -> str:
    """SHA-256 of a file, in hexadecimal; remembered as long as size and time stay, since a movie is asked for often.

    Raises:
        InputError: it cannot be read.
    """
    try:
        facts = os.stat(path)
        return _hash(str(path), facts.st_size, facts.st_mtime_ns, facts.st_ino)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from error


@lru_cache(maxsize=64)
def _hash(path: str, size: int, changed: int, inode: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def proof_path(output: str | Path) -> Path:
    """Where the proof of an output lies: `.done/<its file name>.json` in the same folder.

    The whole name and not only the frame number, since two plates may share a folder.
    """
    output = Path(output)
    return output.parent / FOLDER / f"{output.name}.json"


def prove(
    outputs: Iterable[str | Path],
    *,
    inputs: Iterable[str | Path],
    models: Mapping[str, str],
    parameters: Mapping[str, Any],
    notes: Mapping[str, Any] | None = None,
) -> Proof:
    """Record that `outputs`, which are published, were made from `inputs` this way. The first output names the proof.

    Raises:
        OutputError: the proof cannot be written.
        InputError: an output or input is not there.
    """
    made = [Path(output) for output in outputs]
    proof = Proof(
        {output.name: hash_file(output) for output in made},
        tuple(hash_file(path) for path in inputs),
        dict(models),
        _plain(parameters),
        _plain(notes or {}),
    )
    text = json.dumps(asdict(proof), indent=1, sort_keys=True) + "\n"
    publish(proof_path(made[0]), lambda path: path.write_text(text), verify=lambda path: _verify(path, proof))
    return proof


def is_proven(
    output: str | Path,
    *,
    inputs: Iterable[str | Path],
    models: Mapping[str, str],
    parameters: Mapping[str, Any],
) -> bool:
    """Whether the output that is there now is whole and made from exactly this.

    Raises:
        InputError: an input is not there.
    """
    output = Path(output)
    proof = read_proof(output)
    if proof is None or output.name not in proof.outputs:
        return False
    if proof.parameters != _plain(parameters) or proof.models != dict(models):
        return False
    if proof.inputs != tuple(hash_file(path) for path in inputs):
        return False
    return all(_is(output.with_name(name), digest) for name, digest in proof.outputs.items())


def read_proof(output: str | Path) -> Proof | None:
    """The proof of an output, None when there is none or it cannot be understood."""
    try:
        found = json.loads(proof_path(output).read_text())
        return Proof(
            dict(found["outputs"]),
            tuple(found["inputs"]),
            dict(found["models"]),
            dict(found["parameters"]),
            dict(found.get("notes", {})),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is(path: Path, digest: str) -> bool:
    try:
        return path.is_file() and hash_file(path) == digest
    except InputError:
        return False


def _plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as they come back from JSON, so that a tuple and a list compare equal."""
    return json.loads(json.dumps(dict(parameters), sort_keys=True))


def _verify(path: Path, proof: Proof) -> None:
    if json.loads(path.read_text())["outputs"] != dict(proof.outputs):
        raise OutputError(f"{path} came back with other content than was written; disk trouble?")
