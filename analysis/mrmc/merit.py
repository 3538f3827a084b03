"""How well each reader does with each treatment (AUC, sensitivity, specificity), with the covariance over cases.

AUC is the trapezoidal one, that is Mann and Whitney's statistic over pairs with and without the condition. Covariances:
jackknife as in Obuchowski and Rockette 1995; DeLong, DeLong and Clarke-Pearson 1988 (Biometrics 44:837); bootstrap of
cases within each truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.data.errors import AnalysisError, UsageError
from analysis.data.order import natural_order
from analysis.data.ratings import MIN_CASES
from analysis.statistics.intervals import clopper_pearson
from analysis.statistics.resampling import DRAWS, SEED, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.data.ratings import Ratings

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

Covariance = Literal["jackknife", "delong", "bootstrap"]
Side = Literal["sensitivity", "specificity"]


@dataclass(frozen=True)
class Merit:
    """One figure of merit of all treatments and readers."""

    values: Floats  # (treatments, readers)
    covariance: Floats  # (treatments x readers, treatments x readers), in the order of values.ravel()


@dataclass(frozen=True)
class Resampling:
    """How the bootstrap covariance is drawn; the others draw nothing."""

    seed: int = SEED
    draws: int = DRAWS

    def __post_init__(self) -> None:
        if self.draws < 2:
            raise UsageError(f"{self.draws} draws give no covariance. Ask for at least 2; 2000 is usual.")
        if self.seed < 0:
            raise UsageError(f"{self.seed} is no seed. Give a whole number from 0.")


def auc_merit(ratings: Ratings, *, covariance: Covariance = "jackknife", resampling: Resampling | None = None) -> Merit:
    """Trapezoidal AUC; ties count one half."""
    above, below = _placements(ratings)
    if covariance == "bootstrap":
        matrix = _auc_bootstrap(ratings, resampling or Resampling())
    else:
        matrix = merit_covariance(above, below, method=covariance)
    return Merit(above.mean(axis=2), matrix)


def point_merit(
    ratings: Ratings,
    side: Side,
    threshold: float,
    *,
    covariance: Covariance = "jackknife",
    resampling: Resampling | None = None,
) -> Merit:
    """Share of the cases with the condition rated `threshold` or more (sensitivity), or of those without below it."""
    called = (ratings.scores >= threshold).astype(np.float64)
    right = called[:, :, ratings.truth] if side == "sensitivity" else 1 - called[:, :, ~ratings.truth]
    share = right.mean(axis=2)
    if covariance == "bootstrap":
        weights = _weights(stream((resampling or Resampling()).seed, side), right.shape[2], resampling)
        flat = right.reshape(-1, right.shape[2])
        return Merit(share, np.atleast_2d(np.cov(flat @ weights.T / right.shape[2])))
    # Cases of the other truth change nothing: they are placed at the mean, whichever case is left out.
    other = np.repeat(share[:, :, None], int(np.sum(ratings.truth == (side == "specificity"))), axis=2)
    return Merit(share, merit_covariance(right, other, method=covariance))


def perfect_interval(value: float, independent: int) -> tuple[float, float]:
    """95% interval of a figure that is 1 (or 0) for every reader, so that nothing varies; NaN for any other value.

    Clopper and Pearson's for so many independent units that are all right (all wrong): cases for a share; for an AUC as
    many pairs of a case with and one without the condition as there are of the rarer, each case in one pair, which is
    conservative.
    """
    if value not in (0.0, 1.0) or independent < 1:
        return np.nan, np.nan
    return clopper_pearson(int(value) * independent, independent)


def by_target(ratings: Ratings) -> dict[str, Ratings]:
    """The ratings of the cases of each target by its name, in natural order."""
    names = np.array(ratings.targets, dtype=object)
    parts = {}
    for name in natural_order(ratings.targets):
        kept = names == name
        parts[name] = replace(
            ratings,
            scores=ratings.scores[:, :, kept],
            truth=ratings.truth[kept],
            cases=tuple(case for case, keep in zip(ratings.cases, kept, strict=True) if keep),
            targets=tuple(names[kept]),
        )
    return parts


def enough_cases(ratings: Ratings) -> bool:
    """Whether a covariance can be had."""
    positive = int(ratings.truth.sum())
    return min(positive, len(ratings.truth) - positive) >= MIN_CASES


def pooled_merit(parts: list[tuple[Merit, Ratings]]) -> Merit:
    """The AUC over pairs of the same target: a target weighs as many pairs as it has (weights taken as fixed).

    Targets have no case in common, so that their errors are independent.
    """
    if not parts:
        raise AnalysisError("No target has two cases of either truth. Pool the targets.")
    pairs = np.array([ratings.truth.sum() * (~ratings.truth).sum() for _, ratings in parts], dtype=np.float64)
    weights = pairs / pairs.sum()
    values = sum(weight * merit.values for weight, (merit, _) in zip(weights, parts, strict=True))
    matrix = sum(weight**2 * merit.covariance for weight, (merit, _) in zip(weights, parts, strict=True))
    return Merit(np.asarray(values, dtype=np.float64), np.asarray(matrix, dtype=np.float64))


def merit_covariance(above: Floats, below: Floats, *, method: Covariance) -> Floats:
    """Covariance matrix over cases from placement values of both truths (treatments, readers, cases).

    jackknife leaves out one case at a time, of either truth; delong adds the variances of both means.
    """
    x, y = above.reshape(-1, above.shape[2]), below.reshape(-1, below.shape[2])
    m, n = x.shape[1], y.shape[1]
    if method == "delong":
        return np.atleast_2d(np.cov(x) / m + np.cov(y) / n)
    mean = x.mean(axis=1, keepdims=True)
    # Without case k the figure is the mean of the other placement values of its group.
    left_out = np.concatenate([(m * mean - x) / (m - 1), (n * mean - y) / (n - 1)], axis=1)
    deviations = left_out - left_out.mean(axis=1, keepdims=True)
    total = m + n
    matrix: Floats = (total - 1) / total * deviations @ deviations.T
    return matrix


def clustered_merit(ratings: Ratings, clusters: Sequence[str]) -> Merit:
    """Trapezoidal AUC with its covariance over clusters of cases, of which `clusters` names one for each case."""
    above, below = _placements(ratings)
    codes = np.unique(np.array(clusters, dtype=object).astype(str), return_inverse=True)[1]
    return Merit(above.mean(axis=2), _clustered_covariance(above, below, codes[ratings.truth], codes[~ratings.truth]))


def _clustered_covariance(above: Floats, below: Floats, with_it: Codes, without: Codes) -> Floats:
    """Covariance of AUCs from placement values (treatments, readers, cases) with clusters as units.

    `with_it` and `without` are the clusters of the cases with and without the condition; one cluster may have both.
    The case's part in an AUC is its placement value's distance from the mean over the number of such cases, and the
    covariance is that of the clusters' sums of them (Obuchowski 1997, Biometrics 53:567). With single cases it is about
    that of DeLong.
    """
    parts = [values.reshape(-1, values.shape[2]) for values in (above, below)]
    influence = np.concatenate(
        [(values - values.mean(axis=1, keepdims=True)) / values.shape[1] for values in parts], axis=1
    )
    units, places = np.unique(np.concatenate([with_it, without]), return_inverse=True)
    sums = np.zeros((len(units), influence.shape[0]))
    np.add.at(sums, places, influence.T)
    matrix: Floats = len(units) / (len(units) - 1) * sums.T @ sums
    return matrix


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


def _auc_bootstrap(ratings: Ratings, resampling: Resampling) -> Floats:
    """Covariance of the AUCs of resampled cases; the same cases for all treatments and readers."""
    diseased, healthy = ratings.scores[:, :, ratings.truth], ratings.scores[:, :, ~ratings.truth]
    rng = stream(resampling.seed, "auc")
    with_it = _weights(rng, diseased.shape[2], resampling)
    without = _weights(rng, healthy.shape[2], resampling)
    resampled = np.empty((diseased.shape[0] * diseased.shape[1], resampling.draws))
    for row, index in enumerate(np.ndindex(*diseased.shape[:2])):
        levels = np.unique(np.concatenate([diseased[index], healthy[index]]))
        # Cases of either truth that a resample has at each score; of the healthy ones those below, and half of ties.
        high = with_it @ (diseased[index][:, None] == levels).astype(np.float64)
        low = without @ (healthy[index][:, None] == levels).astype(np.float64)
        resampled[row] = np.sum(high * (np.cumsum(low, axis=1) - low / 2), axis=1)
    return np.atleast_2d(np.cov(resampled / (diseased.shape[2] * healthy.shape[2])))


def _weights(rng: np.random.Generator, cases: int, resampling: Resampling | None) -> Floats:
    """How often each case is drawn (draws, cases)."""
    draws = (resampling or Resampling()).draws
    return rng.multinomial(cases, np.full(cases, 1 / cases), size=draws).astype(np.float64)
