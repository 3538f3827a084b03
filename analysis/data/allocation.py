"""What readers were to see: allocation.csv of a study's export, which says of each reading why it is in no analysis."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import pandas as pd

from analysis.data.errors import AnalysisError
from analysis.data.tables import TableError, read_table

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED = ("reader", "case", "arm", "period")
TRAINING = "training"
WITHDRAWN = "reader withdrawn"
CASE_EXCLUDED = "case excluded"
FAILED = "explanation failed"
#: What `excluded` may say; empty where nothing stands against the reading.
REASONS = (TRAINING, WITHDRAWN, CASE_EXCLUDED, FAILED)


class AllocationFileError(AnalysisError):
    """A table that is not allocation.csv."""


def load_allocation(source: str | Path | IO[str] | IO[bytes]) -> pd.DataFrame:
    """Read allocation.csv: one row per reading that was planned; see `check_allocation`.

    Raises AllocationFileError for anything else, OSError for a file that cannot be opened.
    """
    try:
        table = read_table(source, known=(*REQUIRED, "opened_at", "excluded")).whole()
    except TableError as error:
        raise AllocationFileError(f"The allocation cannot be read: {error}") from error
    return check_allocation(pd.DataFrame(table.records, columns=list(table.header), dtype=str))


def check_allocation(frame: pd.DataFrame) -> pd.DataFrame:
    """The planned readings of study cases: reader, case, arm, `opened` (whether it was begun) and `excluded`.

    `opened_at` and `excluded` may be absent: then every reading counts as opened, and none as excluded. Training, which
    is period 0 or excluded as such, is left out. Raises AllocationFileError.
    """
    if absent := [name for name in REQUIRED if name not in frame.columns]:
        raise AllocationFileError(
            f"The allocation has no column {', '.join(absent)}. Give allocation.csv of the export."
        )
    text = frame.astype(object).where(frame.notna(), "").astype(str)
    excluded = text["excluded"] if "excluded" in text else pd.Series("", index=text.index, dtype=str)
    if unknown := sorted(set(excluded) - {"", *REASONS}):
        raise AllocationFileError(
            f"The allocation excludes readings because of {unknown[0]!r}. Leave it empty or write {', '.join(REASONS)}."
        )
    opened = text["opened_at"] != "" if "opened_at" in text else pd.Series(data=True, index=text.index)
    table = text[["reader", "case", "arm"]].assign(opened=opened, excluded=excluded)
    return table[(text["period"] != "0") & (excluded != TRAINING)].reset_index(drop=True)
