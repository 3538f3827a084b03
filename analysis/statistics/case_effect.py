"""The mean of paired differences with cases as the units: bootstrap interval, sign-flip test, equivalence.

Answers of several readers on one case go together, so that a case's differences are resampled or flipped as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics.clustered import (
    Equivalence,
    equivalence,
)
from analysis.statistics.monte_carlo import LIMIT, UNKNOWN, PValue
from analysis.statistics.resampling import case_codes, case_weights, settled_interval
from analysis.statistics.sign_flip import sign_flip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# With fewer cases an interval or test over cases says nothing.
MIN_CASES = 2
ALIKE = "the differences of all cases are alike"


@dataclass(frozen=True)
class CaseEffect:
    """A mean difference judged over cases; what cannot be had is NaN and `reason` says why."""

    n_cases: int
    n_pairs: int
    mean: float
    ci_low: float
    ci_high: float
    p: PValue
    reason: str | None
    doubt: str | None = None  # what the draws of the interval leave open

    @property
    def p_value(self) -> float:
        """Of the sign flip of cases."""
        return self.p.value


def case_effect(
    cases: Iterable[str],
    differences: Floats,
    *,
    rng: np.random.Generator,
    draws: int,
    limits: Sequence[float] = (LIMIT,),
) -> CaseEffect:
    """Mean of the pairs' differences with case bootstrap interval and case-level sign-flip p.

    Where p must be drawn, there are draws enough to tell it from the `limits`, or `monte_carlo.MOST_DRAWS`.
    """
    n_pairs = len(differences)
    codes = case_codes(cases)
    n_cases = int(codes.max() + 1) if n_pairs else 0
    sums: Floats = np.asarray(np.bincount(codes, differences), dtype=np.float64)
    counts: Floats = np.bincount(codes).astype(np.float64)
    mean = float(differences.mean()) if n_pairs else np.nan
    reason = None
    if n_pairs == 0:
        reason = "there is no pair"
    elif n_cases < MIN_CASES:
        reason = "there is only one case"
    elif not differences.any():
        reason = "all differences are zero"
    if reason is not None:
        return CaseEffect(n_cases, n_pairs, mean, np.nan, np.nan, UNKNOWN, reason)
    interval = settled_interval(lambda count: _means(rng, sums, counts, count), draws=draws)
    p = sign_flip(sums, rng=rng, draws=draws, limits=limits)
    return CaseEffect(n_cases, n_pairs, mean, interval.low, interval.high, p, None, interval.doubt)


def _means(rng: np.random.Generator, sums: Floats, counts: Floats, draws: int) -> Floats:
    """Means over pairs in so many resamples of cases with these sums and numbers of pairs."""
    weights = case_weights(rng, len(sums), draws)
    return np.asarray((weights @ sums) / (weights @ counts), dtype=np.float64)


def equivalence_over_cases(
    sums: Floats, counts: Floats, margin: float, *, rng: np.random.Generator, draws: int
) -> tuple[Equivalence, str | None]:
    """The two one-sided tests, with draws enough to tell the 90% interval from the margins, or what they leave open."""
    drawn = settled_interval(
        lambda count: _means(rng, sums, counts, count), draws=draws, limits=(-margin, margin), level=0.9
    )
    mean = float(sums.sum() / counts.sum())
    return equivalence(mean, drawn.values, margin, n_cases=len(sums)), drawn.doubt
