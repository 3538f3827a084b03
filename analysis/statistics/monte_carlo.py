"""P-values of random draws: as many draws as it takes to tell them from a limit, and the interval of what is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.statistics.intervals import clopper_pearson

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: A p-value is judged against this; below it something is called significant.
LIMIT = 0.05
#: Level of the interval that says how far draws leave a p-value open.
CONFIDENCE = 0.99
#: Draws beyond which a p-value stays as open as it is.
MOST_DRAWS = 100_000
OPTIONS: dict[str, object] = {
    "p_value": "(1 + extreme) / (1 + draws), never 0",
    "interval": "Clopper and Pearson's of the share of extreme draws, level .99 (p_mc_low, p_mc_high)",
    "draws": (
        f"more of them, up to {MOST_DRAWS:,}, until the interval leaves out .05 and, where p-values are adjusted, the "
        "limits of Holm's steps; a p-value without draws is exact"
    ),
}


@dataclass(frozen=True)
class PValue:
    """A p-value; `draws` is 0 where it is exact, and the ends of its Monte Carlo interval are NaN then."""

    value: float
    draws: int = 0
    low: float = np.nan
    high: float = np.nan

    @property
    def is_exact(self) -> bool:
        """Whether nothing was drawn for it."""
        return self.draws == 0

    @property
    def is_least(self) -> bool:
        """Whether no draw was extreme, so that the value tells of the draws alone."""
        return self.draws > 0 and self.low == 0

    @property
    def columns(self) -> dict[str, float]:
        """The columns of a table that tell what the draws leave open, empty where nothing was drawn."""
        return {"p_mc_low": self.low, "p_mc_high": self.high, "draws": self.draws or np.nan}

    def doubt(self, limits: Sequence[float] = (LIMIT,)) -> str | None:
        """What the draws leave open, in words; None where they leave nothing."""
        if self.is_exact:
            return None
        if self.is_least:
            return (
                f"p is the least that {self.draws:,} draws can give; the true one is below {self.high:.2g} (99% Monte "
                "Carlo interval)"
            )
        if _open(self.low, self.high, limits):
            return (
                f"{self.draws:,} draws do not tell on which side of a limit p is: {self.value:.4f}, 99% Monte Carlo "
                f"interval {self.low:.4f} to {self.high:.4f}"
            )
        return None


UNKNOWN = PValue(np.nan)


def drawn_p(extreme: Callable[[int], int], *, draws: int, limits: Sequence[float] = (LIMIT,)) -> PValue:
    """P-value from draws: `extreme` tells how many of so many new ones are as extreme as what was observed.

    Begins with `draws` and goes on, doubling them up to `MOST_DRAWS`, while the interval holds one of the limits.
    """
    made = found = 0
    wanted = draws
    while True:
        found += extreme(wanted - made)
        made = wanted
        low, high = clopper_pearson(found, made, level=CONFIDENCE)
        if made >= MOST_DRAWS or not _open(low, high, limits):
            return PValue((1 + found) / (1 + made), made, low, high)
        wanted = min(2 * made, MOST_DRAWS)


def holm_limits(tests: int) -> tuple[float, ...]:
    """What Holm's procedure compares the p-values of so many tests with."""
    return tuple(LIMIT / step for step in range(1, max(tests, 1) + 1))


def _open(low: float, high: float, limits: Sequence[float]) -> bool:
    return any(low <= limit <= high for limit in limits)
