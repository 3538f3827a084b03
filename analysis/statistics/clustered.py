"""Paired differences in clusters, all readers' on a case: signed-rank test, rank-biserial, bootstrap, equivalence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from analysis.statistics.resampling import case_weights, is_constant, percentile_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

# Rank-biserial correlations are resampled through counts per size of difference; a fine scale has too many sizes.
_MAX_SIZES = 500
_BATCH = 20_000_000


@dataclass(frozen=True)
class ClusteredSignedRank:
    """Signed-rank test with clusters as units; what cannot be had is NaN and `reason` says why."""

    n_clusters: int  # that have a difference other than zero
    n_nonzero: int
    statistic: float  # z
    p_value: float  # two-sided, normal approximation
    intraclass: float  # correlation of signed ranks within clusters, that weights unequal clusters; NaN if all equal
    reason: str | None


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a mean difference against -margin and +margin, from resampled means."""

    low: float  # ends of the interval whose level is 1 - 2 alpha
    high: float
    p_lower: float  # that the difference is not below -margin: small = not inferior where higher is better
    p_upper: float  # that the difference is not above +margin

    @property
    def p_value(self) -> float:
        """P-value of equivalence: both one-sided tests must reject."""
        return max(self.p_lower, self.p_upper)


def clustered_signed_rank(clusters: Codes, differences: Floats) -> ClusteredSignedRank:
    """Test that paired differences are symmetric about zero, with whole clusters as the units of randomisation.

    Zero differences are dropped and the others ranked together by size. T is the sum of the clusters' sums of signed
    ranks, its variance under random signs of whole clusters the sum of their squares. Where clusters differ in size
    their means are weighted by the inverse of their variance under an exchangeable correlation, estimated by analysis
    of variance of the signed ranks (not below 0) with the authors' correction for its bias. Rosner, Glynn and Lee
    (2006), Biometrics 62, 185-192; they advise 20 clusters or more.
    """
    kept = differences != 0
    values, codes = differences[kept], np.unique(clusters[kept], return_inverse=True)[1]
    n_clusters, n = len(np.unique(codes)), len(values)
    if n_clusters < 2:
        lacking = "all differences are zero" if len(differences) and not n else "fewer than two cases differ from zero"
        return ClusteredSignedRank(n_clusters, n, np.nan, np.nan, np.nan, lacking)
    ranks: Floats = np.sign(values) * stats.rankdata(np.abs(values))
    sums: Floats = np.asarray(np.bincount(codes, ranks), dtype=np.float64)
    sizes: Floats = np.bincount(codes).astype(np.float64)
    rho, parts = np.nan, sums
    if np.ptp(sizes) > 0:
        rho = _intraclass(ranks, codes, sums, sizes)
        corrected = min(1.0, rho * (1 + (1 - rho**2) / (n_clusters - 2.5))) if n_clusters > 2 else rho
        parts = sums / (1 + (sizes - 1) * corrected)
    variance = float(np.sum(parts**2))
    if variance == 0:
        lacking = "the signed ranks cancel within every case"
        return ClusteredSignedRank(n_clusters, n, np.nan, np.nan, rho, lacking)
    z = float(parts.sum() / np.sqrt(variance))
    return ClusteredSignedRank(n_clusters, n, z, float(2 * stats.norm.sf(abs(z))), rho, None)


def _intraclass(ranks: Floats, codes: Codes, sums: Floats, sizes: Floats) -> float:
    """One-way ANOVA estimate of the correlation within clusters of unequal size, 0 where it is negative."""
    n, m = len(ranks), len(sizes)
    if n == m:
        return 0.0
    between = float(np.sum(sums**2 / sizes) - ranks.sum() ** 2 / n) / (m - 1)
    within = float(np.sum((ranks - (sums / sizes)[codes]) ** 2)) / (n - m)
    size = (n - np.sum(sizes**2) / n) / (m - 1)
    variance = (between - within) / size
    return max(0.0, float(variance / (variance + within))) if variance + within > 0 else 0.0


