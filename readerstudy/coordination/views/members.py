"""Who takes part in a study: adding a member, and ending a reader's part."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from readerstudy.coordination.forms import MemberForm
from readerstudy.coordination.views.study import study_page
from readerstudy.studies import services
from readerstudy.studies.access import Role, study_for, user_of
from readerstudy.studies.models import Membership


@require_POST
@never_cache
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    """Adds a member and shows their one-time sign-in link, once: the database holds no more than its SHA-256."""
    user = user_of(request)
    study = study_for(user, slug, Role.COORDINATOR)
    form = MemberForm(request.POST)
    if not form.is_valid():
        return study_page(request, study, form, status=422)
    try:
        membership, token = services.member_add(study=study, now=timezone.now(), actor=user, **form.cleaned_data)
    except services.StudyError as error:
        form.add_error(None, str(error))
        return study_page(request, study, form, status=422)
    membership = get_object_or_404(Membership.objects.select_related("user"), pk=membership.pk)
    link = request.build_absolute_uri(reverse("sign_in", args=[token])) if token else ""
    context = {"study": study, "membership": membership, "link": link, "hours": settings.SIGN_IN_LINK_HOURS}
    return render(request, "coordination/member_added.html", context)


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
