"""The page of a study: its pool, selection, explanations, readers and members, and the parts that keep up to date."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from readerstudy.coordination import selectors
from readerstudy.coordination.forms import MemberForm
from readerstudy.reading.selectors import allocated_by_seed, unlocks_waiting
from readerstudy.studies import selectors as studies
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study

PROBLEMS_SHOWN = 20
CORRECTIONS_SHOWN = 50
DOUBTED_SHOWN = 24
DECIDED_SHOWN = 50


@require_GET
@never_cache
def study_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that the coordinator of a study watches over."""
    return study_page(request, study_for(user_of(request), slug, Role.COORDINATOR), MemberForm())


@require_GET
@never_cache
def study_progress(request: HttpRequest, slug: str) -> HttpResponse:
    """The watched parts of the page alone: the page's script asks for them every few seconds."""
    study = study_for(user_of(request), slug, Role.COORDINATOR)
    context = {"study": study, "watched": selectors.watched(study, now=timezone.now())}
    return render(request, "coordination/_progress.html", context)


def study_page(request: HttpRequest, study: Study, form: MemberForm, *, status: int = 200) -> HttpResponse:
    """The whole page, with this form to add a member."""
    watched = selectors.watched(study, now=timezone.now())
    imports = list(study.imports.order_by("-created_at", "-pk"))
    problems = [problem for run in imports for problem in run.problems]
    context = {
        "study": study,
        "form": form,
        "images": study.images.count(),
        "left_out": studies.images_left_out(study),
        "doubted": studies.images_doubted(study)[:DOUBTED_SHOWN],
        "decided": studies.images_decided(study)[:DECIDED_SHOWN],
        "problems": problems[:PROBLEMS_SHOWN],
        "problems_total": len(problems),
        "warnings": [warning for run in imports for warning in run.warnings],
        "corrections": study.corrections.select_related("image", "actor").order_by("-pk")[:CORRECTIONS_SHOWN],
        "contradicted": studies.cases_contradicted(study),
        "cases_excluded": study.cases.exclude(excluded_because="").order_by("number"),
        "unknown_findings": studies.unknown_findings(study),
        "training": study.cases.training().count(),
        "by_seed": allocated_by_seed(study),
        "unblinding": study.audit.filter(action=Action.STUDY_UNBLINDED).select_related("actor").first(),
        "unlocks": unlocks_waiting(study),
        "members": study.memberships.select_related("user").order_by("role", "created_at", "pk"),
        "watched": watched,
        "next_command": selectors.next_command(study, watched),
    }
    return render(request, "coordination/study.html", context, status=status)
