"""From points to a head, second stage: the same head, moved until it also explains the colours of the photos.

Spots of skin (`skin.py`) are looked up where the head puts them in every photo, and compared with what an albedo of
known statistics would show there under nine harmonics of light. All is solved at once, coarse to fine: identity,
expressions, poses and lens as in the fit to points, which goes on to hold, and beside them albedo and light.

What a person's skin has of its own, the statistics do not know. It is the same in all photos though, and half of it the
same on both sides of the face; so it is taken for noise that views and sides have in common. Where one photo is matched
with statistics alone, several are matched with one another, and sharply.

After: Blanz and Vetter, "A Morphable Model for the Synthesis of 3D Faces", SIGGRAPH 1999; Gauss-Newton on a sparse set
of places as in Booth et al., "3D Face Morphable Models 'In-the-Wild'", CVPR 2017; harmonics after `shade.py`. A skin's
own colours are marginalised as a Gaussian, what fits badly is reweighted (Huber).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Image
from faceplate.reconstruct.albedo import Albedo
from faceplate.reconstruct.camera import Camera
from faceplate.reconstruct.colour_problem import ColourProblem, PhotometricParams
from faceplate.reconstruct.colour_round import ready
from faceplate.reconstruct.descent import descend
from faceplate.reconstruct.face_photo import FacePhoto
from faceplate.reconstruct.head_fit import Fit, FitParams, View
from faceplate.reconstruct.layers import Regions
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.points_problem import PointsProblem
from faceplate.reconstruct.skin import skin_of


@dataclass(frozen=True)
class PhotoRound:
    """One round: its blur in mm, every term's share of the cost at its start and end, and the steps it took."""

    level: float
    before: dict[str, float]
    after: dict[str, float]
    steps: int


@dataclass(frozen=True)
class Refined:
    """A fit that explains colours too.

    `fit`: as `fit_points` gives it, with the rounds that it took there. `albedo`: (K,) coefficients. `lights`: for
    each view (9, 3), in the head's own axes, scene-linear, such that pattern times shading is the photo's colour.
    `rounds`: what each did. `settled`: whether the last round moved nothing more.
    """

    fit: Fit
    albedo: NDArray[np.float32]
    lights: list[NDArray[np.float64]]
    rounds: list[PhotoRound] = field(default_factory=list)
    settled: bool = True


def refine(
    head: HeadModel,
    albedo: Albedo,
    views: Sequence[View],
    photos: Sequence[Image],
    fit: Fit,
    points: FitParams,
    params: PhotometricParams | None = None,
    regions: Sequence[Regions | None] | None = None,
) -> Refined:
    """Move a head that was fitted to points until it explains the photos.

    Args:
        head, albedo: the models.
        views: as they were given to `fit_points`. photos: (H, W, 3) float32 of each, display-encoded sRGB, 0-1.
        fit: what `fit_points` made of the views. points: with which parameters.
        params: see `PhotometricParams`.
        regions: of each photo, None where no net looked.

    Raises:
        ShapeError, RangeError: what `fit_points` and `visible.show` raise.
    """
    params = params or PhotometricParams()
    regions = regions or [None] * len(views)
    works = [FacePhoto.of(*each) for each in zip(views, photos, regions, strict=True)]
    base = PointsProblem.of(head, [work.view for work in works], points)
    skin = skin_of(head, albedo)
    problem = ColourProblem.of(head, albedo, base, skin, works, params)
    state = problem.start(fit)
    rounds, settled, damping = [], False, 1e-3
    for level in params.levels:
        problem, state = ready(problem, head, albedo, level, state)
        descent = descend(problem, state, rounds=params.steps, damping=damping, enough=1e-3)
        state, damping = descent.state, max(descent.damping, 1e-6)
        rounds.append(PhotoRound(level, descent.log[0][0], descent.log[-1][0], len(descent.log) - 1))
        settled = descent.settled
    found = _refined(problem, state, views, rounds, settled)
    return replace(found, fit=replace(found.fit, rounds=fit.rounds))


def _refined(
    problem: ColourProblem, state: np.ndarray, views: Sequence[View], rounds: list[PhotoRound], settled: bool
) -> Refined:
    """The state in words, cameras and distances in the photos' own pixels."""
    inner = problem.base.answer(state[: problem.base.size], [], settled)
    _, curvature = problem.linearise(state)
    gradient = np.zeros(problem.size)
    free = problem.free(state, gradient)
    covariance = np.eye(len(inner.identity))
    people = problem.base.people
    covariance[:people, :people] = np.linalg.inv(curvature[np.ix_(free, free)])[:people, :people]
    cameras = [
        Camera(camera.focal / work.scale, view.camera.centre)
        for camera, work, view in zip(inner.cameras, problem.works, views, strict=True)
    ]
    off = [far / work.scale for far, work in zip(inner.off, problem.works, strict=True)]
    fit = replace(inner, cameras=cameras, off=off, covariance=covariance)
    lights = [state[problem.lamp(view)].reshape(9, 3) * work.tone for view, work in enumerate(problem.works)]
    return Refined(fit, state[problem.shades].astype(np.float32), lights, rounds, settled)
