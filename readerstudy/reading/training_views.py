"""Feedback on a training case: told once all its questions have a stored answer, and never about a study case."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from readerstudy.reading import methods, selectors, truth
from readerstudy.reading.methods import Kind
from readerstudy.reading.views import own_reading
from readerstudy.studies.access import user_of


@require_GET
@never_cache
def reading_feedback(request: HttpRequest, reading_id: uuid.UUID) -> HttpResponse:
    """Whether the prediction was right, where the finding is, and what the reader answered."""
    reading = own_reading(user_of(request), reading_id)
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
        "pictures": [panel for panel in methods.panels(blind.methods) if panel.kind in {Kind.XRAY, Kind.MAP}],
        "more": selectors.first_unanswered(reading.allocation, now=timezone.now(), training_only=True),
    }
    return render(request, "reading/feedback.html", context)


@require_GET
@never_cache
def reading_truth(request: HttpRequest, reading_id: uuid.UUID, panel: str) -> HttpResponse:
    """What a panel marked and what an expert drew, as a transparent picture of the X-ray's square."""
    reading = own_reading(user_of(request), reading_id)
    if not selectors.is_accessible(reading, now=timezone.now()):
        raise Http404
    feedback, shown = selectors.feedback_of(reading), methods.panels(reading.arm.methods)
    kind = next((one.kind for one in shown if one.key == panel), None)
    if feedback is None or kind not in {Kind.XRAY, Kind.MAP}:
        raise Http404
    drawn = selectors.truth_of(reading) if feedback.marked else ()
    overlay = selectors.overlay_of(reading, panel) if kind == Kind.MAP else b""
    return HttpResponse(truth.feedback_png(reading.case.image, drawn, overlay), content_type="image/png")
