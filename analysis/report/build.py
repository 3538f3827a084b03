"""The report of a reader study: tables, figures, provenance and methods from its responses."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.data.allocation import check_allocation
from analysis.data.clusters import OPTIONS as CLUSTER_OPTIONS
from analysis.data.clusters import Clusters, clusters_of
from analysis.data.errors import AnalysisError, UsageError
from analysis.data.order import natural_order
from analysis.data.pairs import Pairs, choose_arms, make_pairs
from analysis.data.records import records
from analysis.data.scales import Scale, check_scales
from analysis.data.schema import LABELS, fingerprint, validate
from analysis.data.selection import Selection
from analysis.data.tables import alike_notes
from analysis.report.figures.study import study_figures
from analysis.report.output import WRITING, Report, software
from analysis.report.sections import Planned
from analysis.report.words import chapters, study_data
from analysis.sections.accuracy_tables import accuracy_tables
from analysis.sections.agreement_tables import OPTIONS as AGREEMENT_OPTIONS
from analysis.sections.agreement_tables import agreement_table
from analysis.sections.catalogue import REPORT
from analysis.sections.catalogue import tables as known_tables
from analysis.sections.columns import CONTRAST
from analysis.sections.completeness import EFFECT_BY_COMPLETENESS
from analysis.sections.effect_tables import OPTIONS as EFFECT_OPTIONS
from analysis.sections.effect_tables import effect_table
from analysis.sections.equivalence_tables import equivalence_table
from analysis.sections.flow_tables import OPTIONS as FLOW_OPTIONS
from analysis.sections.flow_tables import completeness_table, flow_table
from analysis.sections.ordinal_tables import OPTIONS as ORDINAL_OPTIONS
from analysis.sections.ordinal_tables import iou_ordinal_table, ordinal_tables
from analysis.sections.overlap_tables import (
    CHANCE_OPTIONS,
    PUBLISHED_OPTIONS,
    RANK_OPTIONS,
    published_table,
    rank_table,
    with_chance_corrected,
)
from analysis.sections.period_tables import period_table
from analysis.sections.point_tables import point_options
from analysis.sections.reader_tables import per_reader_table
from analysis.sections.score_tables import joint_tables, score_counts, summary_table
from analysis.sections.time_tables import OPTIONS as TIME_OPTIONS
from analysis.sections.time_tables import time_tables
from analysis.sections.treatment_tables import mrmc_options
from analysis.sections.wilcoxon_tables import EXACT_OPTIONS, exact_table, wilcoxon_table
from analysis.sections.wilcoxon_tables import OPTIONS as WILCOXON_OPTIONS
from analysis.statistics.monte_carlo import OPTIONS as DRAWN_OPTIONS
from analysis.statistics.multiplicity import Adjustment
from analysis.statistics.resampling import DRAWS, SEED

#: Of results.json. 2: the table `effect_by_completeness` was called `sensitivity`.
REPORT_FORMAT = 2


@dataclass(frozen=True)
class _Work:
    """What the tables are made of: validated responses, their pairs, the arms in their order, and the options."""

    frame: pd.DataFrame
    pairs: Pairs
    arms: list[str]
    seed: int
    draws: int
    adjust: Adjustment
    margin: float | None
    allocation: pd.DataFrame | None
    clusters: Clusters
    scales: Mapping[str, Scale]


_KEYS = ("reader", "case", "image", "patient", "target", "arm", "question")
_Found = tuple[dict[str, pd.DataFrame], list[str]]
#: Told the name of each step as it begins.
OnStep = Callable[[str], object]


def build(
    df: pd.DataFrame,
    *,
    arms: tuple[str, str] | None = None,
    seed: int = SEED,
    draws: int = DRAWS,
    source: Mapping[str, str] | None = None,
    margin: float | None = None,
    adjust: Adjustment = "holm",
    plan: Mapping[str, str] | None = None,
    allocation: pd.DataFrame | None = None,
    selection: Selection | None = None,
    scales: Mapping[str, Scale] | None = None,
    planned: Planned | None = None,
    wording: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    on_step: OnStep = lambda _name: None,
) -> Report:
    """Compute the report of one study's responses (validated here).

    `arms` are the (first, second) arm of the contrast second - first; by default the two arms in natural order of
    their names. `draws` counts bootstrap and permutation draws, `source` is noted with the data in the provenance.
    `margin`, in points of the scale and set before the data were seen, asks for tests of equivalence; `adjust` "bh"
    adds p-values of Benjamini and Hochberg. `plan` (file, sha256) is the locked analysis plan that provenance names.
    `allocation` (as `check_allocation` takes it) says what readers were to see of all the data, for the flow table.
    `selection` keeps part of the responses, and the report calls itself exploration. `scales` are the lowest and the
    highest score that each question offered, whose middle divides scores for sensitivity. `planned` says which
    sections answer the study's question (default: those of every study), and `wording` what a question's key asks; both
    only divide and name what documents show. `notes`, such as what reading the file had to guess, go before the
    report's own messages. `on_step` is told each of `STEPS` as it begins.
    Raises SchemaError for data that are not responses and AnalysisError for arms that cannot be compared.
    """
    _check_request(draws, margin, seed)
    frame = validate(df)
    studies = natural_order(frame["study"].unique())
    if len(studies) > 1:
        raise AnalysisError(f"The data hold {len(studies)} studies ({', '.join(studies)}). Analyse one at a time.")
    messages = [*notes, *alike_notes({name: frame[name].unique() for name in _KEYS})]
    known_scales = check_scales(frame, scales or {})
    contrast = choose_arms(frame, arms)
    if selection:
        if allocation is not None:
            raise UsageError("The allocation is of all the data. Leave it out of a report of part of them.")
        messages.append(
            f"Exploration: filtered to {selection.words}. These are not the results of the planned analysis."
        )
        frame = selection.of(frame)
        if contrast is not None and not set(contrast) <= set(frame["arm"].unique()):
            contrast = None
    messages += _thin_data(frame, contrast)
    pairs = make_pairs(frame, contrast if contrast is not None else ("", ""))
    messages += _excluded(pairs)
    drawn = list(contrast) if contrast is not None else natural_order(frame["arm"].unique())
    tables: dict[str, pd.DataFrame] = {}
    allocated = None if allocation is None else check_allocation(allocation)
    clusters = clusters_of(frame)
    if (together := clusters.sentence()) is not None:
        messages.append(together)
    work = _Work(frame, pairs, drawn, seed, draws, adjust, margin, allocated, clusters, known_scales)
    for name, compute in _COMPUTED.items():
        on_step(name)
        more, said = compute(work)
        tables |= more
        messages += said
    words = f"{contrast[1]} - {contrast[0]}" if contrast is not None else None
    tables |= {
        name: tables[name].assign(contrast=words)
        for name, table in known_tables().items()
        if CONTRAST in table.optional and name in tables
    }
    provenance: dict[str, Any] = {
        "format": REPORT_FORMAT,
        "software": software(),
        "data": {**_description(frame, clusters), **(source or {})},
        "arms": drawn,
        "contrast": words,
        "seed": seed,
        "plan": dict(plan) if plan is not None else None,
        "planned": asdict(planned or Planned()),
        "wording": dict(wording or {}),
        "selection": selection.as_json() if selection else None,
        "options": _options(work),
    }
    on_step(DRAWING)
    return Report(
        tables,
        study_figures(frame, tables, drawn, words),
        provenance,
        messages,
        chapters(study_data(provenance), REPORT, provenance),
        REPORT,
    )


def _check_request(draws: int, margin: float | None, seed: int) -> None:
    if draws < 1:
        raise UsageError(f"{draws} draws cannot be made. Ask for at least 1; 2000 is usual.")
    if margin is not None and not (np.isfinite(margin) and margin > 0):
        raise UsageError(f"{margin} is no margin. Give a positive number of points of the scale.")
    if seed < 0:
        raise UsageError(f"{seed} is no seed. Give a whole number from 0.")


def _options(work: _Work) -> dict[str, Any]:
    return {
        "draws": work.draws,
        "drawn_p": dict(DRAWN_OPTIONS),
        "adjustment": "Holm, and Benjamini-Hochberg (p_bh)" if work.adjust == "bh" else "Holm",
        "margin": work.margin,
        "pairs": "by reader, case and question; a pair without both arms is excluded",
        "effect": dict(EFFECT_OPTIONS),
        "clusters": dict(CLUSTER_OPTIONS),
        "wilcoxon": dict(WILCOXON_OPTIONS),
        "wilcoxon_exact": dict(EXACT_OPTIONS),
        "iou_published": dict(PUBLISHED_OPTIONS),
        "iou_rank": dict(RANK_OPTIONS),
        "iou_chance": dict(CHANCE_OPTIONS),
        "ordinal": dict(ORDINAL_OPTIONS),
        "missing": dict(FLOW_OPTIONS),
        "agreement": dict(AGREEMENT_OPTIONS),
        "auc": {**mrmc_options("jackknife"), "difference": "second - first arm"},
        "points": {
            **point_options(None),
            "scales": {question: list(scale) for question, scale in work.scales.items()},
        },
        "time": dict(TIME_OPTIONS),
    }


def _effect(work: _Work) -> _Found:
    more = {"seed": work.seed, "draws": work.draws}
    tables = {}
    tables["per_reader"], messages = per_reader_table(work.frame, work.pairs)
    tables["effect"], said = effect_table(work.frame, work.pairs, adjust=work.adjust, clusters=work.clusters, **more)
    messages += said
    if work.margin is not None:
        tables["equivalence"], said = equivalence_table(work.frame, work.pairs, margin=work.margin, **more)
        messages += said
    tables["period_effect"], said = period_table(work.frame, work.pairs, **more)
    return tables, [*messages, *said]


def _agreement(work: _Work) -> _Found:
    table, messages = agreement_table(work.frame, work.arms, seed=work.seed, draws=work.draws)
    return {"agreement": table}, messages


def _wilcoxon(work: _Work) -> _Found:
    table, messages = wilcoxon_table(work.frame, work.pairs, adjust=work.adjust)
    exact = exact_table(work.frame, work.pairs, adjust=work.adjust)
    return {"wilcoxon": table, "wilcoxon_exact": exact}, messages


def _scores(work: _Work) -> _Found:
    tables = {
        "score_summary": summary_table(work.frame, work.arms),
        "score_counts": score_counts(work.frame),
    }
    joint, messages = joint_tables(work.frame, work.arms)
    return tables | joint, messages


def _flow(work: _Work) -> _Found:
    flow = flow_table(work.frame, work.pairs, work.allocation)
    by_completeness, messages = completeness_table(flow, work.pairs, seed=work.seed, draws=work.draws)
    return {"flow": flow, "missing_pairs": work.pairs.missing, EFFECT_BY_COMPLETENESS.name: by_completeness}, messages


def _overlap(work: _Work) -> _Found:
    """The tables on IoU: as published, ranks by case, the same corrected for chance, and the ordinal model."""
    frame, seed, draws = work.frame, work.seed, work.draws
    messages = _without_iou(frame)
    published, said = published_table(frame)
    messages += said
    ranks, said = rank_table(frame, seed=seed, draws=draws)
    messages += said
    corrected, said = with_chance_corrected(frame)
    messages += said
    name = "Chance-corrected IoU"
    corrected_ranks, said = rank_table(corrected, seed=seed, draws=draws, what=name)
    messages += said
    plain = frame[(frame["label"] == "TP") & frame["iou"].notna()]
    points = corrected if len(corrected) else plain
    model, said = iou_ordinal_table(points, points["iou"].to_numpy(dtype=float), work.arms)
    messages += said
    tables = {
        "iou_published": published,
        "iou_rank": ranks,
        "iou_rank_corrected": corrected_ranks,
        "iou_ordinal": model.assign(model=name if len(corrected) else "IoU"),
    }
    return tables, messages


#: The steps of the computation, in the order of the tables.
_COMPUTED: dict[str, Callable[[_Work], _Found]] = {
    "Effect over cases": _effect,
    "Ordinal mixed model": lambda work: ordinal_tables(work.frame, work.arms),
    "Accuracy of the readers": lambda work: accuracy_tables(
        work.frame, work.arms, scales=work.scales, clusters=work.clusters
    ),
    "Agreement of the readers": _agreement,
    "Time": lambda work: time_tables(work.frame, work.arms, seed=work.seed, draws=work.draws),
    "Tests as published": _wilcoxon,
    "Scores": _scores,
    "Overlap with the expert's annotation": _overlap,
    "Who rated what": _flow,
}
DRAWING = "Figures"
#: What `on_step` of `build` and then of `Report.write` is told, in order.
STEPS = (*_COMPUTED, DRAWING, *WRITING)


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


def _excluded(pairs: Pairs) -> list[str]:
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


def _description(frame: pd.DataFrame, clusters: Clusters) -> dict[str, Any]:
    return {
        "sha256": fingerprint(frame),
        "sha256_of": "the responses in the columns, types and order of analysis/data/schema.py",
        "study": str(frame["study"].iloc[0]) if len(frame) else "",
        "responses": len(frame),
        "readers": int(frame["reader"].nunique()),
        "cases": int(frame["case"].nunique()),
        "clusters": clusters.n_clusters if clusters.known else None,
        "questions": natural_order(frame["question"].unique()),
        "targets": natural_order(frame["target"].unique()),
    }
