"""Nets that follow motion: RAFT and what was exported in its form, two pictures in, pixels of motion out.

After: Teed and Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.adapters.scaling import Batch, as_fed
from faceplate.errors import ShapeError
from faceplate.geometry import scaling, warp
from faceplate.registry.manifest import Manifest, NetInput
from faceplate.runtime.net import Net

STEP = 8
"""RAFT looks at cells of this many pixels: a picture is as many whole cells wide and high."""

LEAST = 128
"""Shortest side, pixels, that its four levels of correlation take."""

LARGEST = 600_000
"""Pixels of the largest picture it is shown. It compares every cell with every other: at this size in half a gigabyte,
at 4K in ninety."""


@dataclass(frozen=True)
class Placement:
    """How a picture is shown to a net: made `scale` times as large, its corner at `left`, `top` in a picture of `size`.

    `inner`, `size`: (width, height), pixels, of the picture made larger or smaller, and of all that is shown.
    """

    scale: float
    inner: tuple[int, int]
    size: tuple[int, int]

    @property
    def left(self) -> int:
        return (self.size[0] - self.inner[0]) // 2

    @property
    def top(self) -> int:
        return (self.size[1] - self.inner[1]) // 2


class FlowNet:
    """A net that follows motion: (B, 6, H, W), two pictures RGB 0-1 one after the other, in; (B, 2, H, W) pixels out.

    The pictures may have any size. A net of one size gets them as large as they fit, undistorted, in its middle; any
    other gets them as they are, smaller where they exceed LARGEST. What is missing around them repeats their edges.
    """

    def __init__(self, net: Net, manifest: Manifest) -> None:
        self.id, self.template, self.seconds, self.side = net.id, net.template, 0.0, 0
        self._net, self._reads = net, manifest.input

    def __call__(self, batch: Batch) -> tuple[Batch, ...]:
        """Follow each pair of a batch, one pair at a time.

        Args:
            batch: (B, 6, H, W), display-encoded sRGB, RGB, 0-1: a picture, then the other.

        Returns:
            One array, (B, 2, H, W): pixels to the right and down, from a pixel of the first to where it lies in the
            second.

        Raises:
            ShapeError: no pairs; a graph that gives no flow as large as its pictures.
        """
        if batch.ndim != 4 or batch.shape[1] != 6:
            raise ShapeError(
                f"{self.id} follows motion between two pictures of three channels, got {batch.shape}"
            )
        flows = [self._flow(pair[:3], pair[3:]) for pair in batch]
        self.seconds = self._net.seconds
        return (np.stack(flows),)

    def _flow(self, picture: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
        height, width = picture.shape[1:]
        place = placement((width, height), self._reads)
        shown = [as_fed(_shown(each, place)[None], self._reads) for each in (picture, other)]
        found = _finest(self._net(np.concatenate(shown, axis=1)), place.size, self.id)
        columns, rows = place.inner
        found = found[:, place.top : place.top + rows, place.left : place.left + columns]
        if place.scale == 1.0:
            return np.ascontiguousarray(found, np.float32)
        back = scaling(1.0 / place.scale)
        axes = [warp(np.ascontiguousarray(axis), back, (width, height), kernel="linear") for axis in found]
        return np.stack(axes) * np.float32(1.0 / place.scale)


def placement(size: tuple[int, int], reads: NetInput) -> Placement:
    """How a picture of this (width, height) is shown to a net that reads pictures as its manifest says."""
    width, height = size
    if reads.size is not None:
        whole = (reads.size[1], reads.size[0])
        scale = min(whole[0] / width, whole[1] / height)
        return Placement(scale, _scaled(size, scale, whole), whole)
    scale = min(1.0, (LARGEST / (width * height)) ** 0.5)
    inner = _scaled(size, scale, size)
    around = (max(LEAST, -(-inner[0] // STEP) * STEP), max(LEAST, -(-inner[1] // STEP) * STEP))
    return Placement(scale, inner, around)


def _scaled(size: tuple[int, int], scale: float, most: tuple[int, int]) -> tuple[int, int]:
    width, height = (min(max(round(side * scale), 1), limit) for side, limit in zip(size, most, strict=True))
    return width, height


def _shown(picture: NDArray[np.float32], place: Placement) -> NDArray[np.float32]:
    """(3, H, W) made as large as it is shown, and its edges repeated to the size of the whole."""
    if place.scale != 1.0:
        resized = warp(np.ascontiguousarray(picture.transpose(1, 2, 0)), scaling(place.scale), place.inner)
        picture = np.clip(resized, 0.0, 1.0).transpose(2, 0, 1)
    (width, height), (columns, rows) = place.size, place.inner
    down = (place.top, height - rows - place.top)
    across = (place.left, width - columns - place.left)
    return np.pad(picture, ((0, 0), down, across), mode="edge")


def _finest(outputs: Sequence[NDArray[np.float32]], size: tuple[int, int], id: str) -> NDArray[np.float32]:
    """(2, H, W): of a graph's outputs the last that is a flow of its pictures' size.

    Exports give a coarse flow beside it, or every step of the refinement, the finest last.
    """
    wanted = (1, 2, size[1], size[0])
    fitting = [output for output in outputs if output.shape == wanted]
    if not fitting:
        given = ", ".join(str(output.shape) for output in outputs) or "nothing"
        raise ShapeError(f"{id} should give a flow of shape {wanted}, got {given}. Export it again.")
    return np.asarray(fitting[-1][0], np.float32)
