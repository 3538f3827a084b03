"""Agreement of readers: Cohen's kappa with weights, intraclass correlations and Krippendorff's alpha, by formula.

Kappa: Cohen 1968 (Psychol Bull 70:213) with the standard error of Fleiss, Cohen and Everitt 1969 (Psychol Bull 72:323).
ICC: Shrout and Fleiss 1979 (Psychol Bull 86:420). Alpha: Krippendorff 2004, Content Analysis, ch. 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

Weights = Literal["unweighted", "linear", "quadratic"]
Metric = Literal["nominal", "ordinal", "interval", "ratio"]
_FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")


@dataclass(frozen=True)
class Kappa:
    """Kappa with its asymptotic standard error; both NaN where chance agreement is perfect."""

    value: float
    ase: float


def kappa(table: ArrayLike, *, weights: Weights = "unweighted", scores: ArrayLike | None = None) -> Kappa:
    """Cohen's kappa of a square table of counts (rows: first reader, columns: second, same categories).

    Weighted disagreement grows with the distance of the categories' `scores` (default 0, 1, 2, ...), linear or squared.
    """
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"A kappa needs a square table of counts, not one of shape {counts.shape}.")
    distance = disagreement_weights(np.arange(len(counts)) if scores is None else scores, weights)
    value = float(kappas(counts[None], distance)[0])
    if np.isnan(value):
        return Kappa(np.nan, np.nan)
    n = counts.sum()
    p, agreement = counts / n, 1 - distance
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    observed, chance = float(np.sum(agreement * p)), float(rows @ agreement @ columns)
    of_row, of_column = agreement @ columns, rows @ agreement
    inner = agreement * (1 - chance) - (of_row[:, None] + of_column[None, :]) * (1 - observed)
    spread = float(np.sum(p * inner**2)) - (observed * chance - 2 * chance + observed) ** 2
    return Kappa(value, float(np.sqrt(max(spread, 0.0) / n)) / (1 - chance) ** 2)


def kappas(tables: Floats, disagreement: Floats) -> Floats:
    """Kappa of each of many tables (tables, categories, categories) with these disagreement weights."""
    totals = tables.sum(axis=(1, 2))
    observed = np.sum(tables * disagreement, axis=(1, 2))
    chance = np.einsum("bi,ij,bj->b", tables.sum(axis=2), disagreement, tables.sum(axis=1))
    # observed / n over chance / n^2
    return 1 - _divide(observed * totals, chance)


def icc(ratings: ArrayLike) -> dict[str, float]:
    """The six intraclass correlations of Shrout and Fleiss from complete ratings (cases, readers); NaN if undefined."""
    values = np.asarray(ratings, dtype=np.float64)
    return {form: float(estimates[0]) for form, estimates in iccs(values, np.ones((1, len(values)))).items()}


def iccs(ratings: Floats, weights: Floats) -> dict[str, Floats]:
    """The six intraclass correlations of complete ratings (cases, readers) in each resample (resamples, cases).

    `weights` says how often each case is drawn. NaN without variation.
    """
    k = ratings.shape[1]
    n, bms, jms, ems, wms = _mean_squares(ratings, weights)
    return {
        "ICC(1,1)": _divide(bms - wms, bms + (k - 1) * wms),
        "ICC(2,1)": _divide(bms - ems, bms + (k - 1) * ems + k * (jms - ems) / n),
        "ICC(3,1)": _divide(bms - ems, bms + (k - 1) * ems),
        "ICC(1,k)": _divide(bms - wms, bms),
        "ICC(2,k)": _divide(bms - ems, bms + (jms - ems) / n),
        "ICC(3,k)": _divide(bms - ems, bms),
    }


def icc_intervals(ratings: ArrayLike, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
    """Two-sided intervals of the six intraclass correlations of complete ratings (cases, readers).

    From F distributions under normal scores: Shrout and Fleiss (1979), McGraw and Wong (1996, Psychol Methods 1:30,
    Tables 7 and 8); of ICC(2, .) with Satterthwaite's degrees of freedom. NaN without variation between cases or where
    readers differ by a constant alone.
    """
    values = np.asarray(ratings, dtype=np.float64)
    n, k = values.shape
    _, *squares = _mean_squares(values, np.ones((1, n)))
    bms, jms, ems, wms = (float(square[0]) for square in squares)
    upper = (1 + level) / 2
    found = dict.fromkeys(_FORMS, (np.nan, np.nan))
    if min(bms, wms) > 0:
        ends = _ratio_ends(bms / wms, n - 1, n * (k - 1), upper)
        found["ICC(1,1)"], found["ICC(1,k)"] = _single_and_mean(ends, k)
    if min(bms, ems) > 0:
        ends = _ratio_ends(bms / ems, n - 1, (n - 1) * (k - 1), upper)
        found["ICC(3,1)"], found["ICC(3,k)"] = _single_and_mean(ends, k)
        single = icc(values)["ICC(2,1)"]
        a, b = k * single * jms / ems, n * (1 + (k - 1) * single) - k * single
        df = (k - 1) * (n - 1) * (a + b) ** 2 / ((n - 1) * a**2 + b**2)
        above, below = (float(stats.f.ppf(upper, *dfs)) for dfs in ((n - 1, df), (df, n - 1)))
        rest = k * jms + (k * n - k - n) * ems
        low = n * (bms - above * ems) / (above * rest + n * bms)
        high = n * (below * bms - ems) / (rest + n * below * bms)
        found["ICC(2,1)"] = (low, high)
        found["ICC(2,k)"] = (k * low / (1 + (k - 1) * low), k * high / (1 + (k - 1) * high))
    return found


def _ratio_ends(ratio: float, df1: float, df2: float, upper: float) -> tuple[float, float]:
    """The interval of a ratio of expected mean squares."""
    return ratio / float(stats.f.ppf(upper, df1, df2)), ratio * float(stats.f.ppf(upper, df2, df1))


def _single_and_mean(ends: tuple[float, float], k: int) -> tuple[tuple[float, float], tuple[float, float]]:
    low, high = ends
    return ((low - 1) / (low + k - 1), (high - 1) / (high + k - 1)), (1 - 1 / low, 1 - 1 / high)


def _mean_squares(ratings: Floats, weights: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Number of cases, and mean squares between cases, between readers, of the rest, and within cases."""
    k = ratings.shape[1]
    # Sums of squares around a common origin lose nothing to rounding; nothing depends on the origin.
    values = ratings - ratings.mean()
    rounding = 1e-12 * float(np.sum(values**2))
    n = weights.sum(axis=1)
    of_reader = weights @ values / n[:, None]
    grand = of_reader.mean(axis=1)
    total = weights @ np.sum(values**2, axis=1) - n * k * grand**2
    between_cases = k * (weights @ values.mean(axis=1) ** 2 - n * grand**2)
    between_readers = n * np.sum((of_reader - grand[:, None]) ** 2, axis=1)
    total, between_cases, between_readers, within, residual = (
        np.where(squares > rounding, squares, 0.0)
        for squares in (
            total,
            between_cases,
            between_readers,
            total - between_cases,
            total - between_cases - between_readers,
        )
    )
    bms, wms = _divide(between_cases, n - 1), _divide(within, n * (k - 1))
    jms, ems = _divide(between_readers, np.full_like(n, k - 1)), _divide(residual, (n - 1) * (k - 1))
    return n, bms, jms, ems, wms


