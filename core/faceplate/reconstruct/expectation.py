"""What is expected of coefficients before a photo's points are seen: by a net that looked at it, say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError


@dataclass(frozen=True)
class Expectation:
    """A normal for each of n coefficients.

    `mean` (n,) and `spread` (n,), its standard deviation, above 0; where either is NaN or infinite nothing is known,
    and the head model's own statistics hold.
    """

    mean: NDArray[np.floating]
    spread: NDArray[np.floating]

    def __post_init__(self) -> None:
        expect_shapes(mean=(self.mean, "N"), spread=(self.spread, "N"))
        if (np.asarray(self.spread)[self.known] <= 0).any():
            raise RangeError("what is expected needs spreads above 0; say NaN where nothing is known")

    @property
    def known(self) -> NDArray[np.bool_]:
        """(n,) whether anything is."""
        return np.isfinite(self.mean) & np.isfinite(self.spread)

    def over(self, places: np.ndarray, spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the coefficients at `places`; 0 and `spread` where nothing is known."""
        known = self.known[places]
        mean = np.where(known, np.asarray(self.mean, np.float64)[places], 0.0)
        return mean, np.where(known, np.asarray(self.spread, np.float64)[places], spread)


def pooled(expectations: Sequence[Expectation], shared: float) -> Expectation:
    """One expectation of what several photos have in common, each photo's own having been told by the same net.

    Args:
        expectations: one or more, of the same n coefficients, whose prior is a normal of unit width.
        shared: 0-1, how much of the errors' variance the photos have in common; what is shared is not averaged away.

    Each is taken for what its photo and the prior say together, so that the prior is counted once. A coefficient
    that no photo tells stays unknown.
    """
    if not expectations or not 0 <= shared <= 1:
        raise RangeError("expectations are pooled from at least one, and what they share is 0-1")
    count = len(expectations[0].mean)
    for each in expectations:
        expect_shapes({"N": count}, mean=(each.mean, "N"))
    known = np.stack([each.known for each in expectations])
    mean, spread = np.zeros(known.shape), np.zeros(known.shape)
    for row, each in enumerate(expectations):
        mean[row], spread[row] = each.over(np.arange(count), 1.0)
    # what a photo alone says: its share of the precision, and where that puts the coefficient
    precision = np.where(known, np.maximum(1 / spread**2 - 1, 1e-6), 0.0)
    told = np.where(known, mean / spread**2, 0.0)
    photos = np.maximum(known.sum(0), 1)
    inflated = 1 + shared * (photos - 1)  # n errors of equal width, a share of their variance common to all
    total = 1 + precision.sum(0) / inflated
    nothing = ~known.any(0)
    return Expectation(
        np.where(nothing, np.nan, told.sum(0) / inflated / total),
        np.where(nothing, np.nan, 1 / np.sqrt(total)),
    )
