"""Where a face ends in a photo: its fitted outline, and the edges in the picture that it should lie on.

A cheek against what is behind it says how wide a face is, which neither points nor light on its front do. Edges are
looked for along the outline's own direction, near where it lies; one that is faint, or far off, counts little.

After: Keller et al., "3D Morphable Face Models Revisited", CVPR 2009; Bas et al., "Fitting a 3D Morphable Model to
Edges", ACCV Workshops 2016 (edges as points to be met).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, expect_shapes
from faceplate.reconstruct.camera import Camera, HeadPose, project, projection_derivatives, seen_from
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel

BULGE = 30.0
"""mm that a face comes nearer within two pixels of its own outline: what is nearer still hides it."""

STRONG = 0.12
"""Of the face's own tone, how much the picture changes across a clear edge, summed over its blur."""


@dataclass(frozen=True)
class Outline:
    """Points of an outline and the edges found for them.

    `ends` (n, 2) vertices, each point is half-way between two. `edges` (n, 2) pixels, the edge that each should lie on.
    `across` (n, 2) unit, outwards in the picture: along the edge a point may slide. `say` (n,) how much each counts.
    """

    ends: NDArray[np.int64]
    edges: NDArray[np.float64]
    across: NDArray[np.float64]
    say: NDArray[np.float64]

    def off(self, points: np.ndarray, pose: HeadPose, camera: Camera) -> NDArray[np.float64]:
        """(n,) pixels that the points, (n, 3) mm on the head, lie beyond their edges."""
        return ((project(points, pose, camera)[:, :2] - self.edges) * self.across).sum(1)

    def moves(self, points: np.ndarray, pose: HeadPose, camera: Camera):
        """How that changes: (n, 3) with the points, (n, 3) with the turn, (n, 3) with the move, (n,) with the focal."""
        by = projection_derivatives(points, pose, camera)
        along = self.across[:, None]
        return (
            (along @ by.point)[:, 0],
            (along @ by.turn)[:, 0],
            (along @ by.move)[:, 0],
            (self.across * by.focal).sum(1),
        )

    def middles(self, values: np.ndarray) -> np.ndarray:
        """(..., n, 3) half-way between the ends, from values of every vertex (..., V, 3)."""
        return (values[..., self.ends[:, 0], :] + values[..., self.ends[:, 1], :]) / 2


@dataclass(frozen=True)
class Rim:
    """An outline as a fit moves it: `mean` (n, 3) mm and `moves` (K, n, 3) mm for each coefficient of its points, `say`
    (n,) what a pixel that one is off counts.
    """

    outline: Outline
    mean: NDArray[np.float64]
    moves: NDArray[np.float32]
    say: NDArray[np.float64]


def outline_vertices(head: HeadModel) -> NDArray[np.bool_]:
    """(V,) where an outline is the skin's own: the face without ears, which hair covers."""
    face = head.quads[head.quad_region == head.region_names.index("face")]
    allowed = np.zeros(len(head.mean), bool)
    allowed[face[face >= 0]] = True
    if "ears" in head.mask_names:
        allowed &= head.mask("ears") < 0.3
    return allowed


