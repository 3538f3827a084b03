"""Rank correlation within strata, with bootstrap interval and permutation test."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.monte_carlo import UNKNOWN, PValue, drawn_p
from analysis.statistics.resampling import percentile_interval

Floats = NDArray[np.float64]
# Fewer cases than this give a rank correlation of +-1 or nearly so whatever the data.
MIN_CASES = 4
# Bounds the memory of one batch of resamples.
_BATCH = 2_000_000


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman within targets; a number that cannot be had is NaN and `reason` says why."""

    n_cases: int
    rho: float
    ci_low: float
    ci_high: float
    p: PValue
    reason: str | None
    kendall: float = np.nan

    @property
    def p_value(self) -> float:
        """Of the permutation."""
        return self.p.value


def rank_correlation(strata: list[tuple[Floats, Floats]], *, rng: np.random.Generator, draws: int) -> RankCorrelation:
    """Spearman within strata (targets), weighted by cases, with bootstrap interval and permutation p.

    `strata` holds one (score, IoU) pair of equally long arrays per stratum. Strata with fewer than `MIN_CASES` cases
    or without variation carry no information on the order and are left out.
    """
    n_cases = sum(len(score) for score, _ in strata)
    used = [(s, i) for s, i in strata if len(s) >= MIN_CASES and np.ptp(s) > 0 and np.ptp(i) > 0]
    if not used:
        lacking = f"no coefficient, because no target has {MIN_CASES} cases with different scores and different IoU"
        return RankCorrelation(n_cases, np.nan, np.nan, np.nan, UNKNOWN, lacking)
    n_used = sum(len(score) for score, _ in used)
    of_permutation, of_bootstrap = rng.spawn(2)
    observed, resampled = 0.0, np.zeros(draws)
    for score, iou in used:
        weight = len(score) / n_used
        observed += weight * float(_spearman(score[None, :], iou[None, :])[0])
        resampled += weight * _in_batches(_resampled, score, iou, of_bootstrap, draws)

    def extreme(count: int) -> int:
        permuted = np.zeros(count)
        for score, iou in used:
            permuted += len(score) / n_used * _in_batches(_permuted, score, iou, of_permutation, count)
        return int(np.sum(np.abs(permuted) >= abs(observed) - 1e-12))

    kendall = sum(len(score) / n_used * float(stats.kendalltau(score, iou).statistic) for score, iou in used)
    p = drawn_p(extreme, draws=draws)
    reason: str | None = None
    if len(used) < len(strata):
        reason = f"targets without enough variation are left out ({n_used} cases used)"
    low, high = percentile_interval(resampled)
    if np.isnan(low):
        reason = "no interval, because resamples of so few cases often have no variation, or all have the same order"
    return RankCorrelation(n_cases, observed, low, high, p, reason, kendall)


def _permuted(score: Floats, iou: Floats, rng: np.random.Generator, count: int) -> Floats:
    """Spearman of so many permutations; ranks and their spread are the same in each."""
    x, y = (_centred_ranks(values[None, :]) for values in (score, iou))
    drawn = rng.permuted(np.tile(x, (count, 1)), axis=1)
    return np.asarray(drawn @ y[0] / np.sqrt(np.sum(x**2) * np.sum(y**2)), dtype=np.float64)


def _resampled(score: Floats, iou: Floats, rng: np.random.Generator, count: int) -> Floats:
    chosen = rng.integers(len(score), size=(count, len(score)))
    return _spearman(score[chosen], iou[chosen])


def _in_batches(
    draw: Callable[[Floats, Floats, np.random.Generator, int], Floats],
    score: Floats,
    iou: Floats,
    rng: np.random.Generator,
    draws: int,
) -> Floats:
    size = max(1, _BATCH // len(score))
    return np.concatenate([draw(score, iou, rng, min(size, draws - start)) for start in range(0, draws, size)])


def _spearman(x: Floats, y: Floats) -> Floats:
    """Row-wise Spearman correlation of x and y; NaN where a row does not vary."""
    rank_x, rank_y = _centred_ranks(x), _centred_ranks(y)
    scale = np.sqrt(np.sum(rank_x**2, axis=1) * np.sum(rank_y**2, axis=1))
    product: Floats = np.sum(rank_x * rank_y, axis=1)
    correlation = np.full(len(product), np.nan)
    np.divide(product, scale, out=correlation, where=scale > 0)
    return correlation


def _centred_ranks(values: Floats) -> Floats:
    ranks = stats.rankdata(values, axis=1)
    return np.asarray(ranks - ranks.mean(axis=1, keepdims=True), dtype=np.float64)
