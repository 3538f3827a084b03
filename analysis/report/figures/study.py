"""All figures of a study's report, by the names of their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analysis.data.order import natural_order, unique_slugs
from analysis.data.ratings import ratings_of
from analysis.report.figures.agreement import agreement_figure
from analysis.report.figures.counts import counts_figure
from analysis.report.figures.flow import flow_figure, flow_levels
from analysis.report.figures.forest import forest_figure
from analysis.report.figures.iou import iou_figure
from analysis.report.figures.joint import joint_figure
from analysis.report.figures.roc import roc_figure
from analysis.report.figures.scores import scores_figure
from analysis.report.figures.time import time_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from matplotlib.figure import Figure

    Tables = Mapping[str, pd.DataFrame]


def study_figures(frame: pd.DataFrame, tables: Tables, arms: Sequence[str], contrast: str | None) -> dict[str, Figure]:
    """Name -> figure, of validated responses and the tables made of them; what has no numbers is not drawn.

    `arms` are the two of the contrast, or those that there are; `contrast` is in words, None where there is none.
    """
    if frame.empty:
        return {}
    drawn: dict[str, Figure] = {"flow": flow_figure(flow_levels(frame, tables["flow"], arms))}
    names = unique_slugs(natural_order(frame["question"].unique()))
    for question, name in names.items():
        drawn |= {
            f"{kind}_{name}": figure for kind, figure in _of_question(frame, tables, question, arms, contrast).items()
        }
    joint, means = tables["score_joint"], tables["score_joint_means"]
    for first, second in means[["question", "second_question"]].drop_duplicates().itertuples(index=False):
        drawn[f"joint_{names[first]}_{names[second]}"] = joint_figure(joint, means, (first, second), arms)
    if len(tables["time"]):
        drawn["time"] = time_figure(tables["time"], tables["time_learning"], arms)
    return drawn


def _of_question(
    frame: pd.DataFrame, tables: Tables, question: str, arms: Sequence[str], contrast: str | None
) -> dict[str, Figure]:
    """Kind -> figure of one question."""
    own = {name: table[table["question"] == question] for name, table in tables.items() if "question" in table}
    drawn: dict[str, Figure] = {}
    if contrast is not None and own["effect"]["mean_difference"].notna().any():
        drawn["forest"] = forest_figure(own["effect"], own["per_reader"], question, contrast)
    if len(own["auc"]):
        drawn["roc"] = roc_figure(ratings_of(frame, question, arms), own["auc"], own["points"])
    if own["agreement"]["estimate"].notna().any():
        drawn["agreement"] = agreement_figure(own["agreement"], question, arms)
    drawn["scores"] = scores_figure(tables["score_counts"], question, arms)
    drawn["counts"] = counts_figure(tables["score_counts"], question, arms)
    answers = frame[frame["question"] == question]
    if ((answers["label"] == "TP") & answers["iou"].notna()).any():
        drawn["iou"] = iou_figure(frame, tables["iou_published"], question, arms)
    return drawn
