"""Clusters as units: the clustered signed-rank test by hand and by all flips, its kin, and two one-sided tests."""

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.statistics.clustered import (
    case_reader_means,
    clustered_signed_rank,
    equivalence,
    rank_biserial,
    rank_biserial_interval,
)
from analysis.statistics.multiplicity import benjamini_hochberg


def array(*values: float) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def test_with_one_difference_per_cluster_it_is_the_signed_rank_test_with_ties_in_the_variance() -> None:
    values = array(*np.repeat(np.arange(-4, 5), [1, 4, 16, 15, 8, 4, 5, 1, 2]))
    found = clustered_signed_rank(np.arange(len(values)), values)
    # Without clusters the variance is the sum of squared ranks, as in scipy's normal approximation with ties.
    wilcoxon: Any = stats.wilcoxon  # its stubs know no "asymptotic"
    expected = wilcoxon(values, zero_method="wilcox", correction=False, method="asymptotic")
    assert found.p_value == pytest.approx(expected.pvalue)


def test_equal_clusters_give_the_value_by_hand() -> None:
    # |d| 1 2 3 4 5 6 with signs + + - + - + in clusters of two: sums 3, 1, 1; T = 5, variance 9 + 1 + 1.
    found = clustered_signed_rank(np.array([0, 0, 1, 1, 2, 2]), array(1, 2, -3, 4, -5, 6))
    assert found.statistic == pytest.approx(5 / np.sqrt(11))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(5 / np.sqrt(11)))
    assert np.isnan(found.intraclass)


def test_unequal_clusters_are_weighted_by_the_variance_of_their_means() -> None:
    """Against the formulas of Rosner, Glynn and Lee with the components of variance from another implementation."""
    rng = np.random.default_rng(1)
    sizes = [1, 2, 3, 2, 1, 3, 2, 3]
    codes = np.repeat(np.arange(8), sizes)
    values = np.repeat(rng.normal(0.4, 1, 8), sizes) + rng.normal(0, 0.7, len(codes))
    signed = np.sign(values) * stats.rankdata(np.abs(values))
    parts = [signed[codes == code] for code in range(8)]
    f = stats.f_oneway(*parts).statistic
    within = sum(part.var() * len(part) for part in parts) / (len(codes) - 8)
    size = (len(codes) - sum(s**2 for s in sizes) / len(codes)) / 7
    between = within * (f - 1) / size
    rho = between / (between + within)
    corrected = rho * (1 + (1 - rho**2) / (8 - 2.5))
    weights = array(*(s / (1 + (s - 1) * corrected) for s in sizes))
    means = array(*(part.mean() for part in parts))
    found = clustered_signed_rank(codes, values)
    assert found.intraclass == pytest.approx(rho)
    assert found.statistic == pytest.approx(np.sum(weights * means) / np.sqrt(np.sum(weights**2 * means**2)))


def test_its_variance_is_that_over_all_flips_of_clusters() -> None:
    rng = np.random.default_rng(2)
    codes, values = np.repeat(np.arange(7), 2), rng.normal(0, 1, 14)
    ranks = np.sign(values) * stats.rankdata(np.abs(values))
    sums = np.bincount(codes, ranks)
    flips = np.array(list(itertools.product([-1, 1], repeat=7))) @ sums
    assert clustered_signed_rank(codes, values).statistic == pytest.approx(sums.sum() / flips.std())


def test_a_second_reader_who_agrees_adds_nothing() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 25)
    once = clustered_signed_rank(np.arange(25), values)
    twice = clustered_signed_rank(np.tile(np.arange(25), 2), np.tile(values, 2))
    assert twice.statistic == pytest.approx(once.statistic, rel=1e-2)


@pytest.mark.parametrize(
    ("codes", "values", "reason"),
    [
        ([], [], "fewer than two"),
        ([0, 1], [0, 0], "all differences are zero"),
        ([0, 0, 1], [1, 2, 0], "fewer than two"),
        ([0, 0, 1, 1], [1, -1, 1, -1], "cancel"),
    ],
)
def test_what_cannot_be_tested_says_why(codes: list[int], values: list[float], reason: str) -> None:
    found = clustered_signed_rank(np.array(codes, dtype=np.intp), array(*values))
    assert reason in str(found.reason)
    assert np.isnan([found.statistic, found.p_value]).all()


def test_the_rank_biserial_interval_contains_the_estimate_and_knows_clusters() -> None:
    # Kerby's simple difference: signed ranks +1 -2.5 +2.5 +4 of 10.
    assert rank_biserial(array(1, -2, 2, 3, 0)) == pytest.approx(0.5)
    values = np.random.default_rng(4).integers(-2, 4, 60).astype(float)
    low, high = rank_biserial_interval(np.arange(60), values, rng=np.random.default_rng(5), draws=800)
    assert low < rank_biserial(values) < high
    doubled = rank_biserial_interval(
        np.tile(np.arange(60), 2), np.tile(values, 2), rng=np.random.default_rng(5), draws=800
    )
    assert doubled == pytest.approx((low, high), abs=0.02)


def test_the_rank_biserial_of_a_resample_has_the_ranks_of_that_resample() -> None:
    """With two clusters there are three different resamples, whose coefficients are known."""
    codes, values = np.array([0, 0, 1]), array(1, 3, -2)
    low, high = rank_biserial_interval(codes, values, rng=np.random.default_rng(6), draws=400)
    assert (low, high) == (rank_biserial(array(-2, -2)), rank_biserial(array(1, 3, 1, 3)))


def test_resampling_readers_as_well_widens_where_readers_differ() -> None:
    rng = np.random.default_rng(7)
    cases, readers = np.tile(np.arange(40), 6), np.repeat(np.arange(6), 40)
    values = rng.normal(0, 1, 240) + np.repeat(rng.normal(0, 1, 6), 40)
    means = case_reader_means(cases, readers, values, rng=rng, draws=2000)
    per_reader = values.reshape(6, 40).mean(axis=1)
    # Readers dominate: the standard error is about that of six reader means.
    assert means.std() == pytest.approx(per_reader.std() / np.sqrt(6), rel=0.15)


def test_two_one_sided_tests_agree_with_those_of_a_known_distribution() -> None:
    resampled = np.random.default_rng(8).normal(0.1, 0.2, 200_000)
    found = equivalence(0.1, resampled, 0.5, n_cases=31)
    assert (found.low, found.high) == pytest.approx((0.1 - 1.645 * 0.2, 0.1 + 1.645 * 0.2), abs=5e-3)
    assert found.p_lower == pytest.approx(stats.t.sf(3, 30), abs=2e-4)
    assert found.p_upper == pytest.approx(stats.t.sf(2, 30), abs=1e-3)
    assert found.p_value == found.p_upper


def test_benjamini_hochberg_agrees_with_scipy() -> None:
    values = [0.01, 0.04, 0.03, 0.005, 0.9]
    # R: p.adjust(c(.01, .04, .03, .005, .9), "BH") is .025 .05 .05 .025 .9
    assert benjamini_hochberg(values) == pytest.approx([0.025, 0.05, 0.05, 0.025, 0.9])
    assert benjamini_hochberg([*values, np.nan])[:5] == pytest.approx(stats.false_discovery_control(values))
