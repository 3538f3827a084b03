"""A kind of leased work as one object: its rows, its queue and task, what a worker gets, how a result is stored."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from django.db import transaction
from django.db.models import QuerySet

from readerstudy.work import lease
from readerstudy.work.faults import Fault
from readerstudy.work.models import Leased
from readerstudy.work.sending import send_on_commit


class Job(Protocol):
    """What a worker gets to work on: rows that it holds by one token, and whatever it needs of them."""

    @property
    def token(self) -> uuid.UUID:
        """Who has it may store the result, as long as the lease lasts."""

    @property
    def rows(self) -> Collection[uuid.UUID]:
        """Keys of the rows."""


Row = TypeVar("Row", bound=Leased)
Held = TypeVar("Held", bound=Job)
Result = TypeVar("Result")


def one_each(rows: Sequence[Leased]) -> list[list[object]]:
    """A message for each row: its key."""
    return [[str(row.pk)] for row in rows]


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Row, Held, Result]):
    """One kind of leased work; `readerstudy.work` says how to declare one.

    `task` is the name in messages that wait in a queue: it outlives the module that it was made of, or messages sent
    before an update find nobody. `verb` and `noun` are its words for people ("explained", "case").

    `job` makes of the rows that were just claimed, still locked, what the worker gets, who will hold them by this
    token; None where there is nothing to do any more. `store` keeps a result for who holds the rows, and finishes them
    (`lease.finish`); it says how many, 0 where the lease was lost. Rows are sent in `order`; `related` are the
    relations that `job` and `messages` read.

    Where a message is about several rows, `messages` makes the messages of rows, `wanted` locks the rows to take on for
    one message, and `apart` splits a job into jobs of one row.
    """

    model: type[Row]
    queue: str
    task: str
    verb: str
    noun: str
    job: Callable[[Sequence[Row], uuid.UUID], Held | None]
    store: Callable[[Held, Result, datetime], int]
    order: tuple[str, ...] = ("queued_at", "pk")
    related: tuple[str, ...] = ()
    messages: Callable[[Sequence[Row]], Iterable[Sequence[object]]] = one_each
    wanted: Callable[..., Iterable[Row]] | None = None
    apart: Callable[[Held], Sequence[Held]] = lambda job: [job]

    @property
    def doing(self) -> str:
        """What a worker did that was lost with it: "explained this case"."""
        return f"{self.verb} this {self.noun}"

    def send(self, rows: Sequence[Row]) -> None:
        """Send the tasks of these rows when the transaction commits."""
        for message in self.messages(rows):
            send_on_commit(self.task, message, queue=self.queue)

    @transaction.atomic
    def claim(self, *message: Any, worker: str, now: datetime) -> Held | None:
        """Take on what a message is about; None where there is nothing to do: gone, done, failed, or taken."""
        token = uuid.uuid4()
        wanted = self.wanted(*message, now=now) if self.wanted else self._locked().filter(pk=message[0])
        claimed = [row for row in wanted if lease.claim(row, token, worker=worker, doing=self.doing, now=now)]
        return self.job(claimed, token) if claimed else None

    def extend(self, job: Held, *, now: datetime) -> bool:
        """Extend the lease; False where another worker has taken over, so that this one can stop."""
        return lease.extend(self._rows().filter(pk__in=job.rows), job.token, now)

    @transaction.atomic
    def fail(self, job: Held, *, error: str, now: datetime) -> bool:
        """Give up on a job with an error for people; False where another worker has taken over."""
        held = self.held(job)
        for row in held:
            lease.fail(row, error, now)
        return bool(held)

    @transaction.atomic
    def postpone(self, job: Held, *, fault: Fault, now: datetime) -> bool:
        """Have a job that met a passing fault wait for another try; False where another worker has taken over."""
        held = self.held(job)
        for row in held:
            lease.postpone(row, fault, now)
        return bool(held)

    @transaction.atomic
    def requeue(self, now: datetime, idle: bool) -> int:
        """The reaper: send again what nobody works on any more; how many. Every living worker calls it at its beat."""
        again = lease.reap(self._rows().order_by(*self.order), doing=self.doing, now=now, idle=idle)
        self.send(again)
        return len(again)

    def held(self, job: Held) -> list[Row]:
        """Those rows of a job that are still its worker's, locked. Within a transaction."""
        return [row for row in self._locked().filter(pk__in=job.rows).order_by("pk") if row.holds(job.token)]

    def _rows(self) -> QuerySet[Row]:
        rows: QuerySet[Row] = QuerySet(self.model)
        return rows.select_related(*self.related) if self.related else rows

    def _locked(self) -> QuerySet[Row]:
        return self._rows().select_for_update(of=("self",))
