"""Pores and wrinkles that the mesh is too coarse for, read off the texture: dark is deep.

A fine fold of skin catches less light than the skin about it. Its picture, less all that is coarser, says about how
deep it lies. Moles read as pits and hairs as grooves, so that hairy places are held flat; it is relief that looks right
and no measurement.

After: Beeler et al., "High-Quality Single-Shot Capture of Facial Geometry", SIGGRAPH 2010 (mesoscopic augmentation).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.texture import BAKED, Texture
from faceplate.reconstruct.uv import UvTile, texels, whole_map

FINE, COARSE = 0.15, 1.2
"""mm: what is smaller is noise, what is larger is paint or shape."""

DEEP = 1.2
"""mm that a fold lies deeper for a display-encoded brightness of 1 less."""

MOST = 0.25
"""mm, no fold is deeper than that, and no ridge higher."""

HAIRY = (0.03, 0.07)
"""RMS of fine brightness over 3 mm from which on it may be, and surely is, hair."""

_LARGEST = 2048  # texels: finer than a quarter of a millimetre on a face, which photos seldom show


@dataclass(frozen=True)
class Relief:
    """`height`: (S, S) float32 mm, outwards, 0 where nothing is known. `normals`: (S, S, 3) float32 0-1, tangent space
    as glTF has it: (x, y, z) * 0.5 + 0.5, x along u, y along v. Row 0 is v = 1.
    """

    height: NDArray[np.float32]
    normals: Image


def read_relief(head: HeadModel, points: np.ndarray, texture: Texture, tile: UvTile | None = None) -> Relief:
    """Heights and normals of what a texture shows finely.

    Args:
        head: the model. points: (V, 3) mm, the head that the texture is on.
        texture: as `bake_texture` made it; what no photo showed stays flat.
        tile: which square of the UVs it is of; None for the map of one tile.

    Returns:
        of the texture's size, or 2048 texels where that is larger.
    """
    size = min(len(texture.colour), _LARGEST)
    colour, trust = (
        cv2.resize(each, (size, size), interpolation=cv2.INTER_AREA)
        for each in (texture.colour, texture.confidence)
    )
    grey = np.asarray(colour, np.float32).mean(2)
    texel, skin = _texel_sizes(head, points, size, tile or whole_map(head))
    typical = float(np.median(texel[skin])) if skin.any() else 1.0
    fine = _soft(grey, FINE / typical) - _soft(grey, COARSE / typical)
    rough = np.sqrt(_soft(fine * fine, 3.0 / typical))
    low, high = HAIRY
    trust = trust * skin * (1 - ((rough - low) / (high - low)).clip(0, 1))
    height = MOST * np.tanh(DEEP / MOST * fine) * _soft(np.asarray(trust, np.float32), 0.5 / typical)
    return Relief(height.astype(np.float32), _normals(height, texel))


def _normals(height: np.ndarray, texel: np.ndarray) -> Image:
    """(S, S, 3) 0-1, from heights and the size of texels, both mm."""
    along = cv2.filter2D(height, -1, np.array([[-0.5, 0.0, 0.5]], np.float32)) / texel
    down = cv2.filter2D(height, -1, np.array([[-0.5], [0.0], [0.5]], np.float32)) / texel
    normal = np.dstack([-along, down, np.ones_like(along)])  # v goes up where rows go down
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    return (normal * 0.5 + 0.5).astype(np.float32)


def _texel_sizes(
    head: HeadModel, points: np.ndarray, size: int, tile: UvTile
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(S, S) mm that a texel is wide, and whether it is skin; 1 mm where there is none."""
    texel, skin = np.ones(size * size, np.float32), np.zeros(size * size, bool)
    ends = np.linalg.norm(np.diff(points[head.quads[tile.faces, :2]], axis=1)[:, 0], axis=1)
    in_uv, region_of = tile.across(head, size), head.quad_region[tile.faces]
    of_region = np.ones(len(head.region_names), np.float32)
    for number in range(len(head.region_names)):
        ours = (region_of == number) & (in_uv > 1e-6)
        if ours.any():
            of_region[number] = np.median(ends[ours] / in_uv[ours])
    baked = np.isin(head.region_names, BAKED)
    for part in texels(head, size, tile=tile):
        region = head.quad_region[part.face]
        texel[part.place], skin[part.place] = of_region[region], baked[region]
    return texel.reshape(size, size), skin.reshape(size, size)


def _soft(picture: np.ndarray, sigma: float) -> NDArray[np.float32]:
    return np.asarray(
        cv2.GaussianBlur(picture, (0, 0), max(sigma, 0.3), borderType=cv2.BORDER_REFLECT), np.float32
    )
