"""The cumulative-link mixed model with two crossed random intercepts, case and reader, by Laplace's approximation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import linalg, optimize
from scipy.special import expit, log_expit

from analysis.ordinal import Design, OrdinalError, Wald, fit_ordinal, wald_test

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

_STEP = 1e-4


@dataclass(frozen=True)
class CrossedFit:
    """A fitted model; `reason` says why standard errors are not to be trusted, None where they are."""

    categories: tuple[float, ...]
    thresholds: Floats
    names: tuple[str, ...]
    coefficients: Floats
    sd: float  # of the groups of the design, usually cases
    sd_second: float  # of the second grouping, usually readers
    covariance: Floats  # of thresholds and coefficients
    log_likelihood: float  # Laplace's approximation
    n: int
    converged: bool
    reason: str | None

    def wald(self, name: str) -> Wald:
        """The coefficient with its Wald test."""
        index = self.names.index(name)
        place = len(self.thresholds) + index
        se = float(np.sqrt(self.covariance[place, place])) if self.reason is None else np.nan
        return wald_test(float(self.coefficients[index]), se)


def fit_crossed(scores: ArrayLike, design: Design, second: Codes) -> CrossedFit:
    """Fit score ~ design + random intercept per group of the design + random intercept per code of `second`.

    As R's `ordinal::clmm(... + (1 | case) + (1 | reader))`, which uses the same approximation. Readers as a random
    factor need many of them: with fewer than five their spread is hardly known. The search is BFGS over thresholds,
    coefficients and logarithms of the gaps; standard errors come from second differences of the log-likelihood, at a
    standard deviation of 0 with that held. Raises OrdinalError as `fit_ordinal` does.
    """
    if design.groups is None or len(second) != len(design.X):
        raise OrdinalError("Two crossed factors are needed: groups of the design and a code of the second per reading.")
    values: Floats = np.asarray(scores, dtype=np.float64)
    single = fit_ordinal(values, design)
    codes = np.searchsorted(np.asarray(single.categories), values)
    model = _Laplace(codes, design.X, _codes(design.groups), _codes(second), len(single.thresholds))
    start = np.concatenate([model.unordered(single.thresholds), single.coefficients, [max(single.sd, 0.3), 0.3]])

    def loss(point: Floats) -> float:
        return -model.value(model.natural(point))

    found = optimize.minimize(loss, start, method="BFGS")
    natural = model.natural(found.x)
    natural[-2:] = np.abs(natural[-2:])
    natural[-2:][natural[-2:] < 1e-2] = 0.0
    free = np.flatnonzero(natural != 0) if (natural[-2:] == 0).any() else np.arange(len(natural))
    covariance, reason = _covariance(model, natural, free, len(natural) - 2)
    # BFGS ends with a loss of precision where the differences that stand for its gradient are exhausted.
    converged = bool(found.success or np.abs(found.jac).max() < 1e-3)
    if not converged:
        reason = "the search for the maximum did not converge"
    size = len(single.thresholds)
    return CrossedFit(
        categories=single.categories,
        thresholds=natural[:size],
        names=design.names,
        coefficients=natural[size:-2],
        sd=float(natural[-2]),
        sd_second=float(natural[-1]),
        covariance=covariance,
        log_likelihood=model.value(natural),
        n=len(values),
        converged=converged,
        reason=reason,
    )


def _codes(groups: Codes) -> Codes:
    return np.unique(groups, return_inverse=True)[1].astype(np.intp)


class _Laplace:
    def __init__(self, codes: Codes, X: Floats, first: Codes, second: Codes, thresholds: int) -> None:
        self.codes, self.X, self.first, self.second, self.thresholds = codes, X, first, second, thresholds
        self.shape = (int(first.max()) + 1, int(second.max()) + 1)
        self.cells = first * self.shape[1] + second
        self.modes = (np.zeros(self.shape[0]), np.zeros(self.shape[1]))

    def unordered(self, thresholds: Floats) -> Floats:
        return np.concatenate([thresholds[:1], np.log(np.diff(thresholds))])

    def natural(self, point: Floats) -> Floats:
        """Thresholds, coefficients and standard deviations from the parameters of the search."""
        thresholds = point[0] + np.concatenate([[0.0], np.cumsum(np.exp(point[1 : self.thresholds]))])
        return np.concatenate([thresholds, point[self.thresholds :]])

    def value(self, natural: Floats) -> float:
        """Laplace's approximation of the log-likelihood at the modes of both random factors."""
        edges = np.concatenate([[-np.inf], natural[: self.thresholds], [np.inf]])
        line = self.X @ natural[self.thresholds : -2]
        upper, lower = edges[self.codes + 1] - line, edges[self.codes] - line
        gap = float(np.sum(np.log(-np.expm1(lower - upper))))
        sds = natural[-2:]
        u, v = self.modes
        best, determinant = -np.inf, 0.0
        move = (np.zeros_like(u), np.zeros_like(v))
        for _ in range(100):
            shift = sds[0] * u[self.first] + sds[1] * v[self.second]
            likely = float(np.sum(log_expit(upper - shift) + log_expit(shift - lower)))
            joint = likely - float(u @ u + v @ v) / 2
            if joint < best - 1e-10 * abs(best):
                move = (move[0] / 2, move[1] / 2)
                u, v = u - move[0], v - move[1]
                continue
            best = joint
            fa, fc = expit(upper - shift), expit(lower - shift)
            slope, weight = fa + fc - 1, fa * (1 - fa) + fc * (1 - fc)
            gradient_u = sds[0] * np.bincount(self.first, slope, self.shape[0]) - u
            gradient_v = sds[1] * np.bincount(self.second, slope, self.shape[1]) - v
            diagonal = 1 + sds[0] ** 2 * np.bincount(self.first, weight, self.shape[0])
            cross = sds[0] * sds[1] * np.bincount(self.cells, weight, self.shape[0] * self.shape[1]).reshape(self.shape)
            # The block of the first factor is diagonal, so that only one matrix of the size of the second is solved.
            corner = np.diag(1 + sds[1] ** 2 * np.bincount(self.second, weight, self.shape[1]))
            factor = linalg.cho_factor(corner - cross.T @ (cross / diagonal[:, None]))
            move_v = linalg.cho_solve(factor, gradient_v - cross.T @ (gradient_u / diagonal))
            move = ((gradient_u - cross @ move_v) / diagonal, move_v)
            determinant = float(np.sum(np.log(diagonal)) + 2 * np.sum(np.log(np.diag(factor[0]))))
            if max(np.abs(move[0]).max(), np.abs(move[1]).max()) < 1e-9:
                break
            u, v = u + move[0], v + move[1]
        self.modes = (u, v)
        return gap + best - determinant / 2


def _covariance(model: _Laplace, natural: Floats, free: NDArray[np.intp], size: int) -> tuple[Floats, str | None]:
    """Inverse of the second differences of the log-likelihood over the free parameters."""
    count = len(free)
    steps = np.zeros((count, len(natural)))
    steps[np.arange(count), free] = _STEP * np.maximum(1.0, np.abs(natural[free]))
    hessian = np.empty((count, count))
    for i in range(count):
        for j in range(i, count):
            corners = [model.value(natural + a * steps[i] + b * steps[j]) * a * b for a in (-1, 1) for b in (-1, 1)]
            second = sum(corners) / (4 * steps[i, free[i]] * steps[j, free[j]])
            hessian[i, j] = hessian[j, i] = second
    covariance = np.full((size, size), np.nan)
    roots, vectors = linalg.eigh(-hessian)
    if roots.min() <= 0:
        return covariance, "the likelihood has no maximum in the inside"
    inside = np.flatnonzero(free < size)
    inverse = (vectors / roots) @ vectors.T
    covariance[np.ix_(free[inside], free[inside])] = inverse[np.ix_(inside, inside)]
    return covariance, None
