"""From points to a head, first stage: identity, expressions and pose that put the model's points on those of photos.

Levenberg-Marquardt over everything at once. Several views share one identity; each has an expression and a pose of its
own.
"""

from collections.abc import Sequence

from faceplate.reconstruct.descent import descend
from faceplate.reconstruct.head_fit import Fit, FitParams, Round, View
from faceplate.reconstruct.morphable import HeadModel
from faceplate.reconstruct.points_problem import PointsProblem


def fit_points(head: HeadModel, views: Sequence[View], params: FitParams | None = None) -> Fit:
    """Fit one head to the points of one or more views.

    Args:
        head: any head model that has the landmark set.
        views: photos of one person.
        params: see `FitParams`.

    Raises:
        ShapeError, RangeError: no views; points that are not as many as the set's; a view with fewer than six trusted
            points; a landmark set the model does not have; parameters out of range.

    After: Levenberg-Marquardt as in Madsen, Nielsen and Tingleff, "Methods for Non-Linear Least Squares Problems",
    2004; bounds by an active set. The points' term is Huber's, reweighted at every step.
    """
    problem = PointsProblem.of(head, views, params or FitParams())
    first = descend(problem, problem.start(), rounds=problem.params.rounds)
    problem = problem.sized(first.state)
    descent = descend(problem, first.state, rounds=problem.params.rounds)
    log = [Round(**terms, damping=damping) for terms, damping in (*first.log, *descent.log[1:])]
    return problem.answer(descent.state, log, descent.settled)
