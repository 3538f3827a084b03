"""Writes about people: making a user, making and using a one-time sign-in link."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from readerstudy.accounts.models import SignInLink, User


class SignInLinkError(Exception):
    """A sign-in link that cannot be used; the message says why and what to do."""


def user_get_or_create(*, email: str, name: str = "") -> tuple[User, bool]:
    """The user with this address, ignoring case, made without a password where there is none."""
    if user := User.objects.filter(email__iexact=email).first():
        return user, False
    first, _, last = name.partition(" ")
    return User.objects.create_user(email, first_name=first, last_name=last), True


def sign_in_link_create(*, user: User, now: datetime, hours: int) -> str:
    """A new token for this user, valid for `hours`; only its SHA-256 is stored."""
    token = secrets.token_urlsafe(32)
    SignInLink.objects.create(
        user=user, token_sha256=_digest(token), created_at=now, expires_at=now + timedelta(hours=hours)
    )
    return token


def sign_in_link_open(*, token: str, now: datetime) -> SignInLink:
    """The link of this token, still usable. Raises SignInLinkError."""
    return _checked(SignInLink.objects.select_related("user").filter(token_sha256=_digest(token)).first(), now)


@transaction.atomic
def sign_in_link_use(*, token: str, now: datetime) -> User:
    """Marks the link as used and returns its user; of two requests at once, one succeeds. Raises SignInLinkError."""
    links = SignInLink.objects.select_for_update(of=("self",)).select_related("user")
    link = _checked(links.filter(token_sha256=_digest(token)).first(), now)
    link.used_at = now
    link.save(update_fields=["used_at"])
    return link.user


def _checked(link: SignInLink | None, now: datetime) -> SignInLink:
    if link is None or not link.user.is_active:
        raise SignInLinkError("This sign-in link is not known. Ask the coordinator for a new one.")
    if link.used_at is not None:
        raise SignInLinkError("This sign-in link was used already. Ask the coordinator for a new one.")
    if link.expires_at <= now:
        raise SignInLinkError("This sign-in link has expired. Ask the coordinator for a new one.")
    return link


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
