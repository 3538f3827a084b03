"""The whole of a study's data as one archive, for those who must defend or repeat the analysis."""

import contextlib
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.cells import write_cells
from analysis.errors import AnalysisError
from analysis.interchange import FORMATS, QuestionText, StudyText, convert, r_script, spss_syntax
from analysis.schema import codebook
from readerstudy.lib.media import file_write
from readerstudy.reading.models import Answer, Reading
from readerstudy.results.frames import IOU_RULE
from readerstudy.results.reports import RESPONSES_FILE, report_files, study_report, zip_files
from readerstudy.results.selectors import import_note
from readerstudy.studies.models import Question, Study

CHECKSUMS = "SHA256SUMS"


def study_files(study: Study) -> dict[str, bytes]:
    """Name -> content of everything in the export. Raises AnalysisError where the data cannot be analysed."""
    report = study_report(study)
    book = codebook()
    files = {
        RESPONSES_FILE: report.responses_csv,
        "codebook.csv": _csv(book[0], (row.values() for row in book)),
        "allocation.csv": _allocation(study),
        "answers.csv": _answers(study),
        "audit.csv": _audit(study),
        "README.txt": _readme(study).encode(),
        **_for_other_programs(study, report.frame),
        **{f"report/{name}": content for name, content in report_files(report).items()},
    }
    if study.protocol:
        files["protocol.toml"] = study.protocol.encode()
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return {**files, CHECKSUMS: sums.encode()}


def write_export(study: Study, path: Path) -> None:
    """Write the archive in one move: whoever reads `path` sees the old file or the whole new one."""
    file_write(path, zip_files(study_files(study)))


def _for_other_programs(study: Study, frame: pd.DataFrame) -> dict[str, bytes]:
    """Every question as .imrmc and .lrc, as far as its answers allow, and scripts that load responses.csv."""
    questions = list(study.questions.order_by("position"))
    words = StudyText(
        title=study.title,
        arms=dict(study.arms.order_by("position").values_list("key", "name")),
        questions=[QuestionText(question.key, question.text, _anchors(question)) for question in questions],
    )
    files = {"load.R": r_script(words), "load.sps": spss_syntax(words)}
    for question in questions:
        for file_format in FORMATS:
            # Too few complete cases for a format, or no answers at all: the read-me says so.
            with contextlib.suppress(AnalysisError):
                files[f"{question.key}.{file_format}"] = convert(frame, question.key, file_format)[0]
    return files


def _anchors(question: Question) -> dict[int, str]:
    """What the ends of the scale stand for, as far as the protocol names them."""
    ends = {question.minimum: question.low_anchor, question.maximum: question.high_anchor}
    return {value: words for value, words in ends.items() if words}


def _allocation(study: Study) -> bytes:
    """What each reader was to see, in order, with the seed that made it; answered or not."""
    fields = {
        "reader": "allocation__membership__code",
        "seed": "allocation__seed",
        "period": "period__number",
        "position": "position",
        "case": "case__number",
        "arm": "arm__key",
        "opened_at": "opened_at",
        "completed_at": "completed_at",
    }
    readings = Reading.objects.filter(case__study=study).order_by(
        "allocation__membership__code", "period__number", "position"
    )
    return _csv(fields, readings.values_list(*fields.values()))


def _answers(study: Study) -> bytes:
    """Every revision of every answer; responses.csv holds the last ones."""
    fields = {
        "reader": "reading__allocation__membership__code",
        "case": "reading__case__number",
        "arm": "reading__arm__key",
        "period": "reading__period__number",
        "question": "question__key",
        "revision": "revision",
        "value": "value",
        "seconds": "seconds",
        "answered_at": "answered_at",
    }
    answers = Answer.objects.filter(reading__case__study=study).order_by(
        "reading__allocation__membership__code",
        "reading__period__number",
        "reading__position",
        "question__position",
        "revision",
    )
    return _csv(fields, answers.values_list(*fields.values()))


def _audit(study: Study) -> bytes:
    entries = study.audit.order_by("at", "pk").values_list("at", "actor__email", "action", "detail")
    rows = ((at, actor, action, json.dumps(detail, sort_keys=True)) for at, actor, action, detail in entries)
    return _csv(("at", "actor", "action", "detail"), rows)


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    stream = io.StringIO(newline="")
    write_cells(stream, list(header), ([_cell(value) for value in row] for row in rows))
    return stream.getvalue().encode()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _readme(study: Study) -> str:
    parts = [
        study.title,
        f"Study {study.slug}, {study.get_status_display()}.",
        f"Classifier {study.classifier}, autoencoder {study.autoencoder}.",
        *(f"Arm {arm.key}: {arm.name} ({', '.join(arm.methods)})" for arm in study.arms.order_by("position")),
        *(f"Question {question.key}: {question.text}" for question in study.questions.order_by("position")),
        IOU_RULE,
        import_note(study),
        "\n".join(
            (
                "responses.csv    the last answer to each question; codebook.csv explains its columns",
                "answers.csv      every revision of every answer",
                "allocation.csv   what each reader was to see, in order, and the seed",
                "audit.csv        who did what to the study; names the staff by e-mail address",
                "protocol.toml    the protocol as it was read, where the study has one",
                "QUESTION.imrmc   the question's score as rating of TP against FP, for FDA's iMRMC",
                "QUESTION.lrc     the same for OR-DBM MRMC, complete cases; none where too few were read",
                "load.R, load.sps load responses.csv into R and SPSS, with types and labels",
                "report/          what `python -m analysis report` makes of responses.csv",
                f"{CHECKSUMS}       check with: sha256sum --check {CHECKSUMS}",
            )
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
