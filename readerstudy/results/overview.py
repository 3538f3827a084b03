"""The results at a glance: per question and label each reader's difference, the effect over cases, the paper's test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.report import cells
from analysis.report.cells import ALL
from analysis.report.shown import Tables
from analysis.sections.columns import MEAN_DIFFERENCE, NOTE
from analysis.sections.effect import EFFECT, PER_READER
from analysis.sections.ordinal import ARM_BY_LABEL, ORDINAL
from analysis.sections.section import Row, Table
from analysis.sections.wilcoxon import WILCOXON

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
        QuestionOverview(key, text, rows, _printed(ORDINAL, _interaction(tables, key)))
        for key, text in questions.items()
        if (rows := _rows(tables, key, readers))
    ]


def _rows(tables: Tables, key: str, readers: Sequence[str]) -> tuple[OverviewRow, ...]:
    def pooled(table: Table) -> dict[str, Row]:
        return {row["label"]: row for row in tables[table.name] if row["question"] == key and row["target"] == ALL}

    published = pooled(WILCOXON)
    differences = {
        (row["label"], row["reader"]): row["mean_difference"]
        for row in tables[PER_READER.name]
        if row["question"] == key
    }
    return tuple(
        OverviewRow(
            label,
            tuple(cells.cell(MEAN_DIFFERENCE, differences.get((label, reader))) for reader in readers),
            _printed(EFFECT, effect),
            _printed(WILCOXON, published.get(label, {})),
        )
        for label, effect in pooled(EFFECT).items()
    )


def _interaction(tables: Tables, key: str) -> Row:
    for row in tables[ORDINAL.name]:
        if row["question"] == key and row["model"] == "main" and row["term"] == ARM_BY_LABEL:
            return row
    return {}


def _printed(table: Table, row: Row) -> Printed:
    """The row's cells by the names of their columns, intervals by that of their first."""
    present = [column for column in table.known if all(name in row for name in column.names)]
    printed = {column.name: cells.shown(column, row) for column in present if column is not NOTE or row[NOTE.name]}
    if row.get(NOTE.name) and row.get("odds_ratio") is None:
        printed["refused"] = printed[NOTE.name]
    if row.get("p_robust") is not None:
        printed["p"] = cells.p_words(row["p_robust"])
    return printed
