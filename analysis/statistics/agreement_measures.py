"""What the agreement of a set of ratings is judged by, each measure with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

import numpy as np

from analysis.statistics.agreement import (
    Metric,
    Weights,
    alphas,
    disagreement_weights,
    icc,
    icc_intervals,
    kappa,
    kappas,
    unit_coincidences,
)
from analysis.statistics.resampling import case_weights, percentile_interval

if TYPE_CHECKING:
    from analysis.statistics.agreement import Floats

# Weighted kappas and ordinal alpha are for scales; the tables of a fine scale grow with its square.
MAX_SCORES = 30


# A mean over a reader's two readings is not what anybody uses.
_WITHIN = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)")


@dataclass(frozen=True)
class Statistic:
    """One measure of agreement; NaN for what cannot be had."""

    name: str
    n_cases: int
    estimate: float
    se: float  # asymptotic, of kappa only
    ci_low: float
    ci_high: float


def statistics(
    table: Floats, scores: Floats, rng: np.random.Generator, draws: int, *, kind: str = "all readers"
) -> list[Statistic]:
    """What this kind of set of ratings (cases, readers; NaN: not rated) is judged by; `scores` is the scale used.

    "pair": kappas of two readers; "all readers": alphas and ICCs; "within": kappas and ICCs of two readings.
    """
    rated = table[np.sum(~np.isnan(table), axis=1) > 1]
    complete = rated[~np.isnan(rated).any(axis=1)]
    if not len(rated):
        return []
    found: list[Statistic] = []
    weights = case_weights(rng, len(rated), draws)
    if len(scores) <= MAX_SCORES:
        found += _alphas(rated, weights) if kind == "all readers" else _kappas(complete, scores, weights)
    if kind != "pair" and len(complete) > 1:
        intervals = icc_intervals(complete)
        for name, estimate in icc(complete).items():
            if kind == "all readers" or name in _WITHIN:
                found.append(Statistic(name, len(complete), estimate, np.nan, *intervals[name]))
    return found


def _alphas(rated: Floats, weights: Floats) -> list[Statistic]:
    levels, units = unit_coincidences(rated)
    whole, resampled = units.sum(axis=0)[None], _summed(weights, units)
    metrics: list[Metric] = [metric for metric in get_args(Metric) if metric != "ratio" or levels[0] >= 0]
    return [
        _statistic(
            f"alpha ({metric})",
            len(rated),
            float(alphas(whole, levels, metric)[0]),
            alphas(resampled, levels, metric),
        )
        for metric in metrics
    ]


def _kappas(pairs: Floats, scores: Floats, weights: Floats) -> list[Statistic]:
    units = _cells(pairs, scores)
    counts, resampled = units.sum(axis=0), _summed(weights, units)
    found = []
    for name in get_args(Weights):
        exact = kappa(counts, weights=name, scores=scores)
        values = kappas(resampled, disagreement_weights(scores, name))
        found.append(_statistic(f"kappa ({name})", len(pairs), exact.value, values, se=exact.ase))
    return found


def _statistic(name: str, n_cases: int, estimate: float, resampled: Floats, *, se: float = np.nan) -> Statistic:
    low, high = (np.nan, np.nan) if np.isnan(estimate) else percentile_interval(resampled)
    return Statistic(name, n_cases, estimate, se, low, high)


def _cells(pairs: Floats, scores: Floats) -> Floats:
    """Each case's cell in the table of two readers' scores (cases, scores, scores)."""
    first, second = (np.searchsorted(scores, pairs[:, column]) for column in (0, 1))
    cells = np.zeros((len(pairs), len(scores), len(scores)))
    cells[np.arange(len(pairs)), first, second] = 1
    return cells


def _summed(weights: Floats, units: Floats) -> Floats:
    """Sums of the cases' matrices in each resample (draws, scores, scores)."""
    return (weights @ units.reshape(len(units), -1)).reshape(len(weights), *units.shape[1:])
