"""The whole of a study's data as one archive, for those who must defend or repeat the analysis."""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
from django.db.models import QuerySet

from analysis.data.csv_cells import write_cells
from analysis.data.errors import AnalysisError
from analysis.data.interchange import FORMATS, QuestionText, StudyText, convert, r_script, spss_syntax
from analysis.data.records import write_table
from analysis.data.schema import COLUMN_NAMES, codebook
from readerstudy.lib.media import file_draft
from readerstudy.reading.events import KINDS
from readerstudy.reading.models import Answer
from readerstudy.reading.selectors import (
    EVENT_COLUMNS,
    EXPOSURE_COLUMNS,
    allocated_by_seed,
    events_of,
    exposure_of,
)
from readerstudy.results.blinding import WITHHELD_RULE, Coding, former_codes
from readerstudy.results.frames import ALLOCATION_COLUMNS, IOU_RULE, allocation_rows, data_version, flow, response_rows
from readerstudy.results.keyfile import ALLOCATION_FILE, KEY_FILE, key_file
from readerstudy.results.pseudonyms import Pseudonyms, pseudonyms_of
from readerstudy.results.reports import RESPONSES_FILE, report_files, study_report, zip_entry
from readerstudy.results.selectors import import_note
from readerstudy.results.truth import (
    CORRECTION_COLUMNS,
    LABEL_COLUMNS,
    TRUTH_COLUMNS,
    correction_rows,
    label_rows,
    truth_rows,
)
from readerstudy.studies.models import Question, Study

CHECKSUMS = "SHA256SUMS"
# The report of so many answers takes minutes and gigabytes; of more it is made by `python -m analysis report`.
REPORT_ANSWERS = 500_000


@dataclass(frozen=True)
class Table:
    """A CSV file that is written row by row, so that no file is ever in memory; some columns through a function."""

    header: tuple[str, ...]
    rows: Iterable[Iterable[Any]]
    shown: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def write(self, stream: io.RawIOBase) -> None:
        text = io.TextIOWrapper(io.BufferedWriter(stream, 1 << 16), encoding="utf-8", newline="")
        # A query set would keep all its rows; its iterator reads from the server as it goes.
        rows = self.rows.iterator(chunk_size=5000) if isinstance(self.rows, QuerySet) else self.rows
        show = [self.shown.get(name, lambda value: value) for name in self.header]
        write_cells(text, self.header, ([_cell(f(value)) for f, value in zip(show, row, strict=True)] for row in rows))
        # Detached, so that the stream is not closed along with them.
        text.detach().detach()


def study_files(study: Study, coding: Coding) -> dict[str, bytes | Table]:
    """Name -> content of everything in the export but its checksums, with the arms as `coding` shows them.

    A study of more than `REPORT_ANSWERS` answers comes without what needs all of them in memory. Raises AnalysisError
    where the data cannot be analysed.
    """
    book = codebook({question.key: (question.minimum, question.maximum) for question in _compared(study)})
    people = pseudonyms_of(study)

    def written(text: str) -> str:
        return people.text(coding.free_text(text))

    files: dict[str, bytes | Table] = {
        RESPONSES_FILE: _csv(COLUMN_NAMES, response_rows(study, coding)),
        "codebook.csv": _csv(book[0], (row.values() for row in book)),
        ALLOCATION_FILE: _allocation(study, coding),
        "answers.csv": _answers(study, coding, people),
        "exposure.csv": _exposure(study, coding),
        "codebook-exposure.csv": _exposure_codebook(coding),
        "labels.csv": _csv(LABEL_COLUMNS, label_rows(study), excluded=written),
        "truth.csv": _csv(TRUTH_COLUMNS, truth_rows(study)),
        "corrections.csv": _corrections(study, people, written),
        "audit.csv": _audit(study, coding, people),
        "README.txt": _readme(study, coding).encode(),
    }
    words = _words(study, coding)
    files |= {"load.R": r_script(words), "load.sps": spss_syntax(words)}
    if not coding.is_masked:
        files["events.csv"] = _csv(EVENT_COLUMNS, events_of(study))
        if study.protocol:
            files["protocol.toml"] = study.protocol.encode()
        if key := key_file(study):
            files[KEY_FILE] = key
    if data_version(study).answers <= REPORT_ANSWERS:
        report = study_report(study, coding)
        # The very bytes of which the report gives the hash, whatever is answered meanwhile.
        files[RESPONSES_FILE] = report.responses_csv
        files |= _for_other_programs(study, report.frame)
        files["flow.csv"] = _flow(study, coding, report.frame)
        files |= {f"report/{name}": content for name, content in report_files(report).items()}
    return files


