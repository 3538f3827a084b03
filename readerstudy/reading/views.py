"""Pages and addresses of a reader: my studies, start of a study, one case, its files, answers and time."""

from __future__ import annotations

import hashlib
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from readerstudy.accounts.models import User
from readerstudy.lib.media import media_path
from readerstudy.reading import assets, methods, selectors, services
from readerstudy.reading.markdown import markdown_html
from readerstudy.reading.models import Allocation, Reading
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Study

ASSET_SECONDS = 3600


def _study_to_read(user: User, slug: str) -> tuple[Study, Allocation | None]:
    study = study_for(user, slug, Role.READER)
    return study, selectors.allocation_of(user, study)


@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """The user's studies, with what each of their roles lets them do."""
    entries = selectors.studies_of(user_of(request), now=timezone.now())
    return render(request, "reading/home.html", {"entries": entries})


@require_GET
@never_cache
def reading_start(request: HttpRequest, slug: str) -> HttpResponse:
    """Instructions, what is open now and until when, and how far the reader is."""
    study, allocation = _study_to_read(user_of(request), slug)
    periods = selectors.periods_of(allocation, now=timezone.now()) if allocation else []
    context = {
        "study": study,
        "allocation": allocation,
        "instructions": markdown_html(study.instructions),
        "periods": periods,
        "current": next((period for period in periods if period.state is selectors.PeriodState.OPEN), None),
        "all_done": bool(periods) and all(period.done == period.total for period in periods),
        "shown_methods": methods.described(method for arm in study.arms.all() for method in arm.methods),
    }
    return render(request, "reading/start.html", context)


@require_POST
def reading_begin(request: HttpRequest, slug: str) -> HttpResponse:
    """The reader has read the instructions and goes on to the first unanswered case."""
    _, allocation = _study_to_read(user_of(request), slug)
    if allocation is None:
        return redirect("reading_start", slug)
    services.instructions_acknowledge(allocation=allocation, now=timezone.now())
    return redirect("reading_next", slug)


@require_GET
@never_cache
def reading_next(request: HttpRequest, slug: str) -> HttpResponse:
    """Leads to the first unanswered case, or to the start page where none is open."""
    study, allocation = _study_to_read(user_of(request), slug)
    if allocation is None or allocation.instructions_read_at is None or study.status != Study.Status.OPEN:
        return redirect("reading_start", slug)
    reading_id = selectors.first_unanswered(allocation, now=timezone.now())
    return redirect("reading_case", reading_id) if reading_id else redirect("reading_start", slug)


@require_GET
@never_cache
@ensure_csrf_cookie
def reading_case(request: HttpRequest, reading_id: uuid.UUID) -> HttpResponse:
    """The rating page of one case. Leads to the start page where its period is not open."""
    user, now = user_of(request), timezone.now()
    reading = _own_reading(user, reading_id)
    study = reading.allocation.membership.study
    blind = selectors.blind_reading(reading)
    if not blind.ready and selectors.is_accessible(reading, now=now):
        return render(request, "reading/not_ready.html", {"study": study, "blind": blind})
    try:
        services.reading_open(reading_id=reading_id, user=user, now=now)
    except services.ReadingClosedError:
        return redirect("reading_start", study.slug)
    context = {
        "study": study,
        "blind": blind,
        "panels": methods.panels(blind.methods, deep=blind.deep),
        "next_assets": list(selectors.reading_assets(blind.next_methods, deep=blind.deep))
        if blind.next_methods
        else [],
        "owner": user.pk,
    }
    return render(request, "reading/case.html", context)


@require_GET
def reading_asset(request: HttpRequest, reading_id: uuid.UUID, name: str) -> HttpResponse:
    """A file that the arm of the reader's own case shows, from their first look at its period to the period's end."""
    reading = _own_reading(user_of(request), reading_id)
    artefacts = selectors.reading_artefacts(reading, name)
    if not artefacts or not selectors.is_accessible(reading, now=timezone.now()):
        raise Http404
    # Opening a case of the next period ends corrections of this one: so nobody has both arms of a case before them.
    if not Reading.objects.filter(
        allocation=reading.allocation, period=reading.period, opened_at__isnull=False
    ).exists():
        raise Http404
    # Made of the reading, so that the same picture in two places cannot be told to be the same without looking at it.
    made_of = "/".join(artefact.sha256 for artefact in artefacts)
    etag = quote_etag(hashlib.sha256(f"{reading.pk}/{name}/{made_of}".encode()).hexdigest()[:32])
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={ASSET_SECONDS}, immutable"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    stored = [media_path(artefact.file).read_bytes() for artefact in artefacts]
    percent = assets.marked_percent(reading.allocation.membership.study.parameters)
    content_type, content = assets.for_reader(name, stored, percent=percent)
    return HttpResponse(content, content_type=content_type, headers=headers)


def _own_reading(user: User, reading_id: uuid.UUID) -> Reading:
    reading = selectors.reading_of(user, reading_id)
    if reading is None:
        raise Http404
    return reading
