"""Tables, figure and words of a power calculation: what a pilot or assumed components mean for a planned study."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.accuracy import ratings_of
from analysis.errors import AnalysisError, UsageError
from analysis.figures import power_figure
from analysis.mrmc import obuchowski_rockette
from analysis.order import natural_order
from analysis.output import Report, software
from analysis.power import (
    ANALYSES,
    MAX_CASES,
    MAX_READERS,
    TARGET,
    Comparison,
    Components,
    cases_needed,
    check_components,
    components_of,
    power,
    readers_needed,
    truncations,
)
from analysis.ratings import crossed, load_ratings
from analysis.schema import load_responses
from analysis.tables import TableError, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from analysis.mrmc import Name
    from analysis.mrmc_merit import Covariance
    from analysis.ratings import Ratings

COLUMNS = ["analysis", "readers", "cases", "power", "found", "note"]
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


def load_pilot(path: Path, *, question: str | None = None, treatments: Sequence[str] | None = None) -> Ratings:
    """Ratings of a pilot from RATINGS.csv, .imrmc, .lrc, or RESPONSES.csv (then of one question, arms as treatments).

    `treatments` names the two to compare (first, second). Raises AnalysisError.
    """
    if path.suffix.lower() in {".imrmc", ".lrc"} or not _holds_responses(path):
        table = load_ratings(path)
        return crossed(table, treatments=_known(treatments, table["treatment"]))
    frame = load_responses(path)
    questions = natural_order(frame["question"].unique())
    if question is None and len(questions) > 1:
        raise AnalysisError(f"The responses are to {', '.join(questions)}. Name one with --question.")
    if question is not None and question not in questions:
        raise AnalysisError(f"There is no question {question}. Questions: {', '.join(questions) or 'none'}.")
    if not questions:
        raise AnalysisError("The pilot holds no responses. Give one with answers.")
    arms = _known(treatments, frame["arm"])
    return ratings_of(frame, question or questions[0], arms or natural_order(frame["arm"].unique()))


def pilot_components(ratings: Ratings, *, covariance: Covariance = "jackknife") -> Components:
    """The Obuchowski-Rockette components of the pilot's AUC."""
    return components_of(ratings, obuchowski_rockette(ratings, covariance=covariance))


def power_table(components: Components, plan: Plan) -> pd.DataFrame:
    """One row per analysis and number of readers or cases asked for, with the columns of `COLUMNS`.

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
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"readers": "Int64", "cases": "Int64", "power": "float64"})


def build_power(components: Components, plan: Plan | None = None, *, source: Mapping[str, str] | None = None) -> Report:
    """The report of a power calculation. Raises AnalysisError for components or a plan that make no sense."""
    plan = plan or Plan()
    checked = check_components(components)
    if min((*plan.readers, *plan.cases), default=1) < 1:
        raise UsageError("Readers and cases are counted from 1. Give whole numbers.")
    table = power_table(checked, plan)
    messages = truncations(checked)
    if checked.effect == 0 and plan.margin is None:
        messages.append("The effect is 0: no study finds it. Give the smallest effect worth finding (--effect).")
    provenance: dict[str, Any] = {
        "format": 1,
        "software": software(),
        "data": dict(source or {}),
        "components": asdict(checked),
        "options": {"power": asdict(plan)},
    }
    named = pd.DataFrame(list(asdict(checked).items()), columns=["component", "value"])
    figures = {"power": power_figure(_curves(checked, plan, table), plan.target)}
    return Report({"power": table, "components": named}, figures, provenance, messages, _methods(provenance, messages))


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


def _methods(provenance: dict[str, Any], messages: list[str]) -> str:
    plan, components = provenance["options"]["power"], provenance["components"]
    test = (
        f"a two-sided test at alpha {plan['alpha']:g}"
        if plan["margin"] is None
        else f"a one-sided test of non-inferiority at alpha {plan['alpha'] / 2:g} with margin {plan['margin']:g}"
    )
    parts = [
        "# Methods",
        (
            "Power of the comparison of two treatments' mean AUC by Obuchowski and Rockette, as in Hillis, Obuchowski "
            f"and Berbaum 2011, for {test}. RRRC generalises to other readers and cases, FRRC to other cases read by "
            "these readers, RRFC to other readers of these cases. Every reader reads every case with both treatments, "
            "and as large a share of the cases has the condition as in the pilot."
        ),
        (
            f"Components of a pilot of {components['cases']} cases: "
            + ", ".join(f"{name} {value:.8g}" for name, value in components.items() if name != "cases")
            + f". Where readers or cases are looked for, the power asked for is {plan['target']:g}."
        ),
    ]
    if messages:
        parts += ["## Notes", "\n".join(f"- {message}" for message in messages)]
    return "\n\n".join(parts) + "\n"


def _holds_responses(path: Path) -> bool:
    try:
        return "question" in read_table(path, known=("question",)).header
    except TableError as error:
        raise AnalysisError(f"{path.name}: {error}") from error


def _known(names: Sequence[str] | None, present: pd.Series[str]) -> Sequence[str] | None:
    unknown = [name for name in names or () if name not in set(present)]
    if unknown:
        raise AnalysisError(
            f"The pilot has no treatment {unknown[0]}. Name two of: {', '.join(natural_order(present))}."
        )
    return names
