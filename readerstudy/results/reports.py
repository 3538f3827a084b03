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

from analysis.report import build, records
from analysis.schema import write_responses
from readerstudy.results.frames import data_version, responses
from readerstudy.studies.models import Study

RESPONSES_FILE = "responses.csv"
KEEP_SECONDS = 24 * 60 * 60
# Changes with the shape of StudyReport, so that a shared cache never hands an old shape to new code.
FORMAT = 1
_computing = threading.Lock()


@dataclass(frozen=True)
class StudyReport:
    """What `python -m analysis report` makes of the study's RESPONSES.csv, with that file."""

    version: str
    frame: pd.DataFrame
    responses_csv: bytes
    files: Mapping[str, bytes]  # name -> content, as the command writes them
    tables: Mapping[str, list[dict[str, Any]]]
    figures: tuple[str, ...]
    messages: tuple[str, ...]
    provenance: Mapping[str, Any]


def study_report(study: Study) -> StudyReport:
    """The report of the data as they are now, from the cache while they have not changed.

    Raises AnalysisError where the data cannot be analysed.
    """
    key = f"results-report-{FORMAT}-{study.pk}"
    version = f"{study.slug}|{'|'.join(contrast(study) or ())}|{data_version(study)}"
    digest = hashlib.sha256(version.encode()).hexdigest()
    if (kept := _kept(key, digest)) is not None:
        return kept
    with _computing:  # a page asks for its figures all at once: one of these requests computes, the others wait
        if (kept := _kept(key, digest)) is not None:
            return kept
        report = compute(study, version=digest)
        cache.set(key, report, timeout=KEEP_SECONDS)
        return report


def compute(study: Study, *, version: str = "") -> StudyReport:
    """The report, computed now."""
    frame = responses(study)
    text = io.StringIO(newline="")
    write_responses(frame, text)
    content = text.getvalue().encode()
    source = {"file": RESPONSES_FILE, "file_sha256": hashlib.sha256(content).hexdigest()}
    report = build(frame, arms=contrast(study), source=source)
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        files = {path.name: path.read_bytes() for path in report.write(Path(folder))}
    return StudyReport(
        version=version,
        frame=frame,
        responses_csv=content,
        files=files,
        tables={name: records(table) for name, table in report.tables.items()},
        figures=tuple(report.figures),
        messages=tuple(report.messages),
        provenance=report.provenance,
    )


def contrast(study: Study) -> tuple[str, str] | None:
    """The first two arms in the order of the protocol; the contrast is second minus first."""
    keys = list(study.arms.order_by("position").values_list("key", flat=True)[:2])
    return (keys[0], keys[1]) if len(keys) == 2 else None


def zip_files(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive that is the same for the same files: names in order, no times."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = ZipInfo(name)
            entry.compress_type = ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return stream.getvalue()


def _kept(key: str, version: str) -> StudyReport | None:
    report = cache.get(key)
    return report if isinstance(report, StudyReport) and report.version == version else None
