"""What is known of a face on a plate, and the templates its crops are aligned to."""

from dataclasses import dataclass, field

import numpy as np

from faceplate.arrays import Points
from faceplate.errors import RangeError

FFHQ_512: Points = np.array(
    [[192.98, 239.95], [318.90, 240.19], [256.63, 314.02], [201.26, 371.41], [313.09, 371.15]], np.float32
)
"""Eyes, nose tip, mouth corners (image left first) in a 512 px crop framed like FFHQ (Karras et al., CVPR 2019)."""

ARCFACE_112: Points = np.array(
    [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]], np.float32
)
"""The same five points in ArcFace's 112 px crop (Deng et al., CVPR 2019): what face recognisers read."""

TEMPLATES = {"ffhq_512": (FFHQ_512, 512), "arcface_112": (ARCFACE_112, 112)}
"""Template name, as manifests spell it -> five points and the side of the square they lie in, pixels."""


@dataclass(frozen=True)
class Face:
    """One detected face, in the plate's coordinates (display window origin).

    `box`: (x0, y0, x1, y1), pixels. `points`: (5, 2), right eye first (image left). `score`: 0-1, how sure it is a
    face. `quality`: 0-1, how much of who it is can be seen, see `stages.quality`; None where nobody looked.
    `landmarks`: (68, 2), and `turn`: rotation vector of the head, radians, both as `stages.landmarks` tells them; None
    where nobody looked.
    """

    box: tuple[float, float, float, float]
    points: Points = field(repr=False)
    score: float = 1.0
    quality: float | None = None
    landmarks: Points | None = field(default=None, repr=False)
    turn: tuple[float, float, float] | None = None

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        return self.box[3] - self.box[1]

    def scaled(self, factor: float) -> "Face":
        """The same face on a frame enlarged this many times about the display window's origin."""
        x0, y0, x1, y1 = (side * factor for side in self.box)
        landmarks = None if self.landmarks is None else (self.landmarks * factor).astype(np.float32)
        points = (self.points * factor).astype(np.float32)
        return Face((x0, y0, x1, y1), points, self.score, self.quality, landmarks, self.turn)


def template_points(template: str, side: int) -> Points:
    """A template's five points in a square crop of `side` pixels.

    Raises:
        RangeError: no template has this name.
    """
    if template not in TEMPLATES:
        raise RangeError(f"no crop template is called {template!r}; there are {', '.join(sorted(TEMPLATES))}")
    points, template_side = TEMPLATES[template]
    return (points * (side / template_side)).astype(np.float32)
