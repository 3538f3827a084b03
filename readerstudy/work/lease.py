"""A task as a row: who works on it holds a lease, extends it while alive, and loses it to another when it runs out.

Brokers deliver a task at least once, so a task is no more than a hint to look at the row. A claim writes a new token
into the row; only who holds the row's token can extend, store or fail it. A worker that comes back from the dead finds
its token replaced.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import models
from django.db.models import QuerySet

from readerstudy.work import faults, pulse
from readerstudy.work.faults import LOST, Fault
from readerstudy.work.models import Leased, time_of

# Longer than a worker can be silent while alive (it beats several times in between), and shorter than the broker's
# visibility timeout: so a task that the broker hands out again finds the dead worker's lease run out.
LEASE = pulse.LEASE
# The first attempt and three takeovers: a task that kills its worker must not kill workers for ever.
MAX_ATTEMPTS = 4
# A task that waits longer than this for a worker that has nothing to do is taken for lost by the broker.
LOST_AFTER = pulse.LOST_AFTER
NO_TIME = timedelta()
_LEASE_FIELDS = ["status", "worker", "lease_token", "lease_until"]


Row = TypeVar("Row", bound=Leased)
Status = Leased.Status


class LeaseLostError(Exception):
    """Another worker has taken over: what this one does is of no use any more."""


def claim(row: Leased, token: uuid.UUID, *, worker: str, doing: str, now: datetime) -> bool:
    """Take on a locked row by this token; False where there is nothing to do: done, failed, with a living worker.

    A row whose workers were lost too often fails instead; `doing` says in its error what they did ("explained this
    case").
    """
    if not row.is_free(now):
        return False
    if row.attempts >= MAX_ATTEMPTS:
        give_up(row, doing=doing, now=now)
        return False
    take(row, token, worker=worker, now=now)
    return True


def take(row: Leased, token: uuid.UUID, *, worker: str, now: datetime) -> None:
    """Write a new lease into a locked row that is free. Rows that are worked on as one job share the token."""
    row.status, row.worker, row.lease_token, row.lease_until = Status.RUNNING, worker, token, now + LEASE
    row.attempts += 1
    row.error, row.retry_at = "", None
    row.save(update_fields=[*_LEASE_FIELDS, "attempts", "error", "retry_at"])


def extend(rows: QuerySet[Row], token: uuid.UUID, now: datetime) -> bool:
    """Extend the lease of the row in `rows`, or of several; False where another worker has taken over."""
    held = rows.filter(status=Status.RUNNING, lease_token=token)
    return held.update(lease_until=now + LEASE) > 0


def finish(row: Leased, now: datetime) -> None:
    """End a locked row whose result is stored, and save it with all that was written into it."""
    row.status, row.error, row.finished_at = Status.DONE, "", now
    row.lease_token = row.lease_until = row.retry_at = None
    row.save()


def fail(row: Leased, error: str, now: datetime) -> None:
    """End a locked row with an error for people."""
    row.status, row.error, row.finished_at = Status.FAILED, error.strip()[:4000] or "no reason given", now
    row.lease_token = row.lease_until = row.retry_at = None
    row.save(update_fields=["status", "error", "finished_at", "lease_token", "lease_until", "faults", "retry_at"])


def postpone(row: Leased, fault: Fault, now: datetime) -> bool:
    """Have a locked row that met a fault wait for another try; False where it was tried often enough, and fails."""
    row.faults += 1
    if fault.tries is not None and row.faults >= fault.tries:
        fail(row, f"It was tried {row.faults} times: {fault.words}. See to that, then try again.", now)
        return False
    # What met a fault has not brought its worker down: that try does not count.
    row.attempts = max(row.attempts - 1, 0)
    row.status, row.worker, row.lease_token, row.lease_until = Status.PENDING, "", None, None
    row.error, row.retry_at = fault.words, now + faults.pause(row.faults)
    row.save(update_fields=[*_LEASE_FIELDS, "attempts", "error", "faults", "retry_at"])
    return True


def give_up(row: Leased, *, doing: str, now: datetime) -> None:
    """End a locked row whose workers were lost too often."""
    fail(
        row,
        f"The worker ({row.worker or 'unknown'}) was lost {row.attempts} times while it {doing}. Look at its log and "
        "its memory, then try again.",
        now,
    )


def put_back(row: Leased, now: datetime) -> None:
    """Make a locked row wait for a worker, with a fresh count of attempts."""
    row.status, row.attempts, row.error, row.queued_at, row.finished_at = Status.PENDING, 0, "", now, None
    row.faults, row.retry_at = 0, None
    row.save(update_fields=["status", "attempts", "error", "queued_at", "finished_at", "faults", "retry_at"])


@dataclass(frozen=True)
class Postponed:
    """Rows that wait to be tried again for one reason; `at` is when the first of them is, None for now."""

    words: str
    count: int
    at: datetime | None

    def __str__(self) -> str:
        wait = "waits" if self.count == 1 else "wait"
        return f"{self.count} {wait} to be tried again {time_of(self.at)}, because {self.words}"


def postponed(rows: QuerySet[Row]) -> list[Postponed]:
    """What waits among these rows to be tried again, by reason."""
    waiting = rows.filter(status=Status.PENDING).exclude(error="").order_by().values_list("error")
    found = waiting.annotate(models.Count("pk"), models.Min("retry_at")).order_by("error")
    return [Postponed(*values) for values in found]


def release(*, worker: str, now: datetime) -> int:
    """End the leases of a worker process that is known to be gone, so that nobody waits for them; how many."""
    ended = 0
    for kind in Leased.__subclasses__():
        held: QuerySet[Leased] = QuerySet(kind).filter(status=Status.RUNNING, worker=worker, lease_until__gt=now)
        ended += held.update(lease_until=now)
    return ended


def reap(rows: QuerySet[Row], *, doing: str, now: datetime, idle: bool) -> list[Row]:
    """Put back what nobody works on any more, in the order of `rows`; returns what is to be sent again.

    A row whose worker fell silent waits again: at first not at all, then for longer and longer, and it fails after
    MAX_ATTEMPTS. A row whose pause is over is sent. `idle` is whether the worker that asks has had nothing to do for a
    while: then the tasks of rows that wait are taken for lost; a task too many does no harm. Within a transaction.
    """
    free = rows.select_for_update(skip_locked=True, of=("self",))
    for row in free.filter(status=Status.RUNNING, lease_until__lte=now):
        if row.attempts >= MAX_ATTEMPTS:
            give_up(row, doing=doing, now=now)
            continue
        row.status, row.worker, row.lease_token, row.lease_until = Status.PENDING, "", None, None
        row.error, row.retry_at = LOST.words, now + (faults.pause(row.attempts - 1) if row.attempts > 1 else NO_TIME)
        row.save(update_fields=[*_LEASE_FIELDS, "error", "retry_at"])
    due = models.Q(retry_at__lte=now)
    lost = models.Q(retry_at=None, queued_at__lte=now - LOST_AFTER) if idle else models.Q(pk=None)
    again = list(free.filter(due | lost, status=Status.PENDING))
    for row in again:
        row.retry_at, row.queued_at = None, now
    rows.bulk_update(again, ["retry_at", "queued_at"])
    return again
