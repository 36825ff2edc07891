"""One frame of a movie as its codec holds it: planes in their own depth, with the tags that say what they mean."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from faceplate.arrays import Image
from faceplate.errors import ShapeError
from faceplate.io.orientation import as_stored, upright
from faceplate.io.samples import changed
from faceplate.io.yuv import Layout, deeper, layout_of, planes_of, planes_plus, rgb_from_planes

UNSPECIFIED = 2
_ORIENTATIONS = {0: 1, 90: 8, 180: 3, 270: 6}
"""Degrees counter-clockwise the picture wants to be turned for display -> EXIF orientation."""


@dataclass(frozen=True)
class Tags:
    """A stream's colour tags, as numbered in ITU-T H.273; 2 is "not said", range 0 is "not said"."""

    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED
    matrix: int = UNSPECIFIED
    range: int = 0

    def matrix_for(self, width: int, height: int) -> int:
        """The matrix to use: the stream's own, else BT.709 for HD and BT.601 below, as players do."""
        if self.matrix != UNSPECIFIED:
            return self.matrix
        return 1 if width >= 1280 or height > 576 else 6


@dataclass(frozen=True)
class MovieFrame:
    """A decoded frame.

    `number`: 1 is the movie's first. `pts`: in the stream's time base. `planes`: as `pix_fmt` lays them out, uint8 or
    uint16 with the value in the low bits. `rotation`: degrees counter-clockwise for display. `damaged`: the decoder
    had to guess parts of it. `changed`: some pixel is no longer the decoded one.
    """

    path: Path
    number: int
    pts: int
    planes: tuple[np.ndarray, ...] = field(repr=False)
    pix_fmt: str
    tags: Tags = Tags()
    rotation: int = 0
    damaged: bool = False
    changed: bool = False

    format = "movie"

    @property
    def layout(self) -> Layout:
        return layout_of(self.pix_fmt)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) as stored, before any rotation."""
        return self.planes[0].shape[1], self.planes[0].shape[0]

    @property
    def full_range(self) -> bool:
        return self.layout.full if self.tags.range == 0 else self.tags.range == 2

    @property
    def orientation(self) -> int:
        return _ORIENTATIONS.get(self.rotation % 360, 1)

    def rgb(self) -> Image:
        """(H, W, 3) float32 display-encoded R'G'B', upright, in the stream's own matrix and range, unclipped."""
        return np.ascontiguousarray(upright(self._stored_rgb(), self.orientation))

    def _stored_rgb(self) -> Image:
        matrix = self.tags.matrix_for(*self.size)
        return rgb_from_planes(self.planes, self.layout, matrix=matrix, full=self.full_range)

    def with_rgb(self, rgb: Image, *, scale: int = 1, before: Image | None = None) -> "MovieFrame":
        """The frame with other pixels; where they are the same, the planes keep their numbers.

        Args:
            rgb: (H, W, 3) upright, the frame's size times `scale`.
            before: what `rgb()` gave, to save working it out again.

        Raises:
            ShapeError: another size.
        """
        new = as_stored(rgb, self.orientation)
        width, height = self.size
        if new.shape != (height * scale, width * scale, 3):
            raise ShapeError(
                f"pixels should be {height * scale} x {width * scale} x 3 as stored, got {new.shape}"
            )
        if scale != 1:
            return self._fresh(new, scale)
        old = self._stored_rgb() if before is None else as_stored(before, self.orientation)
        mask = changed(old, new)
        if not mask.any():
            return self
        delta = np.where(mask, np.nan_to_num(new - old, nan=0.0, posinf=1.0, neginf=-1.0), np.float32(0))
        matrix = self.tags.matrix_for(*self.size)
        planes = planes_plus(self.planes, delta, self.layout, matrix=matrix, full=self.full_range)
        return replace(self, planes=planes, changed=True)

    def _fresh(self, stored: Image, scale: int) -> "MovieFrame":
        tags = replace(self.tags, matrix=self.tags.matrix_for(*self.size))
        planes = planes_of(stored, self.layout, matrix=tags.matrix, full=self.full_range)
        alpha = tuple(plane.repeat(scale, axis=0).repeat(scale, axis=1) for plane in self.planes[3:])
        return replace(self, planes=(*planes[:3], *alpha), tags=tags, changed=True)

    def in_format(self, pix_fmt: str) -> "MovieFrame":
        """The same frame laid out as `pix_fmt`: whole-bit shifts where only the depth differs, else through float."""
        target, source = layout_of(pix_fmt), self.layout
        if pix_fmt == self.pix_fmt:
            return self
        same = (
            source.family == target.family
            and source.shift == target.shift
            and not target.alpha > source.alpha
        )
        if same and source.family != "rgb" and not self.full_range:
            return replace(self, planes=deeper(self.planes[: target.count], source, target), pix_fmt=pix_fmt)
        matrix = self.tags.matrix_for(*self.size)
        tags = replace(self.tags, matrix=1 if matrix == 0 and target.family == "yuv" else self.tags.matrix)
        full = target.full if tags.range == 0 else self.full_range
        planes = planes_of(self._stored_rgb(), target, matrix=tags.matrix_for(*self.size), full=full)
        return replace(self, planes=planes, pix_fmt=pix_fmt, tags=tags)
