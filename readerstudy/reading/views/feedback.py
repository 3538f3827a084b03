"""Feedback on a training case: told once all its questions have a stored answer, and never about a study case."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from readerstudy.lib.media import media_path
from readerstudy.reading import outlines, selectors
from readerstudy.reading.views.rating import reading_or_404


@require_GET
@never_cache
def reading_feedback(request: HttpRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Whether the prediction was right, where the finding is, and what the reader answered."""
    reading = reading_or_404(request, reading_id)
    study = reading.allocation.membership.study
    if not selectors.is_accessible(reading, now=timezone.now()):
        return redirect("reading_start", study.slug)
    feedback = selectors.feedback_of(reading)
    if feedback is None:
        return redirect("reading_case", reading_id)
    blind = selectors.blind_reading(reading)
    context = {
        "study": study,
        "blind": blind,
        "feedback": feedback,
        "pictures": [(panel.key, panel.title) for panel in selectors.stills(blind.methods)],
        "more": selectors.first_unanswered(reading.allocation, now=timezone.now(), training_only=True),
    }
    return render(request, "reading/feedback.html", context)


@require_GET
@never_cache
def reading_outline(request: HttpRequest, reading_id: uuid.UUID, name: str) -> HttpResponse:
    """The X-ray or a map of the reading's arm, with the outline of what an expert drew where there is one to tell."""
    reading = reading_or_404(request, reading_id)
    feedback = selectors.feedback_of(reading) if selectors.is_accessible(reading, now=timezone.now()) else None
    picture = selectors.still_of(reading, name) if feedback else None
    if feedback is None or picture is None:
        raise Http404
    drawn = selectors.expert_annotations(reading) if feedback.marked else ()
    stored = media_path(picture.file).read_bytes()
    return HttpResponse(outlines.outlined_png(stored, reading.case.image, drawn), content_type="image/png")
