"""What is said of a clip: by whoever connects it, and by host and effect once they have agreed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Region = tuple[float, float, float, float]
"""x1, y1, x2, y2: canonical, so in square pixels at full size, y up."""

Window = tuple[int, int, int, int]
"""x1, y1, x2, y2 in pixels, y up, half-open."""

Scale = tuple[float, float]
"""The render scale, across and up: 0.5 in a half-size proxy."""

OUTPUT = "Output"


@dataclass(frozen=True)
class ClipFacts:
    """What is connected to a clip.

    `components`, `depth`: the source's own (short names). `premultiplication`: in OpenFX words. `frame_range`: first
    and last frame. `region`: canonical, where there are pixels. `fields`: field order in OpenFX words.
    """

    region: Region
    components: str = "RGBA"
    depth: str = "Float"
    premultiplication: str = "OfxImageAlphaPremultiplied"
    pixel_aspect: float = 1.0
    frame_range: tuple[float, float] = (1.0, 1.0)
    frame_rate: float = 24.0
    fields: str = "OfxFieldNone"


@dataclass(frozen=True)
class Preferences:
    """What GetClipPreferences settled: components and depth of each clip (short names), and the output's meaning."""

    components: Mapping[str, str]
    depths: Mapping[str, str]
    premultiplication: str
    frame_rate: float
    pixel_aspect: float
    frame_varying: bool
    colourspaces: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
