"""The rating page of a case, and its files."""

from __future__ import annotations

import functools
import hashlib
import uuid

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET

from readerstudy.lib.media import media_path
from readerstudy.reading import assets, selectors, services
from readerstudy.reading.errors import ReadingClosedError, ReadingNotFoundError
from readerstudy.reading.models import Reading
from readerstudy.reading.panels import panels
from readerstudy.reading.views.start import instructions
from readerstudy.studies.access import user_of

ASSET_SECONDS = 3600


@require_GET
@never_cache
@ensure_csrf_cookie
def reading_case(request: HttpRequest, reading_id: uuid.UUID) -> HttpResponse:
    """The rating page of one case. Leads to the start page where its period is not open."""
    user, now = user_of(request), timezone.now()
    reading = reading_or_404(request, reading_id)
    study = reading.allocation.membership.study
    rows = selectors.reading_rows(reading.allocation)  # once: they are a fifth of what the page costs
    blind = selectors.blind_reading(reading, rows)
    if not blind.ready and selectors.is_accessible(reading, now=now, rows=rows):
        return render(request, "reading/not_ready.html", {"study": study, "blind": blind})
    if selectors.ends_a_period(reading, now=now, rows=rows):
        return redirect("reading_start", study.slug)  # there the reader begins the next one, or goes back
    try:
        services.reading_open(reading_id=reading_id, user=user, now=now, rows=rows)
    except ReadingClosedError:
        return redirect("reading_start", study.slug)
    context = {
        "study": study,
        "blind": blind,
        "panels": panels(blind.methods, deep=blind.deep),
        "next_assets": selectors.following_assets(blind),
        "owner": user.pk,
        "next_url": _next_url(blind),
        "next_is_case": blind.following_id is not None and not blind.training,
        "version": page_version(),
        "break_after_minutes": study.reading_plan.break_after_minutes,
        **instructions(study),
    }
    return render(request, "reading/case.html", context)


def _next_url(blind: selectors.BlindReading) -> str:
    """After a training case its feedback; else the case that follows, or whatever is open then."""
    if blind.training:
        return reverse("reading_feedback", args=[blind.id])
    if blind.following_id:
        return reverse("reading_case", args=[blind.following_id])
    return reverse("reading_next", args=[blind.study.slug])


@require_GET
@never_cache
def reading_steps(request: HttpRequest, reading_id: uuid.UUID) -> HttpResponse:
    """The list of the period's cases, for the bar of the rating page."""
    reading = reading_or_404(request, reading_id)
    rows = selectors.reading_rows(reading.allocation)
    if not selectors.is_accessible(reading, now=timezone.now(), rows=rows):
        raise Http404
    return render(request, "reading/_steps.html", {"blind": selectors.blind_reading(reading, rows)})


@functools.cache
def page_version() -> str:
    """Another one after every change of the rating page's parts: a page puts no case of another one in its place."""
    digest = hashlib.sha256()
    for pattern in ("templates/**/*.html", "static/**/*.js", "static/**/*.css"):
        for path in sorted(settings.BASE_DIR.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@require_GET
def reading_asset(request: HttpRequest, reading_id: uuid.UUID, name: str) -> HttpResponse:
    """A file that the arm of the reader's own case shows, from their first look at its period to the period's end."""
    reading = reading_or_404(request, reading_id)
    artefacts = selectors.reading_artefacts(reading, name)
    rows = selectors.reading_rows(reading.allocation)
    if not artefacts or not selectors.is_accessible(reading, now=timezone.now(), rows=rows):
        raise Http404
    # Opening a case of the next period ends corrections of this one: so nobody has both arms of a case before them.
    if not any(row.opened for row in rows if row.period_id == reading.period_id):
        raise Http404
    # Made of the reading and of what only the server knows, so that no tag tells the same picture in two places or one
    # of a published data set.
    made_of = "/".join(artefact.sha256 for artefact in artefacts)
    etag = quote_etag(salted_hmac("reading_asset", f"{reading.pk}/{name}/{made_of}", algorithm="sha256").hexdigest())
    headers = {"ETag": etag, "Cache-Control": f"private, max-age={ASSET_SECONDS}, immutable"}
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers=headers)
    stored = [media_path(artefact.file).read_bytes() for artefact in artefacts]
    percent = assets.marked_percent(reading.allocation.membership.study.parameters)
    content_type, content = assets.for_reader(name, stored, percent=percent)
    return HttpResponse(content, content_type=content_type, headers=headers)


def reading_or_404(request: HttpRequest, reading_id: uuid.UUID) -> Reading:
    """The user's own reading of this id; 404 for any other, also where another reader has it."""
    try:
        return selectors.reading_of(user_of(request), reading_id)
    except ReadingNotFoundError as error:
        raise Http404 from error
