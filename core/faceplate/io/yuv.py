"""A video frame's planes as float32 RGB, and a change in RGB carried back into the planes.

The planes are never converted there and back: what goes back is the difference, so that a sample whose colour did not
change keeps its number and reaches the encoder untouched. Matrices after ITU-R BT.601, BT.709, BT.2020
(non-constant luminance) and SMPTE 240M; chroma sits left of its pair of lines, as MPEG-2 and H.264 place it.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from faceplate.arrays import Image
from faceplate_client.errors import InputError

BT709, BT601, BT2020 = (0.2126, 0.0722), (0.299, 0.114), (0.2627, 0.0593)
_WEIGHTS = {1: BT709, 4: (0.30, 0.11), 5: BT601, 6: BT601, 7: (0.212, 0.087), 9: BT2020, 10: BT2020}
"""H.273 matrix coefficients -> the weights of red and blue in luma."""

_NAME = re.compile(r"^(?:(yuvj|yuva|yuv)(420|422|444|440|411|410)p|(gbrp|gray))(9|10|12|14|16)?(?:le)?$")
_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0), "440": (0, 1), "411": (2, 0), "410": (2, 2)}


@dataclass(frozen=True)
class Layout:
    """How a pixel format lays its planes out.

    `family`: yuv, rgb (planes in the order G B R) or grey. `shift`: log2 of how much narrower and lower the chroma
    planes are. `bits`: of a sample. `alpha`: a fourth plane follows. `full`: the name itself says full range.
    """

    family: str
    shift: tuple[int, int]
    bits: int
    alpha: bool
    full: bool

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8) if self.bits == 8 else np.dtype("<u2")

    def size(self, plane: int, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a plane in a picture of this size; odd sizes round up."""
        across, down = self.shift if self.family == "yuv" and plane in (1, 2) else (0, 0)
        return -(-width >> across), -(-height >> down)

    @property
    def count(self) -> int:
        return 1 if self.family == "grey" else 4 if self.alpha else 3


def is_planar(pix_fmt: str) -> bool:
    """Whether a format of this FFmpeg name has a layout here."""
    return _NAME.match(pix_fmt) is not None


def layout_of(pix_fmt: str) -> Layout:
    """The layout of a planar format by its FFmpeg name.

    Raises:
        InputError: it is packed, or unknown here.
    """
    found = _NAME.match(pix_fmt)
    if found is None:
        raise InputError(
            f"pixels of the kind {pix_fmt} are not read; convert the movie to ProRes, DNxHR or H.264"
        )
    kind, chroma, other, bits = found.groups()
    depth = int(bits or 8)
    if other:
        return Layout("rgb" if other == "gbrp" else "grey", (0, 0), depth, False, other == "gbrp")
    return Layout("yuv", _SHIFTS[chroma], depth, kind == "yuva", kind == "yuvj")


@lru_cache(maxsize=16)
def yuv_from_rgb(matrix: int) -> np.ndarray:
    """(3, 3) float64, R'G'B' 0-1 -> Y' 0-1, Cb and Cr -0.5 to 0.5. `matrix`: H.273 number; unknown ones are BT.709."""
    red, blue = _WEIGHTS.get(matrix, BT709)
    luma = np.array([red, 1 - red - blue, blue])
    return np.stack([luma, (np.eye(3)[2] - luma) / (2 - 2 * blue), (np.eye(3)[0] - luma) / (2 - 2 * red)])


def _scales(layout: Layout, full: bool) -> tuple[float, float, float, float]:
    """Luma's gain and offset, chroma's gain and offset, in samples."""
    top, unit = float(2**layout.bits - 1), float(2 ** (layout.bits - 8))
    if full:
        return top, 0.0, top, float(2 ** (layout.bits - 1))
    return 219 * unit, 16 * unit, 224 * unit, 128 * unit


def rgb_from_planes(planes: tuple[np.ndarray, ...], layout: Layout, *, matrix: int, full: bool) -> Image:
    """Planes -> (H, W, 3) float32 display-encoded R'G'B', black 0, white 1, unclipped; no bit of the source is lost."""
    gain, offset, chroma_gain, chroma_offset = _scales(layout, full)
    first = (planes[0].astype(np.float32) - np.float32(offset)) * np.float32(1 / gain)
    if layout.family == "grey":
        return np.repeat(first[..., None], 3, axis=2)
    if layout.family == "rgb":
        others = [
            (plane.astype(np.float32) - np.float32(offset)) * np.float32(1 / gain) for plane in planes[1:3]
        ]
        return np.stack([others[1], first, others[0]], axis=2)
    height, width = first.shape
    cb, cr = (
        _upsampled(
            (plane.astype(np.float32) - np.float32(chroma_offset)) * np.float32(1 / chroma_gain), layout.shift
        )[:height, :width]
        for plane in planes[1:3]
    )
    back = np.linalg.inv(yuv_from_rgb(matrix)).astype(np.float32)
    rgb = np.empty((height, width, 3), np.float32)
    for channel in range(3):
        rgb[..., channel] = back[channel, 0] * first + back[channel, 1] * cb + back[channel, 2] * cr
    return rgb


