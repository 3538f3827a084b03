"""The likelihood of an ordinal model, its gradient and curvature, and the search for its maximum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, sparse
from scipy.special import expit, log_expit, logsumexp

from analysis.statistics.ordinal_design import Design

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

_MAX_STEPS = 100


# A Newton step that promises less log-likelihood than this ends the search.
_TOLERANCE = 1e-10


# Beyond these a log odds ratio, or the spread of the groups, has run away because the data separate perfectly.
SEPARATED = 30.0


_DETERMINED = 12.0


@dataclass(frozen=True)
class Maximum:
    point: Floats
    value: float
    hessian: Floats
    scores: Floats  # (groups, parameters) their parts of the gradient
    steps: int
    converged: bool


def maximise(function: Any, start: Floats, thresholds: int, *, mixed: bool = False) -> Maximum:
    """Maximise by Newton's method with halved steps; where the curvature is wrong, by its absolute value."""
    point = start
    value, scores, hessian = function(point)
    for step in range(1, _MAX_STEPS + 1):
        gradient = scores.sum(axis=0)
        roots, vectors = linalg.eigh(-hessian)
        roots = np.maximum(np.abs(roots), 1e-10 * max(1.0, float(np.abs(roots).max())))
        move = vectors @ ((vectors.T @ gradient) / roots)
        if gradient @ move < _TOLERANCE:
            return Maximum(point, value, hessian, scores, step, converged=True)
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
            return Maximum(point, value, hessian, scores, step, converged=gradient @ move < 1e-6)
        point, value, scores, hessian = trial, trial_value, trial_scores, trial_hessian
        spread = abs(point[-1]) if mixed else 0.0
        if np.abs(point[thresholds:]).max(initial=0.0) > SEPARATED or spread > _DETERMINED:
            break
    return Maximum(point, value, hessian, scores, step, converged=False)


def turned(model: Likelihood, found: Maximum) -> Maximum:
    """The same maximum with the other sign of sd."""
    point = np.append(found.point[:-1], -found.point[-1])
    value, scores, hessian = model.marginal(point)
    return replace(found, point=point, value=value, scores=scores, hessian=hessian)


class Likelihood:
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
