"""A clip of a head that is known: its own face rendered, frame by frame, with weights and turns that are known, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from faceplate.colour import SRGB
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import Camera, HeadPose, camera_for_lens, project
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.mesh import MATERIALS, material_of, vertex_normals
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.raster import rasterise
from faceplate.reconstruct.shade import shading

_FINER = 2  # samples of a pixel's side
_TONE = np.array([0.42, 0.27, 0.2])
_BACK = np.array([0.12, 0.14, 0.16])


@dataclass(frozen=True)
class Acted:
    """Somebody acting: `person` (K,) coefficients, `weights` (T, E), `turns` (T, 3) radians; the lens stands still."""

    person: np.ndarray
    weights: np.ndarray
    turns: np.ndarray
    side: int = 256
    distance: float = 900.0
    lens: float = 130.0

    @property
    def camera(self) -> Camera:
        return camera_for_lens(self.side, self.side, millimetres=self.lens)

    def pose(self, frame: int) -> HeadPose:
        return HeadPose(self.turns[frame], np.array([0.0, 0.0, self.distance]))

    def points(self, head: HeadModel, frame: int) -> np.ndarray:
        """(68, 2) pixels, where the points truly are."""
        rest = head.rest(self.person, self.weights[frame]).astype(np.float64)
        return project(head.landmarks["68"].on(rest), self.pose(frame), self.camera)[:, :2]


def weights_of(head: HeadModel, curves: Mapping[str, Sequence[float] | np.ndarray]) -> np.ndarray:
    """(T, E) from curves by name, all of one length."""
    return np.stack(
        [head.weights(dict(zip(curves, row, strict=True))) for row in np.stack(list(curves.values()), 1)]
    )


def picture_of(head: HeadModel, albedo: Albedo, acted: Acted, frame: int) -> np.ndarray:
    """(H, W, 3) uint8, sRGB: one frame, lit softly from above and from one side, with the grain of a camera."""
    rest = head.rest(acted.person, acted.weights[frame])
    joints = head.joints(head.rest(acted.person))
    vertices = head.posed(rest, joints, eye_turns(head, acted.weights[frame]))
    middle = acted.side * _FINER / 2
    camera = Camera(acted.camera.focal * _FINER, (middle, middle))
    size = (acted.side * _FINER, acted.side * _FINER)
    triangles = _opaque(head)
    raster = rasterise(project(vertices, acted.pose(frame), camera), triangles, size)
    light = np.zeros((9, 3))
    light[:4] = np.array([[2.6], [0.5], [0.9], [0.4]])
    lit = _colours(head, albedo) * np.maximum(shading(vertex_normals(vertices, head.quads), light), 0.02)
    here = raster.covered
    pixels = np.broadcast_to(_BACK, (*size, 3)).copy()
    corners = triangles[raster.triangle[here]]
    pixels[here] = (lit[corners] * raster.weights[here][..., None]).sum(1)
    shown = SRGB.encode(np.clip(pixels, 0, 1).astype(np.float32))
    small = cv2.resize(shown, (acted.side, acted.side), interpolation=cv2.INTER_AREA)
    grain = np.random.default_rng(frame).normal(0, 0.008, small.shape)
    return np.clip((small + grain) * 255 + 0.5, 0, 255).astype(np.uint8)


def _opaque(head: HeadModel) -> np.ndarray:
    """(F, 3) all triangles but those that are seen through: lashes and corneas."""
    clear = [k for k, region in enumerate(head.region_names) if MATERIALS[material_of(region)][0][3] < 1]
    return triangles_of(head.quads[~np.isin(head.quad_region, clear)])[0]


def _colours(head: HeadModel, albedo: Albedo) -> np.ndarray:
    """(V, 3) scene-linear: skin as the albedo's mean has it, all else as its material."""
    owner = np.zeros(len(head.mean), int)
    names = [material_of(region) for region in head.region_names]
    for region, quads in ((k, head.quads[head.quad_region == k]) for k in range(len(names))):
        owner[quads[quads >= 0]] = region
    plain = np.array([MATERIALS[names[k]][0][:3] for k in owner])
    skin = np.array([names[k] == "skin" for k in owner]) & albedo.known
    return np.where(skin[:, None], albedo.mean * _TONE, plain)
