"""The one definition of RESPONSES.csv: its columns, how a table is checked against them, read and described."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd

from analysis.data.csv_cells import write_cells
from analysis.data.errors import AnalysisError
from analysis.data.order import natural_order
from analysis.data.tables import RowError, TableError, read_table

Scales = Mapping[str, tuple[float, float]]  # question -> lowest and highest score
Kind = Literal["text", "integer", "number", "time"]
ALL = "all"
LABELS = ("TP", "FP")


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in which unit, what may stand in it and whether each row must fill it."""

    name: str
    kind: Kind
    description: str
    unit: str = ""
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    required: bool = False

    @property
    def rule(self) -> str:
        """The allowed values in words."""
        if self.allowed:
            return " or ".join(self.allowed)
        if self.kind == "time":
            return "ISO 8601, UTC where no offset is given"
        if self.minimum is not None and self.maximum is not None:
            return f"{self.minimum:g} to {self.maximum:g}"
        if self.minimum is not None:
            return f"{self.minimum:g} or more"
        return "any number" if self.kind == "number" else "any text"


COLUMNS = (
    Column("study", "text", "Key of the study that the response belongs to."),
    Column("reader", "text", "Pseudonym of the reader.", required=True),
    Column("case", "text", "Case: one image with the target predicted for it; unique within the study.", required=True),
    Column("image", "text", "Image of the case."),
    Column("patient", "text", "Patient of the image."),
    Column("target", "text", "Finding that the model predicts in the case.", required=True),
    Column(
        "label",
        "text",
        "Whether the positive prediction is true (TP, finding present) or false (FP, finding absent).",
        allowed=LABELS,
        required=True,
    ),
    Column("arm", "text", "Arm, that is the kind of explanation, in which the reader saw the case.", required=True),
    Column("period", "integer", "Period of the crossover, counted from 1.", minimum=1, required=True),
    Column("position", "integer", "Position of the case in the reader's period, counted from 1.", minimum=1),
    Column("question", "text", "Key of the question that was answered.", required=True),
    Column("value", "number", "Answer on the scale of the question.", unit="scale points", required=True),
    Column(
        "iou",
        "number",
        "Intersection over union of the arm's attribution map with the expert mask; empty without a mask.",
        unit="fraction",
        minimum=0,
        maximum=1,
    ),
    Column(
        "seconds",
        "number",
        "Active time on the case: the page in view, and touched within the last minute. All visits together.",
        "s",
        minimum=0,
    ),
    Column("opened_at", "time", "When the case was first shown in this period."),
    Column("answered_at", "time", "When the answer was last changed."),
    Column("revisions", "integer", "How often the answer was changed after it was first given.", minimum=0),
    Column(
        "mask_area",
        "number",
        "Share of the image, as the model sees it, that the expert mask covers.",
        unit="fraction",
        minimum=0,
        maximum=1,
    ),
    Column(
        "map_area",
        "number",
        "Share of the image that the arm's binarised attribution map covers; as large as the mask where empty.",
        unit="fraction",
        minimum=0,
        maximum=1,
    ),
)
COLUMN_NAMES = tuple(column.name for column in COLUMNS)
_KEY = ["study", "reader", "case", "arm", "period", "position", "question"]
_DIGITS = "Write digits with a decimal point; a decimal comma only where semicolons or tabs separate the cells."
_OF_THE_CASE = ("image", "patient", "target", "label", "mask_area")


class SchemaError(AnalysisError):
    """A table that is not RESPONSES.csv: names the column, the lines (a header is line 1) and the remedy."""

    def __init__(self, problem: str, remedy: str, *, column: str | None = None, rows: tuple[int, ...] = ()) -> None:
        self.column = column
        self.rows = rows
        places = [f"column '{column}'"] if column else []
        if rows:
            shown = ", ".join(str(row) for row in rows[:5])
            more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
            places.append(f"line{'s' if len(rows) > 1 else ''} {shown}{more}")
        where = ", ".join(places)
        super().__init__(f"{where[:1].upper()}{where[1:]}{': ' if where else ''}{problem} {remedy}")


