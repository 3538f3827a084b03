"""AUC within targets: of each target by itself, and over all pairs of cases that share one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.mrmc.merit import auc_merit, by_target, enough_cases, perfect_interval, pooled_merit
from analysis.mrmc.obuchowski_rockette import compare
from analysis.sections.treatments import TARGETS_AUC, TARGETS_DIFFERENCES
from analysis.statistics.multiplicity import holm

if TYPE_CHECKING:
    from analysis.data.ratings import Ratings
    from analysis.mrmc.merit import Covariance, Resampling
    from analysis.mrmc.obuchowski_rockette import ObuchowskiRockette

POOLED = "within targets"
_TABLES = (TARGETS_AUC, TARGETS_DIFFERENCES)


def target_tables(
    ratings: Ratings, *, covariance: Covariance = "jackknife", resampling: Resampling | None = None
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """Tables with the columns of `treatments`, "within targets" first, and messages; empty without targets.

    "within targets" is the probability that a case with the condition is rated above one without it of the same
    target. `auc_targets` has the mean over these readers with fixed-reader intervals. `p_holm` adjusts over the
    targets, separately for each analysis and pair of treatments.
    """
    rows: dict[str, list[list[Any]]] = {table.name: [] for table in _TABLES}
    messages, parts = [], []
    for target, own in by_target(ratings).items():
        if enough_cases(own):
            parts.append((target, auc_merit(own, covariance=covariance, resampling=resampling), own))
        else:
            positive = int(own.truth.sum())
            messages.append(
                f"AUC of {target}: none, because {positive} cases with and {len(own.truth) - positive} without the "
                "condition have every rating; 2 of either are needed."
            )
    if len(parts) > 1:
        pooled = pooled_merit([(merit, own) for _, merit, own in parts])
        counts = (sum(int(own.truth.sum()) for *_, own in parts), sum(int((~own.truth).sum()) for *_, own in parts))
        _add(rows, POOLED, compare(pooled, ratings.treatments, ratings.readers), counts)
    for target, merit, own in parts:
        counts = (int(own.truth.sum()), int((~own.truth).sum()))
        _add(rows, target, compare(merit, ratings.treatments, ratings.readers), counts)
    tables = {table.name: pd.DataFrame(rows[table.name], columns=table.names) for table in _TABLES}
    differences = tables[TARGETS_DIFFERENCES.name]
    own_targets = differences["target"] != POOLED
    for index in differences[own_targets].groupby(["analysis", "first", "second"]).groups.values():
        differences.loc[index, "p_holm"] = holm(differences.loc[index, "p_value"])
    return tables, messages


def _add(rows: dict[str, list[list[Any]]], target: str, result: ObuchowskiRockette, counts: tuple[int, int]) -> None:
    for treatment, estimate in result.analysis("FRRC").treatments.items():
        limits = estimate.ci_low, estimate.ci_high
        if np.isnan(limits[0]):
            limits = perfect_interval(estimate.value, min(counts))
        numbers = [estimate.value, estimate.se, *limits]
        rows[TARGETS_AUC.name].append([target, treatment, *counts, *numbers])
    for analysis in result.analyses:
        for (first, second), estimate in analysis.differences.items():
            df = estimate.df if np.isfinite(estimate.df) else np.nan
            numbers = [estimate.value, estimate.se, df, estimate.ci_low, estimate.ci_high, estimate.p_value, np.nan]
            rows[TARGETS_DIFFERENCES.name].append(
                [target, analysis.name, analysis.name == result.headline, first, second, *numbers]
            )
