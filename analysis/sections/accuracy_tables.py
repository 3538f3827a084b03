"""How well readers' scores separate true from false positives in each arm: AUC, within targets, and at a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.data.order import natural_order
from analysis.data.ratings import Ratings, RatingsError, ratings_of
from analysis.mrmc.merit import clustered_merit
from analysis.mrmc.obuchowski_rockette import compare, obuchowski_rockette
from analysis.sections import auc, points
from analysis.sections.arms import RENAMED
from analysis.sections.columns import ARM
from analysis.sections.point_tables import middle_threshold, point_tables
from analysis.sections.target_tables import target_tables
from analysis.sections.treatment_tables import mrmc_messages, mrmc_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analysis.data.clusters import Clusters
    from analysis.data.scales import Scale
    from analysis.sections.section import Table

# From one cluster no covariance can be had.
MIN_CLUSTERS = 2
_TABLES = {table.name: table for section in (auc.SECTION, points.SECTION) for table in section.tables}
_OF_CLUSTERS = ["cluster_low", "cluster_high", "cluster_p"]
_GROUPS = ("question", "analysis", "target", "figure")


def accuracy_tables(
    frame: pd.DataFrame,
    arms: Sequence[str],
    *,
    thresholds: Mapping[str, float] | None = None,
    scales: Mapping[str, Scale] | None = None,
    clusters: Clusters | None = None,
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables of the sections `auc` and `points` for every question of validated responses.

    `arms` is (first, second), and differences are second - first; with one arm there are AUCs and no differences.
    `thresholds` gives the score of a question from which a reader calls the case positive; by default the lowest score
    above the middle of the question's scale in `scales` or, with a note, above that of the scores given. A question
    whose cases are not complete enough gives no rows but a message.
    Where `clusters` are not the cases themselves, FRRC has interval and p over clusters beside.
    """
    parts: dict[str, list[pd.DataFrame]] = {name: [] for name in _TABLES}
    messages: list[str] = []
    for question in natural_order(frame["question"].unique()):
        try:
            ratings = ratings_of(frame, question, list(reversed(arms)))
        except RatingsError as error:
            messages.append(f"AUC, {question}: none, because of too few complete cases. {error}")
            continue
        result = obuchowski_rockette(ratings)
        tables, found = mrmc_tables(ratings, result), mrmc_messages(ratings, result)
        tables["auc_differences"] = _with_clusters(tables["auc_differences"], ratings, clusters)
        within, of_targets = target_tables(ratings)
        tables |= within
        messages.extend(f"AUC, {question}: {message}" for message in [*found, *of_targets])
        scale = (scales or {}).get(question)
        given = frame.loc[frame["question"] == question, "value"].to_numpy(dtype=np.float64)
        threshold = (thresholds or {}).get(question, middle_threshold(given, scale))
        if scale is None and threshold is not None and question not in (thresholds or {}):
            messages.append(
                f"Sensitivity, {question}: the scale is not known (--scale gives it), so that scores from "
                f"{threshold:g} call the case positive, above the middle of the scores that were given "
                f"({given.min():g} to {given.max():g})."
            )
        if threshold is None:
            messages.append(f"Sensitivity, {question}: none, because all scores are equal.")
        else:
            tables |= point_tables(ratings, threshold)
        for name, table in tables.items():
            parts[name].append(table.assign(question=question))
    return {name: _joined(_TABLES[name], tables, arms) for name, tables in parts.items()}, messages


def _with_clusters(differences: pd.DataFrame, ratings: Ratings, clusters: Clusters | None) -> pd.DataFrame:
    """The differences with the columns on clusters, empty where cases are independent and in other rows than FRRC."""
    table = differences.assign(**dict.fromkeys(_OF_CLUSTERS, np.nan))
    if clusters is None or clusters.are_cases:
        return table
    units = [clusters.of_case[case] for case in ratings.cases]
    if len(set(units)) < MIN_CLUSTERS:
        return table
    merit = clustered_merit(ratings, units)
    found = compare(merit, ratings.treatments, ratings.readers).analysis("FRRC").differences
    for index, row in table[table["analysis"] == "FRRC"].iterrows():
        estimate = found[(row["first"], row["second"])]
        table.loc[index, _OF_CLUSTERS] = [estimate.ci_low, estimate.ci_high, estimate.p_value]
    return table


def _joined(table: Table, parts: list[pd.DataFrame], arms: Sequence[str]) -> pd.DataFrame:
    kept = [part.rename(columns=RENAMED)[table.names] for part in parts if len(part)]
    joined = pd.concat(kept, ignore_index=True) if kept else pd.DataFrame(columns=table.names)
    if ARM.name in table.names:
        # The second arm came first, so that differences are second - first; rows are read the other way round.
        groups = [pd.factorize(joined[key])[0] for key in _GROUPS if key in table.names]
        ranks = joined[ARM.name].map({arm: rank for rank, arm in enumerate(arms)}).to_numpy(dtype=np.float64)
        joined = joined.iloc[np.lexsort([ranks, *reversed(groups)])]
    return joined.reset_index(drop=True)
