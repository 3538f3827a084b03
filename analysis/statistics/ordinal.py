"""Cumulative-link mixed models for ordered scores: proportional odds with a random intercept per case.

P(score <= category k) = logistic(threshold_k - X coefficients - sd * u), u standard normal per group and integrated by
adaptive Gauss-Hermite quadrature.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, stats
from scipy.special import expit

from analysis.statistics.ordinal_design import Design, OrdinalError, independent_columns
from analysis.statistics.ordinal_likelihood import SEPARATED, Likelihood, Maximum, maximise, turned
from analysis.statistics.small_sample import Clusters, clusters_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

NODES = 15
MIN_NODES = 5
# Thresholds of a fine scale are hundreds of parameters; a linear model serves such a scale better.
MAX_CATEGORIES = 30
# A standard deviation below this is the boundary: the likelihood is flat there and has no curvature to judge it by.
_ZERO_SD = 1e-3
# With more numbers than this (many clusters and parameters) the small-sample correction is left out: it is nothing.
_CORRECTED = 8_000_000


@dataclass(frozen=True)
class Wald:
    """An estimate on the log odds scale with its standard error, z (or t) and two-sided p."""

    estimate: float
    se: float
    z: float
    p_value: float
    df: float = np.inf

    def odds_ratio(self, level: float = 0.95) -> tuple[float, float, float]:
        """Odds ratio (of a higher score) and the ends of its interval."""
        half = float(stats.t.ppf((1 + level) / 2, self.df)) * self.se
        return tuple(float(value) for value in np.exp([self.estimate, self.estimate - half, self.estimate + half]))  # type: ignore[return-value]


@dataclass(frozen=True)
class OrdinalFit:
    """A fitted model; `reason` says why standard errors are not to be trusted, None where they are."""

    categories: tuple[float, ...]  # scores that occur, ascending
    thresholds: Floats  # (categories - 1,), ascending
    names: tuple[str, ...]
    coefficients: Floats  # (coefficients,) log odds ratios of a higher score
    sd: float  # of the random intercept; 0 without one or at the boundary
    covariance: Floats  # of thresholds and coefficients, and of sd where it is above 0
    robust: Floats  # the same by the sandwich estimator with groups as clusters, corrected for few of them
    log_likelihood: float
    log_likelihood_fixed: float  # of the same model without random intercept
    n: int
    n_groups: int
    nodes: int
    steps: int
    converged: bool
    boundary: bool  # the random intercept's variance is estimated as 0
    reason: str | None
    clusters: Clusters | None = None  # what the correction knows; None without groups, and where there are very many

    @property
    def parameters(self) -> int:
        """How many parameters the likelihood was maximised over."""
        return len(self.thresholds) + len(self.coefficients) + int(self.n_groups > 0)

    @property
    def sd_se(self) -> float:
        """Standard error of `sd`; NaN without random intercept and at the boundary."""
        size = len(self.thresholds) + len(self.coefficients)
        return float(np.sqrt(self.covariance[size, size])) if len(self.covariance) > size else np.nan

    @property
    def icc(self) -> float:
        """Share of the variance of the latent score that lies between groups."""
        return self.sd**2 / (self.sd**2 + np.pi**2 / 3)

    def wald(self, *names: str, robust: bool = False) -> Wald:
        """The coefficient, or the sum of these coefficients, with its Wald test.

        `robust` takes the sandwich estimator's standard error with groups as clusters, which holds where readings of a
        group are related otherwise than by a common intercept, for instance where the effect differs between cases.
        It is corrected for few groups and tested with t (`small_sample`).
        """
        covariance = self.robust if robust else self.covariance
        contrast = np.zeros(len(self.covariance))
        for name in names:
            contrast[len(self.thresholds) + self.names.index(name)] += 1
        size = len(self.coefficients)
        estimate = float(contrast[len(self.thresholds) : len(self.thresholds) + size] @ self.coefficients)
        se = float(np.sqrt(contrast @ covariance @ contrast)) if self.reason is None else np.nan
        df = np.inf
        if robust and self.n_groups:
            df = self.clusters.degrees_of_freedom(contrast) if self.clusters else self.n_groups - 1.0
        return wald_test(estimate, se, df)

    def random_test(self) -> tuple[float, float]:
        """Likelihood-ratio statistic and p of no random intercept: half chi-square(0), half chi-square(1).

        On the boundary of the parameter space the usual chi-square(1) would be twice too large (Self and Liang 1987).
        """
        statistic = max(0.0, 2 * (self.log_likelihood - self.log_likelihood_fixed))
        return statistic, float(stats.chi2.sf(statistic, 1) / 2) if statistic > 0 else 1.0


def wald_test(estimate: float, se: float, df: float = np.inf) -> Wald:
    """The Wald test of an estimate, with t of so many degrees of freedom; NaN where it has no standard error."""
    z = estimate / se if se > 0 else np.nan
    return Wald(estimate, se, z, float(2 * stats.t.sf(abs(z), df)), df)


def likelihood_ratio(full: OrdinalFit, reduced: OrdinalFit) -> tuple[float, int, float]:
    """Statistic, degrees of freedom and p of the terms that `full` has and `reduced`, a submodel of it, lacks."""
    df = len(full.coefficients) - len(reduced.coefficients)
    if df < 1 or full.n != reduced.n or full.categories != reduced.categories:
        raise OrdinalError("These models do not nest. Fit both to the same scores, one without some of the terms.")
    statistic = max(0.0, 2 * (full.log_likelihood - reduced.log_likelihood))
    return statistic, df, float(stats.chi2.sf(statistic, df))


def fit_ordinal(scores: ArrayLike, design: Design, *, nodes: int = NODES) -> OrdinalFit:
    """Fit by maximum likelihood; standard errors come from the observed information.

    `scores` (readings,) are ordered numbers; scores that nobody gave are no category. Coefficients are log odds ratios
    of a higher score, as in R's ordinal::clmm. `nodes` is the number of quadrature nodes, at least 5; 10 are enough in
    practice. The search is Newton's; gradient and Hessian are those of the marginal likelihood by the identities of
    Fisher and Louis (1982), so that they need no numerical differences. Thresholds stay in order because a step out of
    order has no likelihood and is halved. Raises OrdinalError when there is nothing to fit: fewer than two different
    scores, more than 30, or columns of the design that are linear combinations of others.

    Sources: Tutz and Hennevogl (1996); Pinheiro and Bates (1995) for the quadrature; Louis (1982).
    """
    values: Floats = np.asarray(scores, dtype=np.float64)
    _check(values, design, nodes)
    categories, codes = np.unique(values, return_inverse=True)
    model = Likelihood(codes.astype(np.intp), design, nodes)
    counts = np.cumsum(np.bincount(codes))[:-1] / len(values)
    start = np.concatenate([np.log(counts / (1 - counts)), np.zeros(design.X.shape[1])])
    fixed = maximise(model.fixed, start, len(categories) - 1)
    found, boundary = fixed, False
    n_groups = 0 if design.groups is None else len(np.unique(design.groups))
    if design.groups is not None:
        found = maximise(model.marginal, np.append(fixed.point, 1.0), len(categories) - 1, mixed=True)
        boundary = abs(found.point[-1]) < _ZERO_SD or found.value < fixed.value
        found = fixed if boundary else found
    size = len(categories) - 1 + design.X.shape[1]
    if len(found.point) > size and found.point[size] < 0:
        # The likelihood does not know the sign of sd; its covariances with the others turn with it.
        found = turned(model, found)
    sd = float(found.point[size]) if len(found.point) > size else 0.0
    covariance, reason = _covariance(found, size)
    clusters = None
    if design.groups is not None and reason is None and n_groups * len(covariance) ** 2 <= _CORRECTED:
        informations = model.informations(found.point, mixed=len(found.point) > size)
        clusters = clusters_of(covariance, found.scores, informations)
    plain = covariance @ (found.scores.T @ found.scores) @ covariance
    robust = clusters.covariance if clusters else plain * len(found.scores) / max(len(found.scores) - 1, 1)
    return OrdinalFit(
        categories=tuple(float(category) for category in categories),
        thresholds=found.point[: len(categories) - 1],
        names=design.names,
        coefficients=found.point[len(categories) - 1 : size],
        sd=sd,
        covariance=covariance,
        robust=robust,
        log_likelihood=found.value,
        log_likelihood_fixed=fixed.value,
        n=len(values),
        n_groups=n_groups,
        nodes=nodes,
        steps=found.steps,
        converged=found.converged,
        boundary=boundary,
        reason=reason,
        clusters=clusters,
    )


def probabilities(fit: OrdinalFit, design: Design, effects: ArrayLike = 0.0) -> Floats:
    """P(category) of each reading (readings, categories), given its random intercept (readings,) or one for all."""
    lines = design.X @ fit.coefficients + np.asarray(effects, dtype=np.float64)
    cumulative = expit(fit.thresholds[None, :] - np.broadcast_to(lines, (len(design.X),))[:, None])
    padded = np.pad(cumulative, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    return np.asarray(np.diff(padded, axis=1), dtype=np.float64)


def simulate(fit: OrdinalFit, design: Design, rng: np.random.Generator) -> Floats:
    """Draw a score for each reading of `design` (readings,) from the model `fit`, with new random intercepts.

    `design` has the columns of the fit in its order and may have other readings, groups and group sizes than the data
    that were fitted. For an assumed effect replace the estimate first:
    `dataclasses.replace(fit, coefficients=...)`, and `sd=...` for another spread of the cases.
    """
    if design.names != fit.names:
        raise OrdinalError(f"The design has the columns {design.names}, the fit {fit.names}. Give the same in order.")
    effects: Floats = np.zeros(len(design.X))
    if design.groups is not None and len(design.X):
        effects = fit.sd * rng.standard_normal(int(design.groups.max()) + 1)[design.groups]
    cumulative = np.cumsum(probabilities(fit, design, effects), axis=1)[:, :-1]
    drawn = np.sum(rng.random(len(design.X))[:, None] > cumulative, axis=1)
    scores: Floats = np.asarray(fit.categories, dtype=np.float64)[drawn]
    return scores


def _check(values: Floats, design: Design, nodes: int) -> None:
    if nodes < MIN_NODES:
        raise OrdinalError(f"{nodes} quadrature nodes are too few. Ask for at least {MIN_NODES}; {NODES} is usual.")
    if design.X.shape != (len(values), len(design.names)):
        raise OrdinalError(f"The design has the shape {design.X.shape}; {(len(values), len(design.names))} is needed.")
    different = len(np.unique(values))
    if different < 2:
        raise OrdinalError("all answers are equal." if len(values) else "there is no answer.")
    if different > MAX_CATEGORIES:
        raise OrdinalError(f"there are {different} different scores, more than {MAX_CATEGORIES}.")
    if len(independent_columns(design.X)) < design.X.shape[1]:
        raise OrdinalError("some terms are combinations of others. Leave those out (independent_columns).")


def _covariance(found: Maximum, size: int) -> tuple[Floats, str | None]:
    """Inverse of the observed information, and why it is not to be trusted."""
    roots, vectors = linalg.eigh(-found.hessian)
    covariance: Floats = (vectors / np.maximum(np.abs(roots), 1e-300)) @ vectors.T
    if not found.converged or np.sqrt(np.abs(np.diag(covariance))[:size]).max() > 5 * SEPARATED:
        reason = (
            "the search for the maximum did not converge, perhaps because some answers separate perfectly or a case "
            "determines its scores"
        )
        return covariance, reason
    if roots.min() <= 0:
        return covariance, "the likelihood has no maximum in the inside"
    return covariance, None
