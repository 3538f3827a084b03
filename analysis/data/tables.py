"""The one reader of tables: whatever program or person wrote the file, what its cells say and on which line.

Recognised are comma, semicolon and tab, a first line `sep=;`, UTF-8 and UTF-16 with or without a byte order mark, any
line ends, quoted cells that span lines, blank lines, trailing separators. Cells and names of columns are trimmed. What
cannot be told for certain is refused in a sentence, and what was guessed is in `Table.notes`.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from analysis.data.csv_cells import plain_cell

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Source = str | Path | IO[str] | IO[bytes]
SEPARATORS = (",", ";", "\t")
_SEP_LINE = re.compile(r'"?sep=([,;\t|])"?[,;\t]*(\r\n|\r|\n|\Z)', re.IGNORECASE)
_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}([.,' ]\d{3})+([.,]\d+)?", re.ASCII)
# The separator is judged by so many rows; all of them would be read three times for nothing.
_SAMPLE = 50
_SAMPLE_TEXT = 1 << 20


class TableError(Exception):
    """A table that cannot be read: what is wrong, on which lines of the file, and what to do."""

    def __init__(self, problem: str, remedy: str, *, lines: tuple[int, ...] = ()) -> None:
        where = f"Line {lines[0]}: " if lines else ""
        super().__init__(f"{where}{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy
        self.lines = lines


class RowError(Exception):
    """A row that cannot be used; the message says why, the caller knows the line."""


@dataclass(frozen=True)
class Misfit:
    """A row whose cells cannot be told apart: it has more or fewer than there are columns."""

    line: int
    reason: str


@dataclass(frozen=True)
class Table:
    """What stands in a file.

    `records` are the rows, blank ones left out, each with a trimmed cell for each of `header`; `lines` are the lines of
    the file on which they begin, counted from 1 as an editor does. `misfits` are the rows that are not in `records`.
    """

    name: str
    header: tuple[str, ...]
    records: list[list[str]]
    lines: list[int]
    misfits: tuple[Misfit, ...] = ()
    separator: str = ","
    encoding: str = "utf-8"
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        for line, record in zip(self.lines, self.records, strict=True):
            yield Row(line, dict(zip(self.header, record, strict=True)), self.decimals)

    def whole(self) -> Table:
        """The table itself. Raises TableError if any row is a misfit."""
        if self.misfits:
            first = self.misfits[0]
            raise TableError(
                f"the row {first.reason}.",
                "Quote cells that contain the separator.",
                lines=tuple(misfit.line for misfit in self.misfits),
            )
        return self

    @cached_property
    def decimals(self) -> Decimals:
        """The decimal sign of each column."""
        return Decimals(self)

    def write_points(self, columns: Iterable[str]) -> Table:
        """Replace decimal commas by points in those of these columns that are there; the table itself. TableError."""
        places = [self.header.index(name) for name in columns if name in self.header]
        commas = [place for place in places if self.decimals.sign(self.header[place]) == ","]
        for record, place in itertools.product(self.records, commas):
            if _COMMA.fullmatch(record[place]):
                record[place] = record[place].replace(",", ".")
        return self


class Decimals:
    """Which sign the numbers of a column have; a comma only where commas do not separate the cells."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._signs: dict[str, Literal[".", ","]] = {}

    def sign(self, column: str) -> Literal[".", ","]:
        """Raises TableError for a column that has both, since one of them then separates thousands."""
        if self._table.separator == "," or column not in self._table.header:
            return "."
        if column not in self._signs:
            place = self._table.header.index(column)
            cells = [(line, record[place]) for line, record in zip(self._table.lines, self._table.records, strict=True)]
            comma = next(((line, cell) for line, cell in cells if _COMMA.fullmatch(cell)), None)
            point = next(((line, cell) for line, cell in cells if _POINT.fullmatch(cell)), None)
            if comma and point:
                first, second = sorted((comma, point))
                raise TableError(
                    f"column '{column}' has {first[1]} there and {second[1]} on line {second[0]}.",
                    "Use one decimal sign in a file, and no sign between thousands.",
                    lines=(first[0], second[0]),
                )
            self._signs[column] = "," if comma else "."
        return self._signs[column]


