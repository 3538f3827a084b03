"""Cumulative-link mixed models for ordered scores: proportional odds with a random intercept per case.

P(score <= category k) = logistic(threshold_k - X coefficients - sd * u), u standard normal per group. One random factor
is integrated by adaptive Gauss-Hermite quadrature; `ordinal_crossed` has a second one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, sparse, stats
from scipy.special import expit, log_expit, logsumexp

from analysis.errors import AnalysisError
from analysis.small_sample import Clusters, clusters_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

NODES = 15
MIN_NODES = 5
# Thresholds of a fine scale are hundreds of parameters; a linear model serves such a scale better.
MAX_CATEGORIES = 30
_MAX_STEPS = 100
# A Newton step that promises less log-likelihood than this ends the search.
_TOLERANCE = 1e-10
# A standard deviation below this is the boundary: the likelihood is flat there and has no curvature to judge it by.
_ZERO_SD = 1e-3
# Beyond these a log odds ratio, or the spread of the groups, has run away because the data separate perfectly.
_SEPARATED = 30.0
_DETERMINED = 12.0
# With more numbers than this (many clusters and parameters) the small-sample correction is left out: it is nothing.
_CORRECTED = 8_000_000


class OrdinalError(AnalysisError):
    """Scores or a design to which no ordinal model can be fitted: what is wrong and what to do."""


@dataclass(frozen=True)
class Design:
    """The explanatory side of a model; rows are readings."""

    X: Floats  # (readings, coefficients), without a column of ones: the thresholds are the intercepts
    names: tuple[str, ...]  # of the columns
    groups: Codes | None = (
        None  # (readings,) code from 0 of the random factor, usually the case; None: no random factor
    )

    def without(self, *names: str) -> Design:
        """The same readings without these columns."""
        kept = [column for column, name in enumerate(self.names) if name not in names]
        return replace(self, X=self.X[:, kept], names=tuple(self.names[column] for column in kept))


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
    model = _Model(codes.astype(np.intp), design, nodes)
    counts = np.cumsum(np.bincount(codes))[:-1] / len(values)
    start = np.concatenate([np.log(counts / (1 - counts)), np.zeros(design.X.shape[1])])
    fixed = _newton(model.fixed, start, len(categories) - 1)
    found, boundary = fixed, False
    n_groups = 0 if design.groups is None else len(np.unique(design.groups))
    if design.groups is not None:
        found = _newton(model.marginal, np.append(fixed.point, 1.0), len(categories) - 1, mixed=True)
        boundary = abs(found.point[-1]) < _ZERO_SD or found.value < fixed.value
        found = fixed if boundary else found
    size = len(categories) - 1 + design.X.shape[1]
    if len(found.point) > size and found.point[size] < 0:
        # The likelihood does not know the sign of sd; its covariances with the others turn with it.
        found = _turned(model, found)
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


def independent_columns(X: Floats) -> list[int]:
    """Columns that, beside a constant and those kept before them, add something: the rest cannot be estimated."""
    centred = X - X.mean(axis=0) if len(X) else X
    gram = centred.T @ centred
    sizes = np.sum(X**2, axis=0)
    kept: list[int] = []
    factor = np.zeros((0, 0))  # lower Cholesky factor of the kept columns
    for column in range(X.shape[1]):
        row = linalg.solve_triangular(factor, gram[kept, column], lower=True) if kept else np.zeros(0)
        rest = gram[column, column] - row @ row
        if rest > 1e-10 * sizes[column]:
            factor = np.block([[factor, np.zeros((len(kept), 1))], [row[None, :], np.array([[np.sqrt(rest)]])]])
            kept.append(column)
    return kept


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


@dataclass(frozen=True)
class _Found:
    point: Floats
    value: float
    hessian: Floats
    scores: Floats  # (groups, parameters) their parts of the gradient
    steps: int
    converged: bool


def _newton(function: Any, start: Floats, thresholds: int, *, mixed: bool = False) -> _Found:
    """Maximise by Newton's method with halved steps; where the curvature is wrong, by its absolute value."""
    point = start
    value, scores, hessian = function(point)
    for step in range(1, _MAX_STEPS + 1):
        gradient = scores.sum(axis=0)
        roots, vectors = linalg.eigh(-hessian)
        roots = np.maximum(np.abs(roots), 1e-10 * max(1.0, float(np.abs(roots).max())))
        move = vectors @ ((vectors.T @ gradient) / roots)
        if gradient @ move < _TOLERANCE:
            return _Found(point, value, hessian, scores, step, converged=True)
        # A long first step can throw the thresholds far out, from where Newton does not return.
        move *= min(1.0, 5.0 / float(np.abs(move).max()))
        for _ in range(40):
            trial = point + move
            if np.all(np.diff(trial[:thresholds]) > 0):
                trial_value, trial_scores, trial_hessian = function(trial)
                if trial_value > value - 1e-12 * abs(value):
                    break
            move = move / 2
        else:
            return _Found(point, value, hessian, scores, step, converged=gradient @ move < 1e-6)
        point, value, scores, hessian = trial, trial_value, trial_scores, trial_hessian
        spread = abs(point[-1]) if mixed else 0.0
        if np.abs(point[thresholds:]).max(initial=0.0) > _SEPARATED or spread > _DETERMINED:
            break
    return _Found(point, value, hessian, scores, step, converged=False)


