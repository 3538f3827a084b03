"""Fully crossed ratings for MRMC analysis: read from CSV, iMRMC or OR-DBM MRMC files, checked, put into one array."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from analysis.data.csv_cells import plain_cell
from analysis.data.errors import AnalysisError
from analysis.data.order import natural_order
from analysis.data.tables import RowError, TableError, number, read_table, read_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COLUMNS = ("reader", "treatment", "case", "truth", "rating")
TARGET = "target"  # optional: the finding that the case is about; AUC is then also given within targets
_KEYS = ["reader", "treatment", "case"]
# In .imrmc the truth of a case is a row of a reader and a modality of this name; older files write numbers.
_TRUTH_READERS = ("truth", "-1")
_IMRMC_CELLS = 4
_LRC_HEADER = 5
_LINE = "line"  # of the file, beside the ratings until they are checked
_DIGITS = "Write digits with a decimal point; a decimal comma only where semicolons or tabs separate the cells."
# From fewer complete cases of either truth no covariance can be had.
MIN_CASES = 2
Missing = Literal["complete", "refuse"]


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
    targets: tuple[str, ...] = ()  # of the cases; empty where none are known
    excluded: tuple[str, ...] = ()  # readers left out, because too few cases have all their ratings


def load_ratings(path: str | Path, *, notes: list[str] | None = None) -> pd.DataFrame:
    """Read ratings from a table (`COLUMNS`, any order) or, by its extension, an .imrmc or .lrc file; check them.

    What had to be guessed about the file is added to `notes`. Raises RatingsError, OSError.
    """
    source = Path(path)
    kept = notes if notes is not None else []
    try:
        if source.suffix.lower() in {".imrmc", ".lrc"}:
            text, guessed = read_text(source)
            frame = (_read_imrmc if source.suffix.lower() == ".imrmc" else _read_lrc)(source.name, text)
            lines = frame.pop(_LINE).tolist()
        else:
            table = read_table(source, known=(*COLUMNS, TARGET)).whole().write_points(("truth", "rating"))
            frame, lines = pd.DataFrame(table.records, columns=list(table.header), dtype=str), table.lines
            guessed = list(table.notes)
    except TableError as error:
        raise RatingsError(f"{source.name}: {error}") from error
    kept += guessed
    return check_ratings(frame, lines=lines)


def check_ratings(frame: pd.DataFrame, *, lines: Sequence[int] | None = None) -> pd.DataFrame:
    """Return the columns of `COLUMNS`, and `target` if there, with text keys, integer truth and float ratings.

    `lines` of the file name the ratings in errors; without them they are those of a table with a header. Raises
    RatingsError.
    """
    places = list(lines) if lines is not None else list(range(2, len(frame) + 2))
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise RatingsError(f"The ratings lack the column {', '.join(absent)}. They need {', '.join(COLUMNS)}.")
    with_target = TARGET in frame.columns
    checked = frame[[*COLUMNS, TARGET] if with_target else list(COLUMNS)].reset_index(drop=True)
    for name in [*_KEYS, TARGET] if with_target else _KEYS:
        checked[name] = checked[name].astype(str).str.strip()
        _refuse(checked[name] == "", places, f"column '{name}' is empty. Fill it in.")
    for name in ("truth", "rating"):
        written = checked[name]
        checked[name] = pd.to_numeric(written, errors="coerce").astype("float64")
        wrong = ~np.isfinite(checked[name])
        shown = repr(str(written[wrong].iloc[0])) if wrong.any() else ""
        _refuse(wrong, places, f"column '{name}' is {shown}, which is not a number. {_DIGITS}")
    _refuse(~checked["truth"].isin([0, 1]), places, "truth is neither 0 nor 1. Write 1 where the condition is present.")
    _refuse_repeats(checked, places)
    for name, problem in (("truth", "is both 0 and 1 in truth"), (TARGET, "has more than one target")):
        known = checked.groupby("case")[name].nunique() if name in checked.columns else pd.Series(dtype="int64")
        if (known > 1).any():
            raise RatingsError(f"Case {known.index[known > 1][0]} {problem}. A case has one {name}.")
    return checked.astype({"truth": "int64"})


def crossed(frame: pd.DataFrame, *, treatments: Sequence[str] | None = None, missing: Missing = "complete") -> Ratings:
    """Put checked ratings into an array; cases that lack a rating are left out and named.

    `treatments` gives their order (default: natural order of all). A reader by whom fewer than two cases of either
    truth are complete is left out, so that one who stopped early does not cost all others their cases. Raises
    RatingsError when fewer than two cases of either truth are complete, since no covariance can be had from them,
    and with missing="refuse" when any rating is missing.
    """
    names = list(treatments) if treatments is not None else natural_order(frame["treatment"].unique())
    used = frame[frame["treatment"].isin(names)]
    excluded = _thin_readers(used, len(names))
    if missing == "refuse" and excluded:
        raise RatingsError(f"Reader {excluded[0]} has rated too few cases with every treatment. Leave the reader out.")
    used = used[~used["reader"].isin(excluded)]
    readers, cases = natural_order(used["reader"].unique()), natural_order(used["case"].unique())
    scores = np.full((len(names), len(readers), len(cases)), np.nan)
    positions = [
        used[column].map({name: index for index, name in enumerate(order)}).to_numpy(dtype=np.int64)
        for column, order in (("treatment", names), ("reader", readers), ("case", cases))
    ]
    scores[tuple(positions)] = used["rating"].to_numpy()
    of_case = used.drop_duplicates("case").set_index("case").reindex(cases)
    truth = of_case["truth"].to_numpy() == 1
    complete = ~np.isnan(scores).any(axis=(0, 1))
    if missing == "refuse" and not complete.all():
        raise RatingsError(
            f"{int(np.sum(~complete))} cases lack a rating, the first of them {cases[int(np.argmin(complete))]}. "
            "Add the ratings, or analyse complete cases."
        )
    for value, word in ((1, "with"), (0, "without")):
        count = int(np.sum(truth[complete] == bool(value)))
        if count < MIN_CASES:
            raise RatingsError(
                f"{count} cases {word} the condition (truth {value}) are rated by every reader with every treatment; "
                f"at least {MIN_CASES} are needed."
            )
    return Ratings(
        scores=scores[:, :, complete],
        truth=truth[complete],
        treatments=tuple(names),
        readers=tuple(readers),
        cases=tuple(case for case, kept in zip(cases, complete, strict=True) if kept),
        incomplete=tuple(case for case, kept in zip(cases, complete, strict=True) if not kept),
        targets=tuple(of_case[TARGET][complete]) if TARGET in of_case.columns else (),
        excluded=tuple(excluded),
    )


def _thin_readers(used: pd.DataFrame, treatments: int) -> list[str]:
    """Readers who by themselves leave too few complete cases, unless that is true of all of them."""
    rated = used.groupby(["reader", "case", "truth"], sort=False).size()
    complete = rated[rated == treatments].groupby(["reader", "truth"]).size().to_dict()
    readers = natural_order(used["reader"].unique())
    thin = [reader for reader in readers if min(complete.get((reader, truth), 0) for truth in (0, 1)) < MIN_CASES]
    return thin if len(thin) < len(readers) else []


def _read_imrmc(name: str, text: str) -> pd.DataFrame:
    """Rows `reader, case, modality, score` after the line BEGIN DATA:; the truth of each case is a row of its own.

    Blanks are no part of a name, as in iMRMC, which removes them.
    """
    lines = text.splitlines()
    starts = [place for place, line in enumerate(lines) if line.strip().upper().startswith("BEGIN DATA")]
    if not starts:
        raise RatingsError(f"{name} has no line 'BEGIN DATA:'. Give an iMRMC file, or a CSV file.")
    truths: dict[str, str] = {}
    rows: list[tuple[int, str, str, str, str]] = []
    for place, line in enumerate(lines[starts[0] + 1 :], start=starts[0] + 2):
        cells = next(csv.reader([line]), [])
        if not any(cell.strip() for cell in cells):
            continue
        while len(cells) > _IMRMC_CELLS and not cells[-1].strip():
            cells.pop()
        if len(cells) != _IMRMC_CELLS:
            raise RatingsError(f"{name}, line {place}: write reader, case, modality, score.")
        reader, case, treatment, score = (plain_cell("".join(cell.split())) for cell in cells)
        if reader.lower() not in _TRUTH_READERS:
            rows.append((place, reader, treatment, case, score))
        elif truths.setdefault(case, score) != score:
            raise RatingsError(f"{name}, line {place}: case {case} has two truths. Keep one.")
    for place, _, _, case, _ in rows:
        if case not in truths:
            raise RatingsError(
                f"{name}, line {place}: case {case} has no truth. Add the row truth,{case},truth,0 or 1."
            )
    records = [(reader, treatment, case, truths[case], score, line) for line, reader, treatment, case, score in rows]
    return pd.DataFrame(records, columns=[*COLUMNS, _LINE], dtype=str).astype({_LINE: int})


def _read_lrc(name: str, text: str) -> pd.DataFrame:
    """Title, then per reader: name, ratings of cases without the condition, *, of those with it, *; # ends the file.

    After the first reader's name come the quoted names of the treatments, and for each whether Large or Small ratings
    mean the condition. A row of ratings is a case, a column a treatment; cases have no names and are counted.
    """
    lines = [line.strip() for line in text.splitlines()]
    if "#" not in lines or len(lines) < _LRC_HEADER:
        raise RatingsError(f"{name} has no line '#' at its end. Give an OR-DBM MRMC file, or a CSV file.")
    names = [plain_cell(quoted or bare) for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', lines[2])]
    signs = [-1 if word.upper().startswith("S") else 1 for word in lines[3].replace('"', "").split()]
    if len(signs) != len(names):
        raise RatingsError(f"{name}, line 4: write Large or Small for each of {len(names)} treatments.")
    rows: list[tuple[str, str, str, int, float, int]] = []
    body = [(1, lines[1]), *enumerate(lines[4 : lines.index("#")], start=5)]
    reader, truth, case = "", 2, 0
    for place, line in body:
        if not line:
            continue
        if line == "*":
            truth += 1
        elif truth > 1:
            reader, truth, case = plain_cell(line), 0, 0
        else:
            case += 1
            cells = line.split()
            if len(cells) < len(names):
                raise RatingsError(f"{name}, line {place}: write one rating for each treatment.")
            for treatment, sign, cell in zip(names, signs, cells, strict=False):
                rows.append((reader, treatment, str(case), truth, sign * _number(name, place, cell), place))
    return pd.DataFrame(rows, columns=[*COLUMNS, _LINE])


def _number(name: str, line: int, cell: str) -> float:
    try:
        return number(cell, "a rating")
    except RowError as error:
        raise RatingsError(f"{name}, line {line}: {error}.") from error


def _refuse_repeats(checked: pd.DataFrame, lines: Sequence[int]) -> None:
    repeated = checked.duplicated(_KEYS)
    if not repeated.any():
        return
    place = int(np.flatnonzero(repeated.to_numpy())[0])
    reader, treatment, case = checked.loc[place, _KEYS]
    same = (checked[_KEYS] == checked.loc[place, _KEYS]).all(axis=1)
    first = lines[int(np.flatnonzero(same.to_numpy())[0])]
    raise RatingsError(
        f"Line {lines[place]}: reader {reader} rates case {case} twice with treatment {treatment} (first on line "
        f"{first}). Keep one rating."
    )


def _refuse(wrong: pd.Series[bool], lines: Sequence[int], problem: str) -> None:
    if wrong.any():
        raise RatingsError(f"Line {lines[int(np.flatnonzero(wrong.to_numpy())[0])]}: {problem}")


def ratings_of(frame: pd.DataFrame, question: str, arms: Sequence[str]) -> Ratings:
    """The scores of one question of validated responses as ratings of the condition, in these arms as far as present.

    Raises RatingsError when too few cases are complete.
    """
    table = ratings_table(frame[frame["arm"].isin(list(arms))], question)
    return crossed(check_ratings(table), treatments=[arm for arm in arms if (table["treatment"] == arm).any()])


def ratings_table(frame: pd.DataFrame, question: str) -> pd.DataFrame:
    """Rows of `ratings.COLUMNS` and target from validated responses; of repeated readings the earliest counts."""
    answers = frame[frame["question"] == question]
    # Validated rows are in order of period and position.
    first = answers.drop_duplicates(["reader", "case", "arm"], keep="first")
    table = first.rename(columns={"arm": "treatment", "value": "rating"}).assign(truth=first["label"] == "TP")
    return table[["reader", "treatment", "case", "truth", "rating", "target"]].astype({"truth": "int64"})
