"""The CSV tables of an import, read row by row: what a row says, or with line and reason why it says nothing usable."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from explainer.catalogue.findings import Vocabulary
from explainer.datasets.labels import COLUMNS, LabelError, LabelTable, Statement

MAX_AGE = 150
# A row of a data set with many findings names dozens.
LONGEST_LIST = 4000
FINDING_LENGTH = 100
# Boxes were drawn on scaled views, so their edges may miss the image's by a fraction of a pixel.
EDGE_TOLERANCE = 1.0


class TableError(Exception):
    """A table that cannot be read at all; the message says why and what to do."""


class RowError(Exception):
    """A row that cannot be used; the message says why."""


@dataclass(frozen=True)
class Problem:
    """What was not imported, where it stood and why."""

    source: str
    line: int | None
    reason: str


@dataclass(frozen=True)
class Row:
    """One line of a table; `line` counts from 1, header included, as an editor does."""

    line: int
    values: Mapping[str, str]

    def text(self, column: str, *, maximum: int = 200) -> str:
        value = self.values.get(column, "").strip()
        if len(value) > maximum:
            raise RowError(f"{column} has {len(value)} characters; {maximum} is the most")
        if "\0" in value:
            raise RowError(f"{column} contains a NUL character")
        return value

    def required(self, column: str) -> str:
        value = self.text(column)
        if not value:
            raise RowError(f"{column} is empty")
        return value

    def number(self, column: str) -> float:
        value = self.required(column)
        try:
            number = float(value)
        except ValueError as error:
            raise RowError(f"{column} is {value!r}, which is no number") from error
        if not math.isfinite(number):
            raise RowError(f"{column} is {value!r}, which is no finite number")
        return number


@dataclass(frozen=True)
class LabelRow:
    """An image as labels.csv describes it."""

    line: int
    image: str
    file: str
    statement: Statement
    patient: str
    age: int | None
    sex: str
    view: str
    dataset: str


@dataclass(frozen=True)
class BoxRow:
    """An expert's box, in pixels of the original."""

    image: str
    finding: str
    x: float
    y: float
    width: float
    height: float

    def outside(self, width: int, height: int) -> bool:
        """Whether it leaves an image of this size."""
        return (
            min(self.x, self.y) < -EDGE_TOLERANCE
            or self.x + self.width > width + EDGE_TOLERANCE
            or self.y + self.height > height + EDGE_TOLERANCE
        )


def rows(path: Path, required: Iterable[str]) -> Iterator[Row | Problem]:
    """The rows of a CSV file (UTF-8, with or without BOM, any line ends). Raises TableError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = [name.strip() for name in next(reader, [])]
            if missing := [name for name in required if name not in header]:
                raise TableError(
                    f"{path} has no column {', '.join(missing)}; its columns are: {', '.join(header) or 'none'}."
                )
            if len(set(header)) != len(header):
                raise TableError(f"{path} has two columns of one name: {', '.join(header)}.")
            line = reader.line_num
            for values in reader:
                first, line = line + 1, reader.line_num  # a quoted value can span lines: name the first
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(header):
                    yield Problem(path.name, first, f"has {len(values)} values; the header has {len(header)}")
                    continue
                yield Row(first, dict(zip(header, values, strict=True)))
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is not UTF-8 (byte {error.start}): save it as UTF-8.") from error
    except csv.Error as error:
        raise TableError(f"{path} is not valid CSV near line {reader.line_num}: {error}.") from error


def label_row(row: Row, table: LabelTable) -> LabelRow:
    """What a row of labels.csv says. Raises RowError."""
    image = row.required("image")
    cells = {name: row.text(name, maximum=LONGEST_LIST) for name in (*COLUMNS, *table.by_finding) if name in row.values}
    try:
        statement = table.read(cells)
    except LabelError as error:
        raise RowError(str(error)) from error
    return LabelRow(
        line=row.line,
        image=image,
        file=row.text("file", maximum=1000) or image,
        statement=statement,
        patient=row.text("patient_id", maximum=100),
        age=_age(row.text("age")),
        sex=_sex(row.text("sex")),
        view=row.text("view", maximum=10),
        dataset=row.text("dataset", maximum=100),
    )


def box_row(row: Row, vocabulary: Vocabulary) -> BoxRow:
    """What a row of boxes.csv says. Raises RowError."""
    box = BoxRow(
        image=row.required("image"),
        finding=finding_name(row.required("finding"), vocabulary),
        x=row.number("x"),
        y=row.number("y"),
        width=row.number("width"),
        height=row.number("height"),
    )
    if box.width <= 0 or box.height <= 0:
        raise RowError(f"the box is {box.width:g} x {box.height:g} pixels; both must be above zero")
    return box


def finding_name(text: str, vocabulary: Vocabulary) -> str:
    """The name that labels use for a finding: the vocabulary's, or the text itself where it is not in it."""
    return vocabulary.name(text) or text[:FINDING_LENGTH]


def _age(text: str) -> int | None:
    if not text:
        return None
    years = text.rstrip("Yy").removesuffix(".0")
    if not years.isdecimal() or int(years) > MAX_AGE:
        raise RowError(f"age is {text!r}; it must be whole years from 0 to {MAX_AGE}, or empty")
    return int(years)


def _sex(text: str) -> str:
    letter = text[:1].upper()
    if text and (letter not in "FMO" or text.lower() not in {"f", "m", "o", "female", "male", "other"}):
        raise RowError(f"sex is {text!r}; it must be F, M, O or empty")
    return letter
