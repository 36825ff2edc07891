"""What a photo shows of a fitted head: which vertices, how squarely, and how far from where something else begins."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image, Matte, expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.camera import Camera, HeadPose, project, seen_from
from faceplate.reconstruct.mesh import material_of, vertex_normals
from faceplate.reconstruct.morphable import HeadModel, triangles_of
from faceplate.reconstruct.raster import rasterise

RIM = 6.0
"""mm beside an outline over which a photo fades: about as far as a fit misses, and beyond it is background."""

HIDDEN = 2.0
"""mm behind what a photo sees from which a surface counts as hidden."""

FACING = (0.2, 0.65)
"""Cosines between a surface's normal and the way to the lens: up to the first it is useless, from the second good."""

WITHIN, BEYOND = 14.0, 40.0
"""mm inside the fitted outline from which on it is surely the person, and outside from which on surely not."""

COVERED = (0.15, 0.4)
"""How likely skin is covered: up to the first it counts in full, from the second not at all."""

COVER = 3.0
"""mm about what covers a face over which its edge has coloured the skin."""

_COARSE = 400  # pixels, the longer side of the picture in which the person is told from what is behind
_LARGEST = 2048  # pixels, the longer side of the picture in which it is decided what hides what

_CLEAR = ("cornea", "lashes")


