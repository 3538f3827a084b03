"""Writes about the beginning: a reader has read the instructions, and opens a case."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.reading.models import Allocation, Reading
from readerstudy.reading.selectors import ReadingRow, reading_of, require_open


@transaction.atomic
def instructions_acknowledge(*, allocation: Allocation, now: datetime) -> None:
    """Records when the reader first said that they have read the instructions."""
    Allocation.objects.filter(pk=allocation.pk, instructions_read_at=None).update(instructions_read_at=now)


@transaction.atomic
def reading_open(
    *, reading_id: uuid.UUID, user: User, now: datetime, rows: Sequence[ReadingRow] | None = None
) -> Reading:
    """The user's reading, marked as opened now if it never was. `rows` are all of the reader's, where they are at hand.

    Raises ReadingNotFoundError, ReadingClosedError.
    """
    reading = reading_of(user, reading_id, locked=True)
    require_open(reading, now=now, rows=rows)
    if reading.opened_at is None:
        reading.opened_at = now
        reading.save(update_fields=["opened_at"])
    return reading
