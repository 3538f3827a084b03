"""The report of a study as the pages and downloads show it: computed once per version of the data."""

import hashlib
import io
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pandas as pd
from django.core.cache import cache

from analysis.figures import FigureFormat, render
from analysis.report import Report, build, records
from analysis.schema import write_responses
from readerstudy.results.blinding import Coding
from readerstudy.results.frames import data_version, responses
from readerstudy.studies.models import Study

RESPONSES_FILE = "responses.csv"
KEEP_SECONDS = 24 * 60 * 60
# Changes with the shape of what is kept, so that a shared cache never hands an old shape to new code.
FORMAT = 1
# A page asks for its figures all at once: one request computes, the others wait for it. Drawing takes turns as well,
# because matplotlib's fonts are not made for threads.
_computing = threading.Lock()


@dataclass(frozen=True)
class StudyReport:
    """What `python -m analysis report` makes of the study's RESPONSES.csv, with that file; figures by name alone."""

    version: str
    arms: tuple[str, str] | None
    frame: pd.DataFrame
    responses_csv: bytes
    tables: Mapping[str, list[dict[str, Any]]]
    figures: tuple[str, ...]
    messages: tuple[str, ...]
    provenance: Mapping[str, Any]


def study_report(study: Study, coding: Coding) -> StudyReport:
    """The report of the data as they are now, with the arms as `coding` shows them; from the cache if nothing changed.

    Raises AnalysisError where the data cannot be analysed.
    """
    arms = coding.contrast
    version = hashlib.sha256(f"{study.slug}|{arms}|{data_version(study)}".encode()).hexdigest()
    if (kept := _kept(study, coding, version)) is not None:
        return kept
    with _computing:
        if (kept := _kept(study, coding, version)) is not None:
            return kept
        frame = responses(study, coding)
        content = _csv(frame)
        full = _build(frame, content, arms)
        report = StudyReport(
            version=version,
            arms=arms,
            frame=frame,
            responses_csv=content,
            tables={name: records(table) for name, table in full.tables.items()},
            figures=tuple(full.figures),
            messages=tuple(full.messages),
            provenance=full.provenance,
        )
        cache.set(_key(study, coding, "report"), report, timeout=KEEP_SECONDS)
        # Apart from the report: they are the slow part to unpack, and most requests want none of them.
        cache.set(_key(study, coding, "figures"), (version, full.figures), timeout=KEEP_SECONDS)
        return report


def figure_file(study: Study, coding: Coding, report: StudyReport, name: str, file_format: FigureFormat) -> bytes:
    """One figure of the report, drawn now. Raises KeyError for a figure that the report does not have."""
    version, figures = cache.get(_key(study, coding, "figures"), ("", {}))
    with _computing:
        if version != report.version:
            figures = _rebuilt(report).figures
        return render(figures[name], file_format)


def report_files(report: StudyReport) -> dict[str, bytes]:
    """Name -> content of the files that `python -m analysis report` writes."""
    with _computing, tempfile.TemporaryDirectory(prefix="report-") as folder:
        return {path.name: path.read_bytes() for path in _rebuilt(report).write(Path(folder))}


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive that is the same for the same files: names in order, no times."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zip_entry(name), files[name])
    return stream.getvalue()


def zip_entry(name: str) -> ZipInfo:
    """An entry without a time, so that the same files give the same archive."""
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _csv(frame: pd.DataFrame) -> bytes:
    stream = io.StringIO(newline="")
    write_responses(frame, stream)
    return stream.getvalue().encode()


def _build(frame: pd.DataFrame, content: bytes, arms: tuple[str, str] | None) -> Report:
    source = {"file": RESPONSES_FILE, "file_sha256": hashlib.sha256(content).hexdigest()}
    return build(frame, arms=arms, source=source)


def _rebuilt(report: StudyReport) -> Report:
    return _build(report.frame, report.responses_csv, report.arms)


def _key(study: Study, coding: Coding, part: str) -> str:
    return f"results-{part}-{FORMAT}-{study.pk}-{coding.name}"


def _kept(study: Study, coding: Coding, version: str) -> StudyReport | None:
    report = cache.get(_key(study, coding, "report"))
    return report if isinstance(report, StudyReport) and report.version == version else None
