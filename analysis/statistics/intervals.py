"""Intervals of a mean, of a proportion, and of the difference of paired proportions."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.resampling import LEVEL


def student_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% interval of a mean by Student's t; NaN for fewer than two values and where all are equal."""
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return np.nan, np.nan
    margin = float(stats.t.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n))
    mean = float(values.mean())
    return mean - margin, mean + margin


def wilson(count: int, total: int) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927)."""
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    p = count / total
    middle, margin = p + z**2 / (2 * total), z * np.sqrt(p * (1 - p) / total + z**2 / (4 * total**2))
    scale = 1 + z**2 / total
    # At the ends the limit is 0 or 1 exactly, but for rounding.
    low = 0.0 if count == 0 else float((middle - margin) / scale)
    return low, 1.0 if count == total else float((middle + margin) / scale)


def newcombe(both: int, only_first: int, only_second: int, neither: int) -> tuple[float, float]:
    """Score interval of the difference (first - second) of two paired proportions, from the counts of the pairs."""
    n = both + only_first + only_second + neither
    first, second = both + only_first, both + only_second
    p1, p2 = first / n, second / n
    (l1, u1), (l2, u2) = wilson(first, n), wilson(second, n)
    margins = float(first) * (n - first) * second * (n - second)
    cross = both * neither - only_first * only_second
    # The continuity correction of method 10 applies to positive correlation only.
    phi = (max(cross - n / 2, 0.0) if cross > 0 else cross) / np.sqrt(margins) if margins > 0 else 0.0
    below = (p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2
    above = (u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2
    difference = p1 - p2
    return float(difference - np.sqrt(max(below, 0.0))), float(difference + np.sqrt(max(above, 0.0)))


def clopper_pearson(count: int, total: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson 1934)."""
    alpha = (1 - level) / 2
    low = 0.0 if count == 0 else float(stats.beta.ppf(alpha, count, total - count + 1))
    high = 1.0 if count == total else float(stats.beta.ppf(1 - alpha, count + 1, total - count))
    return low, high
