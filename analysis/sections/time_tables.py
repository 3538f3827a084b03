"""How long readers took: active seconds per reading by arm and period, the arms' ratio, and the learning curve.

Seconds are skewed, so that groups are described by quartiles and compared by ratios of geometric means. Intervals
resample cases, with all readings of a case together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.schema import ALL
from analysis.sections.time import SECTION, TIME, TIME_EFFECT, TIME_LEARNING
from analysis.statistics.resampling import case_weights, percentile_interval, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

BLOCKS = 10
# What the learning slope is told for: this many cases further on.
STEP = 10
OPTIONS: dict[str, str | int] = {
    "seconds": "active time on a reading, with its revisits; readings without time, or of 0 s, are left out",
    "arm": "ratio of geometric means, second over first arm, within pairs of the same reader and case",
    "arm_adjusted": "the same, averaged over the pairs that saw the first arm first and those that saw it second",
    "period": "later over earlier period, averaged likewise",
    "learning": f"ratio per {STEP} positions, from log seconds on position within reader and period",
    "interval": "95% percentile bootstrap of cases",
    "blocks": BLOCKS,
}


@dataclass(frozen=True)
class _Pairs:
    """Log ratios of pairs, second arm over first; `first_first` where the first arm was seen first."""

    cases: NDArray[np.str_]
    log_ratio: Floats
    first_first: NDArray[np.bool_]


def time_tables(
    frame: pd.DataFrame, arms: Sequence[str], *, seed: int, draws: int
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of section `time` from validated responses, and messages on what cannot be had.

    `time`: all readings ("all" in reader and arm, no period), then per arm, per arm and period, and per reader and
    arm. `time_effect`: ratios, of which below 1 means faster with the second arm, later, or further on.
    """
    used = frame[frame["arm"].isin(list(arms))]
    readings = used.drop_duplicates(["reader", "case", "arm", "period", "position"])
    timed = readings[readings["seconds"].notna() & (readings["seconds"] > 0)].reset_index(drop=True)
    messages = []
    if timed.empty:
        empty = {table.name: pd.DataFrame(columns=table.names) for table in SECTION.tables}
        return empty, ["Time: the responses have no times."] if len(readings) else []
    if len(timed) < len(readings):
        messages.append(f"Time: {len(readings) - len(timed)} of {len(readings)} readings have no time.")
    effects, thin = _effects(timed, arms, seed=seed, draws=draws)
    tables = {"time": _by_group(timed, arms), "time_learning": _learning(timed), "time_effect": effects}
    return tables, messages + thin


def _by_group(timed: pd.DataFrame, arms: Sequence[str]) -> pd.DataFrame:
    rows: list[list[Any]] = [[ALL, ALL, pd.NA, *_summary(timed["seconds"])]]
    shown = [arm for arm in arms if (timed["arm"] == arm).any()]
    rows += [[ALL, arm, pd.NA, *_summary(timed.loc[timed["arm"] == arm, "seconds"])] for arm in shown]
    for arm in shown:
        for period, own in timed[timed["arm"] == arm].groupby("period"):
            rows.append([ALL, arm, period, *_summary(own["seconds"])])
    for reader in natural_order(timed["reader"].unique()):
        for arm in shown:
            own = timed[(timed["reader"] == reader) & (timed["arm"] == arm)]
            if len(own):
                rows.append([reader, arm, pd.NA, *_summary(own["seconds"])])
    return pd.DataFrame(rows, columns=TIME.names).astype({"period": "Int64"})


def _learning(timed: pd.DataFrame) -> pd.DataFrame:
    """Readings of all readers in blocks of positions, as wide in every period."""
    rows: list[list[Any]] = []
    placed = timed[timed["position"].notna()]
    width = int(np.ceil(float(placed["position"].max()) / BLOCKS)) if len(placed) else 1
    if len(placed):
        block = (placed["position"].astype("int64") - 1) // width
        blocks = placed.assign(first=block * width + 1).groupby(["period", "first"])
        for (period, first), own in blocks:
            rows.append([period, first, first, *_summary(own["seconds"])])
    table = pd.DataFrame(rows, columns=TIME_LEARNING.names)
    return table.assign(last_position=table["first_position"] + (width - 1))


