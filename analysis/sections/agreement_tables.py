"""Agreement between readers in each arm, and of each reader with the hidden repeats, with case bootstrap intervals."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from analysis.agreement import (
    Metric,
    Weights,
    alphas,
    disagreement_weights,
    icc,
    icc_intervals,
    kappa,
    kappas,
    unit_coincidences,
)
from analysis.errors import AnalysisError
from analysis.order import natural_order
from analysis.resampling import case_weights, percentile_interval, stream
from analysis.tables import RowError, Table, TableError, alike_notes, number, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.agreement import Floats

COLUMNS = ["question", "arm", "kind", "readers", "statistic", "n_cases", "estimate", "se", "ci_low", "ci_high", "note"]
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
#: Columns of a table of ratings that name its rows; no reader is called so.
IDENTIFIERS = (
    "case",
    "case_id",
    "caseid",
    "case_no",
    "case_number",
    "id",
    "image",
    "image_id",
    "subject",
    "subject_id",
    "patient",
    "patient_id",
    "item",
    "item_id",
    "unit",
    "study_id",
    "file",
    "filename",
    "index",
    "row",
    "no",
    "nr",
    "number",
)
# With fewer, the interval of any measure is very wide and the bootstrap's too short.
FEW_CASES = 10
MISSING = {"", "NA", "N/A", ".", "NAN"}
# With more readers the pairs are hundreds of rows that nobody reads; ICC and alpha speak for all.
MAX_READERS_IN_PAIRS = 10
# Weighted kappas and ordinal alpha are for scales; the tables of a fine scale grow with its square.
MAX_SCORES = 30
# A mean over a reader's two readings is not what anybody uses.
_WITHIN = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)")


@dataclass(frozen=True)
class Statistic:
    """One measure of agreement; NaN for what cannot be had."""

    name: str
    n_cases: int
    estimate: float
    se: float  # asymptotic, of kappa only
    ci_low: float
    ci_high: float


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
                dict(zip(COLUMNS, (question, arm, kind, shown, *_row(statistic)), strict=True)) for statistic in found
            ]
            undefined = ", ".join(statistic.name for statistic in found if np.isnan(statistic.estimate))
            if undefined:
                reader = "all readers" if kind == "all readers" else shown
                messages.append(f"{where}, {reader}: no {undefined}, because the scores do not vary enough.")
        messages += _limits(where, own, scores)
    return pd.DataFrame(rows, columns=COLUMNS), messages


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


def statistics(
    table: Floats, scores: Floats, rng: np.random.Generator, draws: int, *, kind: str = "all readers"
) -> list[Statistic]:
    """What this kind of set of ratings (cases, readers; NaN: not rated) is judged by; `scores` is the scale used.

    "pair": kappas of two readers; "all readers": alphas and ICCs; "within": kappas and ICCs of two readings.
    """
    rated = table[np.sum(~np.isnan(table), axis=1) > 1]
    complete = rated[~np.isnan(rated).any(axis=1)]
    if not len(rated):
        return []
    found: list[Statistic] = []
    weights = case_weights(rng, len(rated), draws)
    if len(scores) <= MAX_SCORES:
        found += _alphas(rated, weights) if kind == "all readers" else _kappas(complete, scores, weights)
    if kind != "pair" and len(complete) > 1:
        intervals = icc_intervals(complete)
        for name, estimate in icc(complete).items():
            if kind == "all readers" or name in _WITHIN:
                found.append(Statistic(name, len(complete), estimate, np.nan, *intervals[name]))
    return found


def _alphas(rated: Floats, weights: Floats) -> list[Statistic]:
    levels, units = unit_coincidences(rated)
    whole, resampled = units.sum(axis=0)[None], _summed(weights, units)
    metrics: list[Metric] = [metric for metric in get_args(Metric) if metric != "ratio" or levels[0] >= 0]
    return [
        _statistic(
            f"alpha ({metric})",
            len(rated),
            float(alphas(whole, levels, metric)[0]),
            alphas(resampled, levels, metric),
        )
        for metric in metrics
    ]


def _kappas(pairs: Floats, scores: Floats, weights: Floats) -> list[Statistic]:
    units = _cells(pairs, scores)
    counts, resampled = units.sum(axis=0), _summed(weights, units)
    found = []
    for name in get_args(Weights):
        exact = kappa(counts, weights=name, scores=scores)
        values = kappas(resampled, disagreement_weights(scores, name))
        found.append(_statistic(f"kappa ({name})", len(pairs), exact.value, values, se=exact.ase))
    return found


def _statistic(name: str, n_cases: int, estimate: float, resampled: Floats, *, se: float = np.nan) -> Statistic:
    low, high = (np.nan, np.nan) if np.isnan(estimate) else percentile_interval(resampled)
    return Statistic(name, n_cases, estimate, se, low, high)


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


def load_wide(
    path: Path,
    *,
    readers_in_rows: bool = False,
    notes: list[str] | None = None,
    scale: tuple[float, float] | None = None,
) -> tuple[list[str], Floats]:
    """Readers and their ratings (cases, readers) from a table with a header: a column is a reader, a row a case.

    Empty cells and NA are ratings that are missing. With `readers_in_rows` a row is a reader and the header names the
    cases. A column that names the rows (`IDENTIFIERS`) is no rating: it is left out, and `notes` say so; with
    `readers_in_rows` it names the readers. A rating off the `scale` (lowest, highest) is refused. Raises AnalysisError.
    """
    kept = notes if notes is not None else []
    try:
        source = read_table(path, known=IDENTIFIERS).whole()
        names = [name for name in source.header if _identifies(name)]
        raters = [name for name in source.header if name not in names]
        source.write_points(raters)
        cells = [[_rating(source, place, name) for name in raters] for place in range(len(source.records))]
    except (TableError, RowError) as error:
        raise AnalysisError(f"{path.name} is no table of ratings: {str(error).rstrip('.')}.") from error
    table = np.array(cells, dtype=np.float64).reshape(len(cells), len(raters))
    kept += source.notes
    if readers_in_rows:
        _check_scale(path, source, raters, table, scale)
        return _row_names(source, names), table.T
    counted = _numbering(table)
    names += [raters[column] for column in counted]
    if names:
        kept.append(f"Column {', '.join(names)} names the cases and is no reader; it is left out.")
    raters = [name for name in raters if name not in names]
    table = np.delete(table, counted, axis=1)
    _check_scale(path, source, raters, table, scale)
    kept += alike_notes({"reader": raters})
    return raters, table


def _identifies(name: str) -> bool:
    return "".join(re.split(r"[\s_.-]+", name.casefold())) in {"".join(known.split("_")) for known in IDENTIFIERS}


def _check_scale(
    path: Path, source: Table, columns: Sequence[str], table: Floats, scale: tuple[float, float] | None
) -> None:
    low, high = scale or (-np.inf, np.inf)
    wrong = np.argwhere((table < low) | (table > high))
    if len(wrong):
        row, column = wrong[0]
        raise AnalysisError(
            f"{path.name}, line {source.lines[row]}: column '{columns[column]}' is {table[row, column]:g}; the scale "
            f"goes from {low:g} to {high:g}. Correct the rating, or the scale."
        )


def _numbering(table: Floats) -> list[int]:
    """Columns that number the rows: whole numbers that go up by one, to where no other column has a score."""
    counted = []
    for column in range(table.shape[1] if len(table) > 2 and table.shape[1] > 2 else 0):
        own, others = table[:, column], np.delete(table, column, axis=1)
        if (np.diff(own) == 1).all() and float(own[0]).is_integer() and not np.nanmax(others) >= own[-1]:
            counted.append(column)
    return counted


def _rating(source: Table, place: int, name: str) -> float:
    cell = source.records[place][source.header.index(name)]
    if cell.upper() in MISSING:
        return float("nan")
    try:
        return number(cell, f"column '{name}'")
    except RowError as error:
        raise RowError(f"line {source.lines[place]}: {error}") from error


def _row_names(source: Table, names: Sequence[str]) -> list[str]:
    if not names:
        return [f"reader {place}" for place in range(1, len(source.records) + 1)]
    place = source.header.index(names[0])
    return [record[place] or f"reader {row}" for row, record in enumerate(source.records, start=1)]


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
    """Every statistic of all readers and of each pair, with the columns of `COLUMNS` from readers on."""
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
    return pd.DataFrame(rows, columns=COLUMNS[COLUMNS.index("readers") :])


def _cells(pairs: Floats, scores: Floats) -> Floats:
    """Each case's cell in the table of two readers' scores (cases, scores, scores)."""
    first, second = (np.searchsorted(scores, pairs[:, column]) for column in (0, 1))
    cells = np.zeros((len(pairs), len(scores), len(scores)))
    cells[np.arange(len(pairs)), first, second] = 1
    return cells


def _summed(weights: Floats, units: Floats) -> Floats:
    """Sums of the cases' matrices in each resample (draws, scores, scores)."""
    return (weights @ units.reshape(len(units), -1)).reshape(len(weights), *units.shape[1:])
