"""The whole of a study's data as one archive, for those who must defend or repeat the analysis."""

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from analysis.cells import write_cells
from analysis.schema import codebook
from readerstudy.lib.media import file_write
from readerstudy.reading.exposure import KINDS
from readerstudy.reading.models import Answer, Reading
from readerstudy.reading.selectors import EVENT_COLUMNS, EXPOSURE_COLUMNS, events_of, exposure_of
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
        "exposure.csv": _csv(EXPOSURE_COLUMNS, exposure_of(study)),
        "events.csv": _csv(EVENT_COLUMNS, events_of(study)),
        "codebook-exposure.csv": _exposure_codebook(),
        "audit.csv": _audit(study),
        "README.txt": _readme(study).encode(),
        **{f"report/{name}": content for name, content in report_files(report).items()},
    }
    if study.protocol:
        files["protocol.toml"] = study.protocol.encode()
    sums = "".join(f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files))
    return {**files, CHECKSUMS: sums.encode()}


def write_export(study: Study, path: Path) -> None:
    """Write the archive in one move: whoever reads `path` sees the old file or the whole new one."""
    file_write(path, zip_files(study_files(study)))


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
    """Every revision of every answer of every kind; responses.csv holds the current ones that statistics use."""
    fields = {
        "reader": "reading__allocation__membership__code",
        "case": "reading__case__number",
        "arm": "reading__arm__key",
        "period": "reading__period__number",
        "question": "question__key",
        "revision": "revision",
        "value": "value",
        "content": "content",
        "superseded": "superseded",
        "known_revision": "known_revision",
        "reason": "reason",
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


def _exposure_codebook() -> bytes:
    files = {"exposure.csv": EXPOSURE_COLUMNS, "events.csv": EVENT_COLUMNS, "events.csv, kind": KINDS}
    rows = ((file, name, text) for file, columns in files.items() for name, text in columns.items())
    return _csv(("file", "column", "description"), rows)


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
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _question(question: Question) -> str:
    """A line of the read-me: what was asked, and what its values stand for."""
    names = ", ".join(f"{value} = {name}" for value, name in question.value_names.items())
    optional = "" if question.required else ", optional"
    return f"Question {question.key} ({question.kind}{optional}): {question.text}{f' [{names}]' if names else ''}"


def _readme(study: Study) -> str:
    parts = [
        study.title,
        f"Study {study.slug}, {study.get_status_display()}.",
        f"Classifier {study.classifier}, autoencoder {study.autoencoder}.",
        *(f"Arm {arm.key}: {arm.name} ({', '.join(arm.methods)})" for arm in study.arms.order_by("position")),
        *(_question(question) for question in study.questions.order_by("position")),
        IOU_RULE,
        import_note(study),
        _withdrawn(study),
        "\n".join(
            (
                "responses.csv    current answers to likert and yes_no questions; codebook.csv explains its columns",
                "answers.csv      every revision of every answer; texts and places (in pixels of the image) as JSON;",
                "                 a superseded one never counted: its page did not know of the answer that stood;",
                "                 period 0 is training, which is never analysed",
                "allocation.csv   what each reader was to see, in order, and the seed; a reader who took over from",
                "                 another has their seed and order",
                "exposure.csv     time on each case and what the reader looked at; events.csv is the record behind it",
                "                 codebook-exposure.csv explains the columns of both",
                "audit.csv        who did what to the study; names the staff by e-mail address",
                "protocol.toml    the protocol as it was read, where the study has one",
                "report/          what `python -m analysis report` makes of responses.csv",
                f"{CHECKSUMS}       check with: sha256sum --check {CHECKSUMS}",
            )
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _withdrawn(study: Study) -> str:
    codes = list(study.memberships.filter(withdrawn_at__isnull=False).order_by("code").values_list("code", flat=True))
    if not codes:
        return ""
    return f"Withdrawn: {', '.join(codes)}. Their answers are in answers.csv, not in responses.csv; audit.csv says why."