def _effects(timed: pd.DataFrame, arms: Sequence[str], *, seed: int, draws: int) -> tuple[pd.DataFrame, list[str]]:
    rows: list[list[Any]] = []
    messages = []
    if len(arms) == 2:
        pairs = _pairs(timed, arms)
        if len(pairs.cases):
            rows.append(_row("arm", pairs.cases, np.ones(len(pairs.cases)), pairs.log_ratio, seed, draws))
            orders = (pairs.first_first, ~pairs.first_first)
            if all(order.any() for order in orders):
                rows += _crossover(pairs, seed, draws)
            else:
                messages.append(
                    "Time: every pair saw the arms in one order, so that arm and period cannot be told apart."
                )
        else:
            messages.append("Time: no reader has times of a case in both arms, so that there is no ratio of the arms.")
    slope = _slope(timed, seed, draws)
    if slope is not None:
        rows.append(slope)
    else:
        messages.append("Time: positions are not known or do not vary, so that there is no learning slope.")
    table = pd.DataFrame(rows, columns=TIME_EFFECT.names)
    without = table.loc[table["ci_low"].isna(), "effect"].tolist()
    if without:
        messages.append(f"Time: no interval of {', '.join(without)}, because the cases are too few or all alike.")
    return table, messages


def _pairs(timed: pd.DataFrame, arms: Sequence[str]) -> _Pairs:
    # Validated rows are in order of period and position: of repeated readings the earliest counts.
    first = timed.drop_duplicates(["reader", "case", "arm"])
    sides = [first.loc[first["arm"] == arm, ["reader", "case", "seconds", "period"]] for arm in arms]
    both = sides[0].merge(sides[1], on=["reader", "case"], suffixes=("_first", "_second"))
    ratio = both["seconds_second"].to_numpy(dtype=np.float64) / both["seconds_first"].to_numpy(dtype=np.float64)
    earlier = both["period_first"].to_numpy(dtype=np.int64) < both["period_second"].to_numpy(dtype=np.int64)
    return _Pairs(both["case"].to_numpy(dtype=str), np.log(ratio), earlier)


def _crossover(pairs: _Pairs, seed: int, draws: int) -> list[list[Any]]:
    """The arm's ratio without the period's, and the period's without the arm's."""
    cases, codes = np.unique(pairs.cases, return_inverse=True)
    sums, counts = (
        np.stack([np.bincount(codes[own], weights=of[own], minlength=len(cases)) for own in _orders(pairs)])
        for of in (pairs.log_ratio, np.ones(len(codes)))
    )
    weights = np.vstack([np.ones(len(cases)), case_weights(stream(seed, "time", "order"), len(cases), draws)])
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (weights @ sums.T) / (weights @ counts.T)
    rows = []
    for name, values in (("arm, adjusted for period", means.mean(axis=1)), ("period", (means[:, 0] - means[:, 1]) / 2)):
        low, high = percentile_interval(values[1:])
        rows.append([name, len(codes), len(cases), *np.exp([values[0], low, high]).tolist()])
    return rows


def _orders(pairs: _Pairs) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return pairs.first_first, ~pairs.first_first


def _slope(timed: pd.DataFrame, seed: int, draws: int) -> list[Any] | None:
    placed = timed[timed["position"].notna()]
    if placed.empty:
        return None
    columns = pd.DataFrame(
        {
            "x": placed["position"].astype("float64") / STEP,
            "y": np.log(placed["seconds"].to_numpy(dtype=np.float64)),
            "reader": placed["reader"],
            "period": placed["period"],
        }
    )
    centred = columns[["x", "y"]] - columns.groupby(["reader", "period"])[["x", "y"]].transform("mean")
    x, y = centred["x"].to_numpy(), centred["y"].to_numpy()
    if not np.sum(x**2) > 0:
        return None
    return _row("learning", placed["case"].to_numpy(dtype=str), x**2, x * y, seed, draws)


def _row(name: str, of_case: NDArray[np.str_], below: Floats, above: Floats, seed: int, draws: int) -> list[Any]:
    """exp(sum(above) / sum(below)) with its interval over cases."""
    cases, codes = np.unique(of_case, return_inverse=True)
    tops, bottoms = (np.bincount(codes, weights=values, minlength=len(cases)) for values in (above, below))
    value = float(tops.sum() / bottoms.sum())
    low = high = np.nan
    if len(cases) > 1:
        weights = case_weights(stream(seed, "time", name), len(cases), draws)
        with np.errstate(invalid="ignore", divide="ignore"):
            low, high = percentile_interval((weights @ tops) / (weights @ bottoms))
    return [name, len(codes), len(cases), *np.exp([value, low, high]).tolist()]


def _summary(seconds: pd.Series[float]) -> list[float]:
    values = seconds.to_numpy(dtype=np.float64)
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    return [len(values), float(median), float(q1), float(q3), float(np.exp(np.mean(np.log(values))))]
