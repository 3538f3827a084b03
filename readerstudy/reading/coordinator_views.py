"""The coordinator's page of a study: what was selected and explained, who has read how much, and who takes part."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable
from functools import partial

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from readerstudy.explanations import selectors as explanations
from readerstudy.lib.clock import shared_now
from readerstudy.reading import selectors
from readerstudy.reading import services as reading_services
from readerstudy.reading.models import Unlock
from readerstudy.studies import selectors as studies
from readerstudy.studies import services
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Membership, Study
from readerstudy.work.queues import GPU
from readerstudy.work.workers import workers_alive

PROBLEMS_SHOWN = 20
FAILURES_SHOWN = 20
CORRECTIONS_SHOWN = 50
DOUBTED_SHOWN = 24
DECIDED_SHOWN = 50


class MemberForm(forms.Form):
    """Whom to add, and as what."""

    email = forms.EmailField(label="E-mail address")
    name = forms.CharField(label="Name", max_length=150, required=False)
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.READER)


@require_GET
@never_cache
def study_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Everything that the coordinator of a study watches over."""
    study = study_for(user_of(request), slug, Role.COORDINATOR)
    return render(request, "studies/detail.html", _context(study, MemberForm()))


@require_POST
@never_cache
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Adds a member and shows their one-time sign-in link, once: it is not stored, only its SHA-256 is."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return render(request, "studies/detail.html", _context(study, form), status=422)
    try:
        membership, token = services.member_add(study=study, now=timezone.now(), actor=user, **form.cleaned_data)
    except services.StudyError as error:
        form.add_error(None, str(error))
        return render(request, "studies/detail.html", _context(study, form), status=422)
    membership = get_object_or_404(Membership.objects.select_related("user"), pk=membership.pk)
    link = request.build_absolute_uri(reverse("sign_in", args=[token])) if token else ""
    context = {"study": study, "membership": membership, "link": link, "hours": settings.SIGN_IN_LINK_HOURS}
    return render(request, "studies/member_added.html", context)


@require_POST
@never_cache
def study_unblind(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the study's analysts which arm is which, once the coordinator has confirmed that they mean it."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    if request.POST.get("confirm") != "yes":
        messages.error(request, "Nothing was unblinded: tick the box to confirm that analysts may see the arms.")
        return redirect(f"{reverse('study_detail', args=[slug])}#blinding")
    try:
        services.study_unblind(study=study, now=timezone.now(), actor=user)
    except services.StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{study.title} is unblinded: its analysts see the arms by their names.")
    return redirect(f"{reverse('study_detail', args=[slug])}#blinding")


@require_POST
def unlock_grant(request: HttpRequest, slug: str, unlock_id: uuid.UUID) -> HttpResponse:
    """Unlocks a case whose reader asked for it."""
    return _answer_unlock(request, slug, unlock_id, reading_services.unlock_grant)


@require_POST
def unlock_decline(request: HttpRequest, slug: str, unlock_id: uuid.UUID) -> HttpResponse:
    """Leaves a case locked, and tells the reader who asked why."""
    decline = partial(reading_services.unlock_decline, reason=request.POST.get("reason", ""))
    return _answer_unlock(request, slug, unlock_id, decline)


def _answer_unlock(
    request: HttpRequest, slug: str, unlock_id: uuid.UUID, answer: Callable[..., Unlock]
) -> HttpResponse:
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    try:
        answer(study=study, unlock_id=unlock_id, actor=user, now=timezone.now())
    except Unlock.DoesNotExist as error:
        raise Http404 from error
    except reading_services.UnlockAnswerError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('study_detail', args=[slug])}#unlocks")


@require_POST
@never_cache
def member_withdraw(request: HttpRequest, slug: str, membership_id: int) -> HttpResponse:
    """Ends a reader's part in the study, with the coordinator's reason."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    membership = get_object_or_404(Membership, pk=membership_id, study=study)
    reason = request.POST.get("reason", "")
    try:
        services.reader_withdraw(membership=membership, reason=reason, now=timezone.now(), actor=user)
    except services.StudyError as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            f"{membership.code} is withdrawn. The next reader to be allocated takes over their cases and order.",
        )
    return redirect("study_detail", slug)


def _context(study: Study, form: MemberForm) -> dict[str, object]:
    now = timezone.now()
    progress = explanations.explanation_progress(study)
    scores = studies.score_progress(study)
    readers = selectors.readers_progress(study, now=now)
    imports = list(study.imports.order_by("-created_at", "-pk"))
    problems = [problem for run in imports for problem in run.problems]
    return {
        "study": study,
        "form": form,
        "images": study.images.count(),
        "score_progress": scores,
        "score_failures": studies.scorings_failed(study)[:FAILURES_SHOWN],
        "excluded": studies.excluded_for_development(study),
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
        "selection": _by_target(study),
        "training": study.cases.training().count(),
        "plan": study.reading_plan,
        "explanations": progress,
        "failures": explanations.explanations_failed(study)[:FAILURES_SHOWN],
        "workers": workers_alive(now=shared_now(), queue=GPU),
        "readers": readers,
        "by_seed": selectors.allocated_by_seed(study),
        "unblinding": study.audit.filter(action="study_unblinded").select_related("actor").first(),
        "unlocks": selectors.unlocks_waiting(study),
        "members": study.memberships.select_related("user").order_by("role", "created_at", "pk"),
        "next_command": _next_command(study, progress, readers),
        "watching": progress.unfinished > 0 or scores.unfinished > 0,
    }


def _by_target(study: Study) -> list[tuple[str, list[studies.TruthRow]]]:
    """Rows of the selection table: target, then what is known of its images."""
    rows: dict[str, list[studies.TruthRow]] = defaultdict(list)
    for row in studies.truth_table(study):
        rows[row.target].append(row)
    return list(rows.items())


def _all_read(readers: list[selectors.ReaderProgress]) -> bool:
    periods = [period for reader in readers if not reader.withdrawn for period in reader.periods]
    return bool(periods) and all(period.done == period.total for period in periods)


def _next_command(
    study: Study, progress: explanations.ExplanationProgress, readers: list[selectors.ReaderProgress]
) -> str:
    """What to run next from the shell to get the study going; empty where nothing is to be done."""
    if study.status == Study.Status.CLOSED:
        return ""
    scores = studies.score_progress(study)
    steps = (
        (not study.images.exists(), f"study_import {study.slug} --images DIR --labels CSV"),
        (not study.cases.exists() and scores.scored < scores.images - scores.failed, f"study_score {study.slug}"),
        (not study.cases.exists() or bool(study.selection_outdated), f"study_select {study.slug}"),
        (progress.asked < progress.cases, f"study_explain {study.slug}"),
        (progress.done < progress.asked, ""),
        (any(not reader.periods and not reader.withdrawn for reader in readers), f"study_allocate {study.slug}"),
        (_all_read(readers), f"study_close {study.slug}"),
    )
    return next((command for needed, command in steps if needed), "")
