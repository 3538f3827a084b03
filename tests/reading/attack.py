"""What somebody can do who has protocol and code, and has seen an allocation in part: try seeds and keys.

Written anew from docs/decisions/0013-the-allocation-key.md, and from how earlier versions allocated; nothing of the
application is used.
"""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

SEEDS = range(3001)
Place = tuple[int, int]  # period, position
Order = Callable[[Sequence[int]], dict[Place, int]]  # case numbers -> the case at each place


def by_generator(seed: int, code: str, *, cells: int, per_cell: int) -> Order:
    """The order of earlier versions: a generator seeded with the study's seed and the reader's code."""
    digest = hashlib.sha256(f"{seed}/{code}".encode()).digest()

    def order(numbers: Sequence[int]) -> dict[Place, int]:
        generator = random.Random(int.from_bytes(digest[:8], "big") >> 1)
        for _ in range(cells):  # first arms, cell by cell, took from the generator before the orders did
            generator.shuffle(list(range(per_cell)))
        placed: dict[Any, Any] = {}
        for period in (1, 2):
            shuffled = sorted(numbers)
            generator.shuffle(shuffled)
            placed |= {(period, position): number for position, number in enumerate(shuffled, start=1)}
        return placed

    return order


def by_hmac(key: bytes, code: str) -> Order:
    """The documented derivation with this key."""
    own = hmac.digest(key, f"reader:{code}".encode(), "sha256")

    def order(numbers: Sequence[int]) -> dict[Place, int]:
        placed: dict[Any, Any] = {}
        for period in (1, 2):
            macs = {hmac.digest(own, f"period {period}:{number}".encode(), "sha256"): number for number in numbers}
            placed |= {(period, position): macs[mac] for position, mac in enumerate(sorted(macs), start=1)}
        return placed

    return order


def starts_in_first_arm(key: bytes, code: str, cell: Sequence[int]) -> set[int]:
    """The cases of a cell that the reader sees in the protocol's first arm in period 1, as it is documented."""
    own = hmac.digest(key, f"reader:{code}".encode(), "sha256")
    macs = {hmac.digest(own, f"first arm:{number}".encode(), "sha256"): number for number in cell}
    return {macs[mac] for mac in sorted(macs)[: len(cell) // 2]}


def of_seeds(code: str, *, cells: int, per_cell: int) -> Iterator[Order]:
    """All that can be made of a seed: the old way, and the new way with a key that is made of a seed."""
    for seed in SEEDS:
        yield by_generator(seed, code, cells=cells, per_cell=per_cell)
        yield by_hmac(seed.to_bytes(32, "big"), code)
        yield by_hmac(hashlib.sha256(str(seed).encode()).digest(), code)


def best_order(orders: Iterable[Order], seen: Mapping[Place, str], target_of: Mapping[int, str]) -> dict[Place, int]:
    """The order in which most targets stand where the reader saw them."""
    placed = (order(list(target_of)) for order in orders)
    return max(placed, key=lambda found: sum(target_of[found[place]] == seen[place] for place in seen))
