"""The report's tables as the page shows them: question by question, every number printed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.order import natural_order, unique_slugs
from readerstudy.results import numbers
from readerstudy.results.numbers import ALL, fixed, fixed3, interval, p_value, signed, signed3, text, whole

SIGNIFICANT = 0.05
Row = Mapping[str, Any]
Shown = list[dict[str, Any]]
Formats = Mapping[str, Callable[[Any], str]]

PER_READER: Formats = {
    "label": text,
    "reader": text,
    "n_pairs": whole,
    "mean_first_arm": fixed3,
    "mean_second_arm": fixed3,
    "mean_difference": signed,
    "sd_difference": fixed,
}
EFFECT: Formats = {
    "label": text,
    "target": numbers.target,
    "n_cases": whole,
    "n_pairs": whole,
    "mean_difference": signed,
    "p_value": p_value,
    "p_holm": p_value,
    "shift": signed3,
    "reader_correlation": signed3,
}
PERIOD: Formats = {"label": text, "n_pairs": whole, "period_effect": signed, "arm_effect": signed}
WILCOXON: Formats = {
    "label": text,
    "target": numbers.target,
    "n_pairs": whole,
    "mean_difference": signed,
    "sd_difference": fixed,
    "statistic": numbers.rank_sum,
    "p_value": p_value,
    "p_holm": p_value,
    "rank_biserial": signed3,
}
AUC_DIFFERENCE: Formats = {"analysis": text, "difference": signed, "se": fixed, "p_value": p_value}
AUC_READER: Formats = {"reader": text, "difference": signed, "se": fixed, "p_value": p_value}
AGREEMENT: Formats = {"arm": text, "readers": text, "statistic": text, "n_cases": whole, "estimate": signed3}
# The report's table has every kind of kappa, ICC and alpha.
AGREEMENT_SHOWN = ("kappa (linear)", "kappa (quadratic)", "ICC(2,1)", "alpha (ordinal)")
IOU_LINE: Formats = {
    "arm": lambda arm: "all arms" if arm == ALL else text(arm),
    "target": numbers.target,
    "n": whole,
    "slope": signed,
    "intercept": signed,
    "r": signed3,
    "p_value": p_value,
}
IOU_RANK: Formats = {"arm": text, "target": numbers.target, "n_cases": whole, "spearman": signed3, "p_value": p_value}


@dataclass(frozen=True)
class QuestionResults:
    """Everything that the page shows about one question, ready to print, in the columns of the report's tables."""

    key: str
    text: str
    per_reader: Shown
    effect: Shown
    period: Shown
    auc: Shown  # one row per reader: reader, aucs (in the order of the arms), difference, ...
    auc_differences: Shown
    agreement: Shown
    wilcoxon: Shown
    scores: list[str]
    counts: Shown
    counts_per_target: Shown
    lines: Shown
    ranks: Shown
    figures: dict[str, str]  # kind (scores, counts, iou) -> name


def question_results(
    key: str, wording: str, tables: Mapping[str, Sequence[Row]], figures: Mapping[str, str], arms: Sequence[str]
) -> QuestionResults:
    """The part of the report's tables that is about one question; `arms` are those that are compared."""
    own = {name: [row for row in rows if row.get("question") == key] for name, rows in tables.items()}
    counts = [row for row in own["score_counts"] if not arms or row["arm"] in arms]
    scores = sorted({row["value"] for row in counts})
    grouped = _counts(counts, scores)
    return QuestionResults(
        key=key,
        text=wording,
        per_reader=_shown(own["per_reader"], PER_READER),
        effect=_shown(own["effect"], EFFECT),
        period=_shown(own["period_effect"], PERIOD, period_ci="period", arm_ci="arm"),
        auc=_auc(own["auc"], own["auc_per_reader"], arms),
        auc_differences=_auc_differences(own["auc_differences"], own["auc_tests"]),
        agreement=_shown([row for row in own["agreement"] if row["statistic"] in AGREEMENT_SHOWN], AGREEMENT),
        wilcoxon=_shown(own["wilcoxon"], WILCOXON),
        scores=[f"{score:g}" for score in scores],
        counts=[row for row in grouped if row["pooled"]],
        counts_per_target=[row for row in grouped if not row["pooled"]],
        lines=_shown(own["iou_published"], IOU_LINE),
        ranks=_shown(own["iou_rank"], IOU_RANK),
        figures=dict(figures),
    )


