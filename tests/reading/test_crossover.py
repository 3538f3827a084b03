"""The crossover design: balance, order, and the same result everywhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy import stats

from readerstudy.reading.crossover import AllocationError, Slot, crossover, reader_key, training

TARGETS = ("Atelectasis", "Cardiomegaly", "Effusion")
SLOTS = [
    Slot(number=number, target=target, label=label)
    for number, (target, label) in enumerate(
        ((target, label) for target in TARGETS for label in ("TP", "FP") for _ in range(4)), start=1
    )
]
CELL = {slot.number: (slot.target, slot.label) for slot in SLOTS}


def key_of(number: int) -> bytes:
    """A key that differs from number to number; what a key looks like does not matter to what is drawn from it."""
    return number.to_bytes(32, "big")


@pytest.mark.parametrize("seed", range(20))
def test_in_every_cell_half_of_the_cases_start_in_each_arm(seed: int):
    first = Counter((CELL[p.number], p.arm) for p in crossover(SLOTS, arms=2, key=key_of(seed)) if p.period == 1)
    assert set(first.values()) == {2}
    assert len(first) == 3 * 2 * 2


@pytest.mark.parametrize("seed", range(20))
def test_arms_are_swapped_in_the_second_period(seed: int):
    arm = {(p.number, p.period): p.arm for p in crossover(SLOTS, arms=2, key=key_of(seed))}
    assert all(arm[slot.number, 1] + arm[slot.number, 2] == 1 for slot in SLOTS)


def test_every_case_is_read_once_per_period_at_positions_from_one():
    placements = crossover(SLOTS, arms=2, key=key_of(3))
    for period in (1, 2):
        read = [p for p in placements if p.period == period]
        assert sorted(p.number for p in read) == sorted(CELL)
        assert [p.position for p in read] == list(range(1, len(SLOTS) + 1))


def test_the_order_differs_between_periods():
    placements = crossover(SLOTS, arms=2, key=key_of(3))
    first, second = ([p.number for p in placements if p.period == period] for period in (1, 2))
    assert first != second


def test_three_arms_rotate_so_that_every_case_is_seen_in_each():
    slots = [Slot(number=number, target="Mass", label="TP") for number in range(1, 7)]
    placements = crossover(slots, arms=3, key=key_of(1))
    for slot in slots:
        assert sorted(p.arm for p in placements if p.number == slot.number) == [0, 1, 2]
    assert Counter((p.period, p.arm) for p in placements) == dict.fromkeys(
        ((period, arm) for period in (1, 2, 3) for arm in range(3)), 2
    )


def test_the_order_in_which_a_database_returns_rows_does_not_matter():
    shuffled = [SLOTS[index] for index in np.random.default_rng(0).permutation(len(SLOTS))]
    assert crossover(shuffled, arms=2, key=key_of(7)) == crossover(SLOTS, arms=2, key=key_of(7))


def test_the_derivation_is_the_one_that_the_decision_describes():
    # printf 'reader:R1' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '00%.0s' {1..31})07
    assert reader_key(key_of(7), "R1").hex() == "5b99b7a85e85f89db8dec07fde3b61d9ac604f2834bfb55215e3e205dfa79376"
    slots = [Slot(number=number, target="Mass", label="TP") for number in (1, 2, 3, 4)]
    # for n in 1 2 3 4; do printf "period 1:$n" | openssl dgst ...; done | sort, and the same of "first arm:$n"
    drawn = [p for p in crossover(slots, arms=2, key=key_of(7)) if p.period == 1]
    assert [p.number for p in drawn] == [4, 2, 1, 3]
    assert {p.number for p in drawn if p.arm == 0} == {2, 4}


def test_positions_are_uniform_over_many_keys():
    keys, numbers = 3000, sorted(CELL)
    counts = np.zeros((len(numbers), len(numbers)))
    for seed in range(keys):
        for p in crossover(SLOTS, arms=2, key=reader_key(key_of(seed), "R1")):
            if p.period == 1:
                counts[p.number - 1, p.position - 1] += 1
    expected = keys / len(numbers)
    statistic = ((counts - expected) ** 2 / expected).sum()
    degrees = (len(numbers) - 1) ** 2
    assert 0.001 < stats.chi2.sf(statistic, degrees) < 0.999


def test_first_arms_are_uniform_over_many_keys():
    keys = 3000
    starts = Counter(
        p.number
        for seed in range(keys)
        for p in crossover(SLOTS, arms=2, key=key_of(seed))
        if p.period == 1 and p.arm == 0
    )
    for number in CELL:
        assert stats.binomtest(starts[number], keys, 0.5).pvalue > 1e-4


def test_the_label_says_nothing_about_the_position():
    positions: dict[str, list[int]] = {"TP": [], "FP": []}
    for seed in range(500):
        for p in crossover(SLOTS, arms=2, key=key_of(seed)):
            positions[CELL[p.number][1]].append(p.position)
    assert stats.mannwhitneyu(positions["TP"], positions["FP"]).pvalue > 1e-3


def test_training_alternates_the_arms_and_begins_with_each_as_often():
    first: Counter[Any] = Counter()
    for number in range(1000):
        drawn = training([25, 26, 27, 28], arms=2, key=reader_key(key_of(number), "R1"))
        assert [p.position for p in drawn] == [1, 2, 3, 4]
        assert [p.arm for p in drawn] in ([0, 1, 0, 1], [1, 0, 1, 0])
        first[drawn[0].arm, drawn[0].number] += 1
    assert stats.chisquare(list(first.values())).pvalue > 1e-3
    assert len(first) == 8


def test_a_cell_that_cannot_be_halved_is_named():
    with pytest.raises(AllocationError, match="Effusion FP: 3"):
        crossover(SLOTS[:-1], arms=2, key=key_of(1))


def test_one_arm_is_no_crossover():
    with pytest.raises(AllocationError, match="two arms"):
        crossover(SLOTS, arms=1, key=key_of(1))


def test_no_cases_are_refused():
    with pytest.raises(AllocationError, match="no cases"):
        crossover([], arms=2, key=key_of(1))
