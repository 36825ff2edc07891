"""Shot files on disk, and the identity vectors that may lie beside them."""

import json
import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.farm.store import publish
from faceplate.stages.shot import Shot
from faceplate.stages.shot_text import shot_as_text, shot_from_text
from faceplate_client.errors import InputError, OutputError

OWNER_ONLY = 0o600
"""Identity vectors are biometric: nobody but their owner may read them."""

LARGEST_MB = 1024
"""A shot file above this is none: ten thousand frames with ten faces take some 25 MB."""


def read_shot(path: str | Path) -> Shot:
    """Read a shot file.

    Raises:
        InputError: it is missing, cannot be read, or does not fit; names the line.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST_MB * 2**20:
            raise InputError(f"{path} is larger than {LARGEST_MB} MB, which no shot file is; check the name")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}, line {line}: this is no text; check the name", code="shot.damaged"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); check the path of the shot") from error
    return shot_from_text(text, str(path))


def write_shot(path: str | Path, shot: Shot) -> None:
    """Write a shot file; it is there whole, or what was there before stays.

    Raises:
        OutputError: it cannot be written.
    """
    text = shot_as_text(shot)

    def verify(at: Path) -> None:
        if at.read_text(encoding="utf-8") != text:
            raise OutputError(f"{path} does not read back as it was written; check the disk")

    publish(path, lambda at: at.write_text(text, encoding="utf-8"), verify=verify)


def identities_beside(path: str | Path) -> Path:
    """Where the identity vectors of a shot lie: `shot.json` -> `shot.identities.json`."""
    return Path(path).with_suffix(".identities.json")


def write_identities(path: str | Path, identities: Mapping[int, NDArray[np.float32]], *, model: str) -> None:
    """Write the identity vectors of a shot's tracks beside it, readable for its owner only from the first byte on.

    Args:
        path: of the shot.
        identities: track id -> (N,) float32 of length 1; none removes what is there.
        model: the net they are of; vectors of different nets cannot be compared.

    Raises:
        OutputError: it cannot be written.
    """
    place = identities_beside(path)
    if not identities:
        forget_identities(path, keep=())
        return
    tracks = {str(id): [round(float(value), 6) for value in vector] for id, vector in identities.items()}
    text = json.dumps({"kind": "faceplate identities", "version": 1, "model": model, "tracks": tracks})

    def write(at: Path) -> None:
        with os.fdopen(os.open(at, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w") as file:
            file.write(text)

    publish(place, write, verify=lambda at: json.loads(at.read_text()))


def forget_identities(path: str | Path, *, keep: Collection[int]) -> None:
    """Remove the identity vectors of all tracks of a shot but these; the file as well where none is left.

    Raises:
        InputError: the file there is damaged. OutputError: it cannot be written.
    """
    place = identities_beside(path)
    if not place.exists():
        return
    if not keep:
        with suppress(FileNotFoundError):
            place.unlink()
        return
    try:
        held = json.loads(place.read_text())
        tracks = {int(id): np.array(vector, np.float32) for id, vector in held["tracks"].items()}
        model = str(held["model"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{place} is damaged; remove it, or analyse the plates again") from error
    kept = {id: vector for id, vector in tracks.items() if id in keep}
    if kept.keys() != tracks.keys():
        write_identities(path, kept, model=model)
