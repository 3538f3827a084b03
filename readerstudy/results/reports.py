"""The report of a study: computed into a folder of files by a worker, read from there by the pages and downloads."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from analysis.data.schema import write_responses
from analysis.data.selection import Selection
from analysis.report.stored import FORMER_NAMES, current_results
from readerstudy.lib.media import folder_draft, media_path, random_name
from readerstudy.results.blinding import Coding
from readerstudy.results.exposure import exposure_by_arm
from readerstudy.results.frames import flow, responses
from readerstudy.results.models import FOLDER, ReportRun
from readerstudy.results.versions import ReportSpec
from readerstudy.studies.models import Question, Study

if TYPE_CHECKING:
    import pandas as pd

    from analysis.report.build import OnStep
    from analysis.report.output import Report

RESPONSES_FILE = "responses.csv"
ZIP_FILE = "report.zip"
RESULTS_FILE = "results.json"
PAGE_FILE = "page.json"  # what the page shows besides the report
ALLOCATED = "allocated"
PROTOCOL_FILE = "protocol.toml"
_FETCHING, _PACKING = "Responses", "Archive"


@dataclass(frozen=True)
class StudyReport:
    """What `python -m analysis report` makes of the study's RESPONSES.csv, with that file, computed here and now."""

    frame: pd.DataFrame
    responses_csv: bytes
    report: Report


@dataclass(frozen=True)
class StoredReport:
    """A report that a worker has stored, as the page shows it."""

    run: ReportRun
    tables: Mapping[str, list[dict[str, Any]]]
    provenance: Mapping[str, Any]
    exposure: Sequence[Mapping[str, Any]]
    figures: tuple[str, ...]

    @property
    def messages(self) -> list[str]:
        found: list[str] = self.provenance["messages"]
        return found


def report_compute(spec: ReportSpec, on_step: Callable[[str, int, int], object]) -> str:
    """Compute the report of the data as they are and store its files; the name of their folder in the media folder.

    `on_step` is told the name of each step as it begins, how many are done, and how many there are. Raises
    AnalysisError where the data cannot be analysed.
    """
    from analysis.report.build import STEPS

    steps = (_FETCHING, *STEPS, _PACKING)

    def tell(name: str) -> None:
        on_step(name, steps.index(name), len(steps))

    tell(_FETCHING)
    made = _made(spec, tell)
    name = random_name(FOLDER, "")
    with folder_draft(name) as folder:
        written = made.report.write(folder, on_step=tell)
        tell(_PACKING)
        with (folder / ZIP_FILE).open("wb") as stream:
            zip_files(written, stream)
        (folder / RESPONSES_FILE).write_bytes(made.responses_csv)
        (folder / PAGE_FILE).write_text(json.dumps(_for_page(spec, made, folder)), encoding="utf-8")
    return name


def study_report(study: Study, coding: Coding) -> StudyReport:
    """The report of the data as they are now, computed in this process. Raises AnalysisError where it cannot be."""
    return _made(ReportSpec(study, coding, Selection()), lambda _name: None)


def report_files(made: StudyReport) -> dict[str, bytes]:
    """Name -> content of the files that `python -m analysis report` writes."""
    with tempfile.TemporaryDirectory(prefix="report-") as folder:
        return {path.name: path.read_bytes() for path in made.report.write(Path(folder))}


def stored_report(run: ReportRun) -> StoredReport:
    """What the page shows of a finished run."""
    folder = media_path(run.folder)
    results, page = (json.loads((folder / name).read_text(encoding="utf-8")) for name in (RESULTS_FILE, PAGE_FILE))
    results = current_results(results)
    return StoredReport(
        run=run,
        tables={**results["tables"], **page["tables"]},
        provenance=results["provenance"],
        exposure=page["exposure"],
        figures=tuple(path.stem for path in sorted(folder.glob("*.svg"))),
    )


def report_file(run: ReportRun, name: str) -> Path | None:
    """Where a file of a finished run lies; None where it has none of this name."""
    if not run.folder or "/" in name or name == PAGE_FILE:
        return None
    former = FORMER_NAMES.get(name.removesuffix(".csv"))
    names = (name,) if former is None else (name, f"{former}.csv")
    paths = (media_path(f"{run.folder}/{one}") for one in names)
    return next((path for path in paths if path.is_file()), None)


def zip_files(paths: Sequence[Path], stream: IO[bytes]) -> None:
    """A ZIP archive that is the same for the same files: names in order, no times."""
    with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        for path in sorted(paths, key=lambda path: path.name):
            archive.writestr(zip_entry(path.name), path.read_bytes())


def zip_entry(name: str) -> ZipInfo:
    """An entry without a time, so that the same files give the same archive."""
    entry = ZipInfo(name)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _for_page(spec: ReportSpec, made: StudyReport, folder: Path) -> dict[str, Any]:
    """Time and exposure by arm, and what was allocated, which need the study; of a selection there is neither."""
    from analysis.data.records import records, write_table

    if spec.selection:
        return {"exposure": [], "tables": {}}
    table = flow(spec.study, spec.coding, made.frame)
    with (folder / f"{ALLOCATED}.csv").open("w", encoding="utf-8", newline="") as stream:
        write_table(table, stream)
    exposure = [asdict(row) for row in exposure_by_arm(spec.study, spec.coding)]
    return {"exposure": exposure, "tables": {ALLOCATED: records(table)}}


def scales(study: Study) -> dict[str, tuple[float, float]]:
    """Question -> its lowest and highest score, in the protocol's order, of questions whose answers have an order."""
    return {one.key: (one.minimum, one.maximum) for one in study.questions.filter(kind__in=Question.ORDINAL)}


def scale_options(study: Study) -> list[str]:
    """The same as options of `python -m analysis report`."""
    return [f"--scale {key}={low:g},{high:g}" for key, (low, high) in scales(study).items()]


def _made(spec: ReportSpec, on_step: OnStep) -> StudyReport:
    # Loaded where reports are computed: the web needs none of it.
    from analysis.report.build import build
    from analysis.report.sections import Planned

    frame = responses(spec.study, spec.coding)
    stream = io.StringIO(newline="")
    write_responses(frame, stream)
    content = stream.getvalue().encode()
    protocol, plan = spec.study.protocol.encode(), spec.plan
    report = build(
        frame,
        arms=spec.coding.contrast,
        source={"file": RESPONSES_FILE, "file_sha256": hashlib.sha256(content).hexdigest()},
        margin=plan.margin,
        adjust=plan.adjust,
        plan={"file": PROTOCOL_FILE, "sha256": hashlib.sha256(protocol).hexdigest()} if protocol else None,
        selection=spec.selection,
        scales=scales(spec.study),
        planned=Planned(plan.primary, plan.questions, plan.stated),
        wording=dict(spec.study.questions.values_list("key", "text")),
        on_step=on_step,
    )
    return StudyReport(frame, content, report)
