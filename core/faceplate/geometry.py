"""Where things lie: similarity fits, matrices, and antialiased sampling.

A matrix is named destination_from_source and acts on points whose pixel centres lie at +0.5, so that enlarging an
image n times is the plain matrix diag(n, n, 1). OpenCV puts pixel centres at whole numbers; `_opencv` is the one
place where that is answered.
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Matrix, Points, expect_shapes
from faceplate.errors import RangeError

Border = Literal["reflect", "zero"]
"""What lies outside a sampled image: its mirror image, or nothing."""

Kernel = Literal["lanczos", "linear"]
"""Lanczos (4 lobes) for pixels: there and back it keeps 3 dB more than a bicubic. Linear for mattes: it cannot ring."""

_BORDERS = {"reflect": cv2.BORDER_REFLECT, "zero": cv2.BORDER_CONSTANT}
_KERNELS = {"lanczos": cv2.INTER_LANCZOS4, "linear": cv2.INTER_LINEAR}
_REACH = 5
"""Pixels a Lanczos kernel may read beyond the point it samples, one spare."""


def translation(x: float, y: float) -> Matrix:
    """Moves points by (x, y) pixels."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def scaling(factor: float) -> Matrix:
    """Scales points about the origin."""
    return np.diag([factor, factor, 1.0])


def fit_similarity(source: Points, destination: Points) -> Matrix:
    """The rotation, uniform scale and shift that bring one set of points nearest to another; never a reflection.

    Args:
        source, destination: (N, 2), pixels, N at least 2, in the same order.

    Returns:
        (3, 3) float64, destination_from_source, least squares over all points.

    Raises:
        RangeError: points that are not finite, or that all lie in one spot.
        ShapeError: sets of different length.

    After: Umeyama, "Least-Squares Estimation of Transformation Parameters", TPAMI 1991. In the plane the optimum
    without reflection is a complex division: z' = a z + b.
    """
    sizes = expect_shapes(source=(source, "N 2"), destination=(destination, "N 2"))
    if sizes["N"] < 2:
        raise RangeError(f"a similarity needs at least 2 points, got {sizes['N']}")
    if not (np.isfinite(source).all() and np.isfinite(destination).all()):
        raise RangeError("face points should be finite numbers, got NaN or Inf; place the points again")
    before, after = _complex(source), _complex(destination)
    centre_before, centre_after = before.mean(), after.mean()
    before, after = before - centre_before, after - centre_after
    spread = float((np.abs(before) ** 2).sum())
    turn = (np.conj(before) * after).sum() / spread if spread > 1e-12 * sizes["N"] else 0.0
    if abs(turn) < 1e-9:
        raise RangeError(
            "face points lie in one spot; distinct points in the order of the template were expected"
        )
    shift = centre_after - turn * centre_before
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0, 0, 1]], np.float64
    )


def inverse(matrix: Matrix) -> Matrix:
    """source_from_destination of a destination_from_source.

    Raises:
        RangeError: the matrix squashes the plane and has no inverse.
    """
    if abs(np.linalg.det(matrix)) < 1e-18:
        raise RangeError("this matrix has no inverse: it maps the plane onto a line or a point")
    return np.asarray(np.linalg.inv(matrix), np.float64)


def apply(matrix: Matrix, points: Points) -> Points:
    """Where points land. (N, 2) float32 pixels in and out."""
    expect_shapes(points=(points, "N 2"))
    return (np.asarray(points, np.float64) @ matrix[:2, :2].T + matrix[:2, 2]).astype(np.float32)


def scale_of(matrix: Matrix) -> float:
    """How many destination pixels one source pixel is long (the geometric mean over directions)."""
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))


