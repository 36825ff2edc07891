"""Animation curves made calm where nothing happens and left alone where something does.

What a fit gives frame by frame trembles. A plain smoother takes the tremor and with it every blink, which is over in
two or three frames. So it is asked of each bend of a curve whether the tremor could have made it, and the stiffness
gives way where it could not.

After: Whittaker, "On a New Method of Graduation", 1923, and Eilers, "A Perfect Smoother", Analytical Chemistry 2003
(least squares with a penalty on second differences, weights, gaps). That the penalty is lifted where something happens
is a line process, Black and Rangarajan, "On the Unification of Line Processes, Outlier Rejection, and Robust Statistics
with Applications in Early Vision", IJCV 1996; here it is read off what was seen and not solved for, since solving for
it flattened short blinks. The tremor is measured by differences as in Gasser, Sroka and Jennen-Steinmetz, "Residual
Variance and Residual Pattern in Nonlinear Regression", Biometrika 1986, and the stiffness goes by Morozov's discrepancy
principle.
"""

import numpy as np
from numpy.typing import NDArray

from faceplate.arrays import expect_shapes
from faceplate.errors import RangeError

STIFFNESS = (30.0, 10.0, 3.0, 1.0, 0.3)
"""How much bends cost against the distance from what was seen, both in the tremor's size. A curve takes the first that
leaves no more of what was seen behind than the tremor is: at rest noise falls to 0.36 of itself, in speech less."""

EVENT = 1.5
"""Standard deviations of the tremor's bends, over a few frames, at which it is taken for something that happened."""

_SHARP = 4  # power: how soon about EVENT that is decided
_FOURTH = np.array(
    [1.0, -4.0, 6.0, -4.0, 1.0]
)  # what is smooth leaves nothing of these, what trembles nearly all
_FEWEST = 8  # bends, below which nothing can be said of a curve's tremor
_CALMEST = 0.02  # of the spread that was told


def smooth_curves(
    values: np.ndarray,
    spread: np.ndarray,
    *,
    low: float = -np.inf,
    high: float = np.inf,
) -> NDArray[np.float64]:
    """Take the tremor out of curves, and leave blinks, closures of the mouth and whatever else is larger than it.

    A curve's tremor is measured on itself, at most as large as `spread` says and as curves have it in the middle; how
    much each frame counts is told by `spread`. Frames without values count nothing and are given none, but the curve
    goes on behind them.

    Args:
        values: (T, K), one row a frame, in frames next to each other; a row of NaN where nothing was seen.
        spread: (T, K) above 0, standard deviation of each value as its fit tells it, in the values' unit; what it holds
            in rows without values is not read.
        low, high: bounds of every value, which hold afterwards.

    Returns:
        (T, K), NaN where `values` is.

    Raises:
        ShapeError, RangeError: arrays of different shapes; rows that are partly NaN; a spread not above 0.
    """
    sizes = expect_shapes(values=(values, "T K"))
    expect_shapes(sizes, spread=(spread, "T K"))
    known = np.isfinite(values)
    seen = np.asarray(known.all(axis=1))
    if (known.any(axis=1) & ~seen).any():
        raise RangeError("a frame should have a value for every curve or for none")
    if not (spread[seen] > 0).all():
        raise RangeError("spread should be above 0")
    smooth = np.full(values.shape, np.nan)
    frames = np.flatnonzero(seen)
    if not len(frames):
        return smooth
    stretch = slice(frames[0], frames[-1] + 1)
    smooth[stretch] = _smoothed(values[stretch].astype(np.float64), spread[stretch], seen[stretch])
    smooth[~seen] = np.nan
    return np.clip(smooth, low, high)


