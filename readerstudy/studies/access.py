"""Who may open what: the one place that decides, for views of every app."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from readerstudy.accounts.models import User
from readerstudy.studies.models import Membership, Study

Role = Membership.Role


def user_of(request: HttpRequest) -> User:
    """The signed-in user; LoginRequiredMiddleware has seen to it that there is one."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def study_for(user: User, slug: str, *roles: str) -> Study:
    """The study, if the user has one of the roles in it.

    Someone without any role there gets 404, as if the study did not exist; a member with another role gets 403. Someone
    who reads in the study sees no page that could unblind them (every role but reader) until the study is closed.
    """
    study = Study.objects.filter(slug=slug, memberships__user=user).distinct().first()
    if study is None:
        raise Http404
    held = set(study.memberships.filter(user=user).values_list("role", flat=True))
    if not held.intersection(roles):
        raise PermissionDenied(f"This page is for: {', '.join(roles)}.")
    if Role.READER not in roles and Role.READER in held and study.status != Study.Status.CLOSED:
        raise PermissionDenied("You read in this study. This page opens to you when the study is closed.")
    return study
