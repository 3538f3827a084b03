"""Work on results in threads while the next ones are being computed."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


def overlapped(
    items: Iterable[Item], work: Callable[[Item], Result], *, threads: int = 2, ahead: int = 32
) -> Iterator[tuple[Item, Future[Result]]]:
    """Each item with the future of `work(item)`, in order; at most `ahead` items are held.

    An item is handed on when its work is done, so `result()` of its future returns, or raises, at once, except where
    `ahead` items are waiting or there are no more.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            while waiting and (len(waiting) > ahead or waiting[0][1].done()):
                yield waiting.popleft()
        yield from waiting
