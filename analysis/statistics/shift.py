"""The Hodges-Lehmann shift, and the exact signed-rank test that its interval inverts; readings of a case are a unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from analysis.statistics.resampling import LEVEL
from analysis.statistics.sign_flip import exact_p

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

OPTIONS: dict[str, str] = {
    "test": (
        "signed-rank test (signed_rank_exact): zero differences dropped, ties at mid-ranks, the signs of all "
        "differences of a case together; exact, by the distribution over all flips, and where that takes too long by "
        "the normal approximation"
    ),
    "estimate": (
        "median of the means of every two differences other than zero (Walsh averages), as the test leaves zeros out"
    ),
    "interval": (
        "the shifts of these differences that the same test at .05 does not reject, from the least to the greatest"
    ),
}
# Units times the sum of all ranks up to which the test is exact; by then the normal approximation has four good digits.
_EXACT = 50_000_000
# Means of every two different values are the places where the test can change; a finer scale has too many.
_MOST_VALUES = 2000
# Up to so many places each is looked at; among more, the ends are searched by halving.
_EACH = 200
# Differences are equal where they differ by rounding alone.
_DIGITS = 9


@dataclass(frozen=True)
class Shift:
    """A shift with the interval of the test beside it; what cannot be had is NaN.

    An end that no shift reaches is NaN, as with so few units that nothing is rejected at .05.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    remark: str | None = None  # what the interval does not tell, in words


def signed_rank_shift(units: Codes, differences: Floats) -> Shift:
    """Hodges-Lehmann estimate of paired differences, with signed-rank test and interval that flip whole units (cases).

    With one difference a unit and no ties the test is Wilcoxon's exact one, and the interval the usual one. There is
    no shift for more than 2,000 different values.
    """
    kept = np.round(differences, _DIGITS) != 0
    values, units = np.round(differences[kept], _DIGITS), units[kept]
    p_value = signed_rank_p(units, values)
    if not len(values):
        return Shift(np.nan, np.nan, np.nan, p_value, "no shift, because all differences are zero")
    places, weights = walsh_averages(values)
    if not len(places):
        return Shift(np.nan, np.nan, np.nan, p_value, f"more than {_MOST_VALUES:,} different values have no shift here")
    estimate = _weighted_median(places, weights)

    def accepts(shift: float) -> bool:
        return signed_rank_p(units, values - shift) >= 1 - LEVEL

    low, high = _accepted(places, accepts, estimate)
    remark = None
    if low >= high:
        low = high = np.nan
        remark = "no interval of the shift, because the differences have so few sizes that the test leaves one at most"
    elif np.isnan(low) or np.isnan(high):
        remark = "the interval of the shift has no end on at least one side, because so few cases reject nothing"
    elif low <= 0 <= high and not accepts(0.0):
        # The p-value jumps where differences are tied, and need not fall steadily.
        what = "ends at 0 without 0 itself" if 0 in (low, high) else "holds 0"
        remark = f"the interval of the shift {what}, which the signed-rank test beside it rejects"
    return Shift(estimate, low, high, p_value, remark)


def signed_rank_p(units: Codes, differences: Floats) -> float:
    """Two-sided p of the sum of signed ranks when signs of whole units are random; 1 where all differences are zero.

    Exact, and by the normal approximation for units and differences so many that it makes no difference.
    """
    values = np.round(differences, _DIGITS)
    kept = values != 0
    if not kept.any():
        return 1.0
    ranks = np.sign(values[kept]) * stats.rankdata(np.abs(values[kept]))
    # Mid-ranks are multiples of one half.
    sums = np.round(2 * np.bincount(units[kept], ranks)).astype(np.int64)
    p_value = exact_p(sums) if is_exact(len(np.unique(units)), len(differences)) else None
    if p_value is not None:
        return p_value
    if not sums.any():
        return 1.0
    return float(2 * stats.norm.sf(abs(sums.sum()) / np.sqrt(np.sum(sums.astype(np.float64) ** 2))))


def is_exact(n_units: int, n_pairs: int) -> bool:
    """Whether `signed_rank_p` is exact for so many differences in so many units."""
    return n_units * n_pairs * (n_pairs + 1) / 2 <= _EXACT


def walsh_averages(values: Floats) -> tuple[Floats, Floats]:
    """The different means of every two values (a value and itself included) in order, and how often each occurs.

    Empty for more different values than can be paired.
    """
    different, counts = np.unique(values, return_counts=True)
    if len(different) > _MOST_VALUES:
        return np.empty(0), np.empty(0)
    rows, columns = np.triu_indices(len(different))
    number = counts.astype(np.float64)
    pairs = np.where(rows == columns, number[rows] * (number[rows] + 1) / 2, number[rows] * number[columns])
    means = np.round((different[rows] + different[columns]) / 2, _DIGITS)
    places, where = np.unique(means, return_inverse=True)
    return places, np.asarray(np.bincount(where, pairs), dtype=np.float64)


def _weighted_median(places: Floats, weights: Floats) -> float:
    """The median of the places, each as often as its weight says."""
    reached = np.cumsum(weights)
    middle = reached[-1] / 2
    first = int(np.searchsorted(reached, middle, "left"))
    second = int(np.searchsorted(reached, middle, "right"))
    return float((places[first] + places[min(second, len(places) - 1)]) / 2)


def _accepted(places: Floats, accepts: Callable[[float], bool], estimate: float) -> tuple[float, float]:
    """Least and greatest shift that is accepted; between two neighbouring places the test is the same.

    An open stretch that is accepted reaches to the places at its ends; one that reaches beyond all places has no end,
    which is NaN. Where nothing is accepted the least is above the greatest.
    """
    gaps = (places[:-1] + places[1:]) / 2
    outside = accepts(places[0] - 1), accepts(places[-1] + 1)
    # Each place and each stretch between two of them, in order.
    points = np.empty(2 * len(places) - 1)
    points[::2], points[1::2] = places, gaps
    if len(places) <= _EACH:
        held = np.flatnonzero([accepts(float(point)) for point in points])
        if not len(held):
            return np.inf, -np.inf
        first, last = int(held[0]), int(held[-1])
    else:
        middle = int(np.argmin(np.abs(points - estimate)))
        first = _boundary(points, accepts, 0, middle)
        last = _boundary(points, accepts, len(points) - 1, middle)
    low = np.nan if outside[0] else float(places[first // 2])
    high = np.nan if outside[1] else float(places[(last + 1) // 2])
    return low, high


def _boundary(points: Floats, accepts: Callable[[float], bool], outer: int, inner: int) -> int:
    """The place farthest out that is accepted, by halving between one that is not and one that is."""
    if accepts(float(points[outer])):
        return outer
    while abs(outer - inner) > 1:
        middle = (outer + inner) // 2
        if accepts(float(points[middle])):
            inner = middle
        else:
            outer = middle
    return inner