def _turned(model: _Model, found: _Found) -> _Found:
    """The same maximum with the other sign of sd."""
    point = np.append(found.point[:-1], -found.point[-1])
    value, scores, hessian = model.marginal(point)
    return replace(found, point=point, value=value, scores=scores, hessian=hessian)


def _covariance(found: _Found, size: int) -> tuple[Floats, str | None]:
    """Inverse of the observed information, and why it is not to be trusted."""
    roots, vectors = linalg.eigh(-found.hessian)
    covariance: Floats = (vectors / np.maximum(np.abs(roots), 1e-300)) @ vectors.T
    if not found.converged or np.sqrt(np.abs(np.diag(covariance))[:size]).max() > 5 * _SEPARATED:
        reason = (
            "the search for the maximum did not converge, perhaps because some answers separate perfectly or a case "
            "determines its scores"
        )
        return covariance, reason
    if roots.min() <= 0:
        return covariance, "the likelihood has no maximum in the inside"
    return covariance, None


class _Model:
    """The log-likelihood with gradient and Hessian; readings are kept in order of their group."""

    def __init__(self, codes: Codes, design: Design, nodes: int) -> None:
        groups = np.arange(len(codes)) if design.groups is None else design.groups
        order = np.argsort(groups, kind="stable")
        self.codes, self.groups = codes[order], groups[order]
        _, self.starts, self.members = np.unique(self.groups, return_index=True, return_inverse=True)
        self.n_groups = len(self.starts)
        x, weights = np.polynomial.hermite.hermgauss(nodes)
        self.nodes, self.log_weights = x, np.log(weights) + x**2
        X = design.X[order]
        thresholds = int(codes.max())
        upper, lower = np.zeros((len(codes), thresholds)), np.zeros((len(codes), thresholds))
        has_upper, has_lower = self.codes < thresholds, self.codes > 0
        upper[np.flatnonzero(has_upper), self.codes[has_upper]] = 1
        lower[np.flatnonzero(has_lower), self.codes[has_lower] - 1] = 1
        # a = A parameters - sd u is the distance to the upper threshold, c = C parameters - sd u to the lower one.
        # Sparse, because readers are an indicator each.
        self.A, self.C = (sparse.csr_array(np.hstack([side, -X])) for side in (upper, lower))
        self.D = self.A - self.C
        self.no_upper, self.no_lower = ~has_upper, ~has_lower
        self.thresholds = thresholds
        self.cells_A, self.cells_C = self._cells(self.A), self._cells(self.C)

    def _lines(self, parameters: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """a and c at u = 0, and of the distance between thresholds: its log term, first and second derivative."""
        a, c = self.A @ parameters, self.C @ parameters
        a[self.no_upper], c[self.no_lower] = np.inf, -np.inf
        gaps = np.diff(parameters[: self.thresholds], prepend=-np.inf, append=np.inf)[self.codes]
        slope = np.zeros_like(gaps)
        curve = np.zeros_like(gaps)
        inner = np.isfinite(gaps)
        slope[inner] = 1 / np.expm1(gaps[inner])
        curve[inner] = slope[inner] * (1 + slope[inner])
        return a, c, np.log(-np.expm1(-gaps)), slope, curve

    def fixed(self, parameters: Floats) -> tuple[float, Floats, Floats]:
        a, c, gap, slope, curve = self._lines(parameters)
        fa, fc = expit(a), expit(c)
        value = float(np.sum(log_expit(a) + log_expit(-c) + gap))
        scores = self._row_sums(self.cells_A, 1 - fa + slope) - self._row_sums(self.cells_C, fc + slope)
        return value, scores, self._curvature(fa * (1 - fa), fc * (1 - fc), curve)

    def marginal(self, point: Floats) -> tuple[float, Floats, Floats]:
        """Integrated over u; the last of the parameters is sd."""
        parameters, sd = point[:-1], float(point[-1])
        a, c, gap, slope, curve = self._lines(parameters)
        modes, spread = self._modes(a, c, sd)
        u = modes[:, None] + np.sqrt(2) * spread[:, None] * self.nodes[None, :]  # (groups, nodes)
        # From either side, so that neither tail loses its digits.
        fa = [expit(a - sd * u[self.members, q]) for q in range(u.shape[1])]
        above = [expit(sd * u[self.members, q] - c) for q in range(u.shape[1])]
        joint = np.empty_like(u)
        fixed_part = self._sums(gap)
        for q in range(u.shape[1]):
            logs = self._sums(np.log(np.maximum(fa[q] * above[q], 1e-300)))
            joint[:, q] = fixed_part + logs - u[:, q] ** 2 / 2 + self.log_weights[q]
        log_groups = logsumexp(joint, axis=1)
        value = float(np.sum(log_groups + np.log(spread) - np.log(np.pi) / 2))
        posterior = np.exp(joint - log_groups[:, None])
        size = len(parameters)
        mean = np.zeros((self.n_groups, size + 1))
        second = np.zeros((size + 1, size + 1))
        moments = np.zeros((5, len(a)))  # of f(a), f(c), f(a) u, f(c) u, and (f(a) + f(c)) u^2
        for q in range(u.shape[1]):
            weight, own, fc = posterior[:, q], u[self.members, q], 1 - above[q]
            scores = np.empty((self.n_groups, size + 1))
            scores[:, :size] = self._row_sums(self.cells_A, 1 - fa[q] + slope)
            scores[:, :size] -= self._row_sums(self.cells_C, fc + slope)
            scores[:, size] = self._sums(fa[q] - above[q]) * u[:, q]
            mean += weight[:, None] * scores
            second += scores.T @ (weight[:, None] * scores)
            each = weight[self.members]
            wa, wc = each * fa[q] * (1 - fa[q]), each * fc * above[q]
            for row, part in enumerate((wa, wc, wa * own, wc * own, (wa + wc) * own**2)):
                moments[row] += part
        hessian = np.zeros((size + 1, size + 1))
        hessian[:size, :size] = self._curvature(moments[0], moments[1], curve)
        hessian[:size, size] = hessian[size, :size] = self.A.T @ moments[2] + self.C.T @ moments[3]
        hessian[size, size] = -np.sum(moments[4])
        return value, mean, hessian + second - mean.T @ mean

    def informations(self, point: Floats, *, mixed: bool) -> Floats:
        """Each group's part of the observed information (groups, parameters, parameters)."""
        A, C, D = (np.asarray(matrix.toarray(), dtype=np.float64) for matrix in (self.A, self.C, self.D))
        size = A.shape[1]
        parts = np.zeros((self.n_groups, len(point), len(point)))
        a, c, _, slope, curve = self._lines(point[:size])
        if mixed:
            sd = float(point[-1])
            u, posterior = self._posterior(point)
            moments = np.zeros((5, len(a)))
            mean = np.zeros((self.n_groups, len(point)))
            for q in range(u.shape[1]):
                own = u[self.members, q]
                fa, fc = expit(a - sd * own), expit(c - sd * own)
                weight, each = posterior[:, q], posterior[self.members, q]
                scores = self._node_scores(fa, fc, slope, u[:, q])
                mean += weight[:, None] * scores
                parts -= weight[:, None, None] * scores[:, :, None] * scores[:, None, :]
                wa, wc = each * fa * (1 - fa), each * fc * (1 - fc)
                for row, part in enumerate((wa, wc, wa * own, wc * own, (wa + wc) * own**2)):
                    moments[row] += part
            parts += mean[:, :, None] * mean[:, None, :]
        else:
            fa, fc = expit(a), expit(c)
            moments = np.stack([fa * (1 - fa), fc * (1 - fc)])
        ends = np.append(self.starts[1:], len(a))
        for group, rows in enumerate(map(slice, self.starts, ends)):
            for matrix, weight in ((A, moments[0]), (C, moments[1]), (D, curve)):
                parts[group, :size, :size] += matrix[rows].T @ (matrix[rows] * weight[rows, None])
            if mixed:
                beside = A[rows].T @ moments[2, rows] + C[rows].T @ moments[3, rows]
                parts[group, :size, size] -= beside
                parts[group, size, :size] -= beside
                parts[group, size, size] += moments[4, rows].sum()
        return parts

    def _node_scores(self, fa: Floats, fc: Floats, slope: Floats, u: Floats) -> Floats:
        """Each group's gradient at its random intercept `u`."""
        size = self.A.shape[1]
        scores = np.empty((self.n_groups, size + 1))
        scores[:, :size] = self._row_sums(self.cells_A, 1 - fa + slope) - self._row_sums(self.cells_C, fc + slope)
        scores[:, size] = self._sums(fa + fc - 1) * u
        return scores

    def _posterior(self, point: Floats) -> tuple[Floats, Floats]:
        """Nodes of each group's random intercept and their weights given its scores (groups, nodes)."""
        a, c, gap, _, _ = self._lines(point[:-1])
        sd = float(point[-1])
        modes, spread = self._modes(a, c, sd)
        u = modes[:, None] + np.sqrt(2) * spread[:, None] * self.nodes[None, :]
        joint = np.empty_like(u)
        for q in range(u.shape[1]):
            shift = sd * u[self.members, q]
            joint[:, q] = self._sums(log_expit(a - shift) + log_expit(shift - c) + gap)
        joint += self.log_weights - u**2 / 2
        return u, np.exp(joint - logsumexp(joint, axis=1)[:, None])

    def _curvature(self, wa: Floats, wc: Floats, curve: Floats) -> Floats:
        parts = [
            matrix.T @ matrix.multiply(weight[:, None])
            for matrix, weight in ((self.A, wa), (self.C, wc), (self.D, curve))
        ]
        return np.asarray(-(parts[0] + parts[1] + parts[2]).toarray(), dtype=np.float64)

    def _sums(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self.members, values, minlength=self.n_groups), dtype=np.float64)

    def _cells(self, matrix: Any) -> tuple[Floats, Codes, Codes]:
        """Of each entry of the matrix: the entry, its row, and its place in the table of groups x columns."""
        entries = matrix.tocoo()
        rows, columns = (index.astype(np.intp) for index in entries.coords)
        return entries.data, rows, self.members[rows] * matrix.shape[1] + columns

    def _row_sums(self, cells: tuple[Floats, Codes, Codes], weight: Floats) -> Floats:
        """Sums over the readings of a group of the rows of the matrix, each times its weight."""
        entries, rows, places = cells
        size = self.n_groups * self.A.shape[1]
        sums = np.bincount(places, entries * weight[rows], minlength=size)
        return np.asarray(sums.reshape(self.n_groups, -1), dtype=np.float64)

    def _modes(self, a: Floats, c: Floats, sd: float) -> tuple[Floats, Floats]:
        """Most likely u of each group and the standard deviation of the normal curve that touches it there."""
        u = np.zeros(self.n_groups)
        for _ in range(50):
            fa, fc = expit(a - sd * u[self.members]), expit(c - sd * u[self.members])
            slope = sd * self._sums(fa + fc - 1) - u
            curvature = 1 + sd**2 * self._sums(fa * (1 - fa) + fc * (1 - fc))
            # The function is concave, but far out so flat that a whole step can overshoot.
            move = np.clip(slope / curvature, -2.0, 2.0)
            u = u + move
            if np.abs(move).max() < 1e-9:
                break
        return u, 1 / np.sqrt(curvature)
