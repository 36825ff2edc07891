"""From points to a head, first stage: identity, expressions and pose that put the model's points on those of photos.

Levenberg-Marquardt over everything at once. Several views share one identity; each has an expression and a pose of its
own.
"""

from collections.abc import Sequence

from faceplate.reconstruct.descent import Descent, descend
from faceplate.reconstruct.head_fit import Fit, FitParams, Round, View
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.points_problem import PointsProblem


def fit_points(head: HeadModel, views: Sequence[View], params: FitParams | None = None) -> Fit:
    """Fit one head to the points of one or more views.

    Args:
        head: any head model that has the landmark set.
        views: photos of one person.
        params: see `FitParams`.

    The most probable size is asked for (`PointsProblem.pull`) where nothing is expected of the person: points alone
    gave heads that were 2 % too small. With a net's word, or colours besides, heads are right without it, and 1 to 2 %
    too large with it (23 people, one and three views).

    Raises:
        ShapeError, RangeError: no views; points that are not as many as the set's; a view with fewer than six trusted
            points; a landmark set the model does not have; parameters out of range.

    After: Levenberg-Marquardt as in Madsen, Nielsen and Tingleff, "Methods for Non-Linear Least Squares Problems",
    2004; bounds by an active set. The points' term is Huber's, reweighted at every step.
    """
    problem = PointsProblem.of(head, views, params or FitParams())
    first = descend(problem, problem.start(), rounds=problem.params.rounds)
    expected = problem.params.expected
    if expected is not None and expected.known.any():
        return problem.answer(first.state, _rounds(first), first.settled)
    problem = problem.sized(first.state)
    descent = descend(problem, first.state, rounds=problem.params.rounds)
    return problem.answer(descent.state, _rounds(first) + _rounds(descent)[1:], descent.settled)


def _rounds(descent: Descent) -> list[Round]:
    return [Round(**terms, damping=damping) for terms, damping in descent.log]
