"""The results at a glance: per question and label each reader's difference, the effect over cases, the paper's test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report import cells
from analysis.report.cells import ALL
from analysis.report.shown import Tables

Printed = dict[str, str]


@dataclass(frozen=True)
class OverviewRow:
    """One label of one question, over all targets, ready to print."""

    label: str
    readers: tuple[str, ...]
    effect: Printed
    published: Printed


@dataclass(frozen=True)
class QuestionOverview:
    """A question with its labels, and the odds ratio of arm x label."""

    key: str
    text: str
    rows: tuple[OverviewRow, ...]
    arm_by_label: Printed


def overview(tables: Tables, questions: Mapping[str, str], readers: Sequence[str]) -> list[QuestionOverview]:
    """In the order of the questions; empty without two arms."""
    return [
        QuestionOverview(key, text, rows, _printed(_interaction(tables, key), "or_low", "or_high"))
        for key, text in questions.items()
        if (rows := _rows(tables, key, readers))
    ]


def _rows(tables: Tables, key: str, readers: Sequence[str]) -> tuple[OverviewRow, ...]:
    def pooled(name: str) -> dict[str, Mapping[str, Any]]:
        return {row["label"]: row for row in tables[name] if row["question"] == key and row["target"] == ALL}

    published = pooled("wilcoxon")
    differences = {
        (row["label"], row["reader"]): row["mean_difference"] for row in tables["per_reader"] if row["question"] == key
    }
    return tuple(
        OverviewRow(
            label,
            tuple(cells.signed(differences.get((label, reader))) for reader in readers),
            _printed(effect, "ci_low", "ci_high"),
            _printed(published.get(label, {})),
        )
        for label, effect in pooled("effect").items()
    )


def _interaction(tables: Tables, key: str) -> Mapping[str, Any]:
    for row in tables["ordinal"]:
        if row["question"] == key and row["model"] == "main" and row["term"] == "arm x label":
            return row
    return {}


def _printed(row: Mapping[str, Any], low: str = "", high: str = "") -> Printed:
    printed = {name: cells.cell(name, value) for name, value in row.items() if name != "note" or value}
    if row.get("note") and row.get("odds_ratio") is None:
        printed["refused"] = printed["note"]
    if low and row:
        printed["interval"] = cells.interval(low, row[low], row[high])
    return printed
