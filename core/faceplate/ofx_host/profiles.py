"""Which host to be: profiles.toml, read and checked."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from faceplate.ofx_host.native import native
from faceplate_client.errors import RequestError

FILE = Path(__file__).with_name("profiles.toml")

_OPEN = ("OfxPropAPIVersion", "OfxPropVersion", "OfxImageEffectHostPropNativeOrigin")
"""Properties with as many values as a host likes."""

Definition = tuple[str, int, list[Any]]
"""A property: type (int, double or string), dimension (0: any), values."""


def definition(value: Any, *, dimension: int | None = None) -> Definition:
    """A property that holds this value, or these values; its dimension is their number unless told otherwise.

    Raises:
        ValueError: no values and so no type.
    """
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    held = len(values) if dimension is None else dimension
    if not values and dimension is None:
        raise ValueError("a property without values has no type")
    first = values[0] if values else ""
    kind = "string" if isinstance(first, str) else "double" if isinstance(first, float) else "int"
    return kind, held, values


@dataclass(frozen=True)
class Profile:
    """A host as plug-ins see it; the fields are those that profiles.toml explains."""

    name: str
    label: str
    note: str
    depths: tuple[str, ...]
    components: tuple[str, ...]
    contexts: tuple[str, ...]
    suites: Mapping[str, tuple[int, ...]]
    properties: Mapping[str, Any]
    odd: Mapping[str, Any]
    frames_needed_calls: int = 1
    sequential_status: int = 0
    premultiplication: str | None = None

    def allows(self, name: str) -> bool:
        """Whether a yes-or-no property of the host descriptor says yes."""
        return bool(self.properties.get(name, 0))

    def open(self) -> Any:
        """A native Host of this profile.

        Raises:
            RequestError: the host is not built here.
        """
        described = {
            name: definition(value, dimension=0 if name in _OPEN else None)
            for name, value in self.properties.items()
        }
        described["OfxImageEffectPropSupportedComponents"] = definition(
            [f"OfxImageComponent{each}" for each in self.components], dimension=0
        )
        described["OfxImageEffectPropSupportedContexts"] = definition(
            [f"OfxImageEffectContext{each}" for each in self.contexts], dimension=0
        )
        described["OfxImageEffectPropSupportedPixelDepths"] = definition(
            [f"OfxBitDepth{each}" for each in self.depths], dimension=0
        )
        suites = {name: set(versions) for name, versions in self.suites.items() if versions}
        odd = {name: set(v) if isinstance(v, list) else v for name, v in self.odd.items()}
        return native().Host(described, suites, odd)


@cache
def profiles() -> Mapping[str, Profile]:
    """Every profile by name."""
    told = tomllib.loads(FILE.read_text(encoding="utf-8"))
    defaults = told.pop("defaults")
    return {name: _profile(name, facts, defaults) for name, facts in told.items()}


def profile_named(name: str) -> Profile:
    """A profile.

    Raises:
        RequestError: there is none of that name; says which there are.
    """
    try:
        return profiles()[name]
    except KeyError:
        raise RequestError(f"the host profile should be one of {', '.join(profiles())}, got {name}") from None


def _profile(name: str, facts: Mapping[str, Any], defaults: Mapping[str, Any]) -> Profile:
    merged = {**defaults, **facts}
    properties = {**defaults["properties"], **facts.get("properties", {})}
    for each in merged["without"]:
        del properties[each]
    suites = {**defaults["suites"], **facts.get("suites", {})}
    return Profile(
        name=name,
        label=merged["label"],
        note=merged["note"],
        depths=tuple(merged["depths"]),
        components=tuple(merged["components"]),
        contexts=tuple(merged["contexts"]),
        suites={suite: tuple(versions) for suite, versions in suites.items()},
        properties=properties,
        odd=facts.get("odd", {}),
        frames_needed_calls=merged["frames_needed_calls"],
        sequential_status=merged["sequential_status"],
        premultiplication=merged.get("premultiplication"),
    )