def _smoothed(values: np.ndarray, spread: np.ndarray, seen: np.ndarray) -> NDArray[np.float64]:
    """Curves (T, K) whose first and last rows were seen; something everywhere."""
    places = np.arange(len(values))
    values, spread = (
        np.stack([np.interp(places, places[seen], column[seen]) for column in each.T], 1)
        for each in (values, spread)
    )
    if len(values) < 3:
        return values
    trembles = spread * _tremor(values, spread, seen)
    weights = seen[:, None] / trembles**2
    scale = np.median(weights[seen], axis=0)
    variance = trembles**2
    bends = np.sqrt(variance[:-2] + 4 * variance[1:-1] + variance[2:])
    lifts = 1 + (_pooled((np.diff(values, 2, axis=0) / bends) ** 2) / EVENT**2) ** _SHARP
    curves, left = values.copy(), np.ones(values.shape[1], bool)
    for stiffness in STIFFNESS:
        tried = _least(
            weights[:, left], (weights * values)[:, left], stiffness * scale[left] / lifts[:, left]
        )
        off = (weights[:, left] * (tried - values[:, left]) ** 2).sum(0) / seen.sum()
        chosen = (off <= 1) | (stiffness == STIFFNESS[-1])
        places = np.flatnonzero(left)[chosen]
        curves[:, places] = tried[:, chosen]
        left[places] = False
    return curves


def _pooled(squares: np.ndarray) -> NDArray[np.float64]:
    """(T, K) means over five frames, the nearest counting most: what happens bends a curve several times."""
    found, total = np.zeros(squares.shape), np.zeros(squares.shape)
    for shift in range(-2, 3):
        here = slice(max(shift, 0), len(squares) + min(shift, 0))
        there = slice(max(-shift, 0), len(squares) + min(-shift, 0))
        found[here] += (3 - abs(shift)) * squares[there]
        total[here] += 3 - abs(shift)
    return found / total


def _tremor(values: np.ndarray, spread: np.ndarray, seen: np.ndarray) -> NDArray[np.float64]:
    """(K,) how large each curve's tremor is, as a share of the spread that was told, at most 1.

    The median over fourth differences, which movement slower than five frames hardly has; a curve that rests on its
    bound does not move, and says nothing. No curve is taken to tremble more than curves do in the middle: one that
    only ever blinks would take its blinks for tremor.
    """
    count = len(values) - 4
    if count < 1:
        return np.ones(values.shape[1])
    bends, variance = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    whole = np.ones(count, bool)
    for shift, share in enumerate(_FOURTH):
        there = slice(shift, shift + count)
        bends += share * values[there]
        variance += (share * spread[there]) ** 2
        whole &= seen[there]
    size = np.abs(bends / np.sqrt(variance))
    said = whole[:, None] & (np.ptp(np.lib.stride_tricks.sliding_window_view(values, 5, axis=0), axis=2) > 0)
    found, moves = np.ones(values.shape[1]), said.sum(0)
    for curve in np.flatnonzero(moves >= _FEWEST):
        found[curve] = np.median(size[said[:, curve], curve]) / 0.6745  # of a normal's absolute values
    telling = (moves >= _FEWEST) & (2 * moves >= whole.sum())
    if telling.any():
        found = np.minimum(found, np.median(found[telling]))
    return np.clip(found, _CALMEST, 1.0)


def _least(weights: np.ndarray, wanted: np.ndarray, stiff: np.ndarray) -> NDArray[np.float64]:
    """(T, K) curves x that make weights x x - 2 wanted x, and stiff times their second differences squared, least.

    Args:
        weights, wanted: (T, K). stiff: (T - 2, K).

    Five diagonals, factored as L D L' for all curves at once.
    """
    main, first, second = weights.copy(), np.zeros_like(weights), np.zeros_like(weights)
    for shift, share in enumerate((1.0, 4.0, 1.0)):
        main[shift : shift + len(stiff)] += share * stiff
    for shift in (0, 1):
        first[shift : shift + len(stiff)] -= 2 * stiff
    second[: len(stiff)] += stiff
    found = wanted.copy()
    for row in range(len(main)):
        for back, below in ((1, first), (2, second)):
            if row >= back:
                # what stands in `first` and `second` behind this row is already divided by its diagonal
                main[row] -= below[row - back] ** 2 * main[row - back]
                found[row] -= below[row - back] * found[row - back]
        if row:
            first[row] -= second[row - 1] * main[row - 1] * first[row - 1]
        first[row] /= main[row]
        second[row] /= main[row]
    found /= main
    for row in range(len(main) - 2, -1, -1):
        found[row] -= first[row] * found[row + 1]
        if row + 2 < len(main):
            found[row] -= second[row] * found[row + 2]
    return found
