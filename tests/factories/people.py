"""Makers of people and of their part in a study."""

import itertools
from datetime import UTC, datetime

from readerstudy.accounts.models import User
from readerstudy.studies.models import Membership, Study

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_user(email: str = "", *, name: str = "") -> User:
    """The user of this address, made if there is none; without an address, somebody new."""
    email = email or f"person{next(_numbers)}@example.org"
    existing = User.objects.filter(email=email).first()
    return existing or User.objects.create_user(email, first_name=name)


def member_make(study: Study, role: str, email: str = "", *, code: str = "") -> Membership:
    """A member; readers get R1, R2, ... unless `code` says otherwise."""
    if role == Membership.Role.READER and not code:
        code = f"R{study.memberships.exclude(code='').count() + 1}"
    user = make_user(email or f"{role}{code}@{study.slug}.invalid".lower())
    return Membership.objects.create(study=study, user=user, role=role, code=code, created_at=NOW)
