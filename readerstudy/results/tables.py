"""The report's tables as the page shows them: rounded numbers, words instead of keys, a dash for what is absent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.order import natural_order, unique_slugs

ABSENT = "–"
ALL = "all"
SIGNIFICANT = 0.05
Row = Mapping[str, Any]


@dataclass(frozen=True)
class QuestionResults:
    """Everything that the page shows about one question, ready to print."""

    key: str
    text: str
    tests: list[dict[str, Any]]
    per_reader: list[dict[str, str]]
    scores: list[str]
    counts: list[dict[str, Any]]
    counts_per_target: list[dict[str, Any]]
    lines: list[dict[str, str]]
    ranks: list[dict[str, str]]
    figures: dict[str, str]  # kind (scores, counts, iou) -> name


def question_results(
    key: str, text: str, tables: Mapping[str, Sequence[Row]], figures: Mapping[str, str], contrast: Sequence[str]
) -> QuestionResults:
    """The part of the report's tables that is about one question."""
    own = {name: [row for row in rows if row["question"] == key] for name, rows in tables.items()}
    counts = [row for row in own["score_counts"] if not contrast or row["arm"] in contrast]
    scores = sorted({row["value"] for row in counts})
    grouped = _counts(counts, scores)
    return QuestionResults(
        key=key,
        text=text,
        tests=[_test(row) for row in own["wilcoxon"]],
        per_reader=[
            {
                "label": row["label"],
                "reader": row["reader"],
                "n_pairs": whole(row["n_pairs"]),
                "first": fixed(row["mean_first_arm"], 3),
                "second": fixed(row["mean_second_arm"], 3),
                "mean": signed(row["mean_difference"]),
                "sd": fixed(row["sd_difference"]),
            }
            for row in own["per_reader"]
        ],
        scores=[f"{score:g}" for score in scores],
        counts=[row for row in grouped if row["target"] == ALL],
        counts_per_target=[row for row in grouped if row["target"] != ALL],
        lines=[
            {
                "arm": "all arms" if row["arm"] == ALL else row["arm"],
                "target": _target(row["target"]),
                "n": whole(row["n"]),
                "slope": signed(row["slope"]),
                "intercept": signed(row["intercept"]),
                "r": signed(row["r"], 3),
                "p": p_value(row["p_value"]),
            }
            for row in own["iou_published"]
        ],
        ranks=[
            {
                "arm": row["arm"],
                "target": _target(row["target"]),
                "n_cases": whole(row["n_cases"]),
                "rho": signed(row["spearman"], 3),
                "interval": interval(row["ci_low"], row["ci_high"], 3),
                "p": p_value(row["p_value"]),
            }
            for row in own["iou_rank"]
        ],
        figures=dict(figures),
    )


def overview(questions: Sequence[QuestionResults]) -> list[dict[str, Any]]:
    """Per question and label: each reader's mean difference, then the pooled test over all targets."""
    return [
        {
            "key": question.key,
            "text": question.text,
            "tests": [
                {**test, "readers": [row["mean"] for row in question.per_reader if row["label"] == test["label"]]}
                for test in question.tests
                if test["pooled"]
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


def _test(row: Row) -> dict[str, Any]:
    holm = row["p_holm"]
    return {
        "label": row["label"],
        "target": _target(row["target"]),
        "pooled": row["target"] == ALL,
        "n_pairs": whole(row["n_pairs"]),
        "mean": signed(row["mean_difference"]),
        "sd": fixed(row["sd_difference"]),
        "statistic": fixed(row["statistic"], 1),
        "p": p_value(row["p_value"]),
        "rank_biserial": signed(row["rank_biserial"], 3),
        "holm": p_value(holm),
        "survives": holm is not None and holm < SIGNIFICANT,
    }


def _counts(rows: Sequence[Row], scores: Sequence[float]) -> list[dict[str, Any]]:
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
                "arm": arm,
                "counts": [whole(counts.get(score, 0)) for score in scores],
                "total": whole(total),
                "mean": fixed(mean, 3),
            }
        )
    return shown


def _target(target: str) -> str:
    return "all targets" if target == ALL else target


def whole(value: float | None) -> str:
    """A count."""
    return ABSENT if value is None else str(int(value))


def fixed(value: float | None, digits: int = 4) -> str:
    """A number with so many decimals."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """A difference or coefficient, with its sign; a plain hyphen, so that it can be copied as a number."""
    if value is None:
        return ABSENT
    rounded = round(value, digits) + 0.0  # no "-0.0000"
    return f"{rounded:+.{digits}f}" if rounded else f"{rounded:.{digits}f}"


def p_value(value: float | None) -> str:
    """Four significant digits."""
    return ABSENT if value is None else f"{value:#.4g}" if value >= 1e-4 else f"{value:.2e}"


def interval(low: float | None, high: float | None, digits: int = 4) -> str:
    """An interval, low to high."""
    return ABSENT if low is None or high is None else f"{signed(low, digits)} to {signed(high, digits)}"