@dataclass(frozen=True)
class Row:
    """One row of a table: the line of the file on which it begins, and its trimmed cells by the name of the column."""

    line: int
    values: Mapping[str, str]
    decimals: Decimals | None = field(default=None, repr=False, compare=False)

    def text(self, column: str, *, maximum: int = 200) -> str:
        """The cell, empty where there is no such column. Raises RowError for one that is too long."""
        value = self.values.get(column, "").strip()
        if len(value) > maximum:
            raise RowError(f"{column} has {len(value)} characters; {maximum} is the most")
        if "\0" in value:
            raise RowError(f"{column} contains a NUL character")
        return value

    def required(self, column: str) -> str:
        """The cell. Raises RowError where it is empty."""
        value = self.text(column)
        if not value:
            raise RowError(f"{column} is empty")
        return value

    def number(self, column: str) -> float:
        """The cell as a finite number. Raises RowError."""
        value = self.required(column)
        try:
            sign = self.decimals.sign(column) if self.decimals else "."
        except TableError as error:
            raise RowError(f"{error.problem} {error.remedy}".rstrip(".")) from error
        return number(value, column, sign=sign)


def number(text: str, what: str, *, sign: Literal[".", ","] = ".") -> float:
    """A finite number written in ASCII digits with this decimal sign; `what` it is. Raises RowError."""
    written = text.strip()
    plain = written.replace(",", ".") if sign == "," and _COMMA.fullmatch(written) else written
    if _NUMBER.fullmatch(plain) and math.isfinite(value := float(plain)):
        return value
    raise RowError(f"{what} is {text!r}, which is no {no_number(written)}")


def no_number(text: str) -> str:
    """What a text that is no number lacks, after "is no ...": advice on the signs that spreadsheets write."""
    if _COMMA.fullmatch(text):
        return "number: write a decimal point (a comma only in a file whose cells are separated by semicolons or tabs)"
    if _THOUSANDS.fullmatch(text):
        return "number: write it without a sign between thousands"
    lowered = text.lower().lstrip("+-")
    return "finite number" if lowered in {"nan", "inf", "infinity"} or _NUMBER.fullmatch(text) else "number"


def read_table(source: Source, *, required: Iterable[str] = (), known: Iterable[str] = (), name: str = "") -> Table:
    """Read a table with a header. `required` and `known` columns are found whatever the case of their letters.

    `name` is what messages call a stream. Raises TableError for what is no table, lacks a required column or has two
    of one name, OSError for a file that cannot be opened.
    """
    title = name or (Path(source).name if isinstance(source, str | Path) else "the table")
    text, encoding, notes = _text(source, title)
    needed = tuple(required)
    wanted = {column.casefold(): column for column in (*needed, *known)}
    announced = _SEP_LINE.match(text)
    skipped = int(announced is not None)
    body = text[announced.end() :] if announced else text
    if not body.strip(" \t\r\n,;"):
        raise TableError("The file is empty.", "Give a table whose first row names the columns.")
    separator = announced.group(1) if announced else _separator(body, wanted)
    header, rows = _records(body, separator, skipped)
    names, notes = _columns(header, rows, wanted, notes)
    missing = [column for column in needed if column not in names]
    if missing:
        raise TableError(
            f"it has no column {', '.join(missing)}; its columns are: {', '.join(filter(None, names)) or 'none'}.",
            "Name the columns in the first row.",
        )
    return _table(title, names, rows, separator, encoding, notes)


