"""P-values of draws: more of them near a limit, an interval, and a sentence where they decide nothing."""

import numpy as np
import pytest

from analysis.statistics.intervals import clopper_pearson
from analysis.statistics.monte_carlo import MOST_DRAWS, drawn_p, holm_limits


def share(p: float, seed: int = 1) -> np.random.Generator:
    return np.random.default_rng([seed, int(1e6 * p)])


@pytest.mark.parametrize(
    ("count", "total", "level", "low", "high"),
    [
        # R: binom.test(count, total, conf.level = level)$conf.int
        (7, 2000, 0.99, 0.00101967945307038, 0.00854511242080103),
        (0, 2000, 0.99, 0, 0.00264565275900935),
        (12, 12, 0.95, 0.735351530602949, 1),
    ],
)
def test_the_interval_is_clopper_and_pearsons(count: int, total: int, level: float, low: float, high: float) -> None:
    assert clopper_pearson(count, total, level=level) == pytest.approx((low, high), rel=1e-9, abs=1e-12)


def test_a_p_value_far_from_the_limit_needs_no_more_draws() -> None:
    rng = share(0.3)
    found = drawn_p(lambda count: int(rng.binomial(count, 0.3)), draws=2000)
    assert found.draws == 2000
    assert found.low < 0.3 < found.high
    assert found.doubt() is None


def test_a_p_value_near_the_limit_is_drawn_until_it_is_told_from_it() -> None:
    for seed in range(20):
        rng = share(0.046, seed)
        found = drawn_p(lambda count, rng=rng: int(rng.binomial(count, 0.046)), draws=2000)  # type: ignore[misc]
        assert found.draws > 2000
        assert found.high < 0.05
        assert found.value < 0.05
        assert found.doubt() is None


def test_a_p_value_on_the_limit_stays_open_and_says_so() -> None:
    rng = share(0.05)
    found = drawn_p(lambda count: int(rng.binomial(count, 0.05)), draws=2000)
    assert found.draws == MOST_DRAWS
    assert "do not tell on which side" in str(found.doubt())


def test_a_p_value_near_a_limit_of_holm_is_drawn_further() -> None:
    """.0035 of 2,000 draws was called significant among twelve tests, where .0054 is the exact value."""
    rng = share(0.00537)
    assert holm_limits(12)[-1] == pytest.approx(0.05 / 12)
    found = drawn_p(lambda count: int(rng.binomial(count, 0.00537)), draws=2000, limits=holm_limits(12))
    assert found.draws > 2000
    assert found.low > 0.05 / 12


def test_a_p_value_at_the_floor_of_its_draws_is_not_zero_and_says_so() -> None:
    found = drawn_p(lambda _count: 0, draws=2000)
    assert found.value == 1 / 2001
    assert "least that 2,000 draws can give; the true one is below 0.0026" in str(found.doubt())
