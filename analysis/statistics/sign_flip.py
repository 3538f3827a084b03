"""The sign-flip test of sums over independent units (cases, or clusters of them): exact wherever that can be had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics.monte_carlo import LIMIT, PValue, drawn_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

# Additions that the exact distribution may take; a thousand million are under a second.
_WORK = 1_000_000_000
# Sums of no common grid are enumerated up to so many: two halves of them have 2**16 sums each.
_ENUMERATED = 32
_MOST_PARTS = 1000
# Relative to the largest sum; what differs by less differs by rounding.
_ROUNDING = 1e-9
# Shares of a grid step within which a multiple of it is one.
_ON_GRID = 1e-6
_BATCH = 4_000_000


def sign_flip(sums: Floats, *, rng: np.random.Generator, draws: int, limits: Sequence[float] = (LIMIT,)) -> PValue:
    """Two-sided p of the total of these sums when the sign of each is random; 1 where all are zero.

    Sums that are multiples of one step, as those of scores are, have an exact p: the distribution of the sum over all
    signs, by adding one unit after another. So have up to 32 sums of no common step, by enumeration. Otherwise it is
    drawn (`drawn_p`, begun with `draws`).
    """
    values = sums[np.abs(sums) > _ROUNDING * np.max(np.abs(sums), initial=0.0)]
    if not len(values):
        return PValue(1.0)
    steps = on_grid(values)
    if steps is not None:
        p_value = exact_p(steps)
        if p_value is not None:
            return PValue(p_value)
    if len(values) <= _ENUMERATED:
        return PValue(_enumerated(values))
    return drawn_p(lambda count: _extreme(values, rng, count), draws=draws, limits=limits)


def on_grid(values: Floats) -> Integers | None:
    """The values as multiples of their largest common step, if they have one of a readable kind; else None.

    Looked for among the simple fractions of 1 and of the smallest value, down to a thousandth.
    """
    smallest = float(np.min(np.abs(values)))
    for unit in (1.0, smallest):
        for parts in range(1, _MOST_PARTS + 1):
            multiples = values * (parts / unit)
            whole = np.round(multiples)
            if np.all(whole != 0) and np.max(np.abs(multiples - whole)) < _ON_GRID:
                steps = whole.astype(np.int64)
                return np.asarray(steps // np.gcd.reduce(np.abs(steps)), dtype=np.int64)
    return None


def exact_p(steps: Integers) -> float | None:
    """Two-sided p of the total of whole numbers when the sign of each is random; None where it takes too long.

    By the distribution of the sum of those that turn negative.

    With T the total of all magnitudes, a sum is as far from 0 as the observed one if what turns negative adds up to
    (T - |observed|) / 2 or less, or to the same at the other end.
    """
    sizes = np.sort(np.abs(steps))
    total, observed = int(sizes.sum()), abs(int(steps.sum()))
    if observed == 0:
        return 1.0
    most = (total - observed) // 2
    if len(sizes) * (most + 1) > _WORK:
        return None
    chance = np.zeros(most + 1)
    chance[0] = 1.0
    reached = 0
    for size in sizes.tolist():
        reached = min(reached + size, most)
        part = chance[: reached + 1] * 0.5
        if size <= reached:
            part[size:] += chance[: reached + 1 - size] * 0.5
        chance[: reached + 1] = part
    # Where this is too small for a float, it is the least that one can hold.
    return max(min(1.0, 2 * float(chance.sum())), float(np.finfo(np.float64).smallest_subnormal))


def _enumerated(values: Floats) -> float:
    """P over all signs, those of one half of the values against those of the other."""
    half = len(values) // 2
    left, right = _all_sums(values[:half]), np.sort(_all_sums(values[half:]))
    bound = abs(float(values.sum())) - _ROUNDING * float(np.abs(values).sum())
    if bound <= 0:
        return 1.0
    above = len(right) - np.searchsorted(right, bound - left, "left")
    below = np.searchsorted(right, -bound - left, "right")
    return float((above + below).sum()) / 2.0 ** len(values)


def _all_sums(values: Floats) -> Floats:
    sums: Floats = np.zeros(1)
    for value in values.tolist():
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _extreme(values: Floats, rng: np.random.Generator, count: int) -> int:
    """How many of so many random flips are as far from 0 as the total."""
    bound = abs(float(values.sum())) - _ROUNDING * float(np.abs(values).sum())
    found, step = 0, max(1, _BATCH // len(values))
    for start in range(0, count, step):
        signs = rng.integers(0, 2, size=(min(step, count - start), len(values))) * 2.0 - 1.0
        found += int(np.sum(np.abs(signs @ values) >= bound))
    return found
