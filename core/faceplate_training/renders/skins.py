"""Skin from photos: a photo projected onto the head fitted to it, its light taken out, laid into the UV map.

What the photo does not see comes from the other side of the face, and where neither is seen from what lies near.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from faceplate.arrays import Points
from faceplate.colour import SRGB
from faceplate.reconstruct.camera import CAMERA_FROM_FACING, project
from faceplate.reconstruct.mesh import vertex_normals
from faceplate.reconstruct.morphable import HeadModel, rotation, triangles_of
from faceplate.reconstruct.raster import Raster, rasterise
from faceplate.reconstruct.shade import fit_light, shading
from faceplate_training.renders.london import Fitted, fit_head, marked, read_photo

SIDE = 512
"""Texels along the UV map."""

GRAZING = 0.25
"""Cosine between skin and line of sight below which a photo's pixel is too smeared to be used."""

SHOWN = ("face", "skull", "neck", "eye_socket_left", "eye_socket_right")
"""Regions whose colour comes from photos; eyes, teeth and the inside of the mouth have colours of their own."""


@dataclass(frozen=True)
class UvMap:
    """What lies where in the UV map: `triangles` (N, 3) vertices and `corners` (N, 3) of the UVs; `raster` at SIDE."""

    triangles: NDArray[np.int32]
    corners: NDArray[np.int32]
    raster: Raster


def lay_out(head: HeadModel) -> UvMap:
    """The UV map of the regions that photos colour, row 0 at the top (v up)."""
    chosen = np.isin(head.quad_region, [head.region_names.index(name) for name in SHOWN])
    triangles, _ = triangles_of(head.quads[chosen])
    corners, _ = triangles_of(head.quad_uv[chosen])
    flat = np.column_stack([head.uv[:, 0] * SIDE, (1 - head.uv[:, 1]) * SIDE, np.ones(len(head.uv))])
    return UvMap(triangles, corners, rasterise(flat, corners, (SIDE, SIDE)))


def bake_skin(
    head: HeadModel, layout: UvMap, photo: np.ndarray, points: Points, fitted: Fitted
) -> NDArray[np.uint8]:
    """The photo's skin without its light.

    Args:
        photo: (H, W, 3) uint8 RGB, display-encoded. points: (68, 2) in its pixels; the head's own 68 are drawn onto
            them by a thin-plate warp, so that brows and lips lie on the mesh where the model says.
        fitted: the head on this photo.

    Returns:
        (SIDE, SIDE, 3) uint8 RGB, display-encoded: albedo up to a factor, everywhere filled.
    """
    seen = project(fitted.vertices.astype(np.float64), fitted.pose, fitted.camera)
    turn = rotation(fitted.pose.turn)
    normals = vertex_normals(fitted.vertices, head.quads)
    raster = rasterise(seen, head.triangles, photo.shape[:2])
    places = head.landmarks["68"].on(seen)[:, :2]
    bend = RBFInterpolator(places, points - places, smoothing=1.0, kernel="thin_plate_spline")
    rows, columns = np.nonzero(layout.raster.covered)
    corners = layout.triangles[layout.raster.triangle[rows, columns]]
    weights = layout.raster.weights[rows, columns][..., None]
    colour, trust = np.zeros((len(rows), 3)), np.full(len(rows), 1e-6)
    view = -_unit(fitted.vertices @ (CAMERA_FROM_FACING @ turn).T + fitted.pose.move)
    toward = (view * (normals @ (CAMERA_FROM_FACING @ turn).T)).sum(1)
    for vertices, faith in ((corners, 1.0), (head.mirror[corners], 0.15)):
        at = (seen[vertices] * weights).sum(1)
        facing = (toward[vertices] * weights[..., 0]).sum(1)
        place = at[:, :2] + _coarse(bend, at[:, :2])
        depth = _sampled(np.minimum(raster.depth, 1e5).astype(np.float32), at[:, :2])
        say = faith * np.clip((facing - GRAZING) / (1 - GRAZING), 0, 1) ** 2 * (at[:, 2] < depth + 4.0)
        shown = SRGB.decode((_sampled(photo, place) / 255).astype(np.float32))
        colour += say[:, None] * shown
        trust += say
    colour /= trust[:, None]
    front = (head.mask("face")[corners] * weights[..., 0]).sum(1) > 0.5
    tone = np.median(colour[front & (trust > 0.02)], 0)
    # beside the face a photo shows hair, collars and backdrops: only what is near the face's own tone is skin there
    strange = np.abs(np.log(np.maximum(colour, 1e-3) / tone)).max(1) > 0.7
    trust[strange & ~front] = 1e-6
    known = trust > 0.02
    normal = _unit((normals[corners] * weights).sum(1)) @ turn.T
    typical = np.broadcast_to(np.median(colour[known], 0), colour.shape)
    light = fit_light(
        colour[known][::7], typical[known][::7], normal[known][::7], trust[known][::7], smoothness=0.02
    )
    colour = colour / np.clip(shading(normal, light), 0.35, 3.0)
    texture, cover = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.float32)
    texture[rows, columns], cover[rows, columns] = colour, np.where(known, np.minimum(trust, 1), 0)
    filled = np.clip(SRGB.encode(spread(texture, cover)), 0, 1)
    return np.round(filled * 255).astype(np.uint8)


