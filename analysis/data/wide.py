"""Ratings in a table with a column per reader: read, and cleared of what is no rating."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from analysis.data.errors import AnalysisError
from analysis.data.tables import RowError, Table, TableError, alike_notes, number, read_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analysis.statistics.agreement import Floats

#: Columns of a table of ratings that name its rows; no reader is called so.
IDENTIFIERS = (
    "case",
    "case_id",
    "caseid",
    "case_no",
    "case_number",
    "id",
    "image",
    "image_id",
    "subject",
    "subject_id",
    "patient",
    "patient_id",
    "item",
    "item_id",
    "unit",
    "study_id",
    "file",
    "filename",
    "index",
    "row",
    "no",
    "nr",
    "number",
)


MISSING = {"", "NA", "N/A", ".", "NAN"}


def load_wide(
    path: Path,
    *,
    readers_in_rows: bool = False,
    notes: list[str] | None = None,
    scale: tuple[float, float] | None = None,
) -> tuple[list[str], Floats]:
    """Readers and their ratings (cases, readers) from a table with a header: a column is a reader, a row a case.

    Empty cells and NA are ratings that are missing. With `readers_in_rows` a row is a reader and the header names the
    cases. A column that names the rows (`IDENTIFIERS`) is no rating: it is left out, and `notes` say so; with
    `readers_in_rows` it names the readers. A rating off the `scale` (lowest, highest) is refused. Raises AnalysisError.
    """
    kept = notes if notes is not None else []
    try:
        source = read_table(path, known=IDENTIFIERS).whole()
        names = [name for name in source.header if _identifies(name)]
        raters = [name for name in source.header if name not in names]
        source.write_points(raters)
        cells = [[_rating(source, place, name) for name in raters] for place in range(len(source.records))]
    except (TableError, RowError) as error:
        raise AnalysisError(f"{path.name} is no table of ratings: {str(error).rstrip('.')}.") from error
    table = np.array(cells, dtype=np.float64).reshape(len(cells), len(raters))
    kept += source.notes
    if readers_in_rows:
        _check_scale(path, source, raters, table, scale)
        return _row_names(source, names), table.T
    counted = _numbering(table)
    names += [raters[column] for column in counted]
    if names:
        kept.append(f"Column {', '.join(names)} names the cases and is no reader; it is left out.")
    raters = [name for name in raters if name not in names]
    table = np.delete(table, counted, axis=1)
    _check_scale(path, source, raters, table, scale)
    kept += alike_notes({"reader": raters})
    return raters, table


def _identifies(name: str) -> bool:
    return "".join(re.split(r"[\s_.-]+", name.casefold())) in {"".join(known.split("_")) for known in IDENTIFIERS}


def _check_scale(
    path: Path, source: Table, columns: Sequence[str], table: Floats, scale: tuple[float, float] | None
) -> None:
    low, high = scale or (-np.inf, np.inf)
    wrong = np.argwhere((table < low) | (table > high))
    if len(wrong):
        row, column = wrong[0]
        raise AnalysisError(
            f"{path.name}, line {source.lines[row]}: column '{columns[column]}' is {table[row, column]:g}; the scale "
            f"goes from {low:g} to {high:g}. Correct the rating, or the scale."
        )


def _numbering(table: Floats) -> list[int]:
    """Columns that number the rows: whole numbers that go up by one, to where no other column has a score."""
    counted = []
    for column in range(table.shape[1] if len(table) > 2 and table.shape[1] > 2 else 0):
        own, others = table[:, column], np.delete(table, column, axis=1)
        if (np.diff(own) == 1).all() and float(own[0]).is_integer() and not np.nanmax(others) >= own[-1]:
            counted.append(column)
    return counted


def _rating(source: Table, place: int, name: str) -> float:
    cell = source.records[place][source.header.index(name)]
    if cell.upper() in MISSING:
        return float("nan")
    try:
        return number(cell, f"column '{name}'")
    except RowError as error:
        raise RowError(f"line {source.lines[place]}: {error}") from error


def _row_names(source: Table, names: Sequence[str]) -> list[str]:
    if not names:
        return [f"reader {place}" for place in range(1, len(source.records) + 1)]
    place = source.header.index(names[0])
    return [record[place] or f"reader {row}" for row, record in enumerate(source.records, start=1)]
