"""Rows of a data frame as plain values, and as CSV."""

from typing import IO, Any

import numpy as np
import pandas as pd

from analysis.data.csv_cells import write_cells


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with plain Python values, None for missing."""
    plain = [[_plain(value) for value in table[name]] for name in table.columns]
    return [dict(zip(table.columns, row, strict=True)) for row in zip(*plain, strict=True)]


def or_nan(value: float | None) -> float:
    """Tables hold NaN for what cannot be had, so that their columns stay numeric; files hold an empty cell or null."""
    return np.nan if value is None else value


def write_table(table: pd.DataFrame, stream: IO[str]) -> None:
    """The table as CSV with formula-safe text, full precision, and an empty cell for what could not be had."""
    rows = (["" if value is None else str(value) for value in record.values()] for record in records(table))
    write_cells(stream, [str(name) for name in table.columns], rows)


def _plain(value: object) -> object:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
