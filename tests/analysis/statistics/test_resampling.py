"""Percentile intervals: draws enough to decide, a sentence where they do not, and none of one point."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.statistics.resampling import MOST_DRAWS, percentile_interval, settled_interval


def normal(seed: int, mean: float) -> tuple[list[int], Callable[[int], NDArray[np.float64]]]:
    """How many values were asked for each time, and what draws them."""
    rng = np.random.default_rng(seed)
    asked: list[int] = []

    def draw(count: int) -> NDArray[np.float64]:
        asked.append(count)
        return rng.normal(mean, 1, count)

    return asked, draw


def test_an_interval_far_from_its_limit_takes_the_draws_it_was_asked_for() -> None:
    asked, draw = normal(1, 5.0)
    found = settled_interval(draw, draws=500)
    assert asked == [500]
    assert found.doubt is None
    assert (found.low, found.high) == pytest.approx((5 - 1.96, 5 + 1.96), abs=0.4)


def test_an_end_near_the_limit_is_drawn_until_it_is_told_from_it() -> None:
    # The lower end is 1.96 standard deviations below the mean: at +0.15.
    asked, draw = normal(2, 1.96 + 0.15)
    found = settled_interval(draw, draws=200)
    assert len(asked) > 1
    assert found.low > 0
    assert found.doubt is None


def test_an_end_on_the_limit_stays_open_and_says_so() -> None:
    asked, draw = normal(3, 1.959964)
    found = settled_interval(draw, draws=2000)
    assert sum(asked) == MOST_DRAWS
    assert "16,000 draws do not tell whether the interval" in str(found.doubt)
    assert str(found.doubt).endswith("holds 0")


def test_an_end_that_is_the_limit_in_every_draw_is_no_doubt() -> None:
    values = np.repeat([0.0, 0.5, 1.0], [100, 300, 100])
    found = settled_interval(lambda _count: values, draws=500)
    assert (found.low, found.doubt) == (0, None)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1 + 0.2])
def test_values_that_are_all_equal_have_no_interval(value: float) -> None:
    assert np.isnan(percentile_interval(np.full(200, value))).all()
    assert np.isnan(settled_interval(lambda count: np.full(count, value), draws=100).low)
