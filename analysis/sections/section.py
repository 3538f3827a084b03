"""A section of the report as one object: its tables with their columns, its figures, and the words that explain it.

Everything that shows a report reads these objects: methods.md, the results page, the documents. They load neither
pandas nor scipy, so that the web can import them; what computes a section's tables lies beside it, in `..._tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Row = Mapping[str, Any]
#: What words are made of: the provenance of a report, with its options.
Provenance = Mapping[str, Any]
Words = Callable[[Provenance], tuple[str, ...]]


class Kind(StrEnum):
    """What a column holds, and so how its values are printed."""

    TEXT = "text"
    FLAG = "flag"  # yes or no
    COUNT = "count"  # whole numbers
    NUMBER = "number"  # as many decimals as the value has, four at most
    FIXED = "fixed"  # always as many decimals as the column says
    P = "p"


class Reading(StrEnum):
    """What a table's numbers compare, second arm against first."""

    PLAIN = ""
    DIFFERENCE = "difference"
    RATIO = "ratio"


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in the CSV, its heading for people, and its format."""

    name: str
    heading: str
    kind: Kind = Kind.TEXT
    decimals: int = 4
    signed: bool = False  # with + or -, as differences and coefficients are
    adjusted: bool = False  # a p-value by which a test is judged: below .05 it is marked

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the CSV that it prints."""
        return (self.name,)


@dataclass(frozen=True)
class Interval:
    """Two columns of the CSV that are printed as one: the ends of the interval of the column `of`."""

    low: str
    high: str
    heading: str
    of: str
    kind: Kind = Kind.FIXED
    decimals: int = 3
    signed: bool = True

    @property
    def name(self) -> str:
        """Of the column that it begins with."""
        return self.low

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the CSV that it prints."""
        return self.low, self.high


AnyColumn = Column | Interval


@dataclass(frozen=True)
class Table:
    """A table of the report, in the order of its CSV."""

    name: str
    title: str
    about: str
    columns: tuple[AnyColumn, ...]
    reading: Reading = Reading.PLAIN
    fixed: bool = False  # other programs rely on its columns: it names no contrast
    optional: tuple[AnyColumn, ...] = ()  # columns that only some reports have, behind the others

    @property
    def names(self) -> list[str]:
        """The columns of the CSV that every report has."""
        return [name for column in self.columns for name in column.names]

    @property
    def known(self) -> tuple[AnyColumn, ...]:
        """Every column that a report of it can have."""
        return (*self.columns, *self.optional)

    def convention(self, contrast: str | None) -> str:
        """The sign of its differences in words, of a contrast such as "B - A"; empty where it has none."""
        if not contrast or self.reading is Reading.PLAIN:
            return ""
        if self.reading is Reading.RATIO:
            return f"Ratios are of the second arm to the first ({contrast} in logarithms)."
        return f"Differences are second arm minus first: {contrast}."


@dataclass(frozen=True)
class Pivot:
    """Turns the values of one column into columns that hold another: counts by score."""

    across: str
    cells: str


@dataclass(frozen=True)
class Part:
    """A table as a section shows it: which columns, in this order (none: all), of which rows."""

    table: Table
    columns: tuple[AnyColumn, ...] = ()
    planned: bool = False  # where its section is planned, this part answers the question
    keep: Callable[[Row], bool] = lambda _row: True
    first: Callable[[Row], bool] = lambda _row: False  # rows that go before the others
    reported: Callable[[Row], bool] = lambda _row: True  # rows that are to be reported where others are not
    pivot: Pivot | None = None
    title: str = ""  # where not the table's
    note: str = ""  # where not what the table is about
    beside: Table | None = None  # a table whose rows, found by question and analysis, complete those of `table`

    @property
    def tables(self) -> tuple[Table, ...]:
        """What it shows."""
        return (self.table,) if self.beside is None else (self.table, self.beside)

    @property
    def heading(self) -> str:
        """What stands above it."""
        return self.title or self.table.title


@dataclass(frozen=True)
class Figure:
    """A kind of figure: the start of its names (one per question or pair of them), caption, table of its numbers."""

    start: str
    caption: str
    table: Table

    def draws(self, name: str) -> bool:
        """Whether a figure of this name is of this kind."""
        return name == self.start or name.startswith(f"{self.start}_")


@dataclass(frozen=True)
class Section:
    """A topic of the report."""

    key: str
    title: str
    parts: tuple[Part, ...]
    words: Words
    figures: tuple[Figure, ...] = ()
    about: str = ""
    rest: str = ""  # the title of what is left for exploration where the section was planned

    @property
    def tables(self) -> tuple[Table, ...]:
        """Its tables, each once."""
        return tuple(dict.fromkeys(table for part in self.parts for table in part.tables))
