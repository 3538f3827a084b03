"""The report of a reader study: tables, figures, provenance and methods from its responses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis import figures, iou, paired
from analysis.accuracy import accuracy_tables
from analysis.agreement_report import OPTIONS as AGREEMENT_OPTIONS
from analysis.agreement_report import agreement_table
from analysis.allocation import check_allocation
from analysis.effect import OPTIONS as EFFECT_OPTIONS
from analysis.effect import effect_table, equivalence_table, period_table
from analysis.errors import AnalysisError
from analysis.flow import OPTIONS as FLOW_OPTIONS
from analysis.flow import flow_table, sensitivity_table
from analysis.methods import methods_text
from analysis.mrmc_points import point_options
from analysis.mrmc_report import mrmc_options
from analysis.order import natural_order, unique_slugs
from analysis.ordinal_report import OPTIONS as ORDINAL_OPTIONS
from analysis.ordinal_report import iou_ordinal_table, ordinal_tables
from analysis.output import Report, records, software, write_table
from analysis.schema import LABELS, fingerprint, validate
from analysis.scores import joint_tables, summary_table
from analysis.time import OPTIONS as TIME_OPTIONS
from analysis.time import time_tables

__all__ = ["DRAWS", "REPORT_FORMAT", "SEED", "Report", "build", "records", "write_table"]

REPORT_FORMAT = 1
SEED = 20260101
DRAWS = 2000


def build(
    df: pd.DataFrame,
    *,
    arms: tuple[str, str] | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    source: Mapping[str, str] | None = None,
    margin: float | None = None,
    adjust: paired.Adjustment = "holm",
    plan: Mapping[str, str] | None = None,
    allocation: pd.DataFrame | None = None,
) -> Report:
    """Compute the report of one study's responses (validated here).

    `arms` are the (first, second) arm of the contrast second - first; by default the two arms in natural order of
    their names. `draws` counts bootstrap and permutation draws, `source` is noted with the data in the provenance.
    `margin`, in points of the scale and set before the data were seen, asks for tests of equivalence; `adjust` "bh"
    adds p-values of Benjamini and Hochberg. `plan` (file, sha256) is the locked analysis plan that provenance names.
    `allocation` (as `check_allocation` takes it) says what readers were to see, for the flow table.
    Raises SchemaError for data that are not responses and AnalysisError for arms that cannot be compared.
    """
    if draws < 1:
        raise AnalysisError(f"{draws} draws cannot be made. Ask for at least 1; 2000 is usual.")
    if margin is not None and not (np.isfinite(margin) and margin > 0):
        raise AnalysisError(f"{margin} is no margin. Give a positive number of points of the scale.")
    if seed < 0:
        raise AnalysisError(f"{seed} is no seed. Give a whole number from 0.")
    frame = validate(df)
    studies = natural_order(frame["study"].unique())
    if len(studies) > 1:
        raise AnalysisError(f"The data hold {len(studies)} studies ({', '.join(studies)}). Analyse one at a time.")
    contrast = paired.choose_arms(frame, arms)
    messages = _thin_data(frame, contrast)
    pairs = paired.make_pairs(frame, contrast if contrast is not None else ("", ""))
    messages += _excluded(pairs)
    drawn = list(contrast) if contrast is not None else natural_order(frame["arm"].unique())
    tables: dict[str, pd.DataFrame] = {"per_reader": paired.per_reader_table(frame, pairs)}
    tables["effect"], said = effect_table(frame, pairs, seed=seed, draws=draws, adjust=adjust)
    messages += said
    if margin is not None:
        tables["equivalence"], said = equivalence_table(frame, pairs, margin=margin, seed=seed, draws=draws)
        messages += said
    tables["period_effect"], said = period_table(frame, pairs, seed=seed, draws=draws)
    messages += said
    more, said = ordinal_tables(frame, drawn)
    tables |= more
    messages += said
    more, said = accuracy_tables(frame, drawn)
    tables |= more
    messages += said
    tables["agreement"], said = agreement_table(frame, drawn, seed=seed, draws=draws)
    messages += said
    more, said = time_tables(frame, drawn, seed=seed, draws=draws)
    tables |= more
    messages += said
    tables["wilcoxon"], said = paired.wilcoxon_table(frame, pairs, adjust=adjust)
    messages += said
    tables["score_summary"] = summary_table(frame, drawn)
    tables["score_counts"] = paired.score_counts(frame)
    more, said = joint_tables(frame, drawn)
    tables |= more
    messages += said
    more, said = _overlap(frame, drawn, seed=seed, draws=draws)
    tables |= more
    messages += said
    tables["flow"] = flow_table(frame, pairs, None if allocation is None else check_allocation(allocation))
    tables["missing_pairs"] = pairs.missing
    tables["sensitivity"], said = sensitivity_table(tables["flow"], pairs, seed=seed, draws=draws)
    messages += said
    provenance: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "software": software(),
        "data": {**_description(frame), **(source or {})},
        "arms": drawn,
        "contrast": f"{contrast[1]} - {contrast[0]}" if contrast is not None else None,
        "seed": seed,
        "plan": dict(plan) if plan is not None else None,
        "options": {
            "draws": draws,
            "adjustment": "Holm, and Benjamini-Hochberg (p_bh)" if adjust == "bh" else "Holm",
            "margin": margin,
            "pairs": "by reader, case and question; a pair without both arms is excluded",
            "effect": dict(EFFECT_OPTIONS),
            "wilcoxon": dict(paired.OPTIONS),
            "iou_published": dict(iou.PUBLISHED_OPTIONS),
            "iou_rank": dict(iou.RANK_OPTIONS),
            "iou_chance": dict(iou.CHANCE_OPTIONS),
            "ordinal": dict(ORDINAL_OPTIONS),
            "missing": dict(FLOW_OPTIONS),
            "agreement": dict(AGREEMENT_OPTIONS),
            "auc": {**mrmc_options("jackknife"), "difference": "second - first arm"},
            "points": point_options(None),
            "time": dict(TIME_OPTIONS),
        },
    }
    text = methods_text(provenance, messages)
    return Report(tables, _figures(frame, tables, drawn), provenance, messages, text)


def _figures(frame: pd.DataFrame, tables: dict[str, pd.DataFrame], arms: list[str]) -> dict[str, Figure]:
    drawn: dict[str, Figure] = {}
    with_iou = set(frame.loc[(frame["label"] == "TP") & frame["iou"].notna(), "question"])
    for question, name in unique_slugs(natural_order(frame["question"].unique())).items():
        drawn[f"scores_{name}"] = figures.scores_figure(tables["score_counts"], question, arms)
        drawn[f"counts_{name}"] = figures.counts_figure(tables["score_counts"], question, arms)
        if question in with_iou:
            drawn[f"iou_{name}"] = figures.iou_figure(frame, tables["iou_published"], question, arms)
    joint, means = tables["score_joint"], tables["score_joint_means"]
    names = unique_slugs(natural_order(frame["question"].unique()))
    for first, second in means[["question", "second_question"]].drop_duplicates().itertuples(index=False):
        figure = figures.joint_figure(joint, means, (first, second), arms)
        drawn[f"joint_{names[first]}_{names[second]}"] = figure
    if len(tables["time"]):
        drawn["time"] = figures.time_figure(tables["time"], tables["time_learning"], arms)
    return drawn


def _overlap(
    frame: pd.DataFrame, arms: list[str], *, seed: int, draws: int
) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables on IoU: as published, ranks by case, the same corrected for chance, and the ordinal model."""
    messages = _without_iou(frame)
    published, said = iou.published_table(frame)
    messages += said
    ranks, said = iou.rank_table(frame, seed=seed, draws=draws)
    messages += said
    corrected, said = iou.with_chance_corrected(frame)
    messages += said
    name = "Chance-corrected IoU"
    corrected_ranks, said = iou.rank_table(corrected, seed=seed, draws=draws, what=name)
    messages += said
    plain = frame[(frame["label"] == "TP") & frame["iou"].notna()]
    points = corrected if len(corrected) else plain
    model, said = iou_ordinal_table(points, points["iou"].to_numpy(dtype=float), arms)
    messages += said
    tables = {
        "iou_published": published,
        "iou_rank": ranks,
        "iou_rank_corrected": corrected_ranks,
        "iou_ordinal": model.assign(model=name if len(corrected) else "IoU"),
    }
    return tables, messages


