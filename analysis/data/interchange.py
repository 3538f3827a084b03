"""Responses for other programs: iMRMC (FDA), OR-DBM MRMC, and scripts that load RESPONSES.csv into R and SPSS.

`.imrmc`: https://github.com/DIDSR/iMRMC, rows of reader, case, modality, score with the truth as rows of reader -1.
`.lrc`: list format of OR-DBM MRMC and LABMRMC, ratings by position only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analysis.data.csv_cells import safe_cell
from analysis.data.errors import UsageError
from analysis.data.order import distinct, natural_order
from analysis.data.ratings import RatingsError, check_ratings, crossed, ratings_table
from analysis.data.schema import COLUMNS, LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

_TRUTH = ("-1", "0")  # reader and modality of the rows that hold the truth
_RESERVED = {"-1", "0", "truth"}
LABEL_NAMES = {"TP": "true positive", "FP": "false positive"}
RESPONSES = "responses.csv"


@dataclass(frozen=True)
class QuestionText:
    """What a question asked, and what its values stand for (not every value needs a name)."""

    key: str
    text: str
    value_names: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class StudyText:
    """The words of a study that its numbers need: names of the arms, wording of the questions."""

    title: str
    arms: Mapping[str, str] = field(default_factory=dict)
    questions: Sequence[QuestionText] = ()


def imrmc(frame: pd.DataFrame, question: str) -> tuple[bytes, list[str]]:
    """One question of validated responses as an .imrmc file with every arm, and messages. Missing ratings stay missing.

    Scores are ratings, true positives the cases with the condition; of repeated readings the earliest counts. Readers
    and cases are numbered, since RJafroc reads numbers only, and the lines before the data say which is which; arms
    lose commas and blanks, which the format cannot hold.
    """
    table = _table(frame, question)
    names = {column: _numbered(table[column]) for column in ("reader", "case")}
    names["treatment"] = _identifiers(table["treatment"])
    truths = table.drop_duplicates("case").set_index("case")["truth"]
    cases = natural_order(truths.index)
    lines = [
        _remark(f"Study {frame['study'].iloc[0]}, question {question}, higher is more suspicious."),
        "Reader -1 gives the truth: 1 is a true positive, 0 a false positive.",
        f"NR: {len(names['reader'])}",
        f"N0: {int((truths == 0).sum())}",
        f"N1: {int((truths == 1).sum())}",
        f"NM: {len(names['treatment'])}",
        *(
            _remark(f"{column.capitalize()} {new} is {old}")
            for column, group in names.items()
            for old, new in group.items()
            if old != new
        ),
        "",
        "BEGIN DATA:",
        *(f"{_TRUTH[0]},{names['case'][case]},{_TRUTH[1]},{truths[case]}" for case in cases),
    ]
    ranks = {column: {name: rank for rank, name in enumerate(natural_order(table[column]))} for column in names}
    ordered = table.sort_values(list(ranks), key=lambda keys: keys.map(ranks[str(keys.name)]))
    lines += [
        f"{names['reader'][reader]},{names['case'][case]},{names['treatment'][arm]},{_number(rating)}"
        for reader, case, arm, rating in zip(
            ordered["reader"], ordered["case"], ordered["treatment"], ordered["rating"], strict=True
        )
    ]
    return _file(lines), _renamed(names)


def lrc(frame: pd.DataFrame, question: str) -> tuple[bytes, list[str]]:
    """One question of validated responses as an .lrc file: cases with every reader's score in every arm, by position.

    Raises RatingsError when too few cases are complete.
    """
    ratings = crossed(check_ratings(_table(frame, question)))
    readers, arms = _identifiers(ratings.readers), _identifiers(ratings.treatments)
    lines = [
        f"Study {_one_line(frame['study'].iloc[0])}, question {_one_line(question)}",
        *([] if not ratings.readers else [readers[ratings.readers[0]]]),
        " ".join(f'"{arms[arm]}"' for arm in ratings.treatments),
        " ".join("Large" for _ in ratings.treatments),
    ]
    for index, reader in enumerate(ratings.readers):
        if index:
            lines.append(readers[reader])
        for truth in (~ratings.truth, ratings.truth):
            scores = ratings.scores[:, index, truth].T
            lines += [" ".join(_number(score) for score in row) for row in scores]
            lines.append("*")
    lines.append("#")
    messages = _renamed({"reader": readers, "arm": arms})
    if ratings.excluded:
        messages.append(f"Readers left out, because too few cases have all their ratings: {_few(ratings.excluded)}.")
    if ratings.incomplete:
        messages.append(f"{len(ratings.incomplete)} cases lack a rating and are left out: {_few(ratings.incomplete)}.")
    return _file(lines), messages


FORMATS: dict[str, Callable[[pd.DataFrame, str], tuple[bytes, list[str]]]] = {"imrmc": imrmc, "lrc": lrc}


def convert(frame: pd.DataFrame, question: str, to: str) -> tuple[bytes, list[str]]:
    """One question of validated responses in one of `FORMATS`, and messages on what was left out or renamed.

    Raises AnalysisError for a question or format that there is not.
    """
    if to not in FORMATS:
        raise UsageError(f"There is no format {to}. Formats: {', '.join(FORMATS)}.")
    return FORMATS[to](frame, question)


def r_script(study: StudyText) -> bytes:
    """load.R: reads responses.csv beside it into the data frame `responses`, with types, factors and labels."""
    text = [column.name for column in COLUMNS if column.kind == "text"]
    numbers = [column.name for column in COLUMNS if column.kind in {"number", "integer"}]
    times = [column.name for column in COLUMNS if column.kind == "time"]
    descriptions = ",\n".join(f"  {_r(column.name)} = {_r(column.description)}" for column in COLUMNS)
    questions = ",\n".join(
        f"  {_r(question.key)} = list(text = {_r(question.text)}, values = {_r_values(question.value_names)})"
        for question in study.questions
    )
    lines = [
        f"# {_one_line(study.title)}: loads {RESPONSES} from the folder of R (setwd) as the data frame responses.",
        "# One row per reader, case, arm, period and question; value_of('key') gives those of one question.",
        f'responses <- read.csv("{RESPONSES}", colClasses = "character", na.strings = character(0),',
        '                      check.names = FALSE, encoding = "UTF-8")',
        "# An apostrophe keeps a spreadsheet from running a cell; it is no part of the cell.",
        f"for (name in c({_r_list(text)})) {{",
        '  responses[[name]] <- sub("^\'(\'*[=+@\\t\\r-])", "\\\\1", responses[[name]], perl = TRUE)',
        "}",
        f"for (name in c({_r_list(numbers)})) {{",
        '  responses[[name]] <- as.numeric(ifelse(responses[[name]] == "", NA, responses[[name]]))',
        "}",
        f"for (name in c({_r_list(times)})) {{",
        '  zone <- sub("([+-][0-9]{2}):([0-9]{2})$", "\\\\1\\\\2", responses[[name]])',
        '  responses[[name]] <- as.POSIXct(zone, format = "%Y-%m-%dT%H:%M:%OS%z", tz = "UTC")',
        "}",
        f"responses$label <- factor(responses$label, levels = c({_r_list(LABELS)}),",
        f"                          labels = c({_r_list(LABEL_NAMES[label] for label in LABELS)}))",
    ]
    if study.arms:
        lines += [
            f"responses$arm <- factor(responses$arm, levels = c({_r_list(study.arms)}),",
            f"                        labels = c({_r_list(_distinct(study.arms).values())}))",
        ]
    lines += [
        "descriptions <- list(",
        descriptions,
        ")",
        'for (name in names(descriptions)) attr(responses[[name]], "label") <- descriptions[[name]]',
        "questions <- list(",
        questions,
        ")",
        "value_of <- function(key) {",
        "  answers <- responses[responses$question == key, ]",
        '  attr(answers$value, "label") <- questions[[key]]$text',
        '  attr(answers$value, "labels") <- questions[[key]]$values',
        "  answers",
        "}",
    ]
    return _file(lines)


def spss_syntax(study: StudyText) -> bytes:
    """load.sps: reads responses.csv beside it into SPSS, with variable and value labels; a variable per question."""
    variables = _spss_variables(study.questions)
    lines = [
        "* Encoding: UTF-8.",
        f"* {_one_line(study.title)}: loads {RESPONSES}; set the folder first, for example CD 'C:/study'.",
        f"GET DATA /TYPE=TXT /FILE='{RESPONSES}' /ENCODING='UTF8' /ARRANGEMENT=DELIMITED /DELCASE=LINE",
        "  /FIRSTCASE=2 /DELIMITERS=',' /QUALIFIER='\"' /VARIABLES=",
        *(f"  {column.name} {'F12.4' if column.kind in {'number', 'integer'} else 'A255'}" for column in COLUMNS),
        "  .",
        "* An apostrophe keeps a spreadsheet from running a cell; it is no part of the cell.",
        "DO REPEAT cell=" + " ".join(column.name for column in COLUMNS if column.kind == "text") + ".",
        # These functions are known to SPSS and PSPP alike; CHAR.SUBSTR is not.
        '  DO IF INDEX(cell,"\'")=1 AND INDEX(LTRIM(cell,"\'"),"=+-@",1)=1.',
        "    COMPUTE cell=SUBSTR(cell,2).",
        "  END IF.",
        "END REPEAT.",
        *(f"IF (question={_spss(question.key)}) {variables[question.key]}=value." for question in study.questions),
        "EXECUTE.",
        "VARIABLE LABELS",
        *(f"  {column.name} {_spss(column.description[:250])}" for column in COLUMNS),
        *(f"  {variables[question.key]} {_spss(question.text[:250])}" for question in study.questions),
        "  .",
        "VALUE LABELS label " + " ".join(f"{_spss(label)} {_spss(LABEL_NAMES[label])}" for label in LABELS) + ".",
    ]
    if study.arms:
        arms = " ".join(f"{_spss(key)} {_spss(name[:115])}" for key, name in study.arms.items())
        lines.append(f"VALUE LABELS arm {arms}.")
    for question in study.questions:
        if question.value_names:
            named = " ".join(f"{value} {_spss(name[:115])}" for value, name in sorted(question.value_names.items()))
            lines.append(f"VALUE LABELS {variables[question.key]} {named}.")
    if study.questions:
        lines.append(f"VARIABLE LEVEL {' '.join(variables.values())} (ORDINAL).")
    return _file(lines)


def _table(frame: pd.DataFrame, question: str) -> pd.DataFrame:
    asked = natural_order(frame["question"].unique())
    if question not in asked:
        raise RatingsError(f"There are no answers to {question}. Questions: {', '.join(asked) or 'none'}.")
    return ratings_table(frame, question)


def _identifiers(names: Iterable[str]) -> dict[str, str]:
    """A name for each that formats without quotes can hold, distinct and unlike what the formats reserve."""
    found: dict[str, str] = {}
    for name in natural_order(names):
        wanted = safe_cell(re.sub(r"[\s,;\"*#]+", "_", name).strip("_") or "unnamed")
        found[name] = distinct(wanted, {*_RESERVED, *found.values()})
    return found


def _numbered(names: Iterable[str]) -> dict[str, str]:
    """A number for each: the name itself where all are whole numbers from 1, else counted in natural order."""
    ordered = natural_order(names)
    if all(re.fullmatch(r"[1-9]\d{0,8}", name, re.ASCII) for name in ordered):
        return {name: name for name in ordered}
    return {name: str(number) for number, name in enumerate(ordered, start=1)}


def _remark(text: str) -> str:
    """A line before the data without N0, N1, NR and NM, which programs look for anywhere in it."""
    return re.sub(r"(N)([01RM])", r"\1_\2", _one_line(text), flags=re.IGNORECASE)


def _renamed(names: Mapping[str, Mapping[str, str]]) -> list[str]:
    changed = [(old, new) for group in names.values() for old, new in group.items() if old != new]
    shown = ", ".join(f"{old} is {new}" for old, new in changed[:5])
    return (
        [f"{len(changed)} names are written otherwise: {shown}{', ...' if len(changed) > 5 else ''}."]
        if changed
        else []
    )


def _few(names: Sequence[str]) -> str:
    return f"{', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"


def _one_line(text: str) -> str:
    return " ".join(str(text).split())


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _file(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _r(text: str) -> str:
    """A string of R on one line."""
    return '"' + _one_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _r_list(names: Iterable[str]) -> str:
    return ", ".join(_r(name) for name in names)


def _r_values(values: Mapping[int, str]) -> str:
    return "c(" + ", ".join(f"{_r(name)} = {value}" for value, name in sorted(values.items())) + ")"


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The names, with the key where two are equal: labels of a factor must differ."""
    return {key: name if list(names.values()).count(name) == 1 else f"{name} ({key})" for key, name in names.items()}


def _spss(text: str) -> str:
    """A string of SPSS: in single quotes, which are doubled inside."""
    return "'" + _one_line(text).replace("'", "''") + "'"


def _spss_variables(questions: Sequence[QuestionText]) -> dict[str, str]:
    """A variable name for each question that is none of the table's."""
    taken = {column.name for column in COLUMNS}
    variables: dict[str, str] = {}
    for question in questions:
        base = candidate = "q_" + re.sub(r"[^a-z0-9]+", "_", question.key.lower()).strip("_")[:50]
        number = 2
        while candidate in taken:
            candidate = f"{base}_{number}"
            number += 1
        taken.add(candidate)
        variables[question.key] = candidate
    return variables
