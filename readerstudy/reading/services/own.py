"""A reader's own case: found, locked and open to them, or an error that says why not. Shared by all services."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from readerstudy.accounts.models import User
from readerstudy.reading import selectors
from readerstudy.reading.models import Reading

CLOCK_TOLERANCE = timedelta(seconds=5)


class ReadingNotFoundError(Exception):
    """No reading of this id belongs to the user."""


class ReadingClosedError(Exception):
    """The reading exists, but its period is not open to the reader now, or the case is locked."""


class AnswerRefusedError(Exception):
    """An answer or a time that cannot be right: unknown question, value off the scale, impossible seconds."""


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


def require_plausible(seconds: float, reading: Reading, *, visits: int, now: datetime) -> None:
    """Active time cannot exceed the time since the case was first opened, once for every visit."""
    if reading.opened_at is None:
        raise AnswerRefusedError("This case has not been opened yet. Reload the page.")
    limit = (now - reading.opened_at + CLOCK_TOLERANCE).total_seconds() * visits
    if not (math.isfinite(seconds) and 0 <= seconds <= limit):
        raise AnswerRefusedError(f"{seconds} seconds of active time are impossible: at most {limit:.0f} have passed.")