def planes_plus(
    planes: tuple[np.ndarray, ...], delta: Image, layout: Layout, *, matrix: int, full: bool
) -> tuple[np.ndarray, ...]:
    """Planes with a change in R'G'B' added; a sample whose change is zero keeps its number.

    Args:
        delta: (H, W, 3) float32, new minus old R'G'B', 0 where nothing changed.
    """
    gain, _, chroma_gain, _ = _scales(layout, full)
    if layout.family == "rgb":
        green_blue_red = (delta[..., channel] * gain for channel in (1, 2, 0))
        moved = [_added(plane, change, layout) for plane, change in zip(planes, green_blue_red, strict=False)]
        return (*moved, *planes[3:])
    forward = yuv_from_rgb(matrix).astype(np.float32)
    luma = _added(planes[0], (delta @ forward[0]) * gain, layout)
    if layout.family == "grey":
        return (luma,)
    chroma = [
        _added(plane, _downsampled(delta @ forward[index], layout.shift) * chroma_gain, layout)
        for index, plane in ((1, planes[1]), (2, planes[2]))
    ]
    return (luma, *chroma, *planes[3:])


def planes_of(rgb: Image, layout: Layout, *, matrix: int, full: bool) -> tuple[np.ndarray, ...]:
    """(H, W, 3) display-encoded R'G'B' -> fresh planes, rounded once; alpha, if any, is opaque.

    Brighter than white stays so as far as the samples reach, as video allows.
    """
    _, offset, _, chroma_offset = _scales(layout, full)
    height, width = rgb.shape[:2]
    planes = []
    for plane in range(layout.count):
        across, down = layout.size(plane, width, height)
        start = chroma_offset if layout.family == "yuv" and plane in (1, 2) else offset
        start = 2**layout.bits - 1 if plane == 3 else start
        planes.append(np.full((down, across), start, layout.dtype))
    finite = np.nan_to_num(rgb, nan=0.0, posinf=1.0, neginf=0.0)
    return planes_plus(tuple(planes), finite, layout, matrix=matrix, full=full)


def deeper(planes: tuple[np.ndarray, ...], source: Layout, target: Layout) -> tuple[np.ndarray, ...]:
    """The same planes with another number of bits; limited range scales by whole bits, so more bits lose nothing."""
    step = target.bits - source.bits
    if step >= 0:
        return tuple(plane.astype(target.dtype) << step for plane in planes)
    top = 2**target.bits - 1
    half = 1 << (-step - 1)
    return tuple(
        np.minimum((plane.astype(np.uint32) + half) >> -step, top).astype(target.dtype) for plane in planes
    )


def _added(plane: np.ndarray, delta: np.ndarray, layout: Layout) -> np.ndarray:
    moved = np.rint(plane.astype(np.float32) + delta)
    return np.clip(moved, 0, 2**layout.bits - 1).astype(plane.dtype)


def _upsampled(plane: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    for _ in range(shift[1]):
        above, below = np.vstack([plane[:1], plane[:-1]]), np.vstack([plane[1:], plane[-1:]])
        taller = np.empty((plane.shape[0] * 2, plane.shape[1]), np.float32)
        taller[0::2], taller[1::2] = 0.75 * plane + 0.25 * above, 0.75 * plane + 0.25 * below
        plane = taller
    for _ in range(shift[0]):
        right = np.hstack([plane[:, 1:], plane[:, -1:]])
        wider = np.empty((plane.shape[0], plane.shape[1] * 2), np.float32)
        wider[:, 0::2], wider[:, 1::2] = plane, 0.5 * (plane + right)
        plane = wider
    return plane


def _downsampled(plane: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    for _ in range(shift[0]):
        plane = np.hstack([plane, plane[:, -1:]]) if plane.shape[1] % 2 else plane
        left = np.hstack([plane[:, :1], plane[:, 1:-1:2]])
        plane = 0.5 * plane[:, 0::2] + 0.25 * (left + plane[:, 1::2])
    for _ in range(shift[1]):
        plane = np.vstack([plane, plane[-1:]]) if plane.shape[0] % 2 else plane
        plane = 0.5 * (plane[0::2] + plane[1::2])
    return plane
