"""Any table of a report as people see it: headings in words, intervals in one cell, rows grouped by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report import cells
from analysis.report.cells import ALL
from analysis.sections.columns import CONTRAST, HEADLINE, QUESTION
from analysis.sections.section import AnyColumn, Column, Interval, Kind, Part, Pivot, Reading, Row

SIGNIFICANT = 0.05
LONG = 40
#: Tables of a report as rows, by name.
Tables = Mapping[str, Sequence[Row]]
#: What stands above a table or marks its rows, and so in no column.
_NOT_SHOWN = (QUESTION, HEADLINE, CONTRAST)
_BESIDE = ("question", "analysis")


@dataclass(frozen=True)
class Heading:
    """A column's heading; numbers stand to the right."""

    text: str
    number: bool


@dataclass(frozen=True)
class Cell:
    """A printed value; `strong` marks a small adjusted p-value of a row that is to be reported."""

    text: str
    number: bool
    strong: bool = False

    @property
    def long(self) -> bool:
        """Whether it is a sentence, which may take several lines."""
        return len(self.text) > LONG


@dataclass(frozen=True)
class ShownRow:
    """A row; `pooled` over all targets or readers, `headline` where it is the one to report, and not `reported` where
    another one is."""

    cells: tuple[Cell, ...]
    pooled: bool
    headline: bool
    reported: bool = True


@dataclass(frozen=True)
class Group:
    """The rows of one question; the name is empty where the table is not by question."""

    name: str
    rows: tuple[ShownRow, ...]


@dataclass(frozen=True)
class ShownTable:
    """A table, ready to print. `compares` where its numbers are of one arm against another."""

    name: str
    title: str
    note: str
    files: tuple[str, ...]  # names of the CSV files that hold it in full
    headings: tuple[Heading, ...]
    groups: tuple[Group, ...]
    compares: bool = False

    @property
    def long(self) -> bool:
        """Whether it should scroll in itself."""
        return sum(len(group.rows) for group in self.groups) > 30


def shown_table(
    part: Part, tables: Tables, questions: Mapping[str, str], contrast: str | None = None
) -> ShownTable | None:
    """A part with the rows of these questions (key -> wording), or None where there are none.

    `contrast` says which arm was taken from which, in words.
    """
    rows = [row for row in _rows(part, tables) if part.keep(row) and _is_of(row, questions)]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: not part.first(row))
    columns = [column for column in part.columns or part.table.known if column not in _NOT_SHOWN]
    if part.pivot:
        rows, columns = _pivoted(rows, part.pivot, columns)
    # A column in which nothing could be had, or which only some reports fill, says nothing.
    columns = [column for column in columns if any(_holds(column, row) for row in rows)]
    grouped: dict[str, list[ShownRow]] = {}
    parts = any(not _pooled(row) for row in rows)
    for row in rows:
        reported = part.reported(row)
        made = tuple(_cell(column, row, reported=reported) for column in columns)
        shown = ShownRow(made, parts and _pooled(row), bool(row.get(HEADLINE.name)), reported)
        grouped.setdefault(row.get(QUESTION.name, ""), []).append(shown)
    return ShownTable(
        name=part.table.name,
        compares=part.table.reading is not Reading.PLAIN,
        files=tuple(f"{table.name}.csv" for table in part.tables),
        title=part.heading,
        note=" ".join(filter(None, (part.note or part.table.about, part.table.convention(contrast)))),
        headings=tuple(Heading(column.heading, number=_is_number(column)) for column in columns),
        groups=tuple(
            Group(questions.get(key, key), tuple(grouped[key]))
            for key in dict.fromkeys((*questions, ""))
            if key in grouped
        ),
    )


def _rows(part: Part, tables: Tables) -> Sequence[Row]:
    """The rows of its table, each completed by the one beside it that is of the same question and analysis."""
    rows = tables.get(part.table.name, ())
    if part.beside is None:
        return rows
    beside = {_place(row): row for row in tables.get(part.beside.name, ())}
    return [{**beside.get(_place(row), {}), **row} for row in rows]


def _place(row: Row) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _BESIDE)


def _is_of(row: Row, questions: Mapping[str, str]) -> bool:
    return QUESTION.name not in row or row[QUESTION.name] in questions


def _holds(column: AnyColumn, row: Row) -> bool:
    return any(row.get(name) not in {None, ""} for name in column.names)


def _pooled(row: Row) -> bool:
    """Whether a row is of all targets, or of all readers where others are of one."""
    return bool(row.get("target", row.get("reader")) == ALL)


def _cell(column: AnyColumn, row: Row, *, reported: bool) -> Cell:
    strong = False
    if isinstance(column, Column) and column.adjusted and reported:
        strong = row[column.name] is not None and row[column.name] < SIGNIFICANT
    return Cell(cells.shown(column, row), _is_number(column), strong)


def _is_number(column: AnyColumn) -> bool:
    return isinstance(column, Interval) or column.kind not in {Kind.TEXT, Kind.FLAG}


def _pivoted(rows: Sequence[Row], pivot: Pivot, columns: Sequence[AnyColumn]) -> tuple[list[Row], list[AnyColumn]]:
    """A row for each set of the other columns: the cells by the values across, their sum, and their mean."""
    values = sorted({row[pivot.across] for row in rows})
    found: dict[tuple[tuple[str, Any], ...], dict[float, int]] = {}
    for row in rows:
        place = tuple((name, value) for name, value in row.items() if name not in {pivot.across, pivot.cells})
        found.setdefault(place, {})[row[pivot.across]] = row[pivot.cells]
    made: list[Row] = []
    for place, counted in found.items():
        total = sum(counted.values())
        mean = sum(value * count for value, count in counted.items()) / total if total else None
        counts = {f"{value:g}": counted.get(value, 0) for value in values}
        made.append({**dict(place), **counts, "sum": total, "mean": mean})
    kept = [column for column in columns if column.name not in {pivot.across, pivot.cells}]
    of_values = [Column(f"{value:g}", f"{value:g}", Kind.COUNT) for value in values]
    return made, [*kept, *of_values, Column("sum", "Sum", Kind.COUNT), Column("mean", "Mean", Kind.FIXED)]
