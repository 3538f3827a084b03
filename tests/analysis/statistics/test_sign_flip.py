"""The sign-flip test against all flips and R: on every grid, off every grid, of few units and of many."""

import itertools
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.statistics.sign_flip import on_grid, sign_flip


def p_of(sums: NDArray[np.float64], draws: int = 100) -> float:
    found = sign_flip(sums, rng=np.random.default_rng(1), draws=draws)
    assert found.is_exact
    return found.value


def of_all_flips(sums: NDArray[np.float64]) -> float:
    flips = np.array(list(itertools.product([1, -1], repeat=len(sums)))) @ sums
    return float(np.mean(np.abs(flips) >= abs(sums.sum()) - 1e-9 * np.abs(sums).sum()))


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        # R: g <- as.matrix(expand.grid(rep(list(c(-1, 1)), length(s)))); mean(abs(g %*% s) >= abs(sum(s)))
        ([3, -1, 0, 2, 2, -4, 5, 1, 1, -2, 6, 0], 0.248046875),
        ([0.5, -1, 0.25, 2, 2.75, -0.5, 3], 0.1875),
        ([1, 1, 1, 1, 1], 2 / 32),
        ([1, -1], 1),
        ([0, 0, 0], 1),
        ([0, 0, 5], 1),
    ],
)
def test_p_is_the_share_of_all_flips(sums: list[float], expected: float) -> None:
    assert p_of(np.array(sums, dtype=np.float64)) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("step", [1.0, 0.5, 0.1, 1 / 3, 1 / 7, 1e-9, 2.5e6, np.pi])
def test_p_is_exact_on_the_grid_of_any_step(step: float) -> None:
    rng = np.random.default_rng(2)
    for _ in range(10):
        sums = np.float64(step) * rng.integers(-4, 5, 9).astype(np.float64)
        assert p_of(sums) == pytest.approx(of_all_flips(sums), abs=1e-12)


def test_a_zero_that_rounding_made_nearly_zero_flips_nothing() -> None:
    assert p_of(np.array([0.1 + 0.2 - 0.3, 1, 1, 1, 2])) == p_of(np.array([0, 1.0, 1, 1, 2])) == 2 / 16


def test_up_to_32_values_off_every_grid_are_enumerated() -> None:
    values = np.random.default_rng(3).normal(0.3, 1, 13)
    assert on_grid(values) is None
    assert p_of(values) == pytest.approx(of_all_flips(values), abs=1e-14)


@pytest.mark.parametrize(
    ("units", "statistic", "expected"),
    # R: 2 * psignrank(statistic, units), the ranks themselves being the sums
    [(60, 600, 0.0198322594818902), (60, 300, 1.83908776245183e-06), (500, 50000, 8.84399332175569e-05)],
)
def test_many_units_have_the_exact_distribution(units: int, statistic: int, expected: float) -> None:
    signs, left = np.ones(units), statistic
    for rank in range(units, 0, -1):
        if rank <= left:
            signs[rank - 1], left = -1, left - rank
    started = time.perf_counter()
    assert p_of(signs * np.arange(1, units + 1)) == pytest.approx(expected, rel=1e-10)
    assert time.perf_counter() - started < 5


def test_a_thousand_cases_of_a_hundred_readers_are_exact_and_p_is_never_zero() -> None:
    rng = np.random.default_rng(4)
    assert 0 < p_of(rng.integers(-1, 2, (1000, 100)).sum(axis=1).astype(float)) <= 1
    assert p_of(np.ones(2000)) > 0


def test_what_cannot_be_exact_is_drawn_and_says_how_far_it_is_known() -> None:
    values = np.random.default_rng(5).normal(0.25, 1, 60)
    found = sign_flip(values, rng=np.random.default_rng(1), draws=2000)
    assert found.draws >= 2000
    assert found.low < found.value < found.high
    # A t-test knows about the same of so many normal values.
    drawn_again = sign_flip(values, rng=np.random.default_rng(2), draws=50_000)
    assert found.low < drawn_again.value < found.high
    assert not found.low <= 0.05 <= found.high or found.draws == 100_000
