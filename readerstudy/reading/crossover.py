"""The crossover design: which case a reader sees in which arm, period and position. Pure: no database."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from readerstudy.lib.shuffling import keyed_digest, shuffled


class AllocationError(Exception):
    """Cases that cannot be allocated; the message says why and what to do."""


@dataclass(frozen=True, order=True)
class Slot:
    """A case to be allocated, in its cell of the design: target and label."""

    number: int
    target: str
    label: str


@dataclass(frozen=True)
class Placement:
    """Case `number` at `position` (from 1) of `period` (from 1; 0 is training), shown in arm `arm` (index from 0)."""

    number: int
    arm: int
    period: int
    position: int


def reader_key(key: bytes, code: str) -> bytes:
    """A reader's own key, from the study's and the reader's code: the same on every computer."""
    return keyed_digest(key, "reader", code)


def crossover(slots: Iterable[Slot], *, arms: int, key: bytes) -> list[Placement]:
    """Every case once per period; in each cell an equal share starts in each arm and moves on by one arm per period.

    With two arms this is the published design: half of each cell starts in arm A, half in arm B, swapped in period 2.
    The order is another one in every period. `key` is the reader's own; who lacks it learns nothing about the rest from
    any part. Raises AllocationError where a cell cannot be divided by the arms.
    """
    cases = list(slots)
    first_arm: dict[int, int] = {}
    for cell in _cells(cases, arms):
        numbers = shuffled((slot.number for slot in cell), key=key, purpose="first arm")
        share = len(numbers) // arms
        first_arm.update({number: index // share for index, number in enumerate(numbers)})
    return [
        Placement(number=number, arm=(first_arm[number] + period - 1) % arms, period=period, position=position)
        for period in range(1, arms + 1)
        for position, number in enumerate(
            shuffled((slot.number for slot in cases), key=key, purpose=f"period {period}"), start=1
        )
    ]


def training(numbers: Iterable[int], *, arms: int, key: bytes) -> list[Placement]:
    """The training cases in an order of the reader's own, in one arm after the other; their period is 0."""
    first = int.from_bytes(keyed_digest(key, "training", "first arm"), "big") % arms
    return [
        Placement(number=number, arm=(first + index) % arms, period=0, position=index + 1)
        for index, number in enumerate(shuffled(numbers, key=key, purpose="period 0"))
    ]


def _cells(cases: Sequence[Slot], arms: int) -> list[list[Slot]]:
    if arms < 2:
        raise AllocationError(f"A crossover needs at least two arms; this study has {arms}. Add arms to its protocol.")
    if not cases:
        raise AllocationError("The study has no cases yet: select them first (study_select).")
    cells: dict[tuple[str, str], list[Slot]] = defaultdict(list)
    for case in sorted(cases):
        cells[case.target, case.label].append(case)
    uneven = [f"{target} {label}: {len(cell)}" for (target, label), cell in cells.items() if len(cell) % arms]
    if uneven:
        raise AllocationError(
            f"Within each target and label an equal share of the cases starts in each of the {arms} arms, so their "
            f"number must be a multiple of {arms}. It is not for {'; '.join(uneven)}. Set cases_per_cell accordingly."
        )
    return list(cells.values())