def codebook(scales: Scales | None = None) -> list[dict[str, str]]:
    """One row per column of RESPONSES.csv, in its order, from the definition that also checks the data.

    After the row of `value` there is one for each question of `scales`, with the ends of its scale.
    """
    rows = []
    for column in COLUMNS:
        rows.append(_described(column))
        for question, (low, high) in (scales or {}).items() if column.name == "value" else ():
            ends = {"minimum": f"{low:g}", "maximum": f"{high:g}", "allowed": f"{low:g} to {high:g}"}
            rows.append(_described(column) | ends | {"question": question})
    return rows


def _described(column: Column) -> dict[str, str]:
    ends = {"minimum": column.minimum, "maximum": column.maximum}
    return {
        "column": column.name,
        "question": "",
        "type": column.kind,
        "unit": column.unit,
        "allowed": column.rule,
        "required": "yes" if column.required else "no",
        "description": column.description,
    } | {name: "" if end is None else f"{end:g}" for name, end in ends.items()}


def load_scales(path: str | Path) -> dict[str, tuple[float, float]]:
    """The scale of each question that codebook.csv states. Raises SchemaError, OSError."""
    scales = {}
    try:
        table = read_table(path, required=("column",), known=("question", "minimum", "maximum")).whole()
        for row in table:
            if row.text("column") == "value" and row.text("question"):
                scales[row.required("question")] = (row.number("minimum"), row.number("maximum"))
    except RowError as error:
        raise SchemaError(f"the codebook's {error}.", "Give codebook.csv of the export.", rows=(row.line,)) from error
    except TableError as error:
        raise SchemaError(f"{Path(path).name}: {error.problem}", error.remedy, rows=error.lines) from error
    return scales


def load_responses(
    source: str | Path | IO[str] | IO[bytes], *, notes: list[str] | None = None, scales: Scales | None = None
) -> pd.DataFrame:
    """Read RESPONSES.csv, in any form that `analysis.data.tables` reads, and return it validated.

    What had to be guessed about the file is added to `notes`. A score outside the scale of its question, where
    `scales` has it, is refused. Raises SchemaError for anything that is not a table of
    responses, OSError for a file that cannot be opened.
    """
    numeric = [column.name for column in COLUMNS if column.kind in {"integer", "number"}]
    try:
        table = read_table(source, known=COLUMN_NAMES).whole().write_points(numeric)
    except TableError as error:
        raise SchemaError(error.problem, error.remedy, rows=error.lines) from error
    if notes is not None:
        notes += table.notes
    frame = pd.DataFrame(table.records, columns=list(table.header), dtype=str)
    lines = np.asarray(table.lines, dtype=np.int64)
    typed = _validate(frame, lines)
    _check_scales(frame, lines, scales or {})
    return typed


