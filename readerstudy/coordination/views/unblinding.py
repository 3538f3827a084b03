"""Ending the blinding of a closed study's analysts."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from readerstudy.studies import services
from readerstudy.studies.access import Role, study_for, user_of


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
