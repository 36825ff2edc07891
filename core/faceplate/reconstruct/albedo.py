"""What colours skin has where on a head: a mean, how people differ, and how much that leaves unsaid.

Colours here are a pattern: scene-linear albedo divided by the person's own skin tone, so that lips are redder than 1,
brows darker, and the tone itself is left to the light. One pattern fits all exposures and, nearly, all skins.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.packed_arrays import Unreadable, unpacked
from faceplate_client.errors import ModelError

SCHEMA = "faceplate-albedo"
VERSION = 1

_LARGEST = 200_000_000  # bytes unpacked: 16 components on 15,000 vertices take 3 million


@dataclass(frozen=True)
class Albedo:
    """A statistical pattern of skin on the vertices of one head model.

    `mean` (V, 3), `basis` (K, V, 3) for one standard deviation each, `detail` (V,) the standard deviation of what
    those leave unsaid: small on cheeks, large in brows and at the hairline, where people differ by more than K ways.
    `known` (V,) bool, vertices that have a skin's colour at all; elsewhere the mean is 1 and the rest 0.
    """

    id: str
    licence: str
    credit: str
    mean: NDArray[np.float32]
    basis: NDArray[np.float32]
    detail: NDArray[np.float32]
    known: NDArray[np.bool_]

    def of(self, coefficients: np.ndarray) -> NDArray[np.float32]:
        """(V, 3) the pattern of a person: `coefficients` (at most K,) standard deviations. Never below a hundredth."""
        moved = np.tensordot(np.asarray(coefficients, np.float32), self.basis[: len(coefficients)], 1)
        return np.maximum(self.mean + moved, 0.01).astype(np.float32)


def write_albedo(albedo: Albedo, head: HeadModel, path: Path) -> None:
    """Write it for one head model; numbers as float16. The same albedo gives the same bytes."""
    with path.open("wb") as file:
        np.savez_compressed(
            file,
            schema=np.array(SCHEMA),
            version=np.array(VERSION),
            id=np.array(albedo.id),
            licence=np.array(albedo.licence),
            credit=np.array(albedo.credit),
            head=np.array(head.id),
            mean=albedo.mean.astype(np.float16),
            basis=albedo.basis.astype(np.float16),
            detail=albedo.detail.astype(np.float16),
            known=albedo.known,
        )


def read_albedo(source: Path | bytes, head: HeadModel) -> Albedo:
    """Read the pattern that belongs to a head and check all of it.

    Args:
        source: the file, or its bytes as `registry.catalogue.read_weights` verified them.
        head: whose vertices it should be on.

    Raises:
        ModelError: `model.missing` without a file; `model.damaged` for a file that is no albedo, belongs to another
            head, or has arrays of other sizes or values that are no colours.
    """
    held = _load(source)
    name = "The albedo" if isinstance(source, bytes) else str(source)
    if str(held.get("schema")) != SCHEMA or int(held.get("version", -1)) != VERSION:
        raise _damaged(f"{name} is no {SCHEMA} of version {VERSION}")
    if str(held.get("head")) != head.id:
        raise _damaged(f"{name} belongs to the head {held.get('head')} and the head here is {head.id}")
    count = len(head.mean)
    try:
        mean, basis, detail = (held[key].astype(np.float32) for key in ("mean", "basis", "detail"))
        known = held["known"].astype(bool)
        words = [str(held[key]) for key in ("id", "licence", "credit")]
    except KeyError as missing:
        raise _damaged(f"{name} holds no {missing}") from None
    expected = {"mean": (count, 3), "basis": (len(basis), count, 3), "detail": (count,), "known": (count,)}
    for key, array in (("mean", mean), ("basis", basis), ("detail", detail), ("known", known)):
        if array.shape != expected[key]:
            raise _damaged(f"{name}: {key} should be {expected[key]}, got {array.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(basis).all() and np.isfinite(detail).all()):
        raise _damaged(f"{name} holds numbers that are not finite")
    if mean.min() < 0 or detail.min() < 0 or not known.any():
        raise _damaged(f"{name}: mean and detail should be at least 0, and some vertex known")
    return Albedo(words[0], words[1], words[2], mean, basis, detail, known)


def _load(source: Path | bytes) -> dict[str, np.ndarray]:
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except FileNotFoundError:
        raise ModelError(
            f"There is no file {source}; install the model pack.", code="model.missing"
        ) from None
    try:
        return unpacked(content, largest=_LARGEST)
    except Unreadable as error:
        raise _damaged(f"The albedo {error}") from error


def _damaged(what: str) -> ModelError:
    return ModelError(f"{what}. Fetch the model pack again.", code="model.damaged")