def validate(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of responses and return it with the schema's types and columns, in an order of its own.

    Optional columns that are absent are added empty; further columns are kept at the end. Text is never missing but
    empty. The order of the input's rows has no influence. Lines in errors are those of the table with a header.
    Raises SchemaError.
    """
    return _validate(frame.reset_index(drop=True), np.arange(len(frame), dtype=np.int64) + 2)


def write_responses(frame: pd.DataFrame, target: str | Path | IO[str]) -> None:
    """Write validated responses as RESPONSES.csv with formula-safe cells; `load_responses` gives the same back."""
    checked = validate(frame)
    columns = [_as_text(checked[name]) for name in checked.columns]
    if isinstance(target, str | Path):
        with Path(target).open("w", encoding="utf-8", newline="") as stream:
            write_cells(stream, list(checked.columns), zip(*columns, strict=True))
    else:
        write_cells(target, list(checked.columns), zip(*columns, strict=True))


def fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 of the responses in one fixed form: the same for the same data in any row order or file format."""
    stream = io.StringIO()
    write_responses(frame[[name for name in COLUMN_NAMES if name in frame.columns]], stream)
    return hashlib.sha256(stream.getvalue().encode()).hexdigest()


def _check_scales(frame: pd.DataFrame, lines: np.ndarray[Any, np.dtype[np.int64]], scales: Scales) -> None:
    values = pd.to_numeric(frame["value"], errors="coerce")
    for question, (low, high) in scales.items():
        wrong = (frame["question"] == question) & ~values.between(low, high)
        problem = (
            f"{_first(frame['value'], wrong)} is off the scale of {question}, which goes from {low:g} to {high:g}."
        )
        _refuse(wrong, lines, "value", problem, "Correct the score, or the codebook.")


def _validate(frame: pd.DataFrame, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pd.DataFrame:
    doubled = frame.columns[frame.columns.duplicated()].tolist()
    if doubled:
        raise SchemaError("the column appears more than once.", "Keep one of them.", column=str(doubled[0]))
    absent = [column.name for column in COLUMNS if column.required and column.name not in frame.columns]
    if absent:
        raise SchemaError(
            f"the table lacks the column{'s' if len(absent) > 1 else ''} {', '.join(absent)}.",
            f"Add {'them' if len(absent) > 1 else 'it'}; these must be filled in every row: "
            f"{', '.join(column.name for column in COLUMNS if column.required)}.",
            column=absent[0],
        )
    typed = pd.DataFrame({column.name: _typed(frame, column, rows) for column in COLUMNS})
    for name in ("target", "arm"):
        _refuse(typed[name] == ALL, rows, name, f"'{ALL}' is reserved for all of them together.", "Use another name.")
    _check_duplicates(typed, rows)
    _check_constant(typed, rows)
    for name in frame.columns:
        if name not in COLUMN_NAMES:
            typed[name] = frame[name]
    return _in_order(typed)


def _typed(frame: pd.DataFrame, column: Column, rows: np.ndarray[Any, np.dtype[np.int64]]) -> pd.Series[Any]:
    """The column with its type, every cell checked."""
    if column.name not in frame.columns:
        empty: list[Any] = [""] * len(frame) if column.kind == "text" else [None] * len(frame)
        source: pd.Series[Any] = pd.Series(empty, dtype=str if column.kind == "text" else object, index=frame.index)
    else:
        source = frame[column.name]
    text = _as_text(source)
    stripped = text.str.strip()
    if column.required:
        _refuse(stripped == "", rows, column.name, "the cell is empty.", f"Fill it in: {column.description}")
    if column.kind == "text":
        if column.allowed:
            wrong = ~stripped.isin(column.allowed)
            _refuse(wrong, rows, column.name, f"{_first(text, wrong)} is not allowed.", f"Write {column.rule}.")
        return stripped
    if column.kind == "time":
        return _times(source, stripped, column, rows)
    return _numbers(source, stripped, column, rows)


def _times(
    source: pd.Series[Any], text: pd.Series[str], column: Column, rows: np.ndarray[Any, np.dtype[np.int64]]
) -> pd.Series[Any]:
    times = pd.to_datetime(source.where(text != "", None), utc=True, format="ISO8601", errors="coerce")
    wrong = times.isna() & (text != "")
    remedy = "Write ISO 8601, for example 2025-03-01T09:30:00Z."
    _refuse(wrong, rows, column.name, f"{_first(text, wrong)} is not a time.", remedy)
    # One resolution whatever came in, so that the same instant is the same cell.
    return times.astype("datetime64[us, UTC]")


def _numbers(
    source: pd.Series[Any], text: pd.Series[str], column: Column, rows: np.ndarray[Any, np.dtype[np.int64]]
) -> pd.Series[Any]:
    numeric = source if pd.api.types.is_numeric_dtype(source.dtype) else text
    numbers = pd.to_numeric(numeric, errors="coerce").astype("Float64").astype("float64")
    filled = text != ""
    wrong = filled & ~np.isfinite(numbers)
    _refuse(wrong, rows, column.name, f"{_first(text, wrong)} is not a number.", _DIGITS)
    low = column.minimum if column.minimum is not None else -np.inf
    high = column.maximum if column.maximum is not None else np.inf
    wrong = filled & ~numbers.between(low, high)
    _refuse(wrong, rows, column.name, f"{_first(text, wrong)} is out of range.", f"It must be {column.rule}.")
    if column.kind == "number":
        return numbers
    wrong = filled & (numbers != np.round(numbers))
    _refuse(wrong, rows, column.name, f"{_first(text, wrong)} is not whole.", "Write a whole number.")
    return numbers.astype("Int64")


def _check_duplicates(typed: pd.DataFrame, rows: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    doubled = typed.duplicated(_KEY, keep=False)
    if not doubled.any():
        return
    groups = typed.loc[doubled].groupby(_KEY, dropna=False, sort=False).ngroup()
    same = groups[groups == 0].index
    first = typed.loc[same[0]]
    raise SchemaError(
        f"reader {first['reader']} answers question {first['question']} of case {first['case']} in arm {first['arm']}, "
        f"period {first['period']}, more than once.",
        "Keep the answer that counts, or give the readings of a repeated case different positions.",
        column="case",
        rows=tuple(int(row) for row in rows[same.to_numpy()]),
    )


def _check_constant(typed: pd.DataFrame, rows: np.ndarray[Any, np.dtype[np.int64]]) -> None:
    """A case has one image, patient, target, label and mask; a case in an arm has one map and so one IoU."""
    for name in _OF_THE_CASE:
        _refuse_varying(typed, rows, ["study", "case"], name)
    for name in ("iou", "map_area"):
        _refuse_varying(typed, rows, ["study", "case", "arm"], name)


def _refuse_varying(typed: pd.DataFrame, rows: np.ndarray[Any, np.dtype[np.int64]], keys: list[str], name: str) -> None:
    filled = typed[typed[name].notna() & (typed[name] != "")]
    counts = filled.groupby(keys, sort=False)[name].nunique()
    varying = counts[counts > 1]
    if varying.empty:
        return
    index = varying.index[0]
    group = filled[(filled[keys] == list(index)).all(axis=1)]
    values = group[name].drop_duplicates()
    raise SchemaError(
        f"case {index[1]} has more than one {name}: {', '.join(str(value) for value in values[:3])}.",
        "A case keeps these in every row; correct the cell, or give another case another key.",
        column=name,
        rows=tuple(int(row) for row in rows[values.index.to_numpy()]),
    )


def _refuse(
    wrong: pd.Series[Any], rows: np.ndarray[Any, np.dtype[np.int64]], column: str, problem: str, remedy: str
) -> None:
    if wrong.any():
        raise SchemaError(problem, remedy, column=column, rows=tuple(int(row) for row in rows[wrong.to_numpy()]))


def _first(text: pd.Series[str], wrong: pd.Series[Any]) -> str:
    return repr(str(text[wrong].iloc[0])) if wrong.any() else ""


def _in_order(typed: pd.DataFrame) -> pd.DataFrame:
    """Rows in natural order of their keys; ranks of distinct names keep this quick on a million rows."""
    ranks = {}
    for name in ("study", "reader", "case", "question", "arm"):
        names = {value: rank for rank, value in enumerate(natural_order(typed[name].unique()))}
        ranks[name] = typed[name].map(names)
    keys = pd.DataFrame({**ranks, "period": typed["period"], "position": typed["position"]})
    order = keys.sort_values(["study", "reader", "case", "period", "position", "question", "arm"], kind="stable").index
    return typed.loc[order].reset_index(drop=True)


def _as_text(series: pd.Series[Any]) -> pd.Series[str]:
    """Cells as they stand in the file: missing is empty, whole numbers have no decimal point, times are ISO 8601."""
    if isinstance(series.dtype, pd.StringDtype):
        return series.fillna("").astype(str)
    return pd.Series([cell_text(value) for value in series.astype(object)], index=series.index, dtype=str)


def cell_text(value: object) -> str:
    """A value as it stands in RESPONSES.csv."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        if np.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() else repr(float(value))
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)
