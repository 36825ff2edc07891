"""A model's manifest: one TOML file of facts, read into a typed value.

    id = "restore-face-512"      task = "restore.face"      version = "1.2.0"
    licence = "Apache-2.0"       class = "A"                # A free for commercial use, B and C need acceptance
    adapter                      how the stages' form is made of the net's, see ADAPTERS; "" for none
    [weights] file (inside the model folder), sha256, runtime, source (where a model that is not shipped comes from)
    [input] shape, range, space, template, order, mean, std, fixed    [output] range, order, threshold
    [terms] source (where the licence's text is), sha256
    [card] whatever an artist should know before trusting the model

A key that is not known is refused: a misspelt `sha256` must not mean "no hash". Only a model that is not shipped may
lack a hash, when nobody who wrote its manifest could verify one; it is then never fetched and never loaded.
"""

import hashlib
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from faceplate.faces import TEMPLATES
from faceplate_client.errors import ModelError

TASKS = (
    "face.detect",
    "face.restore",
    "face.identity",
    "face.landmarks",
    "face.parse",
    "face.quality",
    "frames.upscale",
    "frames.flow",
    "head.model",
    "head.albedo",
    "head.flame",
    "head.guess",
)
RUNTIMES = ("onnx", "torch", "npz")
CLASSES = {
    "A": "weights and training data free for commercial use",
    "B": "permissive weights, trained on research data",
    "C": "not for commercial use",
}
WITHOUT_INPUT = ("head.model", "head.albedo", "head.flame")
"""Tasks whose models are no nets: they read no picture, and their manifests have no [input]."""

SPACES = ("sRGB",)
ORDERS = ("RGB", "BGR")
ADAPTERS = {
    "": TASKS,
    "yunet": ("face.detect",),
    "scrfd": ("face.detect",),
    "retinaface": ("face.detect",),
    "embedding": ("face.identity",),
    "picture": ("face.restore",),
    "spandrel": ("face.restore",),
    "raft": ("frames.flow",),
}
"""Adapter -> the tasks it can serve. "" is a net that speaks the stages' own form."""


@dataclass(frozen=True)
class Weights:
    """Where a model's weights lie (relative to a model folder), their hash and what runs them.

    `sha256`: "" where it is not known. `source`: "" for a shipped model; else an address to fetch it from, or words.
    """

    file: str
    sha256: str
    runtime: str
    source: str = ""

    @property
    def address(self) -> str:
        """Where the weights can be fetched, "" where they cannot."""
        return self.source if is_address(self.source) else ""


@dataclass(frozen=True)
class NetInput:
    """What a net reads: `shape` in words ("B 3 H W"), value `range`, colour `space`, crop `template` or "".

    `range` is what black and white become, `order` the net's channels; then `mean` is taken away and what is left
    divided by `std`, a value for each of the net's channels. `fixed`: further inputs that always get the same number.
    """

    shape: tuple[str, ...]
    range: tuple[float, float]
    space: str
    template: str = ""
    order: str = "RGB"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    fixed: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) of the only picture the net takes, None where any size will do."""
        if not self.shape:
            return None
        height, width = self.shape[2:]
        return (int(height), int(width)) if height.isdigit() and width.isdigit() else None


@dataclass(frozen=True)
class NetOutput:
    """What a net gives: value `range` and channel `order` of a picture; `threshold`: a face's least score."""

    range: tuple[float, float] = (0.0, 1.0)
    order: str = "RGB"
    threshold: float = 0.6


@dataclass(frozen=True)
class Terms:
    """A licence's text: `source`, where to read it, and `sha256` of the text, "" where they are not known."""

    source: str = ""
    sha256: str = ""


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
    adapter: str = ""
    output: NetOutput = field(default_factory=NetOutput)
    terms: Terms = field(default_factory=Terms)

    @property
    def name(self) -> str:
        """Id and version in one word, as reports and proofs name the model."""
        return f"{self.id}@{self.version}"

    @property
    def weights_path(self) -> Path:
        return self.folder / self.weights.file

    @property
    def shipped(self) -> bool:
        """Whether the weights belong into the manifest's own folder; others are fetched or brought."""
        return not self.weights.source

    @property
    def fingerprint(self) -> str:
        """Changes whenever the net's answers may: the weights' hash, and behind an adapter its facts as well."""
        if not self.adapter:
            return self.weights.sha256
        facts = repr((self.weights.sha256, self.adapter, self.input, self.output))
        return hashlib.sha256(facts.encode()).hexdigest()

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
    return _manifest(path, folder, facts)


