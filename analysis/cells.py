"""CSV cells that a spreadsheet cannot take for formulas, and tables read so that no cell changes its meaning."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

# Apostrophes already in front are part of the rule: this makes `unsafe -> safe` one-to-one, so import is exact.
_UNSAFE = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


class CellsError(Exception):
    """A file that is not a table of cells: what is wrong, where, and what to do."""

    def __init__(self, problem: str, remedy: str, *, rows: tuple[int, ...] = ()) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.rows = rows


def safe_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run (= + - @ tab); a plain number stays a number."""
    return f"'{text}" if _UNSAFE.match(text) and not _NUMBER.match(text) else text


def plain_cell(text: str) -> str:
    """Undo `safe_cell`."""
    return text[1:] if text.startswith("'") and _UNSAFE.match(text) else text


def write_cells(stream: IO[str], header: Sequence[str], records: Iterable[Sequence[str]]) -> None:
    """Write a table with formula-safe header and cells; records may be a generator and are not kept."""
    # RFC 4180, and the reason that csv quotes a lone carriage return inside a cell.
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([safe_cell(name) for name in header])
    writer.writerows([safe_cell(cell) for cell in record] for record in records)


def read_cells(source: str | Path | IO[str] | IO[bytes]) -> tuple[list[str], list[list[str]], list[int]]:
    """Header, records and the row number of each record (the header is row 1; blank rows are skipped but counted)."""
    text = _text(source)
    if not text.strip():
        raise CellsError("The file is empty.", "Give a CSV file whose first row names the columns.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    header: list[str] = []
    records: list[list[str]] = []
    rows: list[int] = []
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cells):
                continue
            if not header:
                header = [plain_cell(cell).strip() for cell in cells]
            elif len(cells) != len(header):
                problem = f"the row has {len(cells)} cells, the header has {len(header)}."
                raise CellsError(problem, "Quote cells that contain the separator.", rows=(number,))
            else:
                records.append([plain_cell(cell) for cell in cells])
                rows.append(number)
    except csv.Error as error:
        raise CellsError(f"the row is not CSV ({error}).", "Close every quote.", rows=(number + 1,)) from error
    return header, records, rows


def _text(source: str | Path | IO[str] | IO[bytes]) -> str:
    content = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        remedy = "Save it as 'CSV UTF-8'."
        raise CellsError(f"The file is not UTF-8 (byte {error.start}).", remedy) from error


def _delimiter(text: str) -> str:
    """The separator of the header: spreadsheets write semicolons or tabs in some languages."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    return max(",;\t", key=first.count)