def krippendorff_alpha(ratings: ArrayLike, *, metric: Metric) -> float:
    """Krippendorff's alpha of ratings (cases, readers), NaN where a reader did not rate; NaN without variation."""
    scores, coincidences = unit_coincidences(np.asarray(ratings, dtype=np.float64))
    if not len(scores):
        return np.nan
    return float(alphas(coincidences.sum(axis=0)[None], scores, metric)[0])


def unit_coincidences(ratings: Floats) -> tuple[Floats, Floats]:
    """The distinct scores, and each case's coincidences of them (cases, scores, scores).

    A case with fewer than two ratings has none. Summed over cases this is the coincidence matrix of alpha.
    """
    scores = np.unique(ratings[~np.isnan(ratings)])
    counts = np.sum(ratings[:, :, None] == scores, axis=1).astype(np.float64)
    rated = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(len(scores))
    return scores, pairs / np.where(rated > 1, rated - 1, np.inf)[:, None, None]


def alphas(coincidences: Floats, scores: Floats, metric: Metric) -> Floats:
    """Alpha of each of many coincidence matrices (matrices, scores, scores) of these ascending scores."""
    marginals = coincidences.sum(axis=2)
    total = marginals.sum(axis=1)
    distance = _alpha_distance(marginals, scores, metric)
    observed = np.sum(coincidences * distance, axis=(1, 2))
    expected = np.sum(marginals[:, :, None] * marginals[:, None, :] * distance, axis=(1, 2))
    return np.asarray(1 - _divide((total - 1) * observed, expected), dtype=np.float64)


def _alpha_distance(marginals: Floats, scores: Floats, metric: Metric) -> Floats:
    """Squared differences (matrices or 1, scores, scores); ordinal ones depend on how often the scores occur."""
    low, high = scores[:, None], scores[None, :]
    if metric == "nominal":
        return np.asarray((low != high)[None], dtype=np.float64)
    if metric == "interval":
        return np.asarray((low - high)[None] ** 2, dtype=np.float64)
    if metric == "ratio":
        if len(scores) and scores[0] < 0:
            raise ValueError("The ratio metric needs scores of 0 or more.")
        return _divide((low - high)[None] ** 2, (low + high)[None] ** 2, undefined=0.0)
    # The number of ratings from one score to the other, those of the two ends counting half.
    middle = np.cumsum(marginals, axis=1) - marginals / 2
    return np.asarray((middle[:, :, None] - middle[:, None, :]) ** 2, dtype=np.float64)


def disagreement_weights(scores: ArrayLike, weights: Weights) -> Floats:
    """Disagreement of categories by their scores: 0 on the diagonal, 1 between the most distant ones."""
    values = np.asarray(scores, dtype=np.float64)
    distance = np.abs(values[:, None] - values[None, :])
    if weights == "unweighted":
        return (distance > 0).astype(np.float64)
    scaled = _divide(distance, np.full(distance.shape, distance.max(initial=0.0)), undefined=0.0)
    return scaled if weights == "linear" else np.asarray(scaled**2, dtype=np.float64)


def _divide(numerator: Floats, denominator: Floats, *, undefined: float = np.nan) -> Floats:
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    result = np.full(shape, undefined)
    np.divide(numerator, denominator, out=result, where=np.broadcast_to(denominator, shape) != 0)
    return result
