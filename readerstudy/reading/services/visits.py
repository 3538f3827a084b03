"""Writes about time and exposure: how long a reader was on a case, and what they looked at. Sent twice, stored once."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import PositiveIntegerField, Value
from django.db.models.functions import Coalesce, Greatest

from readerstudy.accounts.models import User
from readerstudy.reading.exposure import Record
from readerstudy.reading.models import Event, Reading, Visit
from readerstudy.reading.services.own import AnswerConflictError, AnswerRefusedError, own_reading, require_plausible

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

    Returns the active seconds that stand. Raises ReadingNotFoundError, AnswerRefusedError for impossible seconds, and
    AnswerConflictError where the id is another reading's. A report may arrive after the period closed: the time was
    spent before.
    """
    return _visit_grow(visit_id, own_reading(reading_id, user), time, now=now).seconds


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
) -> None:
    """Adds what a page recorded; what came before under the same sequence number is left as it is.

    `lost` is how many records the page has given up on so far. A batch carries the time of its visit too, so that the
    two never contradict each other. Raises what visit_store raises.
    """
    visit = _visit_grow(visit_id, own_reading(reading_id, user), time, now=now)
    if any(record.seconds > visit.seconds for record in records):
        raise AnswerRefusedError("An event cannot come after the active time of its visit.")
    events = [Event(visit=visit, received_at=now, **asdict(record)) for record in records]
    Event.objects.bulk_create(events, ignore_conflicts=True)
    Visit.objects.filter(pk=visit.pk, events_lost__lt=lost).update(events_lost=lost)


def _visit_grow(visit_id: uuid.UUID, reading: Reading, time: VisitTime, *, now: datetime) -> Visit:
    """The visit, made if this is the first report of it; reports may arrive late, twice and in any order."""
    for seconds in (time.seconds, time.idle_seconds, time.hidden_seconds):
        require_plausible(seconds, reading, visits=1, now=now)
    if time.painted_ms is not None and not (math.isfinite(time.painted_ms) and time.painted_ms >= 0):
        raise AnswerRefusedError(f"Nobody waits {time.painted_ms} milliseconds for pictures.")
    painted_ms = None if time.painted_ms is None else round(min(time.painted_ms, LONGEST_WAIT_MS))
    total = time.seconds + time.idle_seconds + time.hidden_seconds
    started_at = now - timedelta(seconds=total)
    visit = Visit(id=visit_id, reading=reading, started_at=started_at, seconds=time.seconds)
    Visit.objects.bulk_create([visit], ignore_conflicts=True)
    Visit.objects.filter(pk=visit_id, reading=reading).update(
        seconds=Greatest("seconds", time.seconds),
        idle_seconds=Greatest("idle_seconds", time.idle_seconds),
        hidden_seconds=Greatest("hidden_seconds", time.hidden_seconds),
        painted_ms=Coalesce("painted_ms", Value(painted_ms, PositiveIntegerField())),
    )
    stored = Visit.objects.get(pk=visit_id)
    if stored.reading_id != reading.pk:
        raise AnswerConflictError("This visit belongs to another case. Reload the page.")
    return stored