def _manifest(path: Path, folder: Path, facts: Mapping[str, Any]) -> Manifest:
    top = _Table(path, "", facts, (
        "id", "task", "version", "licence", "class", "adapter", "weights", "input", "output", "terms", "card"
    ))  # fmt: skip
    task = top.word("task", TASKS.__contains__, "one of " + ", ".join(TASKS))
    fitting = [adapter for adapter, tasks in ADAPTERS.items() if adapter and task in tasks]
    return Manifest(
        id=top.word("id", is_id, "lower-case letters, digits, dots and dashes"),
        task=task,
        version=top.word("version", is_version, 'three numbers such as "1.2.0"'),
        licence=top.word("licence", bool, "an SPDX licence name"),
        licence_class=top.word("class", CLASSES.__contains__, "A, B or C"),
        weights=_weights(
            _Table(path, "weights", top.table("weights"), ("file", "sha256", "runtime", "source"))
        ),
        input=_input(top, path),
        path=path,
        folder=folder,
        card=top.table("card", default={}),
        adapter=top.word("adapter", ["", *fitting].__contains__, "one of " + ", ".join(fitting), default=""),
        output=_output(
            _Table(path, "output", top.table("output", default={}), ("range", "order", "threshold"))
        ),
        terms=_terms(_Table(path, "terms", top.table("terms", default={}), ("source", "sha256"))),
    )


def _weights(table: "_Table") -> Weights:
    source = table.word("source", bool, "an address, or words that say where it comes from", default="")
    unknown = {"default": ""} if source else {}
    return Weights(
        file=table.word("file", _stays_inside, "a path inside the model folder, without .."),
        sha256=table.word("sha256", _is_sha256, "64 lower-case hex digits", **unknown),
        runtime=table.word("runtime", RUNTIMES.__contains__, "one of " + ", ".join(RUNTIMES)),
        source=source,
    )


def _input(top: "_Table", path: Path) -> NetInput:
    known = ("shape", "range", "space", "template", "order", "mean", "std", "fixed")
    if "input" not in top.facts and top.facts.get("task") in WITHOUT_INPUT:
        return NetInput((), (0.0, 1.0), "sRGB")
    table = _Table(path, "input", top.table("input"), known)
    fixed = _Table(
        path, f"{table.name}.fixed", table.table("fixed", default={}), tuple(table.table("fixed", default={}))
    )
    return NetInput(
        shape=tuple(table.word("shape", _is_shape, 'four sizes such as "B 3 512 512"').split()),
        range=table.value_range("range"),
        space=table.word("space", SPACES.__contains__, "one of " + ", ".join(SPACES)),
        template=table.word(
            "template", _is_template, "one of " + ", ".join(TEMPLATES) + ' or ""', default=""
        ),
        order=table.word("order", ORDERS.__contains__, "RGB or BGR", default="RGB"),
        mean=table.numbers("mean", (0.0, 0.0, 0.0)),
        std=table.numbers("std", (1.0, 1.0, 1.0), above=0.0),
        fixed={name: fixed.number(name) for name in fixed.facts},
    )


def _output(table: "_Table") -> NetOutput:
    threshold = table.number("threshold", 0.6)
    if not 0.0 < threshold < 1.0:
        raise table.wrong("threshold", f"is {threshold:g}", "a number between 0 and 1")
    return NetOutput(
        range=table.value_range("range", (0.0, 1.0)),
        order=table.word("order", ORDERS.__contains__, "RGB or BGR", default="RGB"),
        threshold=threshold,
    )


def _terms(table: "_Table") -> Terms:
    return Terms(
        source=table.word("source", is_address, "an https address", default=""),
        sha256=table.word("sha256", _is_sha256, "64 lower-case hex digits", default=""),
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

    def value_range(self, key: str, default: tuple[float, float] | None = None) -> tuple[float, float]:
        if default is not None and key not in self.facts:
            return default
        value: Any = self.facts.get(key)
        if not _are_numbers(value, 2) or not value[0] < value[1]:
            raise self.wrong(key, f"is {value!r}", "two rising numbers such as [0.0, 1.0]")
        return float(value[0]), float(value[1])

    def numbers(self, key: str, default: tuple[float, ...], *, above: float = -math.inf) -> tuple[float, ...]:
        """A number for each channel."""
        value = self.facts.get(key, list(default))
        if not _are_numbers(value, len(default)) or not min(value) > above:
            bound = "" if above == -math.inf else f" above {above:g}"
            raise self.wrong(key, f"is {value!r}", f"{len(default)} numbers{bound}")
        return tuple(float(number) for number in value)

    def number(self, key: str, default: float | None = None) -> float:
        value = self.facts.get(key, default)
        if not _are_numbers([value], 1):
            raise self.wrong(key, f"is {value!r}", "a number")
        assert value is not None
        return float(value)


def is_address(text: str) -> bool:
    """Whether weights or a licence may be fetched from here: https, or plain http on this very machine."""
    return re.fullmatch(r"https://[^\s/]+/\S+|http://(127\.0\.0\.1|localhost)(:\d+)?/\S+", text) is not None


def _refused(sentence: str) -> ModelError:
    return ModelError(sentence, code="model.manifest")


def is_id(text: str) -> bool:
    """Whether this can be a model's id."""
    return re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", text) is not None


def is_version(text: str) -> bool:
    """Whether this can be a model's version."""
    return re.fullmatch(r"(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}", text) is not None


def _are_numbers(value: Any, count: int) -> bool:
    if not isinstance(value, list) or len(value) != count:
        return False
    return all(type(number) in (int, float) and math.isfinite(number) for number in value)


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
