"""Work in threads beside the computation: in order, bounded, and errors where they belong."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from explainer.pipeline import overlapped

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_results_come_in_order_and_an_error_belongs_to_its_item() -> None:
    def work(item: int) -> int:
        return 10 // item

    outcomes = list(overlapped([5, 0, 2], work))
    assert [item for item, _ in outcomes] == [5, 0, 2]
    assert (outcomes[0][1].result(), outcomes[2][1].result()) == (2, 5)
    with pytest.raises(ZeroDivisionError):
        outcomes[1][1].result()


def test_the_next_item_is_computed_while_the_one_before_is_worked_on() -> None:
    second_is_computed = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        second_is_computed.set()
        yield 2

    def work(item: int) -> bool:
        # Without overlap the first would wait for ever.
        return second_is_computed.wait(timeout=30)

    assert [done.result() for _, done in overlapped(items(), work)] == [True, True]


def test_no_more_items_are_held_than_allowed() -> None:
    computed = 0
    release = threading.Event()

    def items() -> Iterator[int]:
        nonlocal computed
        for item in range(20):
            computed += 1
            yield item

    results = overlapped(items(), lambda _: release.wait(timeout=30), ahead=3)
    first, _ = next(results)
    assert (first, computed) == (0, 4)
    release.set()
    assert len(list(results)) == 19