def spread(texture: np.ndarray, cover: np.ndarray) -> NDArray[np.float32]:
    """Fill what is not covered from what is, coarse to fine. (H, W, 3) and (H, W) 0-1, sides powers of two.

    After: Gortler et al., "The Lumigraph", SIGGRAPH 1996 (push and pull).
    """
    levels = [(texture * cover[..., None], cover)]
    while levels[-1][1].shape[0] > 1:
        size = tuple(side // 2 for side in levels[-1][1].shape[::-1])
        colour, weight = levels[-1]
        levels.append((_halved(colour, size), _halved(weight, size)))
    filled = levels[-1][0].reshape(1, 1, 3) / max(float(levels[-1][1].max()), 1e-6)
    for colour, weight in levels[-2::-1]:
        weight = weight.reshape(colour.shape[:2])
        size = weight.shape[::-1]
        coarse = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR).reshape(colour.shape)
        own = colour / np.maximum(weight, 1e-6)[..., None]
        say = np.clip(weight * 4, 0, 1)[..., None]
        filled = say * own + (1 - say) * coarse
    return filled.astype(np.float32)


def skins(head: HeadModel, root: Path, store: Path, *, held_out: bool) -> NDArray[np.uint8]:
    """(N, SIDE, SIDE, 3) the skins of the London people, made once and kept in `store`.

    Args:
        root: the folder of the photo sets.
        held_out: those of the people who are never trained on, or all others'.
    """
    if not store.exists():
        layout, made = lay_out(head), []
        for item in marked(root):
            if item.photo.held_out != held_out:
                continue
            photo = read_photo(item.photo.path)
            made.append(
                bake_skin(head, layout, photo, item.points, fit_head(head, item.points, photo.shape[:2]))
            )
        store.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(store, skins=np.stack(made))
    with np.load(store) as data:
        return data["skins"]


def _halved(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


def _sampled(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Bilinear values of an image at (N, 2) pixels, centres at +0.5; its edges repeat."""
    grid = (places - 0.5).astype(np.float32).reshape(-1, 1, 2)
    step = 32000  # OpenCV maps no more rows than a short counts
    parts = [
        cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for maps in ((grid[k : k + step, :, 0], grid[k : k + step, :, 1]) for k in range(0, len(grid), step))
    ]
    return np.concatenate(parts)[:, 0]


def _coarse(bend: RBFInterpolator, places: np.ndarray) -> np.ndarray:
    """A smooth warp at many places (N, 2), evaluated on a grid of 24 x 24 and interpolated."""
    low, high = places.min(0), places.max(0)
    x, y = (np.linspace(low[k], high[k], 24) for k in (0, 1))
    field = bend(np.stack(np.meshgrid(x, y), -1).reshape(-1, 2)).reshape(24, 24, 2).astype(np.float32)
    at = (places - low) / np.maximum(high - low, 1e-9) * 23
    return _sampled(field, at + 0.5)
