"""Pages and downloads of a study's results, for its analysts and coordinators."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from csp.decorators import csp_replace
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from analysis.data.order import natural_order
from analysis.report.sections import Planned, results_shown
from readerstudy.lib.clock import shared_now
from readerstudy.results import interim, overview, reports, selectors, services
from readerstudy.results.blinding import WITHHELD_RULE, Coding, coding_for, former_codes
from readerstudy.results.forms import SelectionForm
from readerstudy.results.frames import IOU_RULE
from readerstudy.results.versions import ReportSpec
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Study

if TYPE_CHECKING:
    from pathlib import Path

    from django.http.response import HttpResponseBase

    from readerstudy.accounts.models import User
    from readerstudy.results.models import ReportRun

TYPES = {
    ".csv": "text/csv; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".zip": "application/zip",
}
#: What opens in the browser; everything else is stored.
INLINE = {".html", ".pdf", ".svg"}
COMMAND = "celery -A readerstudy.results worker -Q reports -c 1"
RETRY_AFTER_SECONDS = 5
# Figures and the report are styled by themselves; opened on their own they may use nothing else.
OWN_STYLE = {"default-src": ["'none'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}


@dataclass(frozen=True)
class Asked:
    """What a request is about: the study, how this viewer sees its arms, and which part of the data."""

    study: Study
    coding: Coding
    form: SelectionForm
    spec: ReportSpec
    person: User
    refusal: str  # why this person may not see results now; empty where they may

    @property
    def query(self) -> str:
        """The selection as the end of an address, with its question mark; empty for all data."""
        return f"?{query}" if (query := self.form.query) else ""


def _asked(request: HttpRequest, slug: str) -> Asked:
    """Raises 404 and 403 for those who may not see results, and 404 for a selection that the study does not have."""
    user = user_of(request)
    study = study_for(user, slug, Role.ANALYST, Role.COORDINATOR)
    coding = coding_for(user, study)
    form = SelectionForm(study, request.GET)
    if not form.is_valid():
        raise Http404(" ".join(str(error) for errors in form.errors.values() for error in errors))
    return Asked(
        study, coding, form, ReportSpec(study, coding, form.selection), user, interim.interim_refusal(user, study)
    )


def _shown(request: HttpRequest, slug: str) -> Asked:
    """The same where results are shown: raises 403, with the reason, for those who may not see them yet."""
    asked = _asked(request, slug)
    if asked.refusal:
        raise PermissionDenied(asked.refusal)
    return asked


def _record_look(asked: Asked, run: ReportRun, what: str, *, part_of_page: bool = False) -> None:
    """Looking at results that can still change is written down."""
    if interim.is_interim(asked.study):
        services.interim_seen(run=run, what=what, actor=asked.person, now=timezone.now(), part_of_page=part_of_page)


@require_safe
def results_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Who rated what, every table and figure of the report, how they were made, or how far their computation is."""
    asked = _asked(request, slug)
    study, now = asked.study, shared_now()
    progress = selectors.progress(study)
    if asked.refusal:
        return render(request, "results/not_yet.html", {"study": study, "progress": progress, **_reader_of(asked)})
    current = services.run_request(spec=asked.spec, now=now) if progress.answers else None
    state = selectors.report_state(asked.spec, current, now=now)
    context = {
        "study": study,
        "coding": asked.coding,
        "withheld_rule": WITHHELD_RULE,
        "former_codes": former_codes(study),
        "form": asked.form,
        "selection": asked.spec.selection,
        "query": asked.query,
        "progress": progress,
        "state": state,
        "stale": state.shown is not None and state.shown != state.current,
        "command": COMMAND,
        "interim": interim.is_interim(study),
        "import_note": selectors.import_note(study),
        "iou_rule": IOU_RULE,
        **_reader_of(asked),
    }
    if state.shown is not None:
        context |= _report_context(asked, state.shown)
        _record_look(asked, state.shown, services.PAGE)
    return render(request, "results/detail.html", context)


def _reader_of(asked: Asked) -> dict[str, Any]:
    """What the page must know of who reads it."""
    coordinates = asked.study.memberships.filter(user=asked.person, role=Role.COORDINATOR).exists()
    return {"coordinates": coordinates, "refusal": asked.refusal}


@require_safe
def results_state(request: HttpRequest, slug: str) -> JsonResponse:
    """How far the report is, for the script of the page that waits for it."""
    asked = _shown(request, slug)
    run = selectors.report_under_way(asked.spec)
    state = selectors.report_state(asked.spec, run, now=shared_now())
    return JsonResponse(
        {
            "active": state.active,
            "status": run.status if run else "none",
            "step": run.step if run else "",
            "done": run.steps_done if run else 0,
            "steps": run.steps if run else 0,
            "waits": run.waits if run else "",
            "worker": state.worker,
            "shown": state.shown.short_version if state.shown else "",
        },
        headers={"Cache-Control": "no-store"},
    )