def overview(questions: Sequence[QuestionResults]) -> Shown:
    """Per question and label, over all targets: each reader's difference, the effect over cases, the published test."""
    return [
        {
            "key": question.key,
            "text": question.text,
            "rows": [
                {
                    "effect": effect,
                    "published": published,
                    "readers": [
                        row["mean_difference"] for row in question.per_reader if row["label"] == effect["label"]
                    ],
                }
                for effect, published in zip(_pooled(question.effect), _pooled(question.wilcoxon), strict=True)
            ],
        }
        for question in questions
    ]


def figures_of(names: Sequence[str], questions: Sequence[str]) -> dict[str, dict[str, str]]:
    """Question -> kind -> name of the figure, from the report's figures, which come question by question."""
    slugs = unique_slugs(natural_order(questions))
    kinds = ("scores", "counts", "iou")
    return {
        question: {kind: f"{kind}_{slug}" for kind in kinds if f"{kind}_{slug}" in names}
        for question, slug in slugs.items()
    }


def _shown(rows: Sequence[Row], formats: Formats, **intervals: str) -> Shown:
    """The rows with the columns of `formats` printed, and what the page marks.

    `intervals` is shown column -> start of the names of its ends, where a table has more than `ci`.
    """
    return [
        {
            **{name: show(row[name]) for name, show in formats.items()},
            **{name: interval(row[f"{start}_low"], row[f"{start}_high"]) for name, start in intervals.items()},
            "ci": interval(row.get("ci_low"), row.get("ci_high")),
            "pooled": row.get("target") == ALL,
            "survives": row.get("p_holm") is not None and row["p_holm"] < SIGNIFICANT,
        }
        for row in rows
    ]


def _pooled(rows: Shown) -> Shown:
    return [row for row in rows if row["pooled"]]


def _auc(aucs: Sequence[Row], differences: Sequence[Row], arms: Sequence[str]) -> Shown:
    """One row per reader: the AUC in each arm, in the order of the protocol, and their difference."""
    by_reader: dict[str, dict[str, float]] = {}
    for row in aucs:
        by_reader.setdefault(row["reader"], {})[row["arm"]] = row["auc"]
    shown = {row["reader"]: row for row in _shown(differences, AUC_READER)}
    return [
        {"reader": reader, "aucs": [fixed(values.get(arm)) for arm in arms], "contrast": shown.get(reader)}
        for reader, values in by_reader.items()
    ]


def _auc_differences(differences: Sequence[Row], tests: Sequence[Row]) -> Shown:
    """The analyses of Obuchowski and Rockette, the one to report first."""
    headline = {row["analysis"] for row in tests if row["headline"]}
    rows = [{**row, "headline": row["analysis"] in headline} for row in _shown(differences, AUC_DIFFERENCE)]
    return sorted(rows, key=lambda row: not row["headline"])


def _counts(rows: Sequence[Row], scores: Sequence[float]) -> Shown:
    """One row per label, target and arm, with the count of each score and their mean."""
    groups: dict[tuple[str, str, str], dict[float, int]] = {}
    for row in rows:
        groups.setdefault((row["label"], row["target"], row["arm"]), {})[row["value"]] = row["count"]
    shown = []
    for (label, target, arm), counts in groups.items():
        total = sum(counts.values())
        mean = sum(score * count for score, count in counts.items()) / total if total else None
        shown.append(
            {
                "label": label,
                "target": target,
                "pooled": target == ALL,
                "arm": arm,
                "counts": [whole(counts.get(score, 0)) for score in scores],
                "total": whole(total),
                "mean": fixed3(mean),
            }
        )
    return shown
