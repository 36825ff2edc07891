"""Head models on disk: one npz with a schema and a version, read with every array checked.

What each array holds is said in docs/heads.md. Nothing in the file is ever executed: pickled objects are refused.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from faceplate.reconstruct.morphable import ROLES, Embedding, HeadModel
from faceplate.reconstruct.packed_arrays import Unreadable, unpacked
from faceplate_client.errors import ModelError

SCHEMA = "faceplate-head"
VERSION = 1

_LARGEST = 2_000_000_000  # bytes unpacked: a head of 27,000 vertices and 180 components takes 60 million

_WORDS = ("id", "licence", "credit")
_NAMES = ("expression_names", "expression_roles", "region_names", "mask_names", "joint_names")
_SHAPES = {
    "mean": "V 3", "identity": "K V 3", "expressions": "E V 3", "drivers": "E 2", "quads": "F 4", "uv": "T 2",
    "udim": "T 2", "quad_uv": "F 4", "quad_region": "F", "masks": "M V", "mirror": "V", "joint_parents": "J",
    "joint_regressor": "J V", "skin": "V J",
}  # fmt: skip
_WHOLE = ("drivers", "quads", "quad_uv", "quad_region", "mirror", "joint_parents")
_HALF = ("identity", "expressions", "masks", "skin")


def write_head(head: HeadModel, path: Path) -> None:
    """Write a head; bases, masks and skin weights as float16, all else as float32 or whole numbers.

    The same head gives the same bytes.
    """
    arrays: dict[str, Any] = {"schema": np.array(SCHEMA), "version": np.array(VERSION)}
    arrays |= {name: np.array(getattr(head, name)) for name in (*_WORDS, *_NAMES)}
    for name in _SHAPES:
        kind = np.int32 if name in _WHOLE else np.float16 if name in _HALF else np.float32
        arrays[name] = np.asarray(getattr(head, name), kind)
    arrays["landmark_sets"] = np.array(sorted(head.landmarks))
    for name, embedding in sorted(head.landmarks.items()):
        arrays[f"landmarks_{name}_vertices"] = np.asarray(embedding.vertices, np.int32)
        arrays[f"landmarks_{name}_weights"] = np.asarray(embedding.weights, np.float32)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_head(source: Path | bytes) -> HeadModel:
    """Read a head and check all of it.

    Args:
        source: the file, or its bytes as `registry.catalogue.read_weights` verified them.

    Raises:
        ModelError: `model.missing` when there is no such file; `model.damaged` for anything in it that is not what
            docs/heads.md says, with the array, what is wrong and what was expected.
    """
    name = "these bytes" if isinstance(source, bytes) else str(source)
    checks = _Checks(name, _load(source, name))
    checks.schema()
    facts: dict[str, Any] = {word: checks.word(word) for word in _WORDS}
    facts |= {names: checks.names(names) for names in _NAMES}
    facts |= checks.arrays(len(facts["region_names"]), len(facts["mask_names"]))
    facts["landmarks"] = {
        word: checks.landmarks(word, len(facts["mean"])) for word in checks.names("landmark_sets")
    }
    checks.meaning(facts)
    return HeadModel(**facts)


def _load(source: Path | bytes, name: str) -> dict[str, np.ndarray]:
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The head model {name} cannot be read: {error.strerror}. Check its path, or install it again.",
            code="model.missing",
        ) from error
    try:
        return unpacked(content, largest=_LARGEST)
    except Unreadable as error:
        raise _refused(name, str(error), "an npz of plain arrays, as docs/heads.md says") from error


@dataclass(frozen=True)
class _Checks:
    """The arrays of one file; every check raises a sentence that names the file and the array."""

    file: str
    held: dict[str, np.ndarray]

    def wrong(self, name: str, what: str, expected: str) -> ModelError:
        return _refused(self.file, f"has {name} {what}", expected)

    def need(self, name: str) -> np.ndarray:
        if name not in self.held:
            raise _refused(self.file, f"has no {name}", "every array that docs/heads.md lists")
        return self.held[name]

    def word(self, name: str) -> str:
        array = self.need(name)
        if array.ndim != 0 or array.dtype.kind != "U":
            raise self.wrong(name, f"of type {array.dtype} and shape {array.shape}", "one word")
        return str(array)

    def names(self, name: str) -> tuple[str, ...]:
        array = self.need(name)
        if array.ndim != 1 or array.dtype.kind != "U":
            raise self.wrong(name, f"of type {array.dtype} and shape {array.shape}", "a list of names")
        found = tuple(map(str, array))
        if name != "expression_roles" and len(set(found)) < len(found):
            raise self.wrong(name, "with one name twice", "each name once")
        return found

    def schema(self) -> None:
        if self.word("schema") != SCHEMA:
            raise self.wrong("schema", repr(self.word("schema")), repr(SCHEMA))
        version = self.need("version")
        if version.ndim != 0 or version.dtype.kind not in "iu" or int(version) != VERSION:
            raise self.wrong(
                "version",
                str(version),
                f"{VERSION}; a newer file needs a newer Faceplate, an older one its own",
            )

    def arrays(self, regions: int, masks: int) -> dict[str, np.ndarray]:
        sizes = {"R": regions, "M": masks}
        found = {}
        for name, pattern in _SHAPES.items():
            array = self.need(name)
            self._shape(name, array, pattern, sizes)
            kinds = "iu" if name in _WHOLE else "f"
            if array.dtype.kind not in kinds:
                raise self.wrong(
                    name, f"of type {array.dtype}", "whole numbers" if name in _WHOLE else "floats"
                )
            if kinds == "f" and not np.isfinite(array).all():
                raise self.wrong(name, "with NaN or infinity in it", "finite numbers")
            found[name] = np.ascontiguousarray(array, np.int32 if name in _WHOLE else np.float32)
        return found

    def _shape(self, name: str, array: np.ndarray, pattern: str, sizes: dict[str, int]) -> None:
        words, known = pattern.split(), dict(sizes)
        fits = array.ndim == len(words)
        for word, length in zip(words, array.shape, strict=False):
            wanted = int(word) if word.isdigit() else sizes.setdefault(word, length)
            fits = fits and wanted == length
        if not fits:
            expected = " x ".join(str(known.get(word, word)) for word in words)
            raise self.wrong(name, f"of shape {' x '.join(map(str, array.shape))}", expected)

    def landmarks(self, name: str, vertices: int) -> Embedding:
        places, weights = f"landmarks_{name}_vertices", f"landmarks_{name}_weights"
        sizes: dict[str, int] = {}
        self._shape(places, self.need(places), "N 3", sizes)
        self._shape(weights, self.need(weights), "N 3", sizes)
        self.between(places, self.held[places], 0, vertices)
        if self.held[weights].dtype.kind != "f" or not np.allclose(self.held[weights].sum(1), 1, atol=1e-4):
            raise self.wrong(weights, "with rows that do not sum to 1", "weights of three vertices")
        return Embedding(self.held[places].astype(np.int32), self.held[weights].astype(np.float32))

    def between(self, name: str, array: np.ndarray, low: int, end: int) -> None:
        if array.dtype.kind not in "iu" or (array.size and not low <= array.min() <= array.max() < end):
            raise self.wrong(name, "naming what is not there", f"whole numbers from {low} to {end - 1}")

    def meaning(self, facts: dict[str, Any]) -> None:
        """What shapes alone do not say: indices in range, names as many as what they name, sums that are 1."""
        vertices, expressions = len(facts["mean"]), len(facts["expressions"])
        for name, end in (("quads", vertices), ("quad_uv", len(facts["uv"]))):
            self.between(name, facts[name][:, :3], 0, end)
            self.between(name, facts[name][:, 3], -1, end)
        self.between("quad_region", facts["quad_region"], 0, len(facts["region_names"]))
        self.between("mirror", facts["mirror"], 0, vertices)
        self.between("drivers", facts["drivers"], -1, expressions)
        for names, count in (
            ("expression_names", expressions),
            ("expression_roles", expressions),
            ("joint_names", len(facts["joint_parents"])),
        ):
            if len(facts[names]) != count:
                raise self.wrong(names, f"with {len(facts[names])} names", f"{count}")
        if not set(facts["expression_roles"]) <= set(ROLES):
            raise self.wrong("expression_roles", "with an unknown role", "only " + ", ".join(ROLES))
        if (facts["mirror"][facts["mirror"]] != np.arange(vertices)).any():
            raise self.wrong("mirror", "that does not lead back", "pairs of vertices")
        parents = facts["joint_parents"]
        if (
            not len(parents)
            or parents[0] != -1
            or (parents[1:] >= np.arange(1, len(parents))).any()
            or (len(parents) > 1 and parents[1:].min() < 0)
        ):
            raise self.wrong(
                "joint_parents", f"{parents.tolist()}", "-1 first, then parents before their children"
            )
        for name, axis in (("skin", 1), ("joint_regressor", 1)):
            if not np.allclose(facts[name].sum(axis), 1, atol=4e-3):
                raise self.wrong(name, "with rows that do not sum to 1", "weights")
        if (facts["quads"][:, 3] < 0).tolist() != (facts["quad_uv"][:, 3] < 0).tolist():
            raise self.wrong("quad_uv", "with triangles where quads has none", "the corners of quads")


def _refused(name: str, what: str, expected: str) -> ModelError:
    return ModelError(
        f"The head model {name} {what}; expected {expected}. Use another file, or make this one again.",
        code="model.damaged",
    )
