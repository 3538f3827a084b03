"""Multi-reader multi-case comparison of treatments by Obuchowski and Rockette: readers and cases random or fixed.

Obuchowski and Rockette 1995 (Commun Stat Simul 24:285); degrees of freedom of Hillis 2007 (Stat Med 26:596); confidence
intervals and fixed-factor analyses as in Hillis 2014 (Stat Med 33:330).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from analysis.mrmc.merit import Covariance, Merit, Resampling, auc_merit
from analysis.statistics.generalisation import Name
from analysis.statistics.power import positive_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.data.ratings import Ratings

    Floats = NDArray[np.float64]

LEVEL = 0.95
# With fewer readers the reader-by-treatment variance is hardly estimated and the random-reader test misleads.
FEW_READERS = 5
# Mean squares below this are rounding; figures of merit that differ at all differ by more than its root.
ROUNDING = 1e-20


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

    name: Name
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
    """The figure of merit (AUC unless another was given) per treatment and reader with all that is inferred from it."""

    estimates: Floats  # (treatments, readers)
    covariance: Floats  # (treatments x readers, treatments x readers), in the order of estimates.ravel()
    components: Components
    analyses: tuple[Analysis, ...]  # RRRC, FRRC, RRFC
    per_reader: dict[tuple[str, str, str], Estimate]  # (reader, first treatment, second treatment)
    distrust: tuple[str, ...]  # why random-reader inference should not be the headline; empty if it may be

    @property
    def headline(self) -> Name:
        """The analysis to report first."""
        return "FRRC" if self.distrust else "RRRC"

    def analysis(self, name: Name) -> Analysis:
        """The analysis of this name."""
        return next(analysis for analysis in self.analyses if analysis.name == name)


def obuchowski_rockette(
    ratings: Ratings, *, covariance: Covariance = "jackknife", resampling: Resampling | None = None
) -> ObuchowskiRockette:
    """Compare the treatments' AUCs (trapezoidal) from fully crossed ratings; see `compare`.

    `covariance` is over cases; "bootstrap" draws them within each truth as `resampling` says (default: 2,000 draws).
    """
    merit = auc_merit(ratings, covariance=covariance, resampling=resampling)
    return compare(merit, ratings.treatments, ratings.readers)


def compare(merit: Merit, treatments: Sequence[str], readers: Sequence[str]) -> ObuchowskiRockette:
    """Compare treatments by any figure of merit whose covariance over cases is known.

    RRRC generalises to other readers and cases, FRRC to other cases read by these readers, RRFC to other readers of
    these cases. Quantities that the design cannot give (one reader, one treatment, no variation) are NaN with a reason.
    """
    values, matrix = merit.values, merit.covariance
    components = _components(values, matrix)
    analyses = (
        _random_readers_and_cases(treatments, values, matrix, components),
        _fixed_readers(treatments, values, matrix, components),
        _fixed_cases(treatments, values, components),
    )
    return ObuchowskiRockette(
        values,
        matrix,
        components,
        analyses,
        _per_reader(treatments, readers, values, matrix),
        _distrust(components, analyses, values.shape[1]),
    )


def _components(values: Floats, matrix: Floats) -> Components:
    t, r = values.shape
    of_treatment, of_reader, overall = values.mean(axis=1), values.mean(axis=0), values.mean()
    residual = values - of_treatment[:, None] - of_reader[None, :] + overall
    ms_t = _mean_square(r * np.sum((of_treatment - overall) ** 2), t - 1)
    ms_r = _mean_square(t * np.sum((of_reader - overall) ** 2), r - 1)
    ms_tr = _mean_square(np.sum(residual**2), (t - 1) * (r - 1))
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


def _random_readers_and_cases(treatments: Sequence[str], values: Floats, matrix: Floats, c: Components) -> Analysis:
    t, r = values.shape
    # With one treatment or reader a covariance is NaN, and so is what follows from it.
    error = c.ms_treatment_reader + positive_part(r * (c.cov2 - c.cov3))
    df2 = _hillis_df(error, c.ms_treatment_reader, (t - 1) * (r - 1))
    singles = {}
    for i, name in enumerate(treatments):
        ms_r = _mean_square(np.sum((values[i] - values[i].mean()) ** 2), r - 1)
        spread = ms_r + positive_part(r * _treatment_cov2(matrix, i, t, r))
        singles[name] = _estimate(float(values[i].mean()), _ratio(spread, r), _hillis_df(spread, ms_r, r - 1))
    return _analysis("RRRC", treatments, values, c.ms_treatment, error, df2, singles)


def _fixed_readers(treatments: Sequence[str], values: Floats, matrix: Floats, c: Components) -> Analysis:
    t, r = values.shape
    error = c.var_error - c.cov1 + ((r - 1) * positive_part(c.cov2 - c.cov3) if r > 1 else 0.0)
    blocks = matrix.reshape(t, r, t, r)
    singles = {
        name: _estimate(float(values[i].mean()), float(blocks[i, :, i, :].mean()), np.inf)
        for i, name in enumerate(treatments)
    }
    return _analysis("FRRC", treatments, values, c.ms_treatment, error, np.inf, singles)


def _fixed_cases(treatments: Sequence[str], values: Floats, c: Components) -> Analysis:
    t, r = values.shape
    singles = {
        name: _estimate(
            float(values[i].mean()),
            _mean_square(np.sum((values[i] - values[i].mean()) ** 2), r * (r - 1)),
            float(r - 1),
        )
        for i, name in enumerate(treatments)
    }
    return _analysis(
        "RRFC", treatments, values, c.ms_treatment, c.ms_treatment_reader, float((t - 1) * (r - 1)), singles
    )


def _analysis(
    name: Name,
    treatments: Sequence[str],
    values: Floats,
    ms_treatment: float,
    error: float,
    df2: float,
    singles: dict[str, Estimate],
) -> Analysis:
    """Test equality of the treatments with this error mean square, and estimate each difference with it."""
    t, r = values.shape
    means = values.mean(axis=1)
    variance = 2 * error / r
    differences = {
        (treatments[i], treatments[j]): _estimate(float(means[i] - means[j]), variance, df2)
        for i, j in itertools.combinations(range(t), 2)
    }
    distribution: Literal["F", "chi2"] = "chi2" if name == "FRRC" else "F"
    reason = None
    if t == 1:
        reason = "there is one treatment"
    elif r == 1 and name != "FRRC":
        reason = "there is one reader, so that readers cannot be random"
    elif not error > ROUNDING or not df2 > 0:
        reason = "the error mean square is zero: the figures of merit do not vary"
    if reason is not None:
        return Analysis(name, distribution, np.nan, np.nan, np.nan, np.nan, differences, singles, reason)
    f = ms_treatment / error
    statistic = (t - 1) * f if distribution == "chi2" else f
    # F with infinite denominator is chi-squared over its degrees of freedom.
    p_value = stats.chi2.sf((t - 1) * f, t - 1) if np.isinf(df2) else stats.f.sf(f, t - 1, df2)
    return Analysis(name, distribution, float(statistic), t - 1, df2, float(p_value), differences, singles, None)


def _per_reader(
    treatments: Sequence[str], readers: Sequence[str], values: Floats, matrix: Floats
) -> dict[tuple[str, str, str], Estimate]:
    """Differences of one reader's AUCs, tested over cases with that reader's own covariances."""
    t, r = values.shape
    blocks = matrix.reshape(t, r, t, r)
    estimates = {}
    for k, reader in enumerate(readers):
        for i, j in itertools.combinations(range(t), 2):
            variance = blocks[i, k, i, k] + blocks[j, k, j, k] - 2 * blocks[i, k, j, k]
            key = (reader, treatments[i], treatments[j])
            estimates[key] = _estimate(float(values[i, k] - values[j, k]), float(variance), np.inf)
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
    if not variance > ROUNDING or not df > 0:
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


def _mean_square(total: float, df: float) -> float:
    mean = _ratio(total, df)
    return 0.0 if mean < ROUNDING else mean