def _thin_data(frame: pd.DataFrame, contrast: tuple[str, str] | None) -> list[str]:
    """What is absent altogether, said once."""
    if frame.empty:
        return ["The data hold no responses: every table is empty."]
    messages = []
    if len(frame["reader"].unique()) == 1:
        messages.append("There is one reader: the results hold for this reader alone.")
    if contrast is None:
        messages.append(f"There is one arm ({frame['arm'].iloc[0]}): arms cannot be compared.")
    messages.extend(
        f"There is no {'true' if label == 'TP' else 'false'} positive ({label}) case."
        for label in LABELS
        if not (frame["label"] == label).any()
    )
    return messages


def _excluded(pairs: paired.Pairs) -> list[str]:
    messages = []
    if len(pairs.missing):
        each = pairs.missing.groupby(["question", "missing_arm"]).size().reset_index(name="count")
        parts = [f"{row['question']}: {row['count']} without arm {row['missing_arm']}" for row in records(each)]
        count = len(pairs.missing)
        messages.append(f"{count} incomplete pairs are excluded, listed in missing_pairs ({'; '.join(sorted(parts))}).")
    if pairs.repeats:
        messages.append(f"{pairs.repeats} repeated readings are in no pair: the earliest reading in an arm counts.")
    return messages


def _without_iou(frame: pd.DataFrame) -> list[str]:
    positives = frame[frame["label"] == "TP"].drop_duplicates(["case", "arm"])
    messages = []
    lacking = int(positives["iou"].isna().sum())
    if len(positives) and lacking == len(positives):
        messages.append("No true positive has an IoU: there is no IoU analysis.")
    elif lacking:
        messages.append(f"IoU: {lacking} of {len(positives)} true positive cases x arms have none and are left out.")
    others = frame[(frame["label"] == "FP") & frame["iou"].notna()].drop_duplicates(["case", "arm"])
    if len(others):
        messages.append(f"IoU: {len(others)} false positive cases x arms have one; only true positives are analysed.")
    return messages


def _description(frame: pd.DataFrame) -> dict[str, Any]:
    return {
        "sha256": fingerprint(frame),
        "sha256_of": "the responses in the columns, types and order of analysis/schema.py",
        "study": str(frame["study"].iloc[0]) if len(frame) else "",
        "responses": len(frame),
        "readers": int(frame["reader"].nunique()),
        "cases": int(frame["case"].nunique()),
        "questions": natural_order(frame["question"].unique()),
        "targets": natural_order(frame["target"].unique()),
    }
