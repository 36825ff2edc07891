"""What a fit to points makes small: how far the model's points are from those of photos, and how improbable a head is.

How far coefficients may stray is said by the model's statistics, not by a cut-off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from faceplate.errors import RangeError
from faceplate.reconstruct.camera import CAMERA_FROM_FACING, Camera, HeadPose, project, projection_derivatives
from faceplate.reconstruct.head_fit import Fit, FitParams, Round, View, check_fit
from faceplate.reconstruct.morphable import HeadModel, rotation
from faceplate.reconstruct.point_errors import PointErrors


@dataclass(frozen=True)
class PointsProblem:
    """Points met and coefficients kept probable.

    The unknowns are in one vector: identity, then for every view expression, turn, move; then the logarithms of the
    views' focal lengths over their cameras', first each view's own part, last what all have in common.

    `pull`: pixels fix a shape up to its size, and the most probable coefficients are those of too small a head, since a
    smaller one strays less from the mean in every one of them: a hundredth less of the head is a hundredth less of
    all, a fiftieth of their squares' sum. What is asked for instead is the most probable size, all shapes of that size
    together: of a larger head there are more that pixels cannot tell apart, as many more as its size to the power of
    the number of coefficients that they tell. Where those are as large as the model says, that number is about their
    squares' sum; people may vary less, and then the sum is right and the number is not (MacKay, "Bayesian
    Interpolation", 1992: the evidence for how wide a prior is). Never is it more than the number: coefficients far
    beyond what people have would ask for a larger head, and that for larger ones. `scales`: mm of the head that a pixel
    showed in each view when that was summed; the term is 0 there.
    """

    head: HeadModel
    views: Sequence[View]
    params: FitParams
    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    fitted: np.ndarray
    sigma: list[float]
    errors: PointErrors
    pull: float = 0.0
    scales: Sequence[float] = ()

    @classmethod
    def of(cls, head: HeadModel, views: Sequence[View], params: FitParams) -> "PointsProblem":
        check_fit(head, views, params)
        points = head.landmarks[params.landmarks]
        fitted = np.flatnonzero(head.fitted) if params.expression_spread > 0 else np.zeros(0, int)

        def basis(components: np.ndarray) -> np.ndarray:
            return points.on(np.moveaxis(components, 0, -1).astype(np.float64))  # (N, 3, K)

        moves = basis(head.expressions[fitted])
        seen = np.abs(moves).max((0, 1)) > 0.3 if len(fitted) else np.zeros(0, bool)
        for view in views:
            seen |= view.expected.known[fitted] if view.expected is not None else False
        sigma = [params.noise * _size(view) for view in views]
        mean = points.on(head.mean.astype(np.float64))
        return cls(
            head,
            views,
            params,
            mean,
            basis(head.identity[: _people(head, params)]),
            moves[..., seen],
            fitted[seen],
            sigma,
            PointErrors.of(mean, params.alike, params.outlier),
        )

    # ------------------------------------------------------------ what is believed before

    @cached_property
    def prior(self) -> tuple[np.ndarray, np.ndarray]:
        """(unknowns,) what each is expected to be, and its standard deviation; infinite for poses."""
        mean, spread = np.zeros(self.size), np.full(self.size, np.inf)
        spread[: self.people] = 1
        if (expected := self.params.expected) is not None:
            known = slice(0, min(self.people, len(expected.mean)))
            mean[known], spread[known] = expected.over(np.arange(known.stop), 1.0)
        for number, view in enumerate(self.views):
            place, usual = self.place(number)[0], self.params.expression_spread or 1.0
            spread[place] = usual
            if view.expected is not None:
                mean[place], spread[place] = view.expected.over(self.fitted, usual)
        spread[self.lens(0) : -1] = self.params.lens_spread or 1.0
        spread[-1] = self.params.focal_spread or 1.0
        return mean, spread

    # ------------------------------------------------------------ the vector and its parts

    @property
    def people(self) -> int:
        return self.identity.shape[2]

    @property
    def faces(self) -> int:
        return self.expression.shape[2]

    def place(self, view: int) -> tuple[slice, slice, slice]:
        """Where a view's expression, turn and move are."""
        at = self.people + view * (self.faces + 6)
        end = at + self.faces
        return slice(at, end), slice(end, end + 3), slice(end + 3, end + 6)

    def lens(self, view: int) -> int:
        """Where a view's own focal length is; what all have in common is the last unknown."""
        return self.size - 1 - len(self.views) + view

    @property
    def size(self) -> int:
        return self.people + len(self.views) * (self.faces + 7) + 1

    def camera(self, state: np.ndarray, view: int) -> Camera:
        """A view's camera. `state` may go on beyond this problem's unknowns."""
        own = self.views[view].camera
        return Camera(own.focal * float(np.exp(state[self.lens(view)] + state[self.size - 1])), own.centre)

    def shape(self, state: np.ndarray, view: int) -> np.ndarray:
        """A view's points on the head (N, 3) mm."""
        return self.mean + self.identity @ state[: self.people] + self.expression @ state[self.place(view)[0]]

    def parts(self, state: np.ndarray, view: int) -> tuple[np.ndarray, HeadPose, Camera]:
        """A view's points on the head (N, 3) mm, its pose and its camera."""
        _, turn, move = self.place(view)
        return self.shape(state, view), HeadPose(state[turn], state[move]), self.camera(state, view)

    def start(self) -> np.ndarray:
        """The head that is expected, the mean as a rule, placed in every view by its points alone."""
        state = self.within(self.prior[0])
        for number, view in enumerate(self.views):
            pose = place_head(self.shape(state, number), view)
            _, turn, move = self.place(number)
            state[turn], state[move] = pose.turn, pose.move
        return state

    def within(self, state: np.ndarray) -> np.ndarray:
        """Expressions kept within 0-1, heads kept in front of the lens."""
        state = state.copy()
        for view in range(len(self.views)):
            expression, _, move = self.place(view)
            state[expression] = state[expression].clip(0, 1)
            state[move][2:] = max(state[move][2], 50.0)
        return state

    def free(self, state: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Which unknowns may move: not those at a bound that would cross it, not a focal length that is known."""
        free = np.ones(self.size, bool)
        for view in range(len(self.views)):
            at = self.place(view)[0]
            free[at] = ~((state[at] <= 0) & (gradient[at] > 0) | (state[at] >= 1) & (gradient[at] < 0))
        free[self.lens(0) : -1] = self.params.lens_spread > 0
        free[-1] = self.params.focal_spread > 0
        return np.flatnonzero(free)

    # ------------------------------------------------------------ what is to be small

    def off(self, state: np.ndarray, view: int) -> np.ndarray:
        """(N, 2) how far the points are from where they should be, in standard deviations."""
        points, pose, camera = self.parts(state, view)
        return (project(points, pose, camera)[:, :2] - self.views[view].points) / self.sigma[view]

    def _strange(self, state: np.ndarray, view: int) -> float:
        """How strange a head's distance is, in standard deviations."""
        if not self.params.distance_spread:
            return 0.0
        away = state[self.place(view)[2]][2]
        return float(np.log(away / self.params.distance) / self.params.distance_spread)

    def trust(self, view: int) -> np.ndarray:
        trust = self.views[view].trust
        return np.ones(len(self.mean)) if trust is None else trust.astype(np.float64)

    def sized(self, state: np.ndarray) -> "PointsProblem":
        """The same, with the pull of the coefficients towards a smaller head made up for, as it is at this state."""
        terms = self.cost(state)[0]
        scales = [self._scale(state, view) for view in range(len(self.views))]
        pull = min(
            terms["identity"] + terms["expression"],
            self._told(self.linearise(state)[1]),
        )
        return replace(self, pull=pull, scales=scales)

    def _told(self, curvature: np.ndarray) -> float:
        """How many of the coefficients are told, rather than left to the prior."""
        left = np.linalg.inv(curvature).diagonal()
        shape = np.concatenate(
            [
                np.arange(self.people),
                *(np.arange(self.size)[self.place(v)[0]] for v in range(len(self.views))),
            ]
        )
        return float((1 - left[shape] / self.prior[1][shape] ** 2).sum())

    def _scale(self, state: np.ndarray, view: int) -> float:
        """mm of the head that a pixel shows: a head seen so far off through so long a lens is that much larger."""
        return float(state[self.place(view)[2]][2] / self.parts(state, view)[2].focal)

    def cost(self, state: np.ndarray) -> tuple[dict[str, float], float]:
        """Every term alone, and their sum."""
        mean, spread = self.prior
        strayed = ((state - mean) / spread) ** 2
        terms = {"points": 0.0, "identity": float(strayed[: self.people].sum()), "expression": 0.0}
        terms["camera"], terms["size"] = float(strayed[self.lens(0) :].sum()), 0.0
        for view in range(len(self.views)):
            terms["points"] += self.errors.weighed(self.off(state, view), self.trust(view))[0]
            terms["expression"] += float(strayed[self.place(view)[0]].sum())
            terms["camera"] += self._strange(state, view) ** 2
        for view, before in enumerate(self.scales):
            larger = self._scale(state, view) / before
            terms["size"] -= 2 * self.pull / len(self.views) * float(np.log(larger))
        return terms, sum(terms.values())

    def linearise(self, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Half the gradient of the cost, and half its curvature after Gauss and Newton."""
        gradient, curvature = np.zeros(self.size), np.zeros((self.size, self.size))
        for view in range(len(self.views)):
            off = self.off(state, view)
            precision = self.errors.weighed(off, self.trust(view))[1]
            jacobian = self._jacobian(state, view) / self.sigma[view]
            weighted = np.tensordot(precision, jacobian, 1).reshape(-1, self.size)
            gradient += weighted.T @ off.ravel()
            curvature += weighted.T @ jacobian.reshape(-1, self.size)
            place = self.place(view)[2].start + 2
            share = self.pull / len(self.views) / state[place]
            gradient[place] -= share
            gradient[[self.lens(view), -1]] += share * state[place]
            curvature[place, place] += share / state[place]
            if self.params.distance_spread:
                slope = 1 / (state[place] * self.params.distance_spread)
                gradient[place] += slope * self._strange(state, view)
                curvature[place, place] += slope**2
        mean, spread = self.prior
        stiffness = np.where(np.isinf(spread), 1e-12, 1 / spread**2)
        curvature[np.diag_indices(self.size)] += stiffness
        return gradient + stiffness * (state - mean), curvature

    def _jacobian(self, state: np.ndarray, view: int) -> np.ndarray:
        """(N, 2, unknowns) pixels."""
        points, pose, camera = self.parts(state, view)
        by = projection_derivatives(points, pose, camera)
        jacobian = np.zeros((len(points), 2, self.size))
        expression, turn, move = self.place(view)
        jacobian[:, :, : self.people] = by.point @ self.identity
        jacobian[:, :, expression] = by.point @ self.expression
        jacobian[:, :, turn], jacobian[:, :, move] = by.turn, by.move
        jacobian[:, :, self.lens(view)] = jacobian[:, :, -1] = by.focal * camera.focal
        return jacobian

    # ------------------------------------------------------------ the answer

    def covariance(self, state: np.ndarray) -> np.ndarray:
        """(K, K) of the identity, all else unknown as well: Laplace's approximation about the answer."""
        gradient, curvature = self.linearise(state)
        free = self.free(state, gradient)
        found = np.eye(len(self.head.identity))
        inverted = np.linalg.inv(curvature[np.ix_(free, free)])
        found[: self.people, : self.people] = inverted[: self.people, : self.people]
        return found

    def answer(self, state: np.ndarray, log: list[Round], settled: bool) -> Fit:
        identity = np.zeros(len(self.head.identity), np.float32)
        identity[: self.people] = state[: self.people]
        fit = Fit(identity, [], [], [], [], log, settled, self.covariance(state))
        for view in range(len(self.views)):
            expression = np.zeros(len(self.head.expressions), np.float32)
            expression[self.fitted] = state[self.place(view)[0]]
            _, pose, camera = self.parts(state, view)
            off = self.off(state, view) * self.sigma[view]
            trust = self.trust(view)
            fit.expressions.append(expression)
            fit.poses.append(pose)
            fit.cameras.append(camera)
            fit.off.append(float(np.sqrt(trust @ (off**2).sum(1) / trust.sum())))
        return fit


def place_head(points: np.ndarray, view: View) -> HeadPose:
    """Where a rigid head is, from its points (N, 3) mm and a view's: SQPnP, then a few refining steps.

    Raises:
        RangeError: the points lie on one line or fit no camera.
    """
    trusted = np.ones(len(points), bool) if view.trust is None else view.trust > 0
    lens = np.array(
        [
            [view.camera.focal, 0, view.camera.centre[0]],
            [0, view.camera.focal, view.camera.centre[1]],
            [0, 0, 1],
        ]
    )
    facing = points[trusted] @ CAMERA_FROM_FACING.T
    pixels = view.points[trusted].astype(np.float64)
    found, turn, move = cv2.solvePnP(facing, pixels, lens, None, flags=cv2.SOLVEPNP_SQPNP)
    if not found or not move[2, 0] > 0:
        raise RangeError(
            "The points of a view fit no head in front of the camera. Check that they are in the order of the "
            "landmark set and in pixels with y down."
        )
    turn, move = cv2.solvePnPRefineLM(facing, pixels, lens, np.zeros(0), turn, move)
    # OpenCV turns the facing head about the camera's axes; the pose turns it about its own
    own = CAMERA_FROM_FACING.T @ rotation(turn[:, 0]) @ CAMERA_FROM_FACING
    return HeadPose(cv2.Rodrigues(own)[0][:, 0].astype(np.float64), move[:, 0].astype(np.float64))


def _people(head: HeadModel, params: FitParams) -> int:
    """How many identity components are fitted."""
    if params.identity is None:
        return len(head.identity)
    known = np.flatnonzero(params.expected.known) if params.expected is not None else ()
    return max(params.identity, int(max(known, default=-1)) + 1)


def _size(view: View) -> float:
    """Pixels, how large a face is in a view: the diagonal of the box about its trusted points."""
    points = view.points if view.trust is None else view.points[view.trust > 0]
    return float(max(np.linalg.norm(points.max(0) - points.min(0)), 1.0))