@dataclass(frozen=True)
class Shown:
    """One photo, and the head in it.

    `pixels`: (H, W, 3) float32, display-encoded sRGB, 0-1. `points`: (V, 3) of each vertex, x and y in pixels and the
    distance in mm. `facing`: (V,) 0-1, how squarely. `depth`, `clear`: (h, w) pictures, smaller by `scale`: distance in
    mm of what is seen, infinite where nothing is, and 0-1 how far from an outline. `millimetre`: pixels of the photo
    that a mm of the head is long.
    """

    pixels: Image
    points: NDArray[np.float64]
    facing: NDArray[np.float32]
    depth: NDArray[np.float32]
    clear: NDArray[np.float32]
    scale: float
    millimetre: float = 1.0

    def trust(self, x: np.ndarray, y: np.ndarray, distance: np.ndarray) -> NDArray[np.float32]:
        """(N,) 0-1: how far points at these pixels and distances (mm) are seen, whatever way they face."""
        height, width = self.depth.shape
        with np.errstate(invalid="ignore"):
            column, row = np.floor(x * self.scale), np.floor(y * self.scale)
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (distance > 0)
        column = np.where(inside, column, 0).astype(np.int64)
        row = np.where(inside, row, 0).astype(np.int64)
        seen = inside & (distance <= self.depth[row, column] + HIDDEN)
        return np.where(seen, self.clear[row, column], np.float32(0))

    def at_vertices(self) -> NDArray[np.float32]:
        """(V,) 0-1: how well each vertex is seen."""
        return self.facing * self.trust(*self.points.T)

    def uncovered(self, covered: Matte) -> "Shown":
        """The same without what something covers: (H, W) 0-1 of the photo, with COVER mm about it."""
        size = self.clear.shape[::-1]
        hidden = np.asarray(cv2.resize(covered, size, interpolation=cv2.INTER_AREA), np.float32)
        pixel = self.millimetre * self.scale
        hidden = cv2.GaussianBlur(
            cv2.dilate(hidden, _disc(COVER * pixel)), (0, 0), max(COVER * pixel / 2, 0.3)
        )
        low, high = COVERED
        return replace(self, clear=self.clear * np.clip((high - hidden) / (high - low), 0, 1))

    def blurred(self, sigma: float) -> "Shown":
        """The same with a softer photo: `sigma` in pixels."""
        soft = cv2.GaussianBlur(self.pixels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        return replace(self, pixels=np.asarray(soft, np.float32))

    def colours(self, x: np.ndarray, y: np.ndarray) -> NDArray[np.float32]:
        """(N, 3) the photo at these pixels, cubic; its rim is continued outwards."""
        wide = 4096
        count = len(x)
        rows = -(-count // wide) if count else 0
        if not rows:
            return np.zeros((0, 3), np.float32)
        place = np.zeros((2, rows * wide), np.float32)
        place[0, :count], place[1, :count] = x - 0.5, y - 0.5  # OpenCV counts from pixel centres
        found = cv2.remap(
            self.pixels,
            place[0].reshape(rows, wide),
            place[1].reshape(rows, wide),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.clip(found.reshape(-1, 3)[:count], 0, 1).astype(np.float32)


def show(
    head: HeadModel,
    points: np.ndarray,
    pose: HeadPose,
    camera: Camera,
    pixels: Image,
    *,
    find_person: bool = True,
) -> Shown:
    """Lay a fitted head over its photo.

    Args:
        head: the model. points: (V, 3) mm, as the head is in this photo, its expression included.
        pose, camera: of this photo.
        pixels: (H, W, 3) float32, display-encoded sRGB, 0-1.
        find_person: whether colours are to tell the person from what is behind, a tenth of a second of work; else all
            that the head covers is taken for the person.

    Raises:
        ShapeError: arrays of other sizes. RangeError: the head is not in front of the lens.
    """
    sizes = expect_shapes({"V": len(head.mean)}, points=(points, "V 3"), pixels=(pixels, "H W 3"))
    placed = project(points, pose, camera)
    if not (placed[:, 2] > 0).all():
        raise RangeError("the whole head should be in front of the lens; check the pose")
    scale = min(1.0, _LARGEST / max(sizes["H"], sizes["W"]))
    size = (max(1, round(sizes["H"] * scale)), max(1, round(sizes["W"] * scale)))
    raster = rasterise(placed * (scale, scale, 1), opaque(head), size)
    depth = raster.depth.astype(np.float32)
    millimetre = camera.focal / float(np.median(placed[:, 2]))
    pixel = millimetre * scale  # of the smaller picture, for a mm
    person = person_in(pixels, raster.covered, pixel) if find_person else raster.covered
    return Shown(
        np.ascontiguousarray(pixels, np.float32),
        placed,
        _facing(points, head, pose),
        depth,
        _clear(depth, raster.covered & person, RIM * pixel),
        scale,
        millimetre,
    )


def person_in(pixels: Image, covered: np.ndarray, millimetre: float) -> NDArray[np.bool_]:
    """Where a photo shows the person and not what is behind: a fitted head is never quite as wide as the real one.

    Well inside the head is the person, well outside is not; between the two the colours decide.

    Args:
        pixels: (H, W, 3) float32, display-encoded sRGB, 0-1. covered: (h, w) bool, the head's picture, same shape of
            frame. millimetre: pixels of `covered` that a mm is long.

    Returns:
        (h, w) bool.

    After: Rother, Kolmogorov and Blake, "GrabCut", SIGGRAPH 2004, as OpenCV has it, seeded, at a coarse size.
    """
    height, width = covered.shape
    scale = min(1.0, 1.0 / max(millimetre, 1e-6), _COARSE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    head = cv2.resize(covered.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    inner, outer = (_disc(mm * millimetre * scale) for mm in (WITHIN, BEYOND))
    mask = np.full(head.shape, cv2.GC_BGD, np.uint8)
    mask[cv2.dilate(head, outer) > 0] = cv2.GC_PR_BGD
    mask[head > 0] = cv2.GC_PR_FGD
    mask[cv2.erode(head, inner, borderValue=1) > 0] = cv2.GC_FGD
    if not ((mask == cv2.GC_FGD).any() and (mask == cv2.GC_BGD).any()):
        return np.ones(covered.shape, bool)
    small = cv2.resize(np.asarray(pixels, np.float32), size, interpolation=cv2.INTER_AREA)
    shown = np.clip(small[..., ::-1] * 255, 0, 255).astype(np.uint8)
    cv2.setRNGSeed(0)  # its colours are clustered from random starts: the same photo gives the same head
    cv2.grabCut(shown, mask, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    person = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    return cv2.resize(person, (width, height), interpolation=cv2.INTER_NEAREST) > 0


def _disc(radius: float) -> NDArray[np.uint8]:
    side = 2 * max(1, round(radius)) + 1
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)).astype(np.uint8)


def opaque(head: HeadModel) -> NDArray[np.int32]:
    """(F, 3) the triangles that hide what is behind them: all but corneas and lashes."""
    clear = np.array([material_of(region) in _CLEAR for region in head.region_names])
    return triangles_of(head.quads[~clear[head.quad_region]])[0]


def _facing(points: np.ndarray, head: HeadModel, pose: HeadPose) -> NDArray[np.float32]:
    normals = vertex_normals(points, head.quads).astype(np.float64)
    seen = seen_from(points, pose)
    turned = seen_from(points + normals, pose) - seen
    cosine = -(turned * seen).sum(1) / np.linalg.norm(seen, axis=1)
    low, high = FACING
    share = ((cosine - low) / (high - low)).clip(0, 1)
    return (share * share * (3 - 2 * share)).astype(np.float32)


def _clear(depth: np.ndarray, covered: np.ndarray, reach: float) -> NDArray[np.float32]:
    """0 beside outlines and at the picture's rim, 1 from `reach` pixels away."""
    inner = np.where(covered, depth, np.float32(1e6))
    near = cv2.erode(inner, np.ones((3, 3), np.uint8))
    far = cv2.dilate(inner, np.ones((3, 3), np.uint8))
    # a surface seen at a steep angle runs away by several mm a pixel; what is hidden begins with a step
    whole = (covered & (far - near < max(4.0, 16.0 / max(reach, 1.0)))).astype(np.uint8)
    whole[[0, -1]] = 0
    whole[:, [0, -1]] = 0
    away = cv2.distanceTransform(whole, cv2.DIST_L2, cv2.DIST_MASK_5)
    return np.clip(away / max(reach, 1.0), 0, 1).astype(np.float32)
