"""What a head does over a clip: one identity, and for every frame its expression and pose, fitted alone and smoothed.

After: Blanz, Basso, Poggio and Vetter, "Reanimating Faces in Images and Video", Eurographics 2003 (identity held while
expression and pose are fitted frame by frame); the curves by `curves.py`.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import Points
from faceplate.errors import RangeError
from faceplate.reconstruct.camera import Camera
from faceplate.reconstruct.curves import smooth_curves
from faceplate.reconstruct.descent import descend
from faceplate.reconstruct.expectation import Expectation
from faceplate.reconstruct.gaze import eye_turns
from faceplate.reconstruct.head_fit import FitParams, View
from faceplate.reconstruct.morphable import POSE_NAMES, HeadModel
from faceplate.reconstruct.pipeline import PROFILE, less_jaw, noise_of_points, yaw_of
from faceplate.reconstruct.points_problem import PointsProblem

_ROUNDS = 40
_JAW_FADES = (0.15, 0.35)  # radians that the head is turned, over which its far jaw becomes a mere outline
_ENOUGH = 1e-6  # a share of the cost: frames are compared with one another, so each is fitted to its end


@dataclass(frozen=True)
class ClipFrame:
    """The face on one frame of a clip.

    `number`: the frame's. `points`: (68, 2) display window pixels. `trust`: (68,) 0-1. `spread`: pixels, how far points
    may be off. `stretch`: frames that share it follow each other without a cut; curves are smoothed within one.
    `expected`: of the (E,) expressions, what is known of them before the points are seen, or None.
    """

    number: int
    points: Points = field(repr=False)
    trust: NDArray[np.float32] = field(repr=False)
    spread: float = 0.0
    stretch: int = 0
    expected: Expectation | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Performance:
    """A head's movement over the T frames that were asked for; rows are NaN where the face was not seen.

    `frames`: (T,) int, rising, `step` apart or a multiple of it. `rate`: frames a second, counted as `frames` counts.
    `weights`: (T, E) 0-1, smoothed, correctives set by their drivers. `turns`: (T, 3) the head's rotation vector,
    radians, and `moves`: (T, 3) mm, both as `camera.HeadPose`, smoothed. `fitted`: (T, E) weights as each frame alone
    gave them. `off`: (T,) RMS distance of the trusted points in pixels. `camera`: of all frames.
    """

    frames: NDArray[np.int64]
    rate: Fraction
    weights: NDArray[np.float32] = field(repr=False)
    turns: NDArray[np.float64] = field(repr=False)
    moves: NDArray[np.float64] = field(repr=False)
    fitted: NDArray[np.float32] = field(repr=False)
    off: NDArray[np.float64] = field(repr=False)
    camera: Camera

    @property
    def found(self) -> NDArray[np.bool_]:
        """(T,), on which frames the face was seen."""
        return np.isfinite(self.off)

    @property
    def lost(self) -> list[int]:
        """The numbers of the frames on which it was not."""
        return self.frames[~self.found].tolist()

    def joint_turns(self, head: HeadModel, row: int) -> dict[str, NDArray[np.float64]]:
        """Joint name -> rotation vector (3,), radians, on one frame: the head, and the eyes as the weights look."""
        return {"head": self.turns[row], **eye_turns(head, self.weights[row])}

    def poses(self, head: HeadModel) -> NDArray[np.float64]:
        """(T, 21) all pose values, in the order of `POSE_NAMES`.

        Neck and jaw are 0: the fit turns the whole head, and our jaw opens by its shapes.
        """
        found = np.full((len(self.frames), len(POSE_NAMES)), np.nan)
        for row in np.flatnonzero(self.found):
            turns = self.joint_turns(head, int(row))
            found[row] = np.concatenate(
                [
                    turns["head"], self.moves[row], np.zeros(6), turns["eye_left"], turns["eye_right"],
                    [self.camera.focal, *self.camera.centre],
                ]
            )  # fmt: skip
        return found


def follow_performance(
    head: HeadModel,
    identity: np.ndarray,
    faces: Sequence[ClipFrame],
    frames: Iterable[int],
    rate: Fraction,
    camera: Camera,
    *,
    on_frame: Callable[[], object] = lambda: None,
) -> Performance:
    """Fit expression and pose to the points of every frame, the identity held, and smooth what comes of it.

    Args:
        head: a model with the landmark set `68`. identity: up to K coefficients of it.
        faces: the frames on which the face is seen, in any order.
        frames: the numbers of all frames that were asked for, with or without the face.
        rate: frames a second.
        camera: of every frame, its focal length known by now.
        on_frame: told of every frame that is fitted. It may raise to stop the work.

    Raises:
        RangeError: no frame has a face that can be fitted; a face on a frame that was not asked for.
    """
    numbers = np.array(sorted(set(frames)), np.int64)
    rows = {int(number): row for row, number in enumerate(numbers)}
    if any(face.number not in rows for face in faces):
        raise RangeError("a face should be on one of the frames that were asked for")
    fitter = _FrameFitter.of(head, identity, faces, camera)
    shape = (len(numbers), len(fitter.problem.fitted) + 6)
    values, spread, off = np.full(shape, np.nan), np.ones(shape), np.full(len(numbers), np.nan)
    for place, face in enumerate(faces):
        on_frame()
        row = rows[face.number]
        found = fitter.fitted(place)
        if found is not None:
            values[row], spread[row], off[row] = found
    if not np.isfinite(off).any():
        raise RangeError(
            "On no frame could the head be fitted to the face's points; give frames in which the face is turned less "
            f"than {np.degrees(PROFILE):.0f} degrees to the side."
        )
    smooth = _smoothed(numbers, values, spread, faces)
    weights, fitted = (fitter.expressions(each) for each in (smooth, values))
    for row in np.flatnonzero(np.isfinite(off)):
        weights[row] = head.with_correctives(weights[row])
    return Performance(numbers, rate, weights, smooth[:, -6:-3], smooth[:, -3:], fitted, off, camera)


def _smoothed(
    numbers: np.ndarray, values: np.ndarray, spread: np.ndarray, faces: Sequence[ClipFrame]
) -> NDArray[np.float64]:
    """Every stretch's curves alone; frames that lie apart by the clip's own step are next to each other."""
    step = max(int(np.gcd.reduce(np.diff(numbers))), 1) if len(numbers) > 1 else 1
    smooth = np.full(values.shape, np.nan)
    for stretch in sorted({face.stretch for face in faces}):
        rows = np.searchsorted(numbers, sorted(face.number for face in faces if face.stretch == stretch))
        places = (numbers[rows] - numbers[rows[0]]) // step
        shape = (int(places[-1]) + 1, values.shape[1])
        seen, width = np.full(shape, np.nan), np.ones(shape)
        seen[places], width[places] = values[rows], spread[rows]
        calm = smooth_curves(seen[:, :-6], width[:, :-6], low=0, high=1)
        moved = smooth_curves(seen[:, -6:], width[:, -6:])
        smooth[rows] = np.concatenate([calm, moved], 1)[places]
    return smooth


@dataclass(frozen=True)
class _FrameFitter:
    """Frames fitted one by one: expression, turn and move are unknown, identity and lens are not."""

    head: HeadModel
    problem: PointsProblem

    @classmethod
    def of(
        cls, head: HeadModel, identity: np.ndarray, faces: Sequence[ClipFrame], camera: Camera
    ) -> "_FrameFitter":
        noise = [noise_of_points(face.points, face.spread) for face in faces]
        params = FitParams(noise=float(np.median(noise)), rounds=_ROUNDS)
        views = [View(face.points, camera, face.trust, face.expected) for face in faces]
        problem = PointsProblem.of(head, views, params)
        sigma = [size * own / params.noise for size, own in zip(problem.sigma, noise, strict=True)]
        known = head.landmarks[params.landmarks].on(head.rest(identity).astype(np.float64))
        return cls(head, replace(problem, sigma=sigma, mean=known, identity=problem.identity[:, :, :0]))

    def fitted(self, place: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float] | None:
        """Values and their standard deviations, (W + 6,) weights, turn and move, and how far off the points are;
        None of a profile, and where no head fits.
        """
        view = self.problem.views[place]
        alone = replace(self.problem, views=[view], sigma=[self.problem.sigma[place]])
        try:
            start = alone.start()
        except RangeError:
            return None
        _, pose, _ = alone.parts(start, 0)
        if abs(yaw_of(pose)) > PROFILE:
            return None
        alone = replace(alone, views=[less_jaw(view, yaw_of(pose), _jaw_share(yaw_of(pose)))])
        state = descend(alone, start, rounds=_ROUNDS, enough=_ENOUGH).state
        _, pose, _ = alone.parts(state, 0)
        if abs(yaw_of(pose)) > PROFILE:
            return None
        _, curvature = alone.linearise(state)
        own = slice(0, alone.lens(0))
        spread = np.sqrt(np.linalg.inv(curvature[own, own]).diagonal())
        far = alone.off(state, 0) * alone.sigma[0]
        trust = alone.trust(0)
        return state[own], spread, float(np.sqrt(trust @ (far**2).sum(1) / trust.sum()))

    def expressions(self, values: np.ndarray) -> NDArray[np.float32]:
        """(T, E) weights of the head from rows of what was fitted (T, W + 6)."""
        found = np.zeros((len(values), len(self.head.expressions)), np.float32)
        found[:, self.problem.fitted] = values[:, :-6]
        found[np.isnan(values).any(1)] = np.nan
        return found


def _jaw_share(yaw: float) -> float:
    """How much of the far jaw is believed; it fades, since a step would show as a jump of the mouth."""
    return float(np.interp(abs(yaw), _JAW_FADES, (1.0, 0.1)))