def write_export(study: Study, path: Path, coding: Coding) -> None:
    """Write the archive in one move: whoever reads `path` sees the old file or the whole new one."""
    files = study_files(study, coding)
    with file_draft(path) as draft:
        sums = {}
        with ZipFile(draft, "w", ZIP_DEFLATED) as archive:
            for name in sorted(files):
                sums[name] = _store(archive, name, files[name])
            _store(archive, CHECKSUMS, "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def _store(archive: ZipFile, name: str, content: bytes | Table) -> str:
    """Put one file into the archive, without a time; its SHA-256."""
    with archive.open(zip_entry(name), "w", force_zip64=True) as stream:
        summed = _Summed(stream)
        if isinstance(content, Table):
            content.write(summed)
        else:
            summed.write(content)
    return summed.sha256.hexdigest()


class _Summed(io.RawIOBase):
    """Passes on what is written and sums it up."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha256.update(data)
        return self._stream.write(data)


def _words(study: Study, coding: Coding) -> StudyText:
    """What the scripts for R and SPSS must know besides the columns."""
    return StudyText(
        title=study.title,
        arms={arm.key: arm.name for arm in coding.shown},
        questions=[
            QuestionText(question.key, question.text, question.value_names or _anchors(question))
            for question in _compared(study)
        ],
    )


def _for_other_programs(study: Study, frame: pd.DataFrame) -> dict[str, bytes]:
    """Every question as .imrmc and .lrc, as far as its answers allow."""
    files = {}
    for question in _compared(study):
        for file_format in FORMATS:
            # Too few complete cases for a format, or no answers at all: the read-me says so.
            with contextlib.suppress(AnalysisError):
                files[f"{question.key}.{file_format}"] = convert(frame, question.key, file_format)[0]
    return files


def _flow(study: Study, coding: Coding, frame: pd.DataFrame) -> bytes:
    stream = io.StringIO(newline="")
    write_table(flow(study, coding, frame), stream)
    return stream.getvalue().encode()


def _compared(study: Study) -> QuerySet[Question]:
    """Questions whose answers are in responses.csv."""
    return study.questions.filter(kind__in=Question.ORDINAL).order_by("position")


def _anchors(question: Question) -> dict[int, str]:
    """What the ends of the scale stand for, as far as the protocol names them."""
    ends = {question.minimum: question.low_anchor, question.maximum: question.high_anchor}
    return {value: words for value, words in ends.items() if words}


def _allocation(study: Study, coding: Coding) -> Table:
    """What each reader was to see; masked without the seed that made the allocation of studies from before the key."""
    columns = [name for name in ALLOCATION_COLUMNS if name != "seed" or not coding.is_masked]
    return _csv(columns, allocation_rows(study, columns), arm=coding.key)


def _answers(study: Study, coding: Coding, people: Pseudonyms) -> Table:
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
        "late": "late",
        "known_revision": "known_revision",
        "reason": "reason",
        "seconds": "seconds",
        "seconds_doubt": "seconds_doubt",
        "answered_at": "answered_at",
    }
    answers = Answer.objects.filter(reading__case__study=study).order_by(
        "reading__allocation__membership__code",
        "reading__period__number",
        "reading__position",
        "question__position",
        "revision",
    )
    rows = answers.values_list(*fields.values())
    return _csv(
        fields,
        rows,
        arm=coding.key,
        content=lambda content: people.content(coding.content(content)),
        reason=lambda reason: people.text(coding.free_text(reason)),
    )


def _exposure(study: Study, coding: Coding) -> Table:
    columns = coding.exposure_columns(EXPOSURE_COLUMNS)
    places = [list(EXPOSURE_COLUMNS).index(name) for name in columns]
    rows = ([row[place] for place in places] for row in exposure_of(study))
    return _csv(columns, rows, arm=coding.key)


def _exposure_codebook(coding: Coding) -> Table:
    files: dict[str, Mapping[str, str]] = {
        "exposure.csv": {name: EXPOSURE_COLUMNS[name] for name in coding.exposure_columns(EXPOSURE_COLUMNS)}
    }
    if not coding.is_masked:
        files |= {"events.csv": EVENT_COLUMNS, "events.csv, kind": KINDS}
    rows = ((file, name, text) for file, columns in files.items() for name, text in columns.items())
    return _csv(("file", "column", "description"), rows)


def _corrections(study: Study, people: Pseudonyms, written: Callable[[str], str]) -> Table:
    return _csv(
        CORRECTION_COLUMNS,
        correction_rows(study),
        actor=people.actor,
        before=_json,
        after=_json,
        reason=written,
    )


def _json(value: Any) -> Any:
    """A list as JSON; else the value."""
    return json.dumps(value, sort_keys=True) if isinstance(value, list) else value


def _audit(study: Study, coding: Coding, people: Pseudonyms) -> Table:
    entries = study.audit.order_by("at", "pk").values_list("at", "actor", "action", "detail")
    return _csv(
        ("at", "actor", "action", "detail"),
        entries,
        actor=people.actor,
        detail=lambda detail: people.audit_detail(coding.audit_detail(detail)),
    )


def _csv(header: Iterable[str], rows: Iterable[Iterable[Any]], **shown: Callable[[Any], Any]) -> Table:
    return Table(tuple(header), rows, shown)


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


def _readme(study: Study, coding: Coding) -> str:
    parts = [
        study.title,
        f"Study {study.slug}, {study.get_status_display()}.",
        f"Classifier {study.classifier}, autoencoder {study.autoencoder}.",
        *_arms(study, coding),
        *(_question(question) for question in study.questions.order_by("position")),
        IOU_RULE,
        import_note(study),
        _seeded(study),
        _withdrawn(study),
        "\n".join(
            (
                "responses.csv    current answers to likert and yes_no questions; codebook.csv explains its columns",
                "answers.csv      every revision of every answer; texts and places (in pixels of the image) as JSON;",
                "                 a superseded one never counted: its page did not know of the answer that stood, or",
                "                 it was late, its case no longer open when it arrived; seconds_doubt says why a time",
                "                 cannot be right or the server's clock was not (beyond_elapsed, negative, no_number,",
                "                 not_opened): no answer is refused for it;",
                "                 period 0 is training, which is never analysed",
                "allocation.csv   what each reader was to see, in order; a reader who took over from another has",
                "                 their order; excluded says why a reading is in no analysis; seed is empty unless",
                "                 the protocol's seed made the order, as it did before studies had a key",
                "allocation-key.json  the random key of numbers, orders and codes, once the study is unblinded;",
                "                 check with: python manage.py study_allocation_verify OUT.zip",
                "exposure.csv     time on each case and what the reader looked at; events.csv is the record behind it",
                "                 codebook-exposure.csv explains the columns of both",
                "labels.csv       what is known of each case's image: findings positive, negative, uncertain and not",
                "                 assessed; truth.csv counts the images by target and state",
                "corrections.csv  what was corrected of an image: before, after and why; kept: the case stays as read",
                "audit.csv        who did what to the study: readers by their codes, coordinators as C1, C2, ...,",
                "                 analysts as A1, ..., others as P1, ...; empty for the command line. In what people",
                "                 wrote, here and in answers.csv, codes stand for the names of the study's members",
                "protocol.toml    the protocol as it was read, where the study has one",
                "QUESTION.imrmc   the question's score as rating of TP against FP, for FDA's iMRMC",
                "QUESTION.lrc     the same for OR-DBM MRMC, complete cases; none where too few were read",
                "load.R, load.sps load responses.csv into R and SPSS, with types and labels",
                "flow.csv         readings allocated, rated, and not rated for which reason, per reader and question",
                "report/          what `python -m analysis report` makes of responses.csv",
                "                 with codebook.csv beside it, which has the scales of the questions",
                f"                 of more than {REPORT_ANSWERS:,} answers it, flow.csv and QUESTION files are absent",
                f"{CHECKSUMS}       check with: sha256sum --check {CHECKSUMS}",
            )
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _arms(study: Study, coding: Coding) -> list[str]:
    """What the arms are, as far as it may be told."""
    if coding.is_masked:
        keys = " and ".join(arm.key for arm in coding.shown)
        return [f"Arms {keys}: this export is masked, and which arm is which is not told. {WITHHELD_RULE}"]
    lines = [f"Arm {arm.key}: {arm.name} ({', '.join(arm.methods)})" for arm in coding.shown]
    if codes := former_codes(study):
        told = ", ".join(f"{code} for {key}" for code, key in codes.items())
        lines.append(f"Masked results from before the study was unblinded have {told}.")
    return lines


def _seeded(study: Study) -> str:
    """That the order could be foreseen, where it could."""
    if not allocated_by_seed(study):
        return ""
    return (
        "Readers of this study were allocated by the protocol's seed, before studies had a random key: whoever knew "
        "seed and code could work out orders, numbers and labels. Say so where the blinding of readers is described."
    )


def _withdrawn(study: Study) -> str:
    codes = list(study.memberships.filter(withdrawn_at__isnull=False).order_by("code").values_list("code", flat=True))
    if not codes:
        return ""
    return f"Withdrawn: {', '.join(codes)}. Their answers are in answers.csv, not in responses.csv; audit.csv says why."
