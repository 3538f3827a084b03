"""The Hodges-Lehmann shift and its exact signed-rank test, against R and all flips; the interval inverts the test."""

import itertools

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.data.pairs import make_pairs
from analysis.data.schema import validate
from analysis.sections.effect_tables import effect_table
from analysis.statistics.shift import signed_rank_p, signed_rank_shift, walsh_averages
from tests.typed import rows_of

DEPRESSION = (
    np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    - np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
)  # fmt: skip
NORMAL = np.fromstring(
    "-.2265 .5836 -.4356 1.9953 .7295 -.4205 .8874 1.1383 .9758 .0946 1.9118 .7898 -.2212 -1.8147 1.5249 .3551 .3838 "
    "1.3438 1.2212 .9939 1.319 1.1821 .4746 -1.5894 1.0198",
    sep=" ",
)


@pytest.mark.parametrize(
    ("values", "p_value", "estimate", "low", "high"),
    [
        # R: wilcox.test(d, conf.int = TRUE, exact = TRUE); the first is the example of ?wilcox.test, the third is
        # round(rnorm(25, .4), 4) after set.seed(1)
        (DEPRESSION, 0.0390625, 0.46, 0.01, 0.786),
        (1.1 * np.arange(1, 9), 0.0078125, 4.95, 2.2, 7.7),
        (NORMAL, 0.0061292052269, 0.6798, 0.25415, 1.00685),
    ],
)
def test_one_difference_a_case_without_ties_gives_what_r_gives(
    values: NDArray[np.float64], p_value: float, estimate: float, low: float, high: float
) -> None:
    found = signed_rank_shift(np.arange(len(values)), values)
    assert found.p_value == pytest.approx(p_value, rel=1e-9)
    assert (found.estimate, found.low, found.high) == pytest.approx((estimate, low, high), abs=1e-8)
    assert found.remark is None


def of_all_flips(units: NDArray[np.intp], differences: NDArray[np.float64]) -> float:
    kept = differences != 0
    ranks = np.sign(differences[kept]) * stats.rankdata(np.abs(differences[kept]))
    sums = np.bincount(units[kept], ranks, minlength=int(units.max()) + 1)
    flips = np.array(list(itertools.product([1, -1], repeat=len(sums)))) @ sums
    return float(np.mean(np.abs(flips) >= abs(sums.sum()) - 1e-9))


def test_ties_zeros_and_several_readers_have_the_p_of_all_flips_of_cases() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        units = np.sort(rng.integers(0, 8, 20))
        units = np.unique(units, return_inverse=True)[1]
        differences = rng.integers(-3, 5, 20).astype(float)
        assert signed_rank_p(units, differences) == pytest.approx(of_all_flips(units, differences), abs=1e-12)


def test_sixteen_tied_differences_have_the_p_of_all_flips() -> None:
    # R: r <- rank(abs(d)) * sign(d); g <- as.matrix(expand.grid(rep(list(c(-1, 1)), 16)))
    # mean(abs(g %*% r) >= abs(sum(r)))
    differences = np.array([-4, -3, -3, -2, 1, 1, 2, 2, 2, 3, 3, 4, 4, 1, 1, 2.0])
    assert signed_rank_p(np.arange(16), differences) == pytest.approx(0.235992431641, abs=1e-12)


def test_the_interval_holds_just_the_shifts_that_the_test_does_not_reject() -> None:
    """The dual of the test, by brute force, on scores with ties and zeros; 0 is in it as the test beside it says."""
    rng = np.random.default_rng(2)
    decided = set()
    for round_ in range(24):
        units = np.repeat(np.arange(8), 2)
        differences = rng.integers(-3, 4, 16).astype(float) + (round_ % 4) / 2
        found = signed_rank_shift(units, differences)
        kept = differences != 0
        grid = np.arange(-5, 6.01, 0.125)
        held = [shift for shift in grid if of_all_flips(units[kept], differences[kept] - shift) >= 0.05]
        assert found.low <= min(held) <= found.low + 0.25
        assert found.high - 0.25 <= max(held) <= found.high
        rejects = of_all_flips(units, differences) < 0.05
        assert found.p_value == pytest.approx(of_all_flips(units, differences), abs=1e-12)
        assert rejects == (not found.low <= 0 <= found.high or "beside it rejects" in str(found.remark))
        decided.add(rejects)
    assert decided == {True, False}


def test_zeros_ties_and_many_cases_are_near_r() -> None:
    """R leaves zeros out and then solves for the shifts by the normal approximation; so many cases are near it."""
    differences = np.repeat(np.arange(-4, 5), [1, 4, 16, 15, 8, 4, 5, 1, 2]).astype(float)
    found = signed_rank_shift(np.arange(len(differences)), differences)
    # R: wilcox.test(d, conf.int = TRUE, exact = FALSE, correct = FALSE)
    assert (found.estimate, found.low, found.high) == pytest.approx((-1.000051, -1.500051, -1.2e-6), abs=1e-3)


@pytest.mark.parametrize("differences", [[1.0] * 8, [1.0] * 8 + [0.0]])
def test_differences_that_are_all_alike_have_no_interval_but_a_sentence(differences: list[float]) -> None:
    found = signed_rank_shift(np.arange(len(differences)), np.array(differences))
    assert found.estimate == 1
    assert np.isnan([found.low, found.high]).all()
    assert "no interval of the shift" in str(found.remark)


def test_few_cases_reject_nothing_and_have_no_end() -> None:
    found = signed_rank_shift(np.arange(5), np.array([1.0, 2, 3, 4, 5]))
    assert found.p_value == 2 / 32
    assert found.estimate == 3
    assert np.isnan([found.low, found.high]).all()
    assert "no end" in str(found.remark)


def test_walsh_averages_are_counted_once_for_each_pair() -> None:
    places, weights = walsh_averages(np.array([0.0, 0, 1, 3]))
    # Of 0, 0, 1, 3: three pairs of zeros, two of 0 and 1, one of 1, two of 0 and 3, one of 1 and 3, one of 3.
    assert dict(zip(places.tolist(), weights.tolist(), strict=True)) == {0: 3, 0.5: 2, 1: 1, 1.5: 2, 2: 1, 3: 1}


@pytest.mark.shared_data
def test_test_and_interval_agree_in_every_row_of_the_published_study(published_study: pd.DataFrame) -> None:
    frame = validate(published_study)
    table, messages = effect_table(frame, make_pairs(frame, ("A", "B")), seed=1, draws=50)
    for row in rows_of(table):
        assert row.shift_low < row.shift_high, row
        outside = row.shift_low > 0 or row.shift_high < 0
        target = "all targets" if row.target == "all" else row.target
        where = f"{row.label}, {target}"
        own = [message for message in messages if message.startswith(f"Signed ranks, {row.question}:")]
        said = any(where in message and "beside it rejects" in message for message in own)
        assert (row.signed_rank_exact < 0.05) == (outside or said), where
        # With 120 cases the normal approximation of Rosner, Glynn and Lee is near.
        assert row.target != "all" or row.signed_rank_exact == pytest.approx(row.signed_rank_p, abs=0.02)
