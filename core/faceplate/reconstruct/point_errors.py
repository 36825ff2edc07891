"""How far points may be off, and how alike the errors of neighbours are.

Whoever marks an eye a little too low marks all of it too low, a net and a hand alike. Sixty-eight such points say
about as much as twelve whose errors have nothing to do with one another; counted as sixty-eight they would drown all
else that is known of a head, and the fit would be surer than it is right.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OWN = 0.1
"""How much of an error's variance is the point's own. On 445 renders (640 pixels, three quarters of them turned) our
net's errors were likeliest with this and a correlation that falls to 1/e over 60 mm of the mean head, in steps of 0.01,
0.03, 0.06, 0.1, 0.2 and 15-90 mm: -0.23 a coordinate (log-likelihood), against -0.54 of errors without correlation."""

_STEPS = 30


@dataclass(frozen=True)
class PointErrors:
    """Errors as a smooth field over the head plus something of each point's own, which may be large (Huber).

    `field` (N, N): covariance of the field, `own`: variance of the rest; both together are 1 for a trusted point.
    `outlier`: standard deviations of a point's own error from which it counts as L1 does.
    """

    field: NDArray[np.float64]
    own: float
    outlier: float

    @classmethod
    def of(cls, points: np.ndarray, alike: float, outlier: float) -> "PointErrors":
        """From points (N, 3) mm of the mean head; `alike`: mm over which the correlation falls to 1/e, 0 for none."""
        if alike <= 0:
            return cls(np.zeros((len(points), len(points))), 1.0, outlier)
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        return cls((1 - OWN) * np.exp(-apart / alike), OWN, outlier)

    def weighed(self, off: np.ndarray, trust: np.ndarray) -> tuple[float, NDArray[np.float64]]:
        """The cost of being off, and the precision that belongs to it.

        Args:
            off: (N, 2), in standard deviations. trust: (N,) 0-1; less is more error of the point's own, 0 no point.

        Returns:
            The least sum of squares (Huber's where large) over all ways to share `off` between field and points; and
            (N, N) symmetric P such that P `off` is half that cost's gradient.
        """
        with np.errstate(divide="ignore"):
            precision = 1 / (1 / np.asarray(trust, np.float64) - 1 + self.own)
        say = np.ones(len(off))
        eye = np.eye(len(off))
        for _ in range(_STEPS):
            root = np.sqrt(precision * say)
            inside = eye + root[:, None] * self.field * root
            whole = root[:, None] * np.linalg.solve(inside, np.diag(root))
            pulled = whole @ off  # the field's pull: own errors are this over their precision
            with np.errstate(divide="ignore", invalid="ignore"):
                own = np.where(precision[:, None] > 0, pulled / (precision * say)[:, None], 0.0)
            length = np.sqrt(precision) * np.linalg.norm(own, axis=1)
            told = np.minimum(1, self.outlier / np.maximum(length, 1e-12))
            if np.abs(told - say).max() < 1e-7:
                break
            say = told
        huber = np.where(length < self.outlier, length**2, self.outlier * (2 * length - self.outlier))
        return float(huber.sum() + (pulled * (self.field @ pulled)).sum()), (whole + whole.T) / 2
