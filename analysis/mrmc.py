"""Multi-reader multi-case comparison of AUC by Obuchowski and Rockette: random or fixed readers, random or fixed cases.

Obuchowski and Rockette 1995 (Commun Stat Simul 24:285); degrees of freedom of Hillis 2007 (Stat Med 26:596); confidence
intervals and fixed-factor analyses as in Hillis 2014 (Stat Med 33:330).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.ratings import Ratings

    Floats = NDArray[np.float64]

Covariance = Literal["jackknife", "delong"]
LEVEL = 0.95
# With fewer readers the reader-by-treatment variance is hardly estimated and the random-reader test misleads.
FEW_READERS = 5


@dataclass(frozen=True)
class Components:
    """Mean squares, error covariances and variance components of the Obuchowski-Rockette model (NaN: not estimable)."""

    ms_treatment: float
    ms_reader: float
    ms_treatment_reader: float
    var_error: float
    cov1: float  # same reader, different treatments
    cov2: float  # different readers, same treatment
    cov3: float  # different readers, different treatments
    var_reader: float
    var_treatment_reader: float


@dataclass(frozen=True)
class Estimate:
    """An AUC or a difference of AUCs with its standard error and 95% interval; df is infinite for the normal."""

    value: float
    se: float
    df: float
    ci_low: float
    ci_high: float
    p_value: float  # two-sided, of the value being zero


@dataclass(frozen=True)
class Analysis:
    """One way to generalise: the test that all treatments have equal AUC, and estimates.

    What cannot be had is NaN, and `reason` says why.
    """

    name: Literal["RRRC", "FRRC", "RRFC"]
    distribution: Literal["F", "chi2"]
    statistic: float
    df1: float
    df2: float
    p_value: float
    differences: dict[tuple[str, str], Estimate]  # first treatment - second treatment
    treatments: dict[str, Estimate]
    reason: str | None


@dataclass(frozen=True)
class ObuchowskiRockette:
    """AUC per treatment and reader with everything inferred from it."""

    auc: Floats  # (treatments, readers), trapezoidal
    covariance: Floats  # (treatments x readers, treatments x readers), in the order of auc.ravel()
    components: Components
    analyses: tuple[Analysis, ...]  # RRRC, FRRC, RRFC
    per_reader: dict[tuple[str, str, str], Estimate]  # (reader, first treatment, second treatment)
    distrust: tuple[str, ...]  # why random-reader inference should not be the headline; empty if it may be

    @property
    def headline(self) -> str:
        """The analysis to report first."""
        return "FRRC" if self.distrust else "RRRC"


def obuchowski_rockette(ratings: Ratings, *, covariance: Covariance = "jackknife") -> ObuchowskiRockette:
    """Compare the treatments' AUCs (trapezoidal) from fully crossed ratings.

    RRRC generalises to other readers and cases, FRRC to other cases read by these readers, RRFC to other readers of
    these cases. Quantities that the design cannot give (one reader, one treatment, no variation) are NaN with a reason.
    """
    placements = _placements(ratings)
    auc = placements[0].mean(axis=2)
    matrix = auc_covariance(*placements, method=covariance)
    components = _components(auc, matrix)
    analyses = (
        _random_readers_and_cases(ratings, auc, matrix, components),
        _fixed_readers(ratings, auc, matrix, components),
        _fixed_cases(ratings, auc, components),
    )
    return ObuchowskiRockette(
        auc,
        matrix,
        components,
        analyses,
        _per_reader(ratings, auc, matrix),
        _distrust(components, analyses, auc.shape[1]),
    )


def _placements(ratings: Ratings) -> tuple[Floats, Floats]:
    """Placement values of cases with (t, r, n1) and without the condition (t, r, n0); the mean of either is the AUC."""
    diseased, healthy = ratings.scores[:, :, ratings.truth], ratings.scores[:, :, ~ratings.truth]
    above, below = np.empty(diseased.shape), np.empty(healthy.shape)
    for index in np.ndindex(*diseased.shape[:2]):
        ordered = np.sort(healthy[index])
        wins = np.searchsorted(ordered, diseased[index], "left") + np.searchsorted(ordered, diseased[index], "right")
        above[index] = wins / (2 * len(ordered))
        ordered = np.sort(diseased[index])
        losses = np.searchsorted(ordered, healthy[index], "left") + np.searchsorted(ordered, healthy[index], "right")
        below[index] = 1 - losses / (2 * len(ordered))
    return above, below


def auc_covariance(above: Floats, below: Floats, *, method: Covariance) -> Floats:
    """Covariance matrix of all AUCs over cases, from placement values (treatments, readers, cases).

    jackknife leaves out one case at a time, of either truth; delong is DeLong, DeLong and Clarke-Pearson 1988.
    """
    x, y = above.reshape(-1, above.shape[2]), below.reshape(-1, below.shape[2])
    m, n = x.shape[1], y.shape[1]
    if method == "delong":
        return np.atleast_2d(np.cov(x) / m + np.cov(y) / n)
    auc = x.mean(axis=1, keepdims=True)
    # Without case k the AUC is the mean of the other placement values of its group.
    left_out = np.concatenate([(m * auc - x) / (m - 1), (n * auc - y) / (n - 1)], axis=1)
    deviations = left_out - left_out.mean(axis=1, keepdims=True)
    total = m + n
    matrix: Floats = (total - 1) / total * deviations @ deviations.T
    return matrix


def _components(auc: Floats, matrix: Floats) -> Components:
    t, r = auc.shape
    of_treatment, of_reader, overall = auc.mean(axis=1), auc.mean(axis=0), auc.mean()
    residual = auc - of_treatment[:, None] - of_reader[None, :] + overall
    ms_t = _ratio(r * np.sum((of_treatment - overall) ** 2), t - 1)
    ms_r = _ratio(t * np.sum((of_reader - overall) ** 2), r - 1)
    ms_tr = _ratio(np.sum(residual**2), (t - 1) * (r - 1))
    blocks = matrix.reshape(t, r, t, r)
    same_t, same_r = np.eye(t, dtype=bool)[:, None, :, None], np.eye(r, dtype=bool)[None, :, None, :]
    error, cov1, cov2, cov3 = (
        _mean(blocks, np.broadcast_to(mask, blocks.shape))
        for mask in (same_t & same_r, ~same_t & same_r, same_t & ~same_r, ~same_t & ~same_r)
    )
    return Components(
        ms_treatment=ms_t,
        ms_reader=ms_r,
        ms_treatment_reader=ms_tr,
        var_error=error,
        cov1=cov1,
        cov2=cov2,
        cov3=cov3,
        var_reader=(ms_r - ms_tr) / t - cov1 + cov3,
        var_treatment_reader=ms_tr - error + cov1 + (cov2 - cov3),
    )


def _random_readers_and_cases(ratings: Ratings, auc: Floats, matrix: Floats, c: Components) -> Analysis:
    t, r = auc.shape
    # With one treatment or reader a covariance is NaN, and so is what follows from it.
    error = c.ms_treatment_reader + _positive(r * (c.cov2 - c.cov3))
    df2 = _hillis_df(error, c.ms_treatment_reader, (t - 1) * (r - 1))
    singles = {}
    for i, name in enumerate(ratings.treatments):
        ms_r = _ratio(np.sum((auc[i] - auc[i].mean()) ** 2), r - 1)
        spread = ms_r + _positive(r * _treatment_cov2(matrix, i, t, r))
        singles[name] = _estimate(float(auc[i].mean()), _ratio(spread, r), _hillis_df(spread, ms_r, r - 1))
    return _analysis("RRRC", ratings, auc, c.ms_treatment, error, df2, singles)


def _fixed_readers(ratings: Ratings, auc: Floats, matrix: Floats, c: Components) -> Analysis:
    t, r = auc.shape
    error = c.var_error - c.cov1 + ((r - 1) * _positive(c.cov2 - c.cov3) if r > 1 else 0.0)
    blocks = matrix.reshape(t, r, t, r)
    singles = {
        name: _estimate(float(auc[i].mean()), float(blocks[i, :, i, :].mean()), np.inf)
        for i, name in enumerate(ratings.treatments)
    }
    return _analysis("FRRC", ratings, auc, c.ms_treatment, error, np.inf, singles)


def _fixed_cases(ratings: Ratings, auc: Floats, c: Components) -> Analysis:
    t, r = auc.shape
    singles = {
        name: _estimate(float(auc[i].mean()), _ratio(np.sum((auc[i] - auc[i].mean()) ** 2), r * (r - 1)), float(r - 1))
        for i, name in enumerate(ratings.treatments)
    }
    return _analysis("RRFC", ratings, auc, c.ms_treatment, c.ms_treatment_reader, float((t - 1) * (r - 1)), singles)


def _analysis(
    name: Literal["RRRC", "FRRC", "RRFC"],
    ratings: Ratings,
    auc: Floats,
    ms_treatment: float,
    error: float,
    df2: float,
    singles: dict[str, Estimate],
) -> Analysis:
    """Test equality of the treatments with this error mean square, and estimate each difference with it."""
    t, r = auc.shape
    means = auc.mean(axis=1)
    variance = 2 * error / r
    differences = {
        (ratings.treatments[i], ratings.treatments[j]): _estimate(float(means[i] - means[j]), variance, df2)
        for i, j in itertools.combinations(range(t), 2)
    }
    distribution: Literal["F", "chi2"] = "chi2" if name == "FRRC" else "F"
    reason = None
    if t == 1:
        reason = "there is one treatment"
    elif r == 1 and name != "FRRC":
        reason = "there is one reader, so that readers cannot be random"
    elif not error > 0 or not df2 > 0:
        reason = "the error mean square is zero: the AUCs do not vary"
    if reason is not None:
        return Analysis(name, distribution, np.nan, np.nan, np.nan, np.nan, differences, singles, reason)
    f = ms_treatment / error
    statistic = (t - 1) * f if distribution == "chi2" else f
    # F with infinite denominator is chi-squared over its degrees of freedom.
    p_value = stats.chi2.sf((t - 1) * f, t - 1) if np.isinf(df2) else stats.f.sf(f, t - 1, df2)
    return Analysis(name, distribution, float(statistic), t - 1, df2, float(p_value), differences, singles, None)


def _per_reader(ratings: Ratings, auc: Floats, matrix: Floats) -> dict[tuple[str, str, str], Estimate]:
    """Differences of one reader's AUCs, tested over cases with that reader's own covariances."""
    t, r = auc.shape
    blocks = matrix.reshape(t, r, t, r)
    estimates = {}
    for k, reader in enumerate(ratings.readers):
        for i, j in itertools.combinations(range(t), 2):
            variance = blocks[i, k, i, k] + blocks[j, k, j, k] - 2 * blocks[i, k, j, k]
            key = (reader, ratings.treatments[i], ratings.treatments[j])
            estimates[key] = _estimate(float(auc[i, k] - auc[j, k]), float(variance), np.inf)
    return estimates


def _distrust(c: Components, analyses: tuple[Analysis, ...], readers: int) -> tuple[str, ...]:
    reasons = []
    if readers < FEW_READERS:
        number = "is 1 reader" if readers == 1 else f"are {readers} readers"
        reasons.append(f"there {number}, fewer than {FEW_READERS}")
    if c.var_treatment_reader < 0:
        reasons.append("the estimated reader-by-treatment variance is negative")
    random, fixed = analyses[0].differences, analyses[1].differences
    if any(random[pair].se < fixed[pair].se for pair in random):
        reasons.append("the random-reader standard error is smaller than the fixed-reader one")
    return tuple(reasons)


def _estimate(value: float, variance: float, df: float) -> Estimate:
    if not variance > 0 or not df > 0:
        return Estimate(value, np.nan, np.nan, np.nan, np.nan, np.nan)
    se = float(np.sqrt(variance))
    # The t distribution with infinite df is the normal.
    margin = float(stats.t.ppf((1 + LEVEL) / 2, df)) * se
    p_value = float(2 * stats.t.sf(abs(value) / se, df))
    return Estimate(value, se, float(df), value - margin, value + margin, p_value)


def _treatment_cov2(matrix: Floats, treatment: int, t: int, r: int) -> float:
    block = matrix.reshape(t, r, t, r)[treatment, :, treatment, :]
    return _mean(block, ~np.eye(r, dtype=bool))


def _mean(values: Floats, mask: NDArray[np.bool_]) -> float:
    return float(values[mask].mean()) if mask.any() else np.nan


def _hillis_df(error: float, mean_square: float, df: float) -> float:
    """Degrees of freedom of an error term that is this mean square plus a covariance known far better (Hillis 2007)."""
    if mean_square == 0 and error > 0:
        return np.inf
    return _ratio(error**2, mean_square**2) * df


def _ratio(numerator: float, denominator: float) -> float:
    return float(numerator / denominator) if denominator > 0 else np.nan


def _positive(value: float) -> float:
    """The larger of value and 0; NaN stays NaN (max would hide it)."""
    return value if np.isnan(value) else max(value, 0.0)