def extent(matrix: Matrix, width: float, height: float) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1): the upright box around a mapped rectangle of this size with its corner at the origin."""
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    landed = corners @ matrix[:2, :2].T + matrix[:2, 2]
    (x0, y0), (x1, y1) = landed.min(axis=0), landed.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def prefilter_reach(shrink: float) -> int:
    """Source pixels beyond a sampled point that `warp` may look at when it shrinks this many times."""
    return int(np.ceil(3 * 0.5 * max(shrink, 1.0) + _REACH * max(shrink, 1.0)))


def warp(
    image: NDArray[np.float32],
    destination_from_source: Matrix,
    size: tuple[int, int],
    *,
    smooth: bool = True,
    border: Border = "reflect",
    kernel: Kernel = "lanczos",
) -> NDArray[np.float32]:
    """Resample an image through a similarity, antialiased when it shrinks.

    Only the part of the source that the destination looks at is touched, so a face costs the same on any plate.
    Shrinking s times averages whole blocks first where s is large, then blurs with sigma 0.5 sqrt(s^2 - 1), which
    brings a pixel's footprint from one source pixel to s of them.

    Args:
        image: (H, W) or (H, W, 3) float32, finite everywhere (one NaN would spread), any range.
        destination_from_source: (3, 3), a similarity; source coordinates start at the image's own corner.
        size: (width, height) of the result, pixels.
        smooth: False leaves out the antialiasing.
        border: what is found outside the image.
        kernel: lanczos may overshoot its neighbours, linear never does.

    Returns:
        (height, width) or (height, width, 3) float32.

    Raises:
        RangeError: an empty size.
        ShapeError: an image of another number of dimensions.
    """
    expect_shapes(
        matrix=(destination_from_source, "3 3"), image=(image, "H W" if image.ndim == 2 else "H W 3")
    )
    width, height = size
    if width < 1 or height < 1:
        raise RangeError(
            f"a warp's result should be at least one pixel wide and high, got {width} x {height}"
        )
    source_from_destination = inverse(destination_from_source)
    shrink = scale_of(source_from_destination) if smooth else 1.0
    x0, y0, x1, y1 = _looked_at(image.shape, source_from_destination, size, prefilter_reach(shrink), border)
    if x1 <= x0 or y1 <= y0:
        return np.zeros((height, width, *image.shape[2:]), np.float32)
    cut, matrix = image[y0:y1, x0:x1], destination_from_source @ translation(x0, y0)
    cut, matrix = _reduce(cut, matrix, shrink)
    cut, matrix = np.ascontiguousarray(cut, np.float32), _opencv(matrix)[:2]
    warped = cv2.warpAffine(cut, matrix, size, flags=_KERNELS[kernel], borderMode=_BORDERS[border])
    return np.asarray(warped, np.float32)


def _complex(points: Points) -> NDArray[np.complex128]:
    xy = np.asarray(points, np.float64)
    return xy[:, 0] + 1j * xy[:, 1]


def _opencv(matrix: Matrix) -> Matrix:
    """The same map between pixel centres at whole numbers."""
    return translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)


def _looked_at(
    shape: tuple[int, ...], source_from_destination: Matrix, size: tuple[int, int], reach: int, border: Border
) -> tuple[int, int, int, int]:
    """The rectangle of the source that a destination of this size can see, in whole pixels."""
    x0, y0, x1, y1 = extent(source_from_destination, *size)
    height, width = shape[:2]
    left, right = int(np.floor(x0)) - reach, int(np.ceil(x1)) + reach
    top, bottom = int(np.floor(y0)) - reach, int(np.ceil(y1)) + reach
    if border == "reflect":  # a mirror shows as much of the inside as lies beyond the edge
        left, right = min(left, 2 * width - right), max(right, -left)
        top, bottom = min(top, 2 * height - bottom), max(bottom, -top)
        left, top, right, bottom = min(left, width - 1), min(top, height - 1), max(right, 1), max(bottom, 1)
    return max(left, 0), max(top, 0), min(right, width), min(bottom, height)


def _reduce(image: NDArray[np.float32], matrix: Matrix, shrink: float) -> tuple[NDArray[np.float32], Matrix]:
    """The antialiasing before the sampling: block means while they are cheap, then a small Gaussian."""
    step = int(shrink / 2)
    if step >= 2:
        height, width = image.shape[:2]
        padded = cv2.copyMakeBorder(image, 0, -height % step, 0, -width % step, cv2.BORDER_REPLICATE)
        small = (padded.shape[1] // step, padded.shape[0] // step)
        image = np.asarray(cv2.resize(padded, small, interpolation=cv2.INTER_AREA), np.float32)
        matrix, shrink = matrix @ scaling(step), shrink / step
    sigma = 0.5 * np.sqrt(max(shrink * shrink - 1.0, 0.0))
    if sigma > 0.12:  # below that a Gaussian's nearest neighbours weigh nothing in float32
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
    return image, matrix
