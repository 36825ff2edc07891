"""Styles: named starting points for the look of a restoration, in parameters anybody can see and override."""

from collections.abc import Mapping
from types import MappingProxyType

STYLES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        # what the net made, as it is
        "natural": MappingProxyType({}),
        # for screens: eyes and mouth a little crisper than the lens was
        "clear": MappingProxyType({"sharpen": 0.4}),
        # for intercutting with untouched film: stills get back the grain of their plate, as shots do in every style
        "film": MappingProxyType({"grain": 1.0}),
    }
)
"""Style -> the parameters of `RestoreParams` it sets; all others keep their defaults."""