def read_text(source: Source, name: str = "") -> tuple[str, list[str]]:
    """The text of a file in any of the encodings, and notes on what was guessed. Raises TableError."""
    title = name or (Path(source).name if isinstance(source, str | Path) else "the file")
    text, _, notes = _text(source, title)
    return text, notes


def alike(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Groups of different names that differ only in case, blanks, leading zeros, .0 or the form of characters."""
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        groups.setdefault(_folded(name), {})[name] = None
    return [tuple(group) for group in groups.values() if len(group) > 1]


def alike_notes(keys: Mapping[str, Iterable[str]]) -> list[str]:
    """Keys that are different but may be meant as one, by the name of what they are keys of."""
    return [
        f"{name.capitalize()} {' and '.join(map(repr, group))} differ only in case, blanks or leading zeros and count "
        "as different."
        for name, values in keys.items()
        for group in alike(values)
    ]


def _folded(name: str) -> str:
    folded = re.sub(r"[\s_\u200b\ufeff]+", "", unicodedata.normalize("NFKC", name)).casefold()
    # A column of whole numbers with a gap in it leaves some programs as 7.0.
    whole = re.sub(r"^(\d+)[.,]0$", r"\1", folded)
    return re.sub(r"(?<![\d.,])0+(?=\d)", "", whole)


def _text(source: Source, name: str) -> tuple[str, str, list[str]]:
    content = Path(source).read_bytes() if isinstance(source, str | Path) else source.read()
    encoding = "utf-8"
    notes: list[str] = []
    if isinstance(content, bytes):
        content, encoding = _decoded(content)
        if encoding == "cp1252":
            line, word = next(
                (number, word)
                for number, row in enumerate(content.split("\n"), start=1)
                for word in row.split()
                if not word.isascii()
            )
            notes.append(
                f"{name} is not UTF-8 and was read as Windows-1252 (Western Europe); line {line} then has "
                f"{word[:40]!r}. If that is wrong, save it as 'CSV UTF-8'."
            )
    content = content.removeprefix("\ufeff")
    if "\0" in content:
        line = content.count("\n", 0, content.index("\0")) + 1
        raise TableError("the file contains a NUL character.", "Save it again as 'CSV UTF-8'.", lines=(line,))
    return content, encoding, notes


def _decoded(content: bytes) -> tuple[str, str]:
    encoding = _encoding(content)
    try:
        return content.decode(encoding), encoding.removesuffix("-sig")
    except UnicodeDecodeError as error:
        place = error.start
        if encoding != "utf-8-sig" or content.startswith(b"\xef\xbb\xbf"):
            words = encoding.removesuffix("-sig").upper()
            raise TableError(f"The file begins as {words} and is damaged at byte {place}.", "Save it again.") from error
    try:
        return content.decode("cp1252"), "cp1252"
    except UnicodeDecodeError as error:
        raise TableError(
            f"The file is neither UTF-8 (byte {place}) nor UTF-16 nor Windows-1252.", "Save it as 'CSV UTF-8'."
        ) from error


def _encoding(content: bytes) -> str:
    """By the byte order mark, or by the zeros that UTF-16 has between the letters of a header."""
    for mark, encoding in ((b"\xff\xfe\x00\x00", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return encoding
    start = content[:200]
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 4 >= len(start) > 1 and min(even, odd) == 0:
        return "utf-16-be" if even else "utf-16-le"
    return "utf-8-sig"


def _separator(text: str, wanted: Collection[str]) -> str:
    """The separator under which the header has the columns looked for, and the rows as many cells as the header."""
    start = text[:_SAMPLE_TEXT]
    scores = {separator: _fit(start, separator, wanted) for separator in SEPARATORS}
    return max(SEPARATORS, key=lambda separator: scores[separator])


def _fit(text: str, separator: str, wanted: Collection[str]) -> tuple[int, float, int]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        sample = list(itertools.islice((cells for cells in reader if any(cell.strip() for cell in cells)), _SAMPLE))
    except csv.Error:
        sample = _header_only(text, separator)
    if not sample:
        return 0, 0.0, 0
    header = [_cell(cell).casefold() for cell in sample[0]]
    found = sum(name in wanted for name in header)
    width = len(header)
    same = sum(len(cells) == width for cells in sample[1:]) / max(len(sample) - 1, 1)
    return found, same if width > 1 else 0.0, width


def _header_only(text: str, separator: str) -> list[list[str]]:
    """The header of a table that is broken further down, so that the error is about the break."""
    try:
        return [next(csv.reader(io.StringIO(text.lstrip("\r\n"), newline=""), delimiter=separator, strict=True), [])]
    except csv.Error:
        return []


def _records(text: str, separator: str, skipped: int) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the other rows that are not blank, with their first lines; a quoted cell can span lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    last = 0
    try:
        for cells in reader:
            first, last = last + 1, reader.line_num
            trimmed = [_cell(cell) for cell in cells]
            if not any(trimmed):
                continue
            if header:
                rows.append((first + skipped, trimmed))
            else:
                header = trimmed
    except csv.Error as error:
        # Python's csv has three such errors, of which two are quotes; the third is its limit on the length of a cell.
        long = "limit" in str(error)
        problem = "a cell is longer than 131,072 characters." if long else "a quote is not closed, or in a wrong place."
        remedy = "Shorten it." if long else "Close every quote, and double quotes inside a quoted cell."
        raise TableError(problem, remedy, lines=(last + 1 + skipped,)) from error
    return header, rows


def _cell(cell: str) -> str:
    trimmed = cell.strip()
    if trimmed[:1] == "'":
        return plain_cell(cell.lstrip()).strip()  # the blank at the end may be why it was made safe
    if trimmed and not trimmed.isascii():
        return trimmed.strip("\u200b\ufeff").strip()
    return trimmed


def _columns(
    header: Sequence[str], rows: list[tuple[int, list[str]]], wanted: Mapping[str, str], notes: list[str]
) -> tuple[list[str], list[str]]:
    """Names of the columns, empty for those that are not read, in the spelling of those looked for."""
    names = [wanted.get(name.casefold(), name) for name in header]
    doubled = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    if doubled:
        raise TableError(f"two columns are called {doubled[0]}.", "Keep one of them, or name them differently.")
    if names and not names[0] and any(cells[0] for _, cells in rows):
        # R's write.csv and pandas' to_csv write the names of rows there.
        notes = [*notes, "The first column has no name and was not read (row names?)."]
    return names, notes


def _table(
    title: str, names: list[str], rows: list[tuple[int, list[str]]], separator: str, encoding: str, notes: list[str]
) -> Table:
    places = [place for place, name in enumerate(names) if name]
    least, most = places[-1] + 1, len(names)
    all_named = len(places) == most
    records: list[list[str]] = []
    lines: list[int] = []
    misfits: list[Misfit] = []
    for line, cells in rows:
        if len(cells) == most and all_named:
            records.append(cells)
        elif reason := _misfit(cells, names, least):
            misfits.append(Misfit(line, reason))
            continue
        else:
            records.append([cells[place] for place in places])
        lines.append(line)
    header = tuple(names[place] for place in places)
    return Table(title, header, records, lines, tuple(misfits), separator, encoding, tuple(notes))


def _misfit(cells: Sequence[str], names: Sequence[str], least: int) -> str:
    """Why the cells do not belong to the columns; empty where only blank ones are too many."""
    used = max(place for place, cell in enumerate(cells, start=1) if cell)
    if len(cells) < least or used > len(names):
        return f"has {used if used > len(names) else len(cells)} values; the header has {least}"
    nameless = [place for place, cell in enumerate(cells[: len(names)]) if cell and place and not names[place]]
    return f"has {cells[nameless[0]][:40]!r} in column {nameless[0] + 1}, which has no name" if nameless else ""