@require_POST
def results_retry(request: HttpRequest, slug: str, run_id: uuid.UUID) -> HttpResponse:
    """Send a failed report to the workers again."""
    asked = _shown(request, slug)
    run = get_object_or_404(asked.study.report_runs, pk=run_id, coding=asked.coding.name)
    try:
        services.run_retry(run=run, now=timezone.now(), actor=asked.person)
    except services.ReportError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('results_detail', args=[slug])}{SelectionForm.query_of(run.selection)}")


@require_safe
def results_responses(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The tidy responses, from which `python -m analysis report` gives the numbers of the page."""
    return _stored(request, slug, reports.RESPONSES_FILE)


@require_safe
def results_report(request: HttpRequest, slug: str) -> HttpResponseBase:
    """What `python -m analysis report` writes, as one archive."""
    return _stored(request, slug, reports.ZIP_FILE)


@require_safe
@csp_replace(OWN_STYLE)  # type: ignore[arg-type]  # takes any view
def results_file(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """A table of the report as CSV, its methods, its results as JSON, or the whole as HTML or PDF."""
    return _stored(request, slug, name)


@require_safe
@csp_replace(OWN_STYLE)  # type: ignore[arg-type]  # takes any view
def results_figure(request: HttpRequest, slug: str, name: str, file_format: str) -> HttpResponseBase:
    """A figure of the report as SVG or PDF."""
    return _stored(request, slug, f"{name}.{file_format}")


def _stored(request: HttpRequest, slug: str, name: str) -> HttpResponseBase:
    """A file of the version that the address names, else of the present data, or a page while that is computed."""
    asked = _shown(request, slug)
    version = request.GET.get("v", "")
    if version:
        run = selectors.report_run(asked.study, asked.coding.name, version)
    else:
        run = services.run_request(spec=asked.spec, now=timezone.now())
        if not run.folder:
            return _not_there(request, asked, run)
    path = reports.report_file(run, name) if run else None
    if run is None or path is None:
        raise Http404
    # The figures are loaded by the page, whose look is recorded.
    _record_look(asked, run, name, part_of_page=name.endswith(".svg"))
    return _file(path, _file_name(asked.study, run, name))


def _not_there(request: HttpRequest, asked: Asked, run: ReportRun) -> HttpResponse:
    """409 with the reason where the data cannot be analysed, 503 while the report is computed."""
    response = render(
        request,
        "results/not_there.html",
        {"study": asked.study, "run": run, "query": asked.query},
        status=503 if run.active else 409,
    )
    if run.active:
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _file_name(study: Study, run: ReportRun, name: str) -> str:
    """The study, the file, and that it is of part of the data."""
    part = "exploration-" if run.selection else ""
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{study.slug}-{part}{name}")


def _file(path: Path, name: str) -> FileResponse:
    stored = path.suffix not in INLINE
    return FileResponse(path.open("rb"), as_attachment=stored, filename=name, content_type=TYPES[path.suffix])


def _report_context(asked: Asked, run: ReportRun) -> dict[str, Any]:
    """What the page shows of a finished report."""
    report = reports.stored_report(run)
    plan = asked.spec.plan
    readers = natural_order({row["reader"] for row in report.tables["per_reader"]})
    answered = {row["question"] for row in report.tables["score_summary"]}
    wordings = asked.study.questions.order_by("position").values_list("key", "text")
    questions = {key: text for key, text in wordings if key in answered}
    return {
        "report": report,
        "run": run,
        "version": run.short_version,
        "provenance": report.provenance,
        "readers": readers,
        "overview": overview.overview(report.tables, questions, readers),
        "results": results_shown(
            report.tables,
            report.figures,
            report.provenance,
            questions,
            Planned(plan.primary, plan.questions, plan.stated),
            part=bool(run.selection),
        ),
        "plan": plan,
        "reproduce": _reproduce(asked),
    }


def _reproduce(asked: Asked) -> str:
    """What to type to get the same numbers from the downloaded responses."""
    plan, selection = asked.spec.plan, asked.spec.selection
    words = ["python -m analysis report", reports.RESPONSES_FILE, "--out report"]
    if asked.coding.contrast:
        words.append(f"--arms {','.join(asked.coding.contrast)}")
    if plan.margin is not None:
        words.append(f"--margin {plan.margin:g}")
    if plan.adjust != "holm":
        words.append(f"--adjust {plan.adjust}")
    words += [f"--primary {name}" for name in plan.primary if plan.stated]
    words += reports.scale_options(asked.spec.study)
    chosen = {"target": selection.targets, "reader": selection.readers, "period": selection.periods}
    words += [f'--{name} "{value}"' for name, values in chosen.items() for value in values]
    return " ".join(words)