def find_outline(
    head: HeadModel,
    points: np.ndarray,
    pose: HeadPose,
    camera: Camera,
    depth: np.ndarray,
    colours: Image,
    *,
    reach: float,
    allowed: np.ndarray,
) -> Outline:
    """The visible outline of a head in a picture, and the edge nearest to each of its points.

    Args:
        head: the model. points: (V, 3) mm as it is in this picture. pose, camera: of it.
        depth: (H, W) mm, what hides what, infinite where there is nothing (`visible.Shown.depth` at scale 1).
        colours: (H, W, 3) scene-linear over the face's tone, blurred about as far as edges are to be found exactly.
        reach: pixels to either side within which an edge is looked for.
        allowed: (V,) bool, `outline_vertices`.
    """
    sizes = expect_shapes(depth=(depth, "H W"), colours=(colours, "H W 3"))
    ends = _turning(head, points, pose, allowed)
    middle = (points[ends[:, 0]] + points[ends[:, 1]]) / 2
    normals = vertex_normals(points, head.quads)
    outward = (normals[ends[:, 0]] + normals[ends[:, 1]]) / 2
    here = project(middle, pose, camera)
    across = project(middle + outward, pose, camera)[:, :2] - here[:, :2]
    length = np.linalg.norm(across, axis=1, keepdims=True)
    across = across / np.maximum(length, 1e-9)
    visible = (length[:, 0] > 0) & _is_seen(here, across, depth, (sizes["H"], sizes["W"]))
    here, across, ends = here[visible, :2], across[visible], ends[visible]
    offset, strength = _strongest(colours, here, across, reach)
    say = np.clip(strength / STRONG, 0, 1) ** 2
    return Outline(ends, here + offset[:, None] * across, across, say)


def _turning(head: HeadModel, points: np.ndarray, pose: HeadPose, allowed: np.ndarray) -> NDArray[np.int64]:
    """(n, 2) edges between a triangle that faces the lens and one that does not."""
    triangles = head.triangles[allowed[head.triangles].all(1)].astype(np.int64)
    seen = seen_from(points.astype(np.float64), pose)[triangles]
    normal = np.cross(seen[:, 1] - seen[:, 0], seen[:, 2] - seen[:, 0])
    facing = (normal * seen.mean(1)).sum(1) < 0
    pairs = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], -1).reshape(-1, 2), axis=1)
    edges, place = np.unique(pairs, axis=0, return_inverse=True)
    towards = np.bincount(place.reshape(-1), np.repeat(facing, 3), minlength=len(edges))
    count = np.bincount(place.reshape(-1), minlength=len(edges))
    return edges[(count == 2) & (towards == 1)]


def _is_seen(
    here: np.ndarray, across: np.ndarray, depth: np.ndarray, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """(n,) whether nothing hides a point, and the head ends there.

    Where a jaw ends before its own neck, as a rule the edge found is that of a shadow: on renders it lay 2 mm off,
    against 0.2-0.9 mm before what is behind the head.
    """

    def deep(pixels: float) -> np.ndarray:
        x, y = np.floor(here[:, :2] + pixels * across).astype(np.int64).T
        inside = (x >= 0) & (x < size[1]) & (y >= 0) & (y < size[0])
        return np.where(inside, depth[y.clip(0, size[0] - 1), x.clip(0, size[1] - 1)], 0.0)

    return np.isinf(deep(2.0)) & (deep(-1.5) > here[:, 2] - BULGE)


def _strongest(
    colours: Image, here: np.ndarray, across: np.ndarray, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each point how far along `across` the picture changes most, in pixels, and by how much."""
    steps = np.arange(-np.ceil(reach) - 2, np.ceil(reach) + 2.5)
    places = (here[:, None] + steps[:, None] * across[:, None]).astype(np.float32)
    shown = (
        cv2.remap(
            colours,
            places[..., 0] - 0.5,
            places[..., 1] - 0.5,
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        if len(here)
        else np.zeros((0, len(steps), 3), np.float32)
    )
    # over three pixels, so that what is blurred has its full height
    change = np.abs(shown[:, 4:] - shown[:, :-4]).mean(2)
    middle = steps[2:-2]
    near = change * np.exp(-0.5 * (middle / (0.6 * reach)) ** 2)
    best = near.argmax(1).clip(1, len(middle) - 2)
    row = np.arange(len(here))
    before, at, after = near[row, best - 1], near[row, best], near[row, best + 1]
    bend = before - 2 * at + after
    shift = np.where(bend < -1e-9, 0.5 * (before - after) / np.minimum(bend, -1e-9), 0)
    return middle[best] + shift.clip(-0.5, 0.5), change[row, best].astype(np.float64)
