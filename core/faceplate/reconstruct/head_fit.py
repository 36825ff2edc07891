"""What a fit of a head is given, what it believes beforehand, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Points, expect_shapes
from faceplate.errors import RangeError
from faceplate.reconstruct.camera import Camera, HeadPose
from faceplate.reconstruct.expectation import Expectation
from faceplate.reconstruct.morphable import HeadModel


@dataclass(frozen=True)
class View:
    """One photo's points.

    `points`: (N, 2) pixels, in the order of the model's landmark set. `camera`: of this photo, its focal length a
    first guess where `FitParams.focal_spread` is above 0. `trust`: (N,) 0-1, 0 for a point not seen, or None for all 1.
    `expected`: of the (E,) expressions, what is known of this photo's before its points are seen; or None. Where it
    knows of one it takes the place of `FitParams.expression_spread`.
    """

    points: Points
    camera: Camera
    trust: NDArray[np.float32] | None = None
    expected: Expectation | None = None


@dataclass(frozen=True)
class FitParams:
    """What is believed before a point is seen.

    Attributes:
        landmarks: the model's landmark set that the points are of.
        noise: 0-1, standard deviation of the points' errors as a share of the face's size in the picture.
        outlier: how many standard deviations a point may be off before it loses its say (Huber).
        alike: mm of the head over which errors of points are alike, as `point_errors`; 0 where each is by itself.
        identity: how many identity components are fitted, the strongest first; None for all.
        expression_spread: 0-1, standard deviation of an expression's weight, which stays within 0-1; 0 fits none.
        focal_spread: standard deviation of the logarithm of the focal length; 0 keeps the cameras' own.
        lens_spread: of each view's beside that; 0 where one lens took them all.
        distance: mm, how far a head stands from a camera. distance_spread: standard deviation of its logarithm; 0 where
            nothing is believed of it.
        rounds: at most so many steps that are taken.
        expected: of up to K identity components, what is known of them beyond the model's statistics; or None. All that
            it knows of are fitted, were they more than `identity`.
    """

    landmarks: str = "68"
    noise: float = 0.01
    outlier: float = 3.0
    alike: float = 60.0
    identity: int | None = None
    expression_spread: float = 0.3
    focal_spread: float = 0.0
    lens_spread: float = 0.0
    distance: float = 900.0
    distance_spread: float = 0.0
    rounds: int = 30
    expected: Expectation | None = None


@dataclass(frozen=True)
class Round:
    """What one step of the fit left, and which term holds how much of it; `damping` is Levenberg's."""

    points: float
    identity: float
    expression: float
    camera: float
    size: float
    damping: float

    @property
    def total(self) -> float:
        return self.points + self.identity + self.expression + self.camera + self.size


@dataclass(frozen=True)
class Fit:
    """A fitted head.

    `identity` (K,). `expressions`, `poses`, `cameras`: one for each view. `off`: RMS distance of the trusted points in
    pixels, for each view. `rounds`: the start, then every step taken. `settled`: whether it stopped by itself.
    `covariance`: (K, K) of the identity, how surely the points tell it; those not fitted keep their prior of 1.
    """

    identity: NDArray[np.float32]
    expressions: list[NDArray[np.float32]]
    poses: list[HeadPose]
    cameras: list[Camera]
    off: list[float]
    rounds: list[Round] = field(default_factory=list)
    settled: bool = True
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def spread(self, head: HeadModel) -> NDArray[np.float32]:
        """(V,) mm: the standard deviation of each vertex at rest, from the points' noise and the model's statistics.

        What the model cannot say at all, a nose or an ear like nobody's in its samples, is not in it.
        """
        low = np.linalg.cholesky(self.covariance + 1e-9 * np.eye(len(self.covariance))).astype(np.float32)
        moved = np.tensordot(low.T, head.identity[: len(low)], 1)
        return np.sqrt((moved**2).sum((0, 2))).astype(np.float32)


def check_fit(head: HeadModel, views: Sequence[View], params: FitParams) -> None:
    """Refuse what cannot be fitted; see `fit.fit_points`."""
    if not views:
        raise RangeError("A head is fitted to at least one view, got none.")
    if params.landmarks not in head.landmarks:
        raise RangeError(
            f"{head.id} has no landmarks {params.landmarks!r}; it has {', '.join(head.landmarks)}."
        )
    count = len(head.landmarks[params.landmarks].vertices)
    for view in views:
        expect_shapes({"N": count}, points=(view.points, "N 2"))
        if view.trust is not None:
            expect_shapes({"N": count}, trust=(view.trust, "N"))
        if view.expected is not None:
            expect_shapes({"E": len(head.expressions)}, expected=(view.expected.mean, "E"))
        trusted = count if view.trust is None else int((view.trust > 0).sum())
        if trusted < 6:
            raise RangeError(f"A view needs at least six trusted points, got {trusted}.")
    if params.identity is not None and not 1 <= params.identity <= len(head.identity):
        raise RangeError(f"identity should be 1-{len(head.identity)} components, got {params.identity}")
    if params.expected is not None and len(params.expected.mean) > len(head.identity):
        raise RangeError(
            f"{head.id} has {len(head.identity)} identity components, and something is expected of "
            f"{len(params.expected.mean)}; give one for each of the first."
        )
    if not (0 < params.noise < 1 and 0 <= params.expression_spread <= 1 and params.alike >= 0):
        raise RangeError("noise should be within 0-1, expression_spread 0-1 and alike at least 0")
    if min(params.focal_spread, params.lens_spread, params.distance_spread) < 0:
        raise RangeError("focal_spread, lens_spread and distance_spread should be at least 0")
    if min(params.outlier, params.distance) <= 0 or params.rounds < 1:
        raise RangeError("outlier and distance should be above 0 and rounds at least 1")
