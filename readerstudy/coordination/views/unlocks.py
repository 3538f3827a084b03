"""What the coordinator answers to readers who ask to change a case that they submitted."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from readerstudy.reading import services
from readerstudy.reading.errors import UnlockAnswerError
from readerstudy.reading.models import Unlock
from readerstudy.studies.access import Role, study_for, user_of


@require_POST
def unlock_grant(request: HttpRequest, slug: str, unlock_id: uuid.UUID) -> HttpResponse:
    """Unlocks a case whose reader asked for it."""
    return _answer(request, slug, unlock_id, services.unlock_grant)


@require_POST
def unlock_decline(request: HttpRequest, slug: str, unlock_id: uuid.UUID) -> HttpResponse:
    """Leaves a case locked, and tells the reader who asked why."""
    return _answer(request, slug, unlock_id, partial(services.unlock_decline, reason=request.POST.get("reason", "")))


def _answer(request: HttpRequest, slug: str, unlock_id: uuid.UUID, answer: Callable[..., Unlock]) -> HttpResponse:
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    try:
        answer(study=study, unlock_id=unlock_id, actor=user, now=timezone.now())
    except Unlock.DoesNotExist as error:
        raise Http404 from error
    except UnlockAnswerError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('study_detail', args=[slug])}#unlocks")
