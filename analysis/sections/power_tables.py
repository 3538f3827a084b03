"""Power, or the cases or readers needed, for the numbers that are asked for."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.sections.power import POWER
from analysis.statistics.power import (
    ANALYSES,
    MAX_CASES,
    MAX_READERS,
    TARGET,
    Comparison,
    Components,
    cases_needed,
    power,
    readers_needed,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.statistics.generalisation import Name


# The table where neither readers nor cases are given.
USUAL_READERS = (3, 4, 5, 6, 8, 10, 15, 20)


@dataclass(frozen=True)
class Plan:
    """What is asked: of readers and cases, what is given is taken and what is not is looked for."""

    readers: tuple[int, ...] = ()
    cases: tuple[int, ...] = ()
    target: float = TARGET
    analyses: tuple[Name, ...] = ANALYSES
    alpha: float = 0.05
    margin: float | None = None


def power_table(components: Components, plan: Plan) -> pd.DataFrame:
    """One row per analysis and number of readers or cases asked for, with the columns of `POWER`.

    `found` says which number was looked for: "power", "cases" or "readers"; one out of reach is NaN and noted.
    """
    rows: list[list[Any]] = []
    for analysis in plan.analyses:
        test = Comparison(analysis, plan.alpha, plan.margin)
        if plan.readers and plan.cases:
            pairs = itertools.product(plan.readers, plan.cases)
            rows.extend(_row(components, test, readers, cases, "power") for readers, cases in pairs)
        elif plan.cases:
            for cases in plan.cases:
                needed = readers_needed(components, cases, target=plan.target, test=test)
                rows.append(_row(components, test, needed, cases, "readers"))
        else:
            for readers in plan.readers or USUAL_READERS:
                needed = cases_needed(components, readers, target=plan.target, test=test)
                rows.append(_row(components, test, readers, needed, "cases"))
    table = pd.DataFrame(rows, columns=POWER.names)
    return table.astype({"readers": "Int64", "cases": "Int64", "power": "float64"})


def _row(components: Components, test: Comparison, readers: int | None, cases: int | None, found: str) -> list[Any]:
    if readers is None or cases is None:
        limit = f"{MAX_READERS} readers" if readers is None else f"{MAX_CASES} cases"
        return [test.analysis, readers, cases, np.nan, found, f"out of reach: not even {limit} are enough"]
    reached = float(power(components, readers, cases, test))
    note = "random readers need at least two" if np.isnan(reached) else ""
    return [test.analysis, readers, cases, reached, found, note]


def _curves(components: Components, plan: Plan, table: pd.DataFrame) -> pd.DataFrame:
    """Power over cases for up to four numbers of readers, as far as the numbers in the table go."""
    known = table["cases"].dropna()
    # Beyond a few times the pilot the curve of one odd row would squeeze all others.
    longest = min(max(int(known.max()) if len(known) else 0, components.cases), 10 * components.cases)
    cases = np.unique(np.linspace(4, 1.25 * longest + 4, 100).round())
    readers = natural_numbers(table["readers"].dropna().tolist())[:4] or [5]
    parts = [
        pd.DataFrame(
            {
                "analysis": analysis,
                "readers": number,
                "cases": cases,
                "power": power(components, number, cases, Comparison(analysis, plan.alpha, plan.margin)),
            }
        )
        for analysis in plan.analyses
        for number in readers
    ]
    return pd.concat(parts)


def natural_numbers(values: Sequence[int]) -> list[int]:
    """The distinct numbers in order."""
    return sorted({int(value) for value in values})
