"""Fully crossed ratings for MRMC analysis: read from CSV or FDA's iMRMC format, checked, and put into one array."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.cells import CellsError, plain_cell, read_cells
from analysis.errors import AnalysisError
from analysis.order import natural_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COLUMNS = ("reader", "treatment", "case", "truth", "rating")
_KEYS = ["reader", "treatment", "case"]
# In .imrmc the truth of a case is a row of a reader and a modality of this name; older files write numbers.
_TRUTH_READERS = ("truth", "-1")
_IMRMC_CELLS = 4


class RatingsError(AnalysisError):
    """Ratings that cannot be analysed: what is wrong and what to do."""


@dataclass(frozen=True)
class Ratings:
    """Every reader's rating of every case with every treatment."""

    scores: NDArray[np.float64]  # (treatments, readers, cases); higher = more suspicious of the condition
    truth: NDArray[np.bool_]  # (cases,); True where the condition is present
    treatments: tuple[str, ...]
    readers: tuple[str, ...]
    cases: tuple[str, ...]
    incomplete: tuple[str, ...]  # cases left out, because a reader did not rate them with every treatment


def load_ratings(path: str | Path) -> pd.DataFrame:
    """Read ratings from a CSV file (`COLUMNS`, any order) or, by its extension, an .imrmc file, and check them."""
    source = Path(path)
    if source.suffix.lower() == ".imrmc":
        return check_ratings(_read_imrmc(source))
    try:
        header, records, _ = read_cells(source)
    except CellsError as error:
        where = f"Row {error.rows[0]}: " if error.rows else ""
        raise RatingsError(f"{where}{error}") from error
    return check_ratings(pd.DataFrame(records, columns=header, dtype=str))


def check_ratings(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `COLUMNS` with text keys, integer truth and float ratings; raises RatingsError."""
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise RatingsError(f"The ratings lack the column {', '.join(absent)}. They need {', '.join(COLUMNS)}.")
    checked = frame[list(COLUMNS)].reset_index(drop=True)
    for name in _KEYS:
        checked[name] = checked[name].astype(str)
        _refuse(checked[name].str.strip() == "", f"column '{name}' is empty. Fill it in.")
    for name in ("truth", "rating"):
        checked[name] = pd.to_numeric(checked[name], errors="coerce").astype("float64")
        _refuse(~np.isfinite(checked[name]), f"column '{name}' is not a number. Write digits.")
    _refuse(~checked["truth"].isin([0, 1]), "truth is neither 0 nor 1. Write 1 where the condition is present.")
    _refuse(checked.duplicated(_KEYS), "the reader rates the case twice with one treatment. Keep one rating.")
    known = checked.groupby("case")["truth"].nunique()
    if (known > 1).any():
        raise RatingsError(f"Case {known.index[known > 1][0]} is both 0 and 1 in truth. A case has one truth.")
    return checked.astype({"truth": "int64"})


def crossed(frame: pd.DataFrame, *, treatments: Sequence[str] | None = None) -> Ratings:
    """Put checked ratings into an array; cases that lack a rating are left out and named.

    `treatments` gives their order (default: natural order of all). Raises RatingsError when fewer than two cases of
    either truth are complete, since no covariance can be had from them.
    """
    names = list(treatments) if treatments is not None else natural_order(frame["treatment"].unique())
    used = frame[frame["treatment"].isin(names)]
    readers, cases = natural_order(used["reader"].unique()), natural_order(used["case"].unique())
    scores = np.full((len(names), len(readers), len(cases)), np.nan)
    positions = [
        used[column].map({name: index for index, name in enumerate(order)}).to_numpy(dtype=np.int64)
        for column, order in (("treatment", names), ("reader", readers), ("case", cases))
    ]
    scores[tuple(positions)] = used["rating"].to_numpy()
    truths = used.drop_duplicates("case").set_index("case")["truth"]
    truth = np.array([truths[case] == 1 for case in cases], dtype=np.bool_)
    complete = ~np.isnan(scores).any(axis=(0, 1))
    for value, word in ((1, "with"), (0, "without")):
        count = int(np.sum(truth[complete] == bool(value)))
        if count < 2:
            raise RatingsError(
                f"{count} cases {word} the condition (truth {value}) are rated by every reader with every treatment; "
                "at least 2 are needed."
            )
    return Ratings(
        scores=scores[:, :, complete],
        truth=truth[complete],
        treatments=tuple(names),
        readers=tuple(readers),
        cases=tuple(case for case, kept in zip(cases, complete, strict=True) if kept),
        incomplete=tuple(case for case, kept in zip(cases, complete, strict=True) if not kept),
    )


def _read_imrmc(source: Path) -> pd.DataFrame:
    """Rows `reader, case, modality, score` after the line BEGIN DATA:; the truth of each case is a row of its own."""
    try:
        lines = source.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RatingsError(f"{source.name} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error
    starts = [number for number, line in enumerate(lines) if line.strip().upper().startswith("BEGIN DATA")]
    if not starts:
        raise RatingsError(f"{source.name} has no line 'BEGIN DATA:'. Give an iMRMC file, or a CSV file.")
    truths: dict[str, str] = {}
    rows: list[tuple[str, str, str, str]] = []
    body = "\n".join(lines[starts[0] + 1 :])
    for number, cells in enumerate(csv.reader(io.StringIO(body)), start=starts[0] + 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != _IMRMC_CELLS:
            raise RatingsError(f"{source.name}, line {number}: write reader, case, modality, score.")
        reader, case, treatment, score = (plain_cell(cell.strip()) for cell in cells)
        if reader.lower() not in _TRUTH_READERS:
            rows.append((reader, treatment, case, score))
        elif truths.setdefault(case, score) != score:
            raise RatingsError(f"{source.name}, line {number}: case {case} has two truths. Keep one.")
    unknown = natural_order(case for _, _, case, _ in rows if case not in truths)
    if unknown:
        case = unknown[0]
        raise RatingsError(f"{source.name}: case {case} has no truth. Add the row truth,{case},truth,0 or 1.")
    records = [(reader, treatment, case, truths[case], score) for reader, treatment, case, score in rows]
    return pd.DataFrame(records, columns=list(COLUMNS), dtype=str)


def _refuse(wrong: pd.Series[bool], problem: str) -> None:
    if wrong.any():
        number = int(np.flatnonzero(wrong.to_numpy())[0])
        raise RatingsError(f"Rating {number + 1} (row {number + 2} of a CSV file, the header is row 1): {problem}")
