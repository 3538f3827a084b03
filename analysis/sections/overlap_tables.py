"""Overlap of the attribution map with the expert mask against the readers' scores: as published, and by case."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.data.order import natural_order
from analysis.data.schema import ALL
from analysis.sections.overlap import IOU_PUBLISHED, IOU_RANK
from analysis.statistics.chance_corrected import chance_corrected
from analysis.statistics.rank_correlation import rank_correlation
from analysis.statistics.resampling import stream

Floats = NDArray[np.float64]
PUBLISHED_OPTIONS: dict[str, str] = {
    "status": "as published",
    "model": "least squares of IoU on the score; every reading of a true positive is a point",
    "caveat": "a case enters once per reader and pooled targets differ in mask size, so the p-value is too small",
}
RANK_OPTIONS: dict[str, str] = {
    "model": "Spearman correlation of IoU with the mean score of the readers; every true positive is one point",
    "kendall": "Kendall's tau-b of the same points, an estimate without interval",
    "all": "mean of the coefficients within targets, weighted by cases, so that pooling cannot invert the sign",
    "interval": "95% percentile bootstrap of cases, within target",
    "p_value": "two-sided permutation of scores among the cases of a target, by draws",
}
CHANCE_OPTIONS: dict[str, str] = {
    "areas": (
        "columns mask_area and, where the map marks another share than the mask, map_area: shares of the image, above "
        "0 and below 1, that the expert mask and the binarised map cover"
    ),
    "expected": "area of the intersection over that of the union if the map were laid at random: m a / (m + a - m a)",
    "corrected": "(IoU - expected) / (1 - expected): 0 for a map at random, 1 for a perfect one",
    "assumption": (
        "where map_area is empty the map marks as many pixels as the mask (as published), so that a random map "
        "of area a has an IoU of about a / (2 - a)"
    ),
}
# A line through two points fits whatever the data.
MIN_READINGS = 3


def with_chance_corrected(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """True positives with IoU whose `iou` is the chance-corrected one, empty where the areas are not known."""
    points = _points(frame)
    if points.empty:
        return points, []
    if points["mask_area"].isna().all():
        return points.iloc[:0], ["IoU: none is corrected for chance, because mask_area is empty."]
    iou, mask, marked = (points[name].to_numpy(dtype=np.float64) for name in ("iou", "mask_area", "map_area"))
    corrected = points.assign(iou=chance_corrected(iou, mask, marked))
    known = corrected[corrected["iou"].notna()]
    lacking = len(corrected.drop_duplicates(["case", "arm"])) - len(known.drop_duplicates(["case", "arm"]))
    messages = []
    if lacking:
        messages.append(f"IoU: {lacking} cases x arms have no usable mask_area or map_area: not corrected for chance.")
    return known, messages


def published_table(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Least squares of IoU on the score over readings of true positives, per question, arm and target (Figure 6B)."""
    points = _points(frame)
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for question, arm, target in _groups(points, with_all_arms=True):
        group = _select(points, question, arm, target)
        row: dict[str, Any] = {"question": question, "arm": arm, "target": target, "n": len(group)}
        fit = dict.fromkeys(("slope", "intercept", "r", "p_value"), np.nan)
        if len(group) < MIN_READINGS:
            messages.append(
                f"IoU line, {_where(question, arm, target)}: no line, because it needs {MIN_READINGS} readings."
            )
        elif np.ptp(group["value"]) == 0 or np.ptp(group["iou"]) == 0:
            what = "scores" if np.ptp(group["value"]) == 0 else "IoU values"
            messages.append(f"IoU line, {_where(question, arm, target)}: no line, because all {what} are equal.")
        else:
            line = stats.linregress(group["value"].to_numpy(), group["iou"].to_numpy())
            fit = {"slope": line.slope, "intercept": line.intercept, "r": line.rvalue, "p_value": line.pvalue}
        rows.append({**row, **{name: float(value) for name, value in fit.items()}, "status": "as published"})
    return pd.DataFrame(rows, columns=IOU_PUBLISHED.names), messages


def rank_table(frame: pd.DataFrame, *, seed: int, draws: int, what: str = "IoU") -> tuple[pd.DataFrame, list[str]]:
    """Spearman of IoU with the reader-mean score of each true positive, per question, arm and target.

    `what` names the overlap in messages where it is not the plain IoU.
    """
    points = _points(frame)
    keys = ["question", "arm", "target", "case"]
    means = points.groupby(keys, sort=False).agg(score=("value", "mean"), iou=("iou", "first")).reset_index()
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for question, arm, target in _groups(points, with_all_arms=False):
        group = _select(means, question, arm, target)
        strata = [
            (stratum["score"].to_numpy(dtype=np.float64), stratum["iou"].to_numpy(dtype=np.float64))
            for _, stratum in group.groupby("target", sort=True)
        ]
        result = rank_correlation(strata, rng=stream(seed, question, arm, target), draws=draws)
        if result.reason is not None:
            messages.append(f"{what} rank correlation, {_where(question, arm, target)}: {result.reason}.")
        if (doubt := result.p.doubt()) is not None:
            messages.append(f"{what} rank correlation, {_where(question, arm, target)}: {doubt}.")
        rows.append(
            {
                "question": question,
                "arm": arm,
                "target": target,
                "n_cases": result.n_cases,
                "spearman": result.rho,
                "ci_low": result.ci_low,
                "ci_high": result.ci_high,
                "p_value": result.p_value,
                "kendall": result.kendall,
                **result.p.columns,
            }
        )
    return pd.DataFrame(rows, columns=IOU_RANK.names), messages


def _points(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["label"] == "TP") & frame["iou"].notna()]


def _groups(points: pd.DataFrame, *, with_all_arms: bool) -> list[tuple[str, str, str]]:
    questions, arms = natural_order(points["question"].unique()), natural_order(points["arm"].unique())
    if with_all_arms and arms:
        arms = [ALL, *arms]
    targets = natural_order(points["target"].unique())
    return [(q, arm, target) for q in questions for arm in arms for target in ([ALL, *targets])]


def _select(table: pd.DataFrame, question: str, arm: str, target: str) -> pd.DataFrame:
    chosen = table["question"] == question
    if arm != ALL:
        chosen &= table["arm"] == arm
    if target != ALL:
        chosen &= table["target"] == target
    return table[chosen]


def _where(question: str, arm: str, target: str) -> str:
    arms = "all arms" if arm == ALL else f"arm {arm}"
    return f"{question}, {arms}, {'all targets' if target == ALL else target}"
