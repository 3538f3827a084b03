"""Pages and downloads of a study's results, for its analysts and coordinators."""

import io
import re
from typing import Any

from csp.decorators import csp_replace
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from analysis.errors import AnalysisError
from analysis.figures import FigureFormat
from analysis.order import natural_order
from readerstudy.results import reports, selectors, tables
from readerstudy.results.blinding import WITHHELD_RULE, Coding, coding_for, former_codes
from readerstudy.results.exposure import exposure_by_arm
from readerstudy.results.frames import IOU_RULE
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Study

FIGURE_TYPES = {"svg": "image/svg+xml", "pdf": "application/pdf"}
CSV_TYPE = "text/csv; charset=utf-8"


def _study(request: HttpRequest, slug: str) -> Study:
    return study_for(user_of(request), slug, Role.ANALYST, Role.COORDINATOR)


@require_safe
def results_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Who rated what, every table and figure of the report, and how they were made."""
    study = _study(request, slug)
    coding = coding_for(user_of(request), study)
    try:
        report = reports.study_report(study, coding)
    except AnalysisError as error:
        return _refused(request, study, error)
    coordinates = study.memberships.filter(user=user_of(request), role=Role.COORDINATOR).exists()
    return render(request, "results/detail.html", {**_context(study, coding, report), "coordinates": coordinates})


@require_safe
def results_responses(request: HttpRequest, slug: str) -> HttpResponse | FileResponse:
    """The tidy responses, from which `python -m analysis report` gives the numbers of the page."""
    study = _study(request, slug)
    coding = coding_for(user_of(request), study)
    try:
        report = reports.study_report(study, coding)
    except AnalysisError as error:
        return _refused(request, study, error)
    return _download(report.responses_csv, f"{study.slug}-{reports.RESPONSES_FILE}", CSV_TYPE)


@require_safe
def results_report(request: HttpRequest, slug: str) -> HttpResponse | FileResponse:
    """What `python -m analysis report` writes, as one archive."""
    study = _study(request, slug)
    coding = coding_for(user_of(request), study)
    try:
        report = reports.study_report(study, coding)
    except AnalysisError as error:
        return _refused(request, study, error)
    return _download(reports.zip_files(reports.report_files(report)), f"{study.slug}-report.zip", "application/zip")


# The figures are styled by attributes of their own elements; opened by themselves they may use nothing else.
@require_safe
@csp_replace({"default-src": ["'none'"], "style-src": ["'unsafe-inline'"]})  # type: ignore[arg-type]  # takes any view
def results_figure(request: HttpRequest, slug: str, name: str, file_format: FigureFormat) -> HttpResponse:
    """A figure of the report as SVG or PDF."""
    study = _study(request, slug)
    coding = coding_for(user_of(request), study)
    try:
        report = reports.study_report(study, coding)
    except AnalysisError as error:
        return _refused(request, study, error)
    if name not in report.figures:
        raise Http404
    content = reports.figure_file(study, coding, report, name, file_format)
    response = HttpResponse(content, content_type=FIGURE_TYPES[file_format])
    response["Content-Disposition"] = f'inline; filename="{study.slug}-{name}.{file_format}"'
    # The page asks for a version; under another one the picture may change at any time.
    named = request.GET.get("v") == report.version[:16]
    response["Cache-Control"] = "private, max-age=31536000, immutable" if named else "private, no-cache"
    return response


def _context(study: Study, coding: Coding, report: reports.StudyReport) -> dict[str, Any]:
    arms = coding.shown
    first, second = arms[:2] if report.arms else (None, None)
    questions = _questions(study, report)
    return {
        "study": study,
        "report": report,
        "version": report.version[:16],
        "coding": coding,
        "withheld_rule": WITHHELD_RULE,
        "former_codes": former_codes(study),
        "arms": arms,
        "first": first,
        "second": second,
        "other_arms": arms[2:],
        "progress": selectors.progress(study, report.frame),
        "exposure": exposure_by_arm(study, coding),
        "interim": study.status != Study.Status.CLOSED,
        "readers": natural_order(report.frame["reader"].unique()),
        "overview": tables.overview(questions),
        "questions": questions,
        "options": report.provenance["options"],
        "iou_rule": IOU_RULE,
        "import_note": selectors.import_note(study),
        "command": _command(report.arms),
    }


def _questions(study: Study, report: reports.StudyReport) -> list[tables.QuestionResults]:
    """The questions that have answers, in the order of the protocol."""
    answered = {row["question"] for row in report.tables["wilcoxon"]}
    questions = [question for question in study.questions.order_by("position") if question.key in answered]
    figures = tables.figures_of(report.figures, [question.key for question in questions])
    return [
        tables.question_results(question.key, question.text, report.tables, figures[question.key], report.arms or ())
        for question in questions
    ]


def _command(contrast: tuple[str, str] | None) -> str:
    """What to type to get the same numbers from the downloaded responses."""
    arms = f" --arms {contrast[0]},{contrast[1]}" if contrast else ""
    return f"python -m analysis report {reports.RESPONSES_FILE} --out report{arms}"


def _refused(request: HttpRequest, study: Study, error: AnalysisError) -> HttpResponse:
    """The data cannot be analysed: says why, with the status of a conflict."""
    return render(request, "results/refused.html", {"study": study, "reason": str(error)}, status=409)


def _download(content: bytes, name: str, content_type: str) -> FileResponse:
    """A file, sent in blocks, that is stored rather than shown."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return FileResponse(io.BytesIO(content), as_attachment=True, filename=safe, content_type=content_type)
