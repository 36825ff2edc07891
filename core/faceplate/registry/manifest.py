"""A model's manifest: one TOML file of facts, read into a typed value.

    id = "restore-face-512"      task = "restore.face"      version = "1.2.0"
    licence = "Apache-2.0"       class = "A"                # A free for commercial use, B and C need acceptance
    [weights] file (inside the model folder), sha256, runtime      [input] shape, range, space, template
    [card] whatever an artist should know before trusting the model

A key that is not known is refused: a misspelt `sha256` must not mean "no hash".
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from faceplate.faces import TEMPLATES
from faceplate_client.errors import ModelError

TASKS = ("face.detect", "face.restore", "face.identity", "face.parse")
RUNTIMES = ("onnx", "torch")
CLASSES = {
    "A": "weights and training data free for commercial use",
    "B": "permissive weights, trained on research data",
    "C": "not for commercial use",
}
SPACES = ("sRGB",)


@dataclass(frozen=True)
class Weights:
    """Where a model's weights lie (relative to the model folder), their hash and what runs them."""

    file: str
    sha256: str
    runtime: str


@dataclass(frozen=True)
class NetInput:
    """What a net reads: `shape` in words ("B 3 H W"), value `range`, colour `space`, crop `template` or ""."""

    shape: tuple[str, ...]
    range: tuple[float, float]
    space: str
    template: str = ""


@dataclass(frozen=True)
class Manifest:
    """One model's facts. `path` is the manifest's own file, `folder` the model folder that `weights.file` is in."""

    id: str
    task: str
    version: str
    licence: str
    licence_class: str
    weights: Weights
    input: NetInput
    path: Path
    folder: Path
    card: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Id and version in one word, as reports and proofs name the model."""
        return f"{self.id}@{self.version}"

    @property
    def weights_path(self) -> Path:
        return self.folder / self.weights.file

    @property
    def order(self) -> tuple[int, ...]:
        """The version as numbers, to tell the newer of two."""
        return tuple(int(part) for part in self.version.split("."))


def read_manifest(path: Path, *, folder: Path) -> Manifest:
    """Read and check one manifest.

    Args:
        path: the TOML file.
        folder: the model folder that `[weights] file` is relative to.

    Raises:
        ModelError: `model.manifest`; names the file, the key and what was expected of it.
    """
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _refused(f"{path} is not a readable manifest: {error}. Correct or remove the file.") from error
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}. Check the file's permissions.") from error
    top = _Table(path, "", facts, ("id", "task", "version", "licence", "class", "weights", "input", "card"))
    weights = _Table(path, "weights", top.table("weights"), ("file", "sha256", "runtime"))
    reads = _Table(path, "input", top.table("input"), ("shape", "range", "space", "template"))
    return Manifest(
        id=top.word("id", _is_id, "lower-case letters, digits, dots and dashes"),
        task=top.word("task", TASKS.__contains__, "one of " + ", ".join(TASKS)),
        version=top.word("version", _is_version, 'three numbers such as "1.2.0"'),
        licence=top.word("licence", bool, "an SPDX licence name"),
        licence_class=top.word("class", CLASSES.__contains__, "A, B or C"),
        weights=Weights(
            file=weights.word("file", _stays_inside, "a path inside the model folder, without .."),
            sha256=weights.word("sha256", _is_sha256, "64 lower-case hex digits"),
            runtime=weights.word("runtime", RUNTIMES.__contains__, "one of " + ", ".join(RUNTIMES)),
        ),
        input=NetInput(
            shape=tuple(reads.word("shape", _is_shape, 'four sizes such as "B 3 512 512"').split()),
            range=reads.value_range("range"),
            space=reads.word("space", SPACES.__contains__, "one of " + ", ".join(SPACES)),
            template=reads.word(
                "template", _is_template, "one of " + ", ".join(TEMPLATES) + ' or ""', default=""
            ),
        ),
        path=path,
        folder=folder,
        card=top.table("card", default={}),
    )


@dataclass(frozen=True)
class _Table:
    """One table of the file, whose complaints name the file and the key."""

    path: Path
    name: str
    facts: Mapping[str, Any]
    known: tuple[str, ...]

    def __post_init__(self) -> None:
        for key in self.facts:
            if key not in self.known:
                raise self.wrong(key, "is not a known key", f"one of {', '.join(self.known)}")

    def wrong(self, key: str, what: str, expected: str) -> ModelError:
        full = f"{self.name}.{key}" if self.name else key
        return _refused(f"{self.path}: {full} {what}; expected {expected}. Correct the manifest.")

    def word(self, key: str, fits: Callable[[str], object], expected: str, default: str | None = None) -> str:
        if key not in self.facts:
            if default is None:
                raise self.wrong(key, "is missing", expected)
            return default
        value = self.facts[key]
        if not isinstance(value, str) or not fits(value):
            raise self.wrong(key, f"is {value!r}", expected)
        return value

    def table(self, key: str, default: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        value = self.facts.get(key, default)
        if not isinstance(value, Mapping):
            raise self.wrong(key, "is missing" if value is None else f"is {value!r}", "a table")
        return value

    def value_range(self, key: str) -> tuple[float, float]:
        value = self.facts.get(key)
        numbers = isinstance(value, list) and len(value) == 2 and all(type(n) in (int, float) for n in value)
        if not numbers or not value[0] < value[1]:  # type: ignore[index]
            raise self.wrong(key, f"is {value!r}", "two rising numbers such as [0.0, 1.0]")
        return float(value[0]), float(value[1])  # type: ignore[index]


def _refused(sentence: str) -> ModelError:
    return ModelError(sentence, code="model.manifest")


def _is_id(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", text) is not None


def _is_version(text: str) -> bool:
    return re.fullmatch(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}", text) is not None


def _is_sha256(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


def _is_shape(text: str) -> bool:
    return re.fullmatch(r"([A-Z]|[1-9][0-9]*)( ([A-Z]|[1-9][0-9]*)){3}", text) is not None


def _is_template(text: str) -> bool:
    return text == "" or text in TEMPLATES


def _stays_inside(text: str) -> bool:
    # Windows drives and backslashes are refused as well: a manifest reads the same on every machine.
    path = PurePosixPath(text)
    return (
        bool(text) and not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:\0]", text)
    )
