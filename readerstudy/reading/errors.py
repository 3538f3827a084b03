"""A reader's own case: found, locked and open to them, or an error that says why not. Shared by all services."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from readerstudy.accounts.models import User
from readerstudy.reading import selectors
from readerstudy.reading.models import Reading


class ReadingNotFoundError(Exception):
    """No reading of this id belongs to the user."""


class ReadingClosedError(Exception):
    """The reading exists, but its period is not open to the reader now, or the case is locked."""


class AnswerRefusedError(Exception):
    """What is no answer to the question that was asked: unknown question, value off the scale. Never for its time."""


class ReasonMissingError(AnswerRefusedError):
    """A change to a submitted case that does not say why."""


class AnswerConflictError(Exception):
    """The id of this answer or visit already stands for something else."""


class UnlockAnswerError(Exception):
    """What the coordinator answers to a request to unlock cannot stand; the message says why."""


def own_reading(reading_id: uuid.UUID, user: User) -> Reading:
    """The user's reading, without a lock: a report of time or events never makes an answer wait."""
    return _own(Reading.objects.all(), reading_id, user)


def own_reading_locked(reading_id: uuid.UUID, user: User) -> Reading:
    """The user's reading, its row locked until the transaction ends. Raises ReadingNotFoundError."""
    locked = Reading.objects.select_for_update(of=("self",))
    return _own(locked.select_related("allocation__membership__study", "period", "case__image"), reading_id, user)


def _own(readings: QuerySet[Reading], reading_id: uuid.UUID, user: User) -> Reading:
    reading = readings.filter(pk=reading_id, allocation__membership__user=user).first()
    if reading is None:
        raise ReadingNotFoundError("There is no such case among yours. Is somebody else signed in on this computer?")
    return reading


def require_open(reading: Reading, now: datetime, rows: Sequence[selectors.ReadingRow] | None = None) -> None:
    """Raises ReadingClosedError where the reader may not see the case now."""
    if not selectors.is_accessible(reading, now=now, rows=rows):
        raise ReadingClosedError("This case is not open to you now: its period has ended or has not begun.")
