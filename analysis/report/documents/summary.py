"""The results in words: sentences for each analysis that was planned, in the plan's order, the primary one first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.data.schema import ALL
from analysis.report.cells import fixed, p_words
from analysis.sections.ordinal import ARM_BY_LABEL

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
_ARMS = 2
_LABELS = {"TP": "true positives", "FP": "false positives"}


@dataclass(frozen=True)
class Told:
    """What sentences are made of: the tables as plain rows, a question with its wording, and (first, second) arm."""

    tables: Tables
    question: str
    arms: tuple[str, str]

    def rows(self, table: str, **wanted: Any) -> list[Row]:
        """Rows of the question with these values."""
        return [
            row
            for row in self.tables.get(table, ())
            if row["question"] == self.question and all(row[name] == value for name, value in wanted.items())
        ]


def sentences(tables: Tables, analysis: str, questions: Mapping[str, str], arms: Sequence[str]) -> list[str]:
    """What came out of an analysis, a sentence for each answer; nothing without two arms.

    `questions` is key -> name. What could not be computed is left out: the notes say why.
    """
    if len(arms) != _ARMS:
        return []
    first, second = arms
    if analysis in _OF_READINGS:
        return _TOLD[analysis](Told(tables, "", (first, second)))
    return [
        f"{name[:1].upper()}{name[1:]}, {sentence}"
        for key, name in questions.items()
        for sentence in _TOLD[analysis](Told(tables, key, (first, second)))
    ]


def _effect(told: Told) -> list[str]:
    first, second = told.arms
    return [
        f"{_LABELS[row['label']]}: the mean score is {_compared(row['mean_difference'], second, first)} "
        f"({_interval(row)}; {_p(row['p_value'])}; {row['n_cases']:,} cases)."
        for row in told.rows("effect", target=ALL)
        if row["mean_difference"] is not None
    ]


def _equivalence(told: Told) -> list[str]:
    return [
        f"{_LABELS[row['label']]}: the arms are {'' if row['equivalent'] else 'not shown to be '}"
        f"equivalent within {row['margin']:g} points (90% interval {_ends(row, 'low_90', 'high_90')}; "
        f"{_p(row['p_equivalence'])})."
        for row in told.rows("equivalence", target=ALL)
        if row["p_equivalence"] is not None
    ]


def _ordinal(told: Told) -> list[str]:
    first, second = told.arms
    return [
        f"odds of a higher score with {second} against {first}: they rise "
        f"{fixed(row['odds_ratio'], 2)} times as much for true as for false positives "
        f"(95% interval {fixed(row['or_low'], 2)} to {fixed(row['or_high'], 2)}; {_p(row['p_robust'])}; ordinal "
        "mixed model, arm by label)."
        for row in told.rows("ordinal", model="main", term=ARM_BY_LABEL)
        if row["odds_ratio"] is not None and row["or_low"] is not None
    ]


def _auc(told: Told) -> list[str]:
    headline = {row["analysis"] for row in told.rows("auc_tests") if row["headline"]}
    found = []
    for row in told.rows("auc_differences"):
        if row["analysis"] not in headline or row["difference"] is None:
            continue
        areas = {one["arm"]: one["auc"] for one in told.rows("auc_treatments", analysis=row["analysis"])}
        both = " and ".join(f"{fixed(areas[arm], 3)} with {arm}" for arm in told.arms)
        test = f"{_interval(row, 3)}; {_p(row['p_value'])}; {row['analysis']}"
        difference = fixed(row["difference"], 3, signed=True)
        found.append(f"AUC, true against false positives: {both}; difference {difference} ({test}).")
    return found


def _points(told: Told) -> list[str]:
    found = []
    for row in told.rows("point_differences", reader=ALL, headline=True):
        shares = {one["arm"]: one["estimate"] for one in told.rows("points", reader=ALL, figure=row["figure"])}
        both = " and ".join(f"{fixed(shares[arm], 3)} with {arm}" for arm in told.arms)
        test = f"{_interval(row, 3)}; {_p(row['p_value'])}"
        named = f"{row['figure']} at a score from {row['threshold']:g}"
        found.append(f"{named}: {both}; difference {fixed(row['difference'], 3, signed=True)} ({test}).")
    return found


def _agreement(told: Told) -> list[str]:
    shown = [
        row for row in told.rows("agreement", statistic="ICC(2,1)", kind="all readers") if row["estimate"] is not None
    ]
    each = "; ".join(f"{fixed(row['estimate'], 2)} with {row['arm']} ({_interval(row)})" for row in shown)
    return [f"agreement of the readers, ICC(2,1): {each}."] if each else []


def _time(told: Told) -> list[str]:
    first, second = told.arms
    return [
        f"Active time on a reading with {second}: {fixed(row['ratio'], 2)} times that with {first} ({_interval(row)})."
        for row in told.tables.get("time_effect", ())
        if row["effect"] == "arm" and row["ratio"] is not None
    ]


def _wilcoxon(told: Told) -> list[str]:
    return [
        f"{_LABELS[row['label']]}, Wilcoxon's test as published, which takes pairs as independent: "
        f"mean difference {fixed(row['mean_difference'], 3, signed=True)}, W = {row['statistic']:g}, "
        f"{_p(row['p_value'])}."
        for row in told.rows("wilcoxon", target=ALL)
        if row["p_value"] is not None
    ]


def _iou(told: Told) -> list[str]:
    return [
        f"overlap with the expert's annotation, {row['arm']}: rank correlation of IoU with the readers' mean score "
        f"{fixed(row['spearman'], 2, signed=True)} ({_interval(row)}; {_p(row['p_value'])})."
        for row in told.rows("iou_rank", target=ALL)
        if row["spearman"] is not None
    ]


def _compared(difference: float, arm: str, other: str) -> str:
    if not difference:
        return f"the same with {other} and with {arm}"
    direction = "higher" if difference > 0 else "lower"
    return f"{fixed(abs(difference), 2)} points {direction} with {arm} than with {other}"


def _p(value: float | None) -> str:
    return "no p-value" if value is None else p_words(value)


def _interval(row: Row, digits: int = 2) -> str:
    return f"95% interval {_ends(row, 'ci_low', 'ci_high', digits)}" if row["ci_low"] is not None else "no interval"


def _ends(row: Row, low: str, high: str, digits: int = 2) -> str:
    return f"{fixed(row[low], digits)} to {fixed(row[high], digits)}"


_TOLD: dict[str, Callable[[Told], list[str]]] = {
    "effect": _effect,
    "equivalence": _equivalence,
    "ordinal": _ordinal,
    "auc": _auc,
    "points": _points,
    "agreement": _agreement,
    "time": _time,
    "wilcoxon": _wilcoxon,
    "iou": _iou,
}
#: Those that are of readings and not of a question.
_OF_READINGS = {"time"}
