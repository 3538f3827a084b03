"""Writes about unlocking a submitted case: its reader asks, the coordinator grants or declines."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.lib.texts import unstorable
from readerstudy.reading import selectors
from readerstudy.reading.errors import AnswerConflictError, AnswerRefusedError, UnlockAnswerError
from readerstudy.reading.models import Unlock
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study
from readerstudy.studies.services import audit

REQUEST_LENGTH = 500


@transaction.atomic
def unlock_request(*, unlock_id: uuid.UUID, reading_id: uuid.UUID, reason: str, user: User, now: datetime) -> Unlock:
    """A reader asks to change a submitted case; a request that still stands is returned instead of a second one.

    Raises ReadingNotFoundError, ReadingClosedError, AnswerRefusedError, AnswerConflictError.
    """
    reading = selectors.reading_of(user, reading_id, locked=True)
    if known := Unlock.objects.filter(pk=unlock_id).first():
        if known.reading_id != reading.pk:
            raise AnswerConflictError("The id of this request was used for another case. Reload the page.")
        return known
    if unended := Unlock.objects.filter(reading=reading, ended_at=None).first():
        return unended
    selectors.require_open(reading, now=now)
    if not selectors.lock_of(reading).can_ask:
        raise AnswerRefusedError("This case needs no unlocking. Reload the page.")
    if not reason.strip() or unstorable(reason):
        raise AnswerRefusedError("Say why the case should be unlocked.")
    unlock = Unlock.objects.create(id=unlock_id, reading=reading, reason=reason.strip()[:REQUEST_LENGTH], asked_at=now)
    audit(
        study=reading.allocation.membership.study,
        actor=user,
        action=Action.UNLOCK_ASKED,
        detail=_unlock_detail(unlock),
        now=now,
    )
    return unlock


@transaction.atomic
def unlock_grant(*, study: Study, unlock_id: uuid.UUID, actor: User | None = None, now: datetime) -> Unlock:
    """The coordinator unlocks the case of a request; again changes nothing.

    Raises Unlock.DoesNotExist, and UnlockAnswerError for a request that was declined before.
    """
    unlock = _unlock_locked(study, unlock_id)
    if unlock.declined_because:
        raise UnlockAnswerError("This request was declined; the reader can ask again.")
    if unlock.granted_at is None:
        unlock.granted_at, unlock.granted_by = now, actor
        unlock.save(update_fields=["granted_at", "granted_by"])
        audit(study=study, actor=actor, action=Action.UNLOCK_GRANTED, detail=_unlock_detail(unlock), now=now)
    return unlock


@transaction.atomic
def unlock_decline(
    *, study: Study, unlock_id: uuid.UUID, reason: str, actor: User | None = None, now: datetime
) -> Unlock:
    """The coordinator leaves the case of a request locked and tells its reader why; again changes nothing.

    The reader may ask once more. Raises Unlock.DoesNotExist, and UnlockAnswerError without a reason or where the case
    was unlocked before.
    """
    unlock = _unlock_locked(study, unlock_id)
    if unlock.granted_at is not None:
        raise UnlockAnswerError("This case has been unlocked already.")
    if not reason.strip() or unstorable(reason):
        raise UnlockAnswerError("Say why the case stays locked: its reader is told.")
    if not unlock.declined_because:
        unlock.declined_because, unlock.ended_at = reason.strip()[:REQUEST_LENGTH], now
        unlock.save(update_fields=["declined_because", "ended_at"])
        detail = _unlock_detail(unlock) | {"declined_because": unlock.declined_because}
        audit(study=study, actor=actor, action=Action.UNLOCK_DECLINED, detail=detail, now=now)
    return unlock


def _unlock_locked(study: Study, unlock_id: uuid.UUID) -> Unlock:
    unlocks = Unlock.objects.select_for_update(of=("self",)).select_related("reading__allocation__membership__study")
    return unlocks.get(pk=unlock_id, reading__allocation__membership__study=study)


def _unlock_detail(unlock: Unlock) -> dict[str, Any]:
    reading = unlock.reading
    return {
        "reader": reading.allocation.membership.code,
        "period": reading.period.number,
        "position": reading.position,
        "reason": unlock.reason,
    }
