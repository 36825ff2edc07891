"""Renders whose coefficients are known: who sits, what the face does, which skin it has, and which of it is seen.

    python -m faceplate_training.reconstruct_face.scenes --shared DIR --out DIR [--head FILE]
        [--count 13000] [--held-out]

Pictures as `renders.make` draws them, but for expressions that are `acting`'s, and eyes that turn as lids say.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.nets.reconstruct_net import WINDOW
from faceplate.reconstruct.camera import CAMERA_FROM_FACING
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of
from faceplate.reconstruct.raster import Raster, rasterise
from faceplate_training.reconstruct_face.acting import acted
from faceplate_training.renders import wear
from faceplate_training.renders.make import Renders, Series
from faceplate_training.renders.people import Sitter, anybody, placed
from faceplate_training.renders.scene import Render, Studio

SIGHT = 64
"""Side of the map that says which of the face is seen."""

NEAR = 4.0
"""mm that skin may lie behind what a pixel shows and still be what it shows: the mesh's own coarseness."""


@dataclass(frozen=True)
class KnownRender(Render):
    """A render with its coefficients.

    `identity` (K,), `weights` (E,): the head's. `skin` (2,) int: which skins are mixed, `mixed` how much of the second;
    `tone` (3,) what the mixture was multiplied by, scene-linear. `sight` (SIGHT, SIGHT) uint8, 0-255: how squarely each
    part of the face in the net's UV window is seen, 0 where something hides it.
    """

    identity: NDArray[np.float32]
    weights: NDArray[np.float32]
    skin: NDArray[np.int32]
    mixed: float
    tone: NDArray[np.float32]
    sight: NDArray[np.uint8]


@dataclass(frozen=True)
class KnownRenders(Renders):
    """Many of them; the first axis counts."""

    identity: NDArray[np.float32]
    weights: NDArray[np.float32]
    skin: NDArray[np.int32]
    mixed: NDArray[np.float64]
    tone: NDArray[np.float32]
    sight: NDArray[np.uint8]


@dataclass(frozen=True)
class Window:
    """The net's part of the UV map, as the mesh lies in it: `corners` (S, S, 3) vertices, `weights` (S, S, 3), and
    `covered` (S, S) where there is a face at all.
    """

    corners: NDArray[np.int32]
    weights: NDArray[np.float32]
    covered: NDArray[np.bool_]


def window_of(head: HeadModel, side: int) -> Window:
    """The face's texels in the window, row 0 at the top."""
    face = head.quad_region == head.region_names.index("face")
    triangles, _ = triangles_of(head.quads[face])
    uv, _ = triangles_of(head.quad_uv[face])
    left, right, low, high = WINDOW
    across = (head.uv[:, 0] - left) / (right - left) * side
    down = (high - head.uv[:, 1]) / (high - low) * side
    flat = rasterise(np.column_stack([across, down, np.ones(len(across))]), uv, (side, side))
    return Window(triangles[np.maximum(flat.triangle, 0)], flat.weights, flat.covered)


class KnownStudio(Studio):
    """A studio that keeps what it drew by chance."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.window = window_of(self.head, SIGHT)

    def seated(self, side: int, rng: np.random.Generator) -> Sitter:
        self.identity, self.weights = anybody(self.head, rng).astype(np.float32), acted(self.head, rng)
        rest = self.head.rest(self.identity, self.weights)
        turns = eye_turns(self.head, self.weights)
        return placed(lambda: self.head.posed(rest, self.head.joints(rest), turns), side, rng)

    def skin(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.chosen, self.mixed, self.tone = self.draw_skin(rng)
        return self.mixture(self.chosen, self.mixed), self.tone

    def finish(self, canvas, sitter, raster, seen, regions, rng) -> KnownRender:
        plain = super().finish(canvas, sitter, raster, seen, regions, rng)
        return KnownRender(
            **vars(plain),
            identity=self.identity,
            weights=self.weights,
            skin=self.chosen,
            mixed=self.mixed,
            tone=self.tone,
            sight=sight_of(self.head, self.window, sitter, seen, raster, canvas),
        )


def sight_of(
    head: HeadModel, window: Window, sitter: Sitter, seen: np.ndarray, raster: Raster, canvas: wear.Canvas
) -> NDArray[np.uint8]:
    """(S, S) 0-255: the cosine between skin and line of sight, 0 where the head or something worn hides it."""
    turned = CAMERA_FROM_FACING @ rotation(sitter.pose.turn)
    normals = vertex_normals(sitter.vertices, head.quads) @ turned.T
    away = sitter.vertices @ turned.T + sitter.pose.move
    facing = -(normals * away).sum(1) / np.linalg.norm(away, axis=1)
    at = _laid(window, np.column_stack([seen, facing])).astype(np.float32)
    x, y = at[..., 0] - 0.5, at[..., 1] - 0.5
    nearest = np.where(np.isfinite(raster.depth), raster.depth, 0).astype(
        np.float32
    )  # beside the head nothing is seen
    depth, cover = (cv2.remap(image, x, y, cv2.INTER_LINEAR) for image in (nearest, canvas.cover))
    shown = (at[..., 2] < depth + NEAR) & (cover < 0.5) & window.covered
    return np.round(255 * np.clip(at[..., 3], 0, 1) * shown).astype(np.uint8)


def _laid(window: Window, values: np.ndarray) -> NDArray[np.float64]:
    """(S, S, C) what vertices (V, C) have, over the window."""
    return (values[window.corners] * window.weights[..., None]).sum(2)


SCENES = Series("coefficients", KnownRenders, seed=61, count=13000, studio=KnownStudio)

if __name__ == "__main__":
    SCENES.command(__doc__)
