"""Agreement between readers in each arm, and of each reader with the hidden repeats, with case bootstrap intervals."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.errors import AnalysisError
from analysis.data.order import natural_order
from analysis.sections.agreement import AGREEMENT
from analysis.statistics.agreement_measures import MAX_SCORES, Statistic, statistics
from analysis.statistics.resampling import stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from analysis.statistics.agreement import Floats

OPTIONS: dict[str, str] = {
    "kappa": (
        "Cohen's kappa, unweighted and with linear and quadratic weights of the scores, for each pair of readers, with "
        "the standard error of Fleiss, Cohen and Everitt"
    ),
    "icc": "the intraclass correlations of Shrout and Fleiss over cases that every reader has rated",
    "alpha": (
        "Krippendorff's alpha (nominal, ordinal, interval; ratio where no score is below 0) over all readers; a case "
        "needs two ratings"
    ),
    "interval": (
        "95%: of ICC by the F distributions of Shrout and Fleiss and of McGraw and Wong; of kappa and alpha by "
        "percentile bootstrap of cases"
    ),
    "within": "a reader's first and second reading of a case in the same arm (hidden repeats)",
}
# With fewer, the interval of any measure is very wide and the bootstrap's too short.
FEW_CASES = 10
# With more readers the pairs are hundreds of rows that nobody reads; ICC and alpha speak for all.
MAX_READERS_IN_PAIRS = 10


def agreement_table(
    frame: pd.DataFrame, arms: Sequence[str], *, seed: int, draws: int
) -> tuple[pd.DataFrame, list[str]]:
    """Agreement per question and arm of validated responses, and messages on what cannot be had."""
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    readings = frame.assign(occasion=frame.groupby(["question", "arm", "reader", "case"], sort=False).cumcount())
    for question, arm in itertools.product(natural_order(frame["question"].unique()), arms):
        own = readings[(readings["question"] == question) & (readings["arm"] == arm)]
        scores = np.unique(own["value"].to_numpy(dtype=np.float64))
        where = f"Agreement, {question}, arm {arm}"
        for kind, names, table in _sets(own):
            found = statistics(table, scores, stream(seed, question, arm, kind, *names), draws, kind=kind)
            if not found:
                messages.append(f"{where}, {' & '.join(names)}: none, because no case has two ratings.")
            shown = " & ".join(names) if kind != "all readers" else "all"
            rows += [
                dict(zip(AGREEMENT.names, (question, arm, kind, shown, *_row(statistic)), strict=True))
                for statistic in found
            ]
            undefined = ", ".join(statistic.name for statistic in found if np.isnan(statistic.estimate))
            if undefined:
                reader = "all readers" if kind == "all readers" else shown
                messages.append(f"{where}, {reader}: no {undefined}, because the scores do not vary enough.")
        messages += _limits(where, own, scores)
    return pd.DataFrame(rows, columns=AGREEMENT.names), messages


def _limits(where: str, own: pd.DataFrame, scores: Floats) -> list[str]:
    readers = own["reader"].nunique()
    messages = []
    if readers == 1:
        messages.append(f"{where}: there is one reader, so that no other reader can agree.")
    if readers > MAX_READERS_IN_PAIRS:
        messages.append(f"{where}: kappas of pairs are left out with more than {MAX_READERS_IN_PAIRS} readers.")
    if len(scores) > MAX_SCORES:
        messages.append(f"{where}: kappa and alpha are left out with more than {MAX_SCORES} different scores.")
    return messages


def _sets(own: pd.DataFrame) -> list[tuple[str, list[str], Floats]]:
    """(kind, readers, ratings of (cases, 2 or all readers)) to compare; NaN where there is no rating."""
    sets: list[tuple[str, list[str], Floats]] = []
    first = own[own["occasion"] == 0]
    readers = natural_order(first["reader"].unique())
    if len(readers) > 1:
        wide = first.pivot_table(index="case", columns="reader", values="value")
        table = wide.loc[natural_order(wide.index), readers].to_numpy(dtype=np.float64)
        sets.append(("all readers", readers, table))
        if len(readers) <= MAX_READERS_IN_PAIRS:
            for a, b in itertools.combinations(range(len(readers)), 2):
                sets.append(("pair", [readers[a], readers[b]], table[:, [a, b]]))
    for reader in natural_order(own.loc[own["occasion"] == 1, "reader"].unique()):
        again = own[(own["reader"] == reader) & (own["occasion"] <= 1)]
        wide = again.pivot_table(index="case", columns="occasion", values="value")
        sets.append(("within", [reader], wide.loc[natural_order(wide.index)].to_numpy(dtype=np.float64)))
    return sets


def _row(statistic: Statistic) -> tuple[str, int, float, float, float, float, str]:
    return (
        statistic.name,
        statistic.n_cases,
        statistic.estimate,
        statistic.se,
        statistic.ci_low,
        statistic.ci_high,
        _note(statistic),
    )


def _note(statistic: Statistic) -> str:
    """What needs care about a measure; empty where nothing does."""
    if np.isnan(statistic.estimate):
        return "none: the scores do not vary enough"
    if np.isnan(statistic.ci_low):
        return "no interval: the scores do not vary enough"
    return f"few cases ({statistic.n_cases})" if statistic.n_cases < FEW_CASES else ""


def wide_messages(table: pd.DataFrame, ratings: Floats) -> list[str]:
    """Why `wide_table` lacks what it lacks, in sentences."""
    messages = []
    scores = np.unique(ratings[~np.isnan(ratings)])
    if table.empty:
        messages.append("There is no agreement, because no case has two ratings.")
    undefined = table[table["estimate"].isna()]
    for readers, own in undefined.groupby("readers", sort=False):
        messages.append(f"{readers}: no {', '.join(own['statistic'])}, because the scores do not vary enough.")
    unsure = int((table["estimate"].notna() & table["ci_low"].isna()).sum())
    if unsure:
        messages.append(
            f"{unsure} estimates have no interval, because the scores or too many resamples of them do not vary enough."
        )
    if len(scores) > MAX_SCORES:
        messages.append(f"Kappa and alpha are left out with more than {MAX_SCORES} different scores.")
    if ratings.shape[1] > MAX_READERS_IN_PAIRS:
        messages.append(f"Kappas of pairs are left out with more than {MAX_READERS_IN_PAIRS} readers.")
    return messages


def wide_table(readers: list[str], table: Floats, *, seed: int, draws: int) -> pd.DataFrame:
    """Every statistic of all readers and of each pair, with the columns of `AGREEMENT` from readers on."""
    if len(readers) < 2 or not len(table):
        raise AnalysisError("Agreement needs at least two readers and one case. Give a column per reader.")
    scores = np.unique(table[~np.isnan(table)])
    sets = [("all readers", ["all"], table)]
    if len(readers) <= MAX_READERS_IN_PAIRS:
        pairs = itertools.combinations(range(len(readers)), 2)
        sets += [("pair", [readers[a], readers[b]], table[:, [a, b]]) for a, b in pairs]
    rows = [
        (" & ".join(names), *_row(statistic))
        for kind, names, own in sets
        for statistic in statistics(own, scores, stream(seed, kind, *names), draws, kind=kind)
    ]
    return pd.DataFrame(rows, columns=AGREEMENT.names[AGREEMENT.names.index("readers") :])
