"""Bootstrap by case: seeded streams that do not depend on each other, and intervals that refuse too few draws."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from analysis.data.order import natural_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

LEVEL = 0.95
#: Where nobody asks for others.
SEED = 20260101
DRAWS = 2000
# A statistic that is undefined in more resamples than this is too fragile for an interval.
MIN_DEFINED = 0.9
#: Draws beyond which an interval stays as uncertain as it is.
MOST_DRAWS = 16_000
# Level of the interval that says how far draws leave a quantile open.
_CONFIDENCE = 0.99


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator for the quantity of these names, so that no number changes when another one appears."""
    return np.random.default_rng([seed, zlib.crc32("\x1f".join(names).encode())])


def case_codes(cases: Iterable[str]) -> NDArray[np.intp]:
    """Numbers of the cases in natural order, so that a draw means the same case in any order of rows."""
    names = list(cases)
    numbers = {name: number for number, name in enumerate(natural_order(names))}
    return np.array([numbers[name] for name in names], dtype=np.intp)


def case_weights(rng: np.random.Generator, cases: int, draws: int) -> NDArray[np.float64]:
    """How often each case is drawn in each of the resamples (draws, cases)."""
    return rng.multinomial(cases, np.full(cases, 1 / cases), size=draws).astype(np.float64)


def percentile_interval(values: NDArray[np.float64], *, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval of resampled values, of 95% unless another level is given.

    NaN where too many of them are undefined, and where all are equal: resampling cases that are all alike says nothing
    about other cases, and an interval of one point would say that it does.
    """
    defined = values[~np.isnan(values)]
    if len(values) == 0 or len(defined) < MIN_DEFINED * len(values) or is_constant(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Resampled:
    """Resampled values with their percentile interval; `doubt` says in words what the draws leave open."""

    values: NDArray[np.float64]
    low: float
    high: float
    doubt: str | None


def settled_interval(
    draw: Callable[[int], NDArray[np.float64]], *, draws: int, limits: Sequence[float] = (0.0,), level: float = LEVEL
) -> Resampled:
    """Percentile interval of what `draw` gives for so many draws, with more of them while they do not decide.

    They do not where the 99% Monte Carlo interval of an end (by order statistics) has one of the limits between its
    ends, so that other draws would move the limit into the interval or out of it. Begun with `draws` and doubled up to
    `MOST_DRAWS`.
    """
    values = draw(draws)
    while True:
        low, high = percentile_interval(values, level=level)
        if np.isnan(low):
            return Resampled(values, low, high, None)
        unsettled = [limit for limit in limits if _is_open(values, limit, level)]
        if not unsettled:
            return Resampled(values, low, high, None)
        if len(values) >= MOST_DRAWS:
            named = " and ".join(f"{limit:g}" for limit in unsettled)
            doubt = f"{len(values):,} draws do not tell whether the interval {low:.4f} to {high:.4f} holds {named}"
            return Resampled(values, low, high, doubt)
        values = np.concatenate([values, draw(min(len(values), MOST_DRAWS - len(values)))])


def _is_open(values: NDArray[np.float64], limit: float, level: float) -> bool:
    """Whether the draws leave open on which side of the limit an end of the percentile interval is."""
    ordered = np.sort(values[~np.isnan(values)])
    n = len(ordered)
    for share, holds in (((1 - level) / 2, np.less_equal), ((1 + level) / 2, np.greater_equal)):
        ranks = np.asarray(stats.binom.ppf([(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2], n, share), dtype=int)
        ends = ordered[np.clip(ranks, 0, n - 1)]
        if bool(holds(ends[0], limit)) != bool(holds(ends[1], limit)):
            return True
    return False


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether all values are equal but for rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.max(np.abs(values)))
