"""Writes about time and exposure: how long a reader was on a case, and what they looked at. Sent twice, stored once."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import PositiveIntegerField, Value
from django.db.models.functions import Coalesce, Greatest

from readerstudy.accounts.models import User
from readerstudy.reading.durations import duration_of
from readerstudy.reading.errors import AnswerConflictError
from readerstudy.reading.events import Record
from readerstudy.reading.models import Event, Reading, Visit
from readerstudy.reading.selectors import reading_of

LONGEST_WAIT_MS = 60 * 60 * 1000  # for a page's pictures; an hour says enough


@dataclass(frozen=True)
class VisitTime:
    """What a page counted since it was opened: time active, in view but idle, and hidden; its wait for pictures."""

    seconds: float
    idle_seconds: float = 0
    hidden_seconds: float = 0
    painted_ms: float | None = None


@transaction.atomic
def visit_store(*, visit_id: uuid.UUID, reading_id: uuid.UUID, time: VisitTime, user: User, now: datetime) -> float:
    """Records the time of one opening of a case's page, counted from its start; it only ever grows.

    Returns the active seconds that stand. Times that cannot be right are kept with a doubt. A report may arrive after
    the period closed: the time was spent before. Raises ReadingNotFoundError, and AnswerConflictError where the id is
    another reading's.
    """
    return _visit_grow(visit_id, reading_of(user, reading_id), time, now=now).seconds


@transaction.atomic
def events_store(
    *,
    visit_id: uuid.UUID,
    reading_id: uuid.UUID,
    records: Sequence[Record],
    time: VisitTime,
    lost: int,
    user: User,
    now: datetime,
) -> list[int]:
    """Adds what a page recorded; what came before under the same sequence number is left as it is.

    `lost` is how many records the page has given up on so far. A batch carries the time of its visit too. Returns the
    sequence numbers of records that cannot be, since they lie after the active time of their visit: these are left out.
    Raises what visit_store raises.
    """
    visit = _visit_grow(visit_id, reading_of(user, reading_id), time, now=now)
    fits = [record for record in records if record.seconds <= visit.seconds]
    events = [Event(visit=visit, received_at=now, **record.model_dump()) for record in fits]
    Event.objects.bulk_create(events, ignore_conflicts=True)
    Visit.objects.filter(pk=visit.pk, events_lost__lt=lost).update(events_lost=lost)
    return [record.sequence for record in records if record not in fits]


def _visit_grow(visit_id: uuid.UUID, reading: Reading, time: VisitTime, *, now: datetime) -> Visit:
    """The visit, made if this is the first report of it; reports may arrive late, twice and in any order."""
    counted = [
        duration_of(seconds, opened_at=reading.opened_at, now=now)
        for seconds in (time.seconds, time.idle_seconds, time.hidden_seconds)
    ]
    doubt = next((duration.doubt for duration in counted if duration.doubt), "")
    active, idle, hidden = (max(0.0, duration.seconds or 0.0) for duration in counted)
    painted = time.painted_ms if time.painted_ms is not None and math.isfinite(time.painted_ms) else None
    painted_ms = None if painted is None or painted < 0 else round(min(painted, LONGEST_WAIT_MS))
    started_at = now - timedelta(seconds=active + idle + hidden)
    visit = Visit(id=visit_id, reading=reading, started_at=started_at, seconds=0)
    Visit.objects.bulk_create([visit], ignore_conflicts=True)
    mine = Visit.objects.filter(pk=visit_id, reading=reading)
    # A doubt is about the longest time that was reported, which is the one that stands.
    mine.filter(seconds__lte=active).update(seconds_doubt=doubt)
    mine.update(
        seconds=Greatest("seconds", active),
        idle_seconds=Greatest("idle_seconds", idle),
        hidden_seconds=Greatest("hidden_seconds", hidden),
        painted_ms=Coalesce("painted_ms", Value(painted_ms, PositiveIntegerField())),
    )
    stored = Visit.objects.get(pk=visit_id)
    if stored.reading_id != reading.pk:
        raise AnswerConflictError("This visit belongs to another case. Reload the page.")
    return stored
