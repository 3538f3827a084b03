"""Sensitivity and specificity at a threshold: intervals as published, and the comparison of all readers."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.mrmc.merit import Resampling, point_merit
from analysis.mrmc.obuchowski_rockette import compare
from analysis.sections.point_tables import middle_threshold, point_tables
from analysis.statistics.intervals import newcombe, wilson
from tests.analysis.mrmc.test_obuchowski_rockette import simulated
from tests.typed import cell_of, row_of


@pytest.mark.parametrize(("count", "total"), [(0, 20), (1, 20), (12, 20), (20, 20)])
def test_the_interval_of_one_proportion_is_wilsons(count: int, total: int) -> None:
    expected = stats.binomtest(count, total).proportion_ci(method="wilson")
    assert wilson(count, total) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("pairs", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),  # Newcombe 1998, table III, method 10
        ((1, 1, 7, 12), -0.507, -0.026),  # Fagerland, Lydersen and Laake 2014, airway hyper-responsiveness
    ],
)
def test_the_interval_of_paired_proportions_is_the_published_one(
    pairs: tuple[int, int, int, int], low: float, high: float
) -> None:
    digits = 5e-5 if low > 0 else 5e-4
    assert newcombe(*pairs) == pytest.approx((low, high), abs=digits)


def test_pairs_that_all_agree_have_an_interval_around_zero() -> None:
    low, high = newcombe(20, 0, 0, 0)
    assert low == pytest.approx(-high)
    assert high > 0


def test_shares_and_discordant_pairs_are_counted_at_the_threshold() -> None:
    ratings = simulated(2, 3)
    tables = point_tables(ratings, 3)
    points = tables["points"].set_index(["figure", "treatment", "reader"])
    called = ratings.scores >= 3
    assert cell_of(points, ("sensitivity", "t0", "r1"), "estimate") == called[0, 1][ratings.truth].mean()
    assert cell_of(points, ("specificity", "t1", "r2"), "estimate") == np.mean(~called[1, 2][~ratings.truth])
    assert cell_of(points, ("specificity", "t1", "all"), "estimate") == pytest.approx(
        1 - called[1][:, ~ratings.truth].mean()
    )
    rows = tables["point_differences"].set_index(["figure", "analysis", "reader"])
    row = row_of(rows, ("sensitivity", "one reader", "r0"))
    first, second = called[0, 0][ratings.truth], called[1, 0][ratings.truth]
    assert (row["only_first"], row["only_second"]) == (np.sum(first & ~second), np.sum(second & ~first))
    assert row["difference"] == pytest.approx(first.mean() - second.mean())
    assert row["ci_low"] <= row["difference"] <= row["ci_high"]


def test_the_exact_test_of_one_reader_is_mcnemars() -> None:
    """R: mcnemar.exact(matrix(c(10, 1, 6, 3), 2)) of exact2x2 gives p = 0.125; binom.test(1, 7)."""
    ratings = simulated(2, 1, cases=40)
    scores = np.zeros_like(ratings.scores)
    scores[0, 0, ratings.truth] = [1] * 16 + [0] * 4
    scores[1, 0, ratings.truth] = [1] * 10 + [0] * 6 + [1] * 1 + [0] * 3
    table = point_tables(replace(ratings, scores=scores), 1)["point_differences"]
    [row] = table[(table["analysis"] == "one reader") & (table["figure"] == "sensitivity")].to_dict("records")
    assert (row["only_first"], row["only_second"], row["p_value"]) == (6, 1, 0.125)


def test_the_variance_of_one_readers_sensitivity_is_binomial() -> None:
    ratings = simulated(1, 1, cases=60)
    merit = {name: point_merit(ratings, "sensitivity", 3, covariance=name) for name in ("delong", "jackknife")}
    p, n = float(merit["delong"].values[0, 0]), int(ratings.truth.sum())
    assert merit["delong"].covariance[0, 0] == pytest.approx(p * (1 - p) / (n - 1))
    # The jackknife leaves out the other cases as well: 59/60 of (n / (n - 1)) as much.
    assert merit["jackknife"].covariance[0, 0] == pytest.approx(59 / 60 * n / (n - 1) * p * (1 - p) / (n - 1))
    drawn = point_merit(ratings, "sensitivity", 3, covariance="bootstrap", resampling=Resampling(draws=20_000))
    assert drawn.covariance[0, 0] == pytest.approx(p * (1 - p) / n, rel=0.05)


def test_over_all_readers_the_figures_are_compared_like_auc() -> None:
    ratings = simulated(2, 6)
    expected = compare(point_merit(ratings, "specificity", 3), ratings.treatments, ratings.readers)
    table = point_tables(ratings, 3)["point_differences"]
    rows = table[(table["figure"] == "specificity") & (table["reader"] == "all")].set_index("analysis")
    for name in ("RRRC", "FRRC", "RRFC"):
        assert cell_of(rows, name, "p_value") == pytest.approx(expected.analysis(name).p_value)
    assert rows.index[rows["headline"].to_numpy(dtype=bool)].tolist() == [expected.headline]


def test_the_cut_off_is_above_the_middle_of_the_scale_whoever_gave_which_score() -> None:
    for given in ([1.0, 2, 3, 4, 5], [1.0, 2], [4.0, 5], [3.0, 3], [1.0, 2, 3]):
        assert middle_threshold(np.array(given), (1, 5)) == 4
    assert middle_threshold(np.array([0.0, 0]), (0, 1)) == 1
    assert middle_threshold(np.array([1.0, 2]), (1, 4)) == 3
    # A score of 50 is the middle of 0 to 100 and calls nothing positive; 50.5 does.
    assert middle_threshold(np.array([10.0, 50, 50.5, 80]), (0, 100)) == 50.5
    assert middle_threshold(np.array([10.0, 20.5]), (0, 100)) == 51


def test_without_a_scale_the_cut_off_is_above_the_middle_of_the_scores_given() -> None:
    assert middle_threshold(np.array([1.0, 2, 3, 4, 5]), None) == 4
    assert middle_threshold(np.array([1.0, 2, 3]), None) == 3
    assert middle_threshold(np.array([2.0, 2]), None) is None


def test_readers_who_are_right_on_every_case_have_an_interval() -> None:
    ratings = simulated(2, 3, cases=20)
    scores = np.where(ratings.truth, 5.0, 1.0) + np.zeros_like(ratings.scores)
    points = point_tables(replace(ratings, scores=scores), 3)["points"].set_index(["figure", "treatment", "reader"])
    row = row_of(points, ("sensitivity", "t0", "all"))
    # R: binom.test(10, 10)$conf.int
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == (1, pytest.approx(0.691502892181), 1)
    row = row_of(points, ("sensitivity", "t0", "r1"))
    assert (row["ci_low"], row["ci_high"]) == wilson(10, 10)
