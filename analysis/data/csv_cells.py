"""CSV cells that a spreadsheet cannot take for formulas, and how a table of them is written."""

import csv
import re
from collections.abc import Iterable, Sequence
from typing import IO

# Apostrophes already in front are part of the rule: this makes `unsafe -> safe` one-to-one, so import is exact.
_UNSAFE = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")


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