def rank_biserial(differences: Floats) -> float:
    """Matched-pairs rank-biserial correlation (Kerby 2014): (W+ - W-) / (W+ + W-); NaN where all are zero."""
    values = differences[differences != 0]
    if not len(values):
        return np.nan
    ranks = stats.rankdata(np.abs(values))
    return float(np.sum(np.sign(values) * ranks) / np.sum(ranks))


def rank_biserial_interval(
    clusters: Codes, differences: Floats, *, rng: np.random.Generator, draws: int
) -> tuple[float, float]:
    """95% percentile interval of `rank_biserial` over resamples of whole clusters, ranks recomputed in each."""
    n_clusters = int(clusters.max()) + 1 if len(clusters) else 0
    kept = differences != 0
    # Equal differences in writing, such as 0.1 + 0.2 and 0.3, are equal here too.
    sizes, places = np.unique(np.round(np.abs(differences[kept]), 10), return_inverse=True)
    if not len(sizes) or len(sizes) > _MAX_SIZES:
        return np.nan, np.nan
    counts, signed = np.zeros((n_clusters, len(sizes))), np.zeros((n_clusters, len(sizes)))
    np.add.at(counts, (clusters[kept], places), 1)
    np.add.at(signed, (clusters[kept], places), np.sign(differences[kept]))
    values = []
    step = max(1, _BATCH // max(1, n_clusters + len(sizes)))
    for start in range(0, draws, step):
        weights = case_weights(rng, n_clusters, min(step, draws - start))
        number = weights @ counts
        ranks = np.cumsum(number, axis=1) - (number - 1) / 2
        total = np.sum(number * ranks, axis=1)
        value = np.full(len(weights), np.nan)
        np.divide(np.sum((weights @ signed) * ranks, axis=1), total, out=value, where=total > 0)
        values.append(value)
    return percentile_interval(np.concatenate(values))


def case_reader_means(
    cases: Codes, readers: Codes, differences: Floats, *, rng: np.random.Generator, draws: int
) -> Floats:
    """Means over resamples of cases and, independently, of readers (draws,); NaN where a resample is empty.

    A pair counts the product of its case's and its reader's counts (the pigeonhole bootstrap of Owen 2007, which is
    conservative). With few readers the spread of readers is poorly known, whatever the method.
    """
    shape = (int(cases.max()) + 1, int(readers.max()) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (cases, readers), differences)
    np.add.at(counts, (cases, readers), 1)
    case_counts, reader_counts = case_weights(rng, shape[0], draws), case_weights(rng, shape[1], draws)
    total = np.sum((case_counts @ counts) * reader_counts, axis=1)
    means = np.full(draws, np.nan)
    np.divide(np.sum((case_counts @ sums) * reader_counts, axis=1), total, out=means, where=total > 0)
    return means


def equivalence(mean: float, resampled: Floats, margin: float, *, n_cases: int, alpha: float = 0.05) -> Equivalence:
    """Two one-sided tests (Schuirmann 1987) at level alpha from resampled means.

    The interval of level 1 - 2 alpha is the bootstrap's percentile interval; p-values refer the distance of the mean
    from the margins, in bootstrap standard errors, to Student's t with n_cases - 1 degrees of freedom. Means that are
    all alike give NaN: cases without any spread say nothing of the spread of others.
    """
    defined = resampled[~np.isnan(resampled)]
    low, high = (float(end) for end in np.quantile(defined, [alpha, 1 - alpha]))
    se = float(defined.std(ddof=1)) if len(defined) > 1 else 0.0
    if se == 0 or is_constant(defined):
        return Equivalence(np.nan, np.nan, np.nan, np.nan)
    below, above = stats.t.sf((mean + margin) / se, n_cases - 1), stats.t.cdf((mean - margin) / se, n_cases - 1)
    return Equivalence(low, high, float(below), float(above))
