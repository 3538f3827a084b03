"""Agreement between readers in each arm, and of each reader with the hidden repeats, with case bootstrap intervals."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.agreement import alphas, disagreement_weights, iccs, kappas, unit_coincidences
from analysis.order import natural_order
from analysis.resampling import case_weights, percentile_interval, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from analysis.agreement import Floats

COLUMNS = ["question", "arm", "kind", "readers", "statistic", "n_cases", "estimate", "ci_low", "ci_high"]
OPTIONS: dict[str, str] = {
    "kappa": "Cohen's kappa with linear and with quadratic weights of the scores, for each pair of readers",
    "icc": "ICC(2,1) of Shrout and Fleiss over cases that every reader has rated",
    "alpha": "Krippendorff's alpha, ordinal, over all readers; a case needs two ratings",
    "interval": "95% percentile bootstrap of cases",
    "within": "a reader's first and second reading of a case in the same arm (hidden repeats)",
}
# With more readers the pairs are hundreds of rows that nobody reads; ICC and alpha speak for all.
MAX_READERS_IN_PAIRS = 10
# Weighted kappas and ordinal alpha are for scales; the tables of a fine scale grow with its square.
MAX_SCORES = 30
_BATCH = 4_000_000


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
            statistics = _statistics(table, scores, stream(seed, question, arm, kind, *names), draws, kind=kind)
            if not np.any(np.sum(~np.isnan(table), axis=1) > 1):
                messages.append(f"{where}, {' & '.join(names)}: none, because no case has two ratings.")
            for statistic, n_cases, estimate, interval in statistics:
                rows.append(
                    {
                        "question": question,
                        "arm": arm,
                        "kind": kind,
                        "readers": " & ".join(names) if kind != "all readers" else "all",
                        "statistic": statistic,
                        "n_cases": n_cases,
                        "estimate": estimate,
                        "ci_low": interval[0],
                        "ci_high": interval[1],
                    }
                )
                if np.isnan(estimate):
                    reader = "all readers" if kind == "all readers" else " & ".join(names)
                    messages.append(f"{where}, {reader}: no {statistic}, because the scores do not vary enough.")
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


def _statistics(
    table: Floats, scores: Floats, rng: np.random.Generator, draws: int, *, kind: str
) -> list[tuple[str, int, float, tuple[float, float]]]:
    """(name, cases, estimate, interval) of what this kind of set is judged by."""
    rated = table[np.sum(~np.isnan(table), axis=1) > 1]
    complete = table[~np.isnan(table).any(axis=1)]
    if not len(rated):
        return []
    found = []
    weights = case_weights(rng, len(rated), draws)
    if len(scores) <= MAX_SCORES:
        if kind == "all readers":
            levels, units = unit_coincidences(rated)
            values = alphas(_summed(weights, units), levels, "ordinal")
            found.append(
                ("alpha (ordinal)", len(rated), float(alphas(units.sum(axis=0)[None], levels, "ordinal")[0]), values)
            )
        else:
            units = _cells(complete, scores)
            for name in ("linear", "quadratic"):
                disagreement = disagreement_weights(scores, "linear" if name == "linear" else "quadratic")
                values = kappas(_summed(weights, units), disagreement)
                found.append(
                    (f"kappa ({name})", len(rated), float(kappas(units.sum(axis=0)[None], disagreement)[0]), values)
                )
    if kind != "pair" and len(complete) > 1:
        weights = weights if len(complete) == len(rated) else case_weights(rng, len(complete), draws)
        estimate = float(iccs(complete[None])["ICC(2,1)"][0])
        found.append(("ICC(2,1)", len(complete), estimate, _resampled_icc(complete, weights)))
    return [
        (name, n_cases, estimate, (np.nan, np.nan) if np.isnan(estimate) else percentile_interval(values))
        for name, n_cases, estimate, values in found
    ]


def _cells(pairs: Floats, scores: Floats) -> Floats:
    """Each case's cell in the table of two readers' scores (cases, scores, scores)."""
    first, second = (np.searchsorted(scores, pairs[:, column]) for column in (0, 1))
    cells = np.zeros((len(pairs), len(scores), len(scores)))
    cells[np.arange(len(pairs)), first, second] = 1
    return cells


def _summed(weights: Floats, units: Floats) -> Floats:
    """Sums of the cases' matrices in each resample (draws, scores, scores)."""
    return (weights @ units.reshape(len(units), -1)).reshape(len(weights), *units.shape[1:])


def _resampled_icc(complete: Floats, weights: Floats) -> NDArray[np.float64]:
    """ICC(2,1) of each resample, in batches that bound the memory."""
    size = max(1, _BATCH // complete.size)
    parts = []
    for start in range(0, len(weights), size):
        counts = weights[start : start + size].astype(np.int64)
        chosen = np.stack([np.repeat(np.arange(len(complete)), row) for row in counts])
        parts.append(iccs(complete[chosen])["ICC(2,1)"])
    return np.concatenate(parts)
