"""Any table of a report as people see it: headings in words, intervals in one cell, rows grouped by question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report import cells, labels
from analysis.report.cells import ALL

SIGNIFICANT = 0.05
LONG = 40
QUESTION = "question"
CONTRAST = "contrast"
Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Pivot:
    """Turns the values of one column into columns that hold another: counts by score."""

    across: str
    cells: str


@dataclass(frozen=True)
class Part:
    """A table of a section: which columns, in this order (none: all), of which rows."""

    table: str
    columns: tuple[str, ...] = ()
    planned: bool = False  # where its section is planned, this part answers the question
    keep: Callable[[Row], bool] = lambda _row: True
    first: Callable[[Row], bool] = lambda _row: False  # rows that go before the others
    pivot: Pivot | None = None
    title: str = ""
    note: str = ""
    files: tuple[str, ...] = ()  # tables of the report that it is made of, where not its own


@dataclass(frozen=True)
class Heading:
    """A column's heading; numbers stand to the right."""

    text: str
    number: bool


@dataclass(frozen=True)
class Cell:
    """A printed value; `strong` marks a small adjusted p-value."""

    text: str
    number: bool
    strong: bool = False

    @property
    def long(self) -> bool:
        """Whether it is a sentence, which may take several lines."""
        return len(self.text) > LONG


@dataclass(frozen=True)
class ShownRow:
    """A row; `pooled` over all targets or readers, `headline` where it is the one to report."""

    cells: tuple[Cell, ...]
    pooled: bool
    headline: bool


@dataclass(frozen=True)
class Group:
    """The rows of one question; the name is empty where the table is not by question."""

    name: str
    rows: tuple[ShownRow, ...]


@dataclass(frozen=True)
class ShownTable:
    """A table, ready to print."""

    title: str
    note: str
    files: tuple[str, ...]  # names of the CSV files that hold it in full
    headings: tuple[Heading, ...]
    groups: tuple[Group, ...]

    @property
    def long(self) -> bool:
        """Whether it should scroll in itself."""
        return sum(len(group.rows) for group in self.groups) > 30


def shown_table(part: Part, tables: Tables, questions: Mapping[str, str]) -> ShownTable | None:
    """A part with the rows of these questions (key -> wording), or None where there are none."""
    rows = [row for row in tables.get(part.table, ()) if part.keep(row) and _asked(row, questions)]
    if not rows:
        return None
    rows = sorted(rows, key=lambda row: not part.first(row))
    if part.pivot:
        rows = _pivoted(rows, part.pivot)
    columns = [
        name for name in part.columns or rows[0] if name in rows[0] and name not in {QUESTION, "headline", CONTRAST}
    ]
    if part.pivot:
        columns = [name for name in rows[0] if name != QUESTION]
    # A column in which nothing could be had, or which only some reports fill, says nothing.
    columns = [name for name in columns if any(row[name] not in {None, ""} for row in rows)]
    spans = _spans(columns)
    numeric = {name: _is_number(rows, name) for name in columns}
    headings = tuple(Heading(text, number=numeric[name]) for name, _, text in spans)
    grouped: dict[str, list[ShownRow]] = {}
    parts = any(not _pooled(row) for row in rows)
    for row in rows:
        shown = ShownRow(_cells(part.table, row, spans, numeric), parts and _pooled(row), bool(row.get("headline")))
        grouped.setdefault(row.get(QUESTION, ""), []).append(shown)
    return ShownTable(
        files=tuple(f"{name}.csv" for name in part.files or (part.table,)),
        title=part.title or labels.heading(part.table),
        note=" ".join(filter(None, (part.note or labels.explained(part.table), _convention(part, tables)))),
        headings=headings,
        groups=tuple(Group(questions.get(key, key), tuple(grouped[key])) for key in (*questions, "") if key in grouped),
    )


def _convention(part: Part, tables: Tables) -> str:
    """Which arm was taken from which; in words of the table's rows or, where it has no such column, of the effect's."""
    named = (row[CONTRAST] for table in (part.table, "effect") for row in tables.get(table, ()) if row.get(CONTRAST))
    return labels.convention(part.table, next(named, None))


def _asked(row: Row, questions: Mapping[str, str]) -> bool:
    return QUESTION not in row or row[QUESTION] in questions


def _spans(columns: Sequence[str]) -> list[tuple[str, str, str]]:
    """First column, last column and heading of each cell: an interval's ends are one."""
    ends = {last for low, (last, _) in labels.INTERVALS.items() if low in columns}
    return [
        (name, *labels.INTERVALS[name]) if name in labels.INTERVALS else (name, name, labels.column(name))
        for name in columns
        if name not in ends
    ]


def _pooled(row: Row) -> bool:
    """Whether a row is of all targets, or of all readers where others are of one."""
    return bool(row.get("target", row.get("reader")) == ALL)


def _cells(
    table: str, row: Row, spans: Sequence[tuple[str, str, str]], numeric: Mapping[str, bool]
) -> tuple[Cell, ...]:
    made = []
    for name, last, _ in spans:
        if last != name:
            text = cells.interval(name, row[name], row[last], table=table)
        else:
            text = cells.cell(name, row[name], table=table)
        strong = name in {"p_holm", "p_bh"} and row[name] is not None and row[name] < SIGNIFICANT
        made.append(Cell(text, numeric[name], strong))
    return tuple(made)


def _is_number(rows: Sequence[Row], name: str) -> bool:
    return any(isinstance(row[name], int | float) for row in rows) and not any(
        isinstance(row[name], str | bool) for row in rows
    )


def _pivoted(rows: Sequence[Row], pivot: Pivot) -> list[Row]:
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
    return made
