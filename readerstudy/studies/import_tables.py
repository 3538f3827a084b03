"""The tables of an import, read row by row: what a row says, or with line and reason why it says nothing usable."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.data.tables import Row, RowError, TableError, read_table
from explainer.catalogue.findings import Vocabulary
from explainer.datasets.labels import COLUMNS, LabelError, LabelTable, Statement

__all__ = [
    "BoxRow",
    "LabelRow",
    "Problem",
    "Row",
    "RowError",
    "TableError",
    "box_row",
    "finding_name",
    "label_row",
    "rows",
]

#: Columns of labels.csv, boxes.csv and masks.csv, found whatever the case of their letters.
KNOWN_COLUMNS = (
    "image", *COLUMNS, "file", "patient_id", "age", "sex", "view", "dataset",
    "finding", "x", "y", "width", "height",
)  # fmt: skip
MAX_AGE = 150
# A row of a data set with many findings names dozens.
LONGEST_LIST = 4000
FINDING_LENGTH = 100
# Boxes were drawn on scaled views, so their edges may miss the image's by a fraction of a pixel.
EDGE_TOLERANCE = 1.0


@dataclass(frozen=True)
class Problem:
    """What was not imported, where it stood and why."""

    source: str
    line: int | None
    reason: str


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
    """The rows of a table in any form that `analysis.data.tables` reads; what had to be guessed is a problem too.

    Raises TableError.
    """
    try:
        table = read_table(path, required=required, known=KNOWN_COLUMNS)
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror or error}.", "Name a file that can be.") from error
    except TableError as error:
        where = f"{path}, line {error.lines[0]}" if error.lines else f"{path}"
        raise TableError(f"{where}: {error.problem}", error.remedy) from error
    for note in table.notes:
        yield Problem(path.name, None, note)
    yield from sorted(
        [*table, *(Problem(path.name, misfit.line, misfit.reason) for misfit in table.misfits)], key=_line
    )


def _line(row: Row | Problem) -> int:
    return row.line or 0


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
        age=age_of(row.text("age")),
        sex=sex_of(row.text("sex")),
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


def age_of(text: str) -> int | None:
    """Whole years, or None. Raises RowError."""
    if not text:
        return None
    years = text.rstrip("Yy").removesuffix(".0").removesuffix(",0")
    if not years.isdecimal() or int(years) > MAX_AGE:
        raise RowError(f"age is {text!r}; it must be whole years from 0 to {MAX_AGE}, or empty")
    return int(years)


def sex_of(text: str) -> str:
    """F, M, O or nothing. Raises RowError."""
    letter = text[:1].upper()
    if text and (letter not in "FMO" or text.lower() not in {"f", "m", "o", "female", "male", "other"}):
        raise RowError(f"sex is {text!r}; it must be F, M, O or empty")
    return letter
