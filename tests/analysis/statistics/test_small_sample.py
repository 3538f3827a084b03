"""Few clusters: unbiased variances and degrees of freedom, against closed forms and leave-one-out."""

import numpy as np
import pytest
from scipy.special import expit

from analysis.statistics.ordinal import fit_ordinal
from analysis.statistics.ordinal_design import Design
from analysis.statistics.small_sample import clusters_of
from tests.typed import present


def test_a_mean_has_the_variance_and_degrees_of_freedom_of_student() -> None:
    values = np.array([1.0, 4.0, 2.0, 8.0, 3.0])
    n = len(values)
    clusters = clusters_of(np.array([[1 / n]]), (values - values.mean())[:, None], np.ones((n, 1, 1)))
    assert clusters.covariance[0, 0] == pytest.approx(values.var(ddof=1) / n)
    assert clusters.degrees_of_freedom(np.ones(1)) == pytest.approx(n - 1)


def test_a_difference_of_two_means_has_those_of_welch_and_of_bell_and_mccaffrey() -> None:
    groups = np.repeat([0, 1], [4, 9])
    values = np.random.default_rng(1).normal(size=13) + groups
    X = np.column_stack([np.ones(13), groups])
    inverse = np.linalg.inv(X.T @ X)
    residuals = values - X @ (inverse @ X.T @ values)
    clusters = clusters_of(inverse, X * residuals[:, None], X[:, :, None] * X[:, None, :])
    first, second = values[:4], values[4:]
    assert clusters.covariance[1, 1] == pytest.approx(first.var(ddof=1) / 4 + second.var(ddof=1) / 9)
    # Imbens and Kolesar (2016), Rev Econ Stat 98:701, for two groups of n0 and n1.
    expected = 13**2 * 3 * 8 / (4**2 * 3 + 9**2 * 8)
    assert clusters.degrees_of_freedom(np.array([0.0, 1.0])) == pytest.approx(expected)


def small_study(rng: np.random.Generator, cases: int, readers: int = 3) -> tuple[np.ndarray, Design]:
    case, arm = np.repeat(np.arange(cases), 2 * readers), np.tile([0.0, 1.0], cases * readers)
    latent = rng.normal(size=cases)[case] + 1.5 * rng.normal(size=cases)[case] * arm
    cumulative = expit(np.array([-1.0, 0.0, 1.0]) - latent[:, None])
    return 1.0 + np.sum(rng.random(len(case))[:, None] > cumulative, axis=1), Design(arm[:, None], ("arm",), case)


def test_the_ordinal_models_robust_error_is_that_of_leaving_out_one_case_at_a_time() -> None:
    scores, design = small_study(np.random.default_rng(3), 14)
    fit = fit_ordinal(scores, design)
    left = []
    for case in range(14):
        kept = design.groups != case
        codes = np.unique(present(design.groups)[kept], return_inverse=True)[1]
        left.append(fit_ordinal(scores[kept], Design(design.X[kept], design.names, codes)).coefficients[0])
    jackknife = np.sqrt(13 / 14 * np.sum((np.array(left) - np.mean(left)) ** 2))
    robust = fit.wald("arm", robust=True)
    # The jackknife is conservative, by about one part in as many as there are cases.
    assert 0.93 * jackknife < robust.se < jackknife
    assert 10 < robust.df < 13
    assert robust.p_value > fit.wald("arm").p_value
    low, high = np.log(robust.odds_ratio()[1:])
    assert (high - low) / 2 / robust.se > 2.16  # t with 13 degrees of freedom; z has 1.96


def test_a_cluster_that_alone_decides_about_a_parameter_adds_nothing_to_its_spread() -> None:
    # Of the second group there is one cluster: nothing is known about the spread of others like it.
    X = np.column_stack([np.ones(5), [0, 0, 0, 0, 1]])
    values = np.array([1.0, 2.0, 4.0, 3.0, 9.0])
    inverse = np.linalg.inv(X.T @ X)
    residuals = values - X @ (inverse @ X.T @ values)
    clusters = clusters_of(inverse, X * residuals[:, None], X[:, :, None] * X[:, None, :])
    assert np.isfinite(clusters.covariance).all()
    assert clusters.degrees_of_freedom(np.array([0.0, 1.0])) < 4
