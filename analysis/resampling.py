"""Bootstrap by case: seeded streams that do not depend on each other, and intervals that refuse too few draws."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
# A statistic that is undefined in more resamples than this is too fragile for an interval.
MIN_DEFINED = 0.9


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator for the quantity of these names, so that no number changes when another one appears."""
    return np.random.default_rng([seed, zlib.crc32("\x1f".join(names).encode())])


def case_weights(rng: np.random.Generator, cases: int, draws: int) -> NDArray[np.float64]:
    """How often each case is drawn in each of the resamples (draws, cases)."""
    return rng.multinomial(cases, np.full(cases, 1 / cases), size=draws).astype(np.float64)


def percentile_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """95% percentile interval of resampled values.

    NaN where too many of them are undefined, and where all are equal: resampling cases that are all alike says nothing
    about other cases, and an interval of one point would say that it does.
    """
    defined = values[~np.isnan(values)]
    if len(values) == 0 or len(defined) < MIN_DEFINED * len(values) or is_constant(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def is_constant(values: NDArray[np.float64]) -> bool:
    """Whether all values are equal but for rounding."""
    return bool(np.ptp(values) <= 1e-12 * np.max(np.abs(values)))
