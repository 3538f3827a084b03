"""The frame in which a worker does leased work: claim, compute while the lease is extended, store or say why not."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from celery import Task, shared_task
from django.db import connections

from readerstudy.lib.clock import shared_now
from readerstudy.work import beat, faults
from readerstudy.work.faults import Fault, anew
from readerstudy.work.heartbeat import Heartbeat
from readerstudy.work.kinds import Held, Kind, Result
from readerstudy.work.lease import LeaseLostError
from readerstudy.work.pool.process import name_of
from readerstudy.work.pulse import LEASE_INTERVAL

logger = logging.getLogger(__name__)
#: What becomes of a row that is not done.
FAILED, POSTPONED, LOST = "failed", "postponed", "lease lost"


def leased_task(kind: Kind[Any, Any, Any]) -> Callable[[Callable[..., Any]], Task[..., Any]]:
    """A decorator: the Celery task of a kind. Workers that know it send again what nobody works on any more."""
    beat.reap_with(kind.queue)(kind.requeue)
    return shared_task(name=kind.task, acks_late=True)


@dataclass(frozen=True, kw_only=True)
class Computing(Generic[Held, Result]):
    """How a worker computes a kind of work.

    `compute` gives, of the jobs that it is handed, each or each part with its result or with what was wrong with it, in
    any order; an error that it raises instead is of all that are left. `beside` takes on more jobs that go well with
    the one that a message asked for, in the name of the worker. Errors that are `own` speak for themselves, of others
    people are told the type. `passing` knows the fault behind an error that will pass by itself.
    """

    kind: Kind[Any, Held, Result]
    compute: Callable[[Sequence[Held]], Iterable[tuple[Held, Result | Exception]]]
    beside: Callable[[Held, str], Sequence[Held]] = lambda _job, _worker: ()
    own: tuple[type[Exception], ...] = ()
    passing: Callable[[Exception], Fault | None] = faults.passing

    def work(self, *message: Any) -> dict[uuid.UUID, str]:
        """Do what a message asks for; what became of each row, first of those it names, and nothing where none is free.

        An error is stored on the row that it belongs to, and never ends the worker.
        """
        worker = name_of(os.getpid())
        job = anew(lambda: self.kind.claim(*message, worker=worker, now=shared_now()))
        if job is None:
            return {}
        held, outcomes = [job], dict[uuid.UUID, str]()

        def extend() -> None:
            for one in list(held):
                self.kind.extend(one, now=shared_now())

        with Heartbeat(LEASE_INTERVAL, extend, finished=connections.close_all, name="lease"):
            try:
                held += self.beside(job, worker)
                for part, result in self.compute(held):
                    outcomes |= self._ended(part, result)
            except Exception as error:  # not of one row, or not foreseen
                each = [one for claimed in held for one in self.kind.apart(claimed)]
                left = [one for one in each if not outcomes.keys() >= {*one.rows}]
                logger.warning("%s jobs could not be %s together", len(left), self.kind.verb, exc_info=error)
                for part, result in self._one_by_one(left, error):
                    outcomes |= self._ended(part, result)
        return {row: outcomes[row] for one in held for row in one.rows if row in outcomes}

    def described(self, error: Exception) -> str:
        """What people read of an error."""
        return str(error) if isinstance(error, self.own) else f"{type(error).__name__}: {error}"

    def _one_by_one(self, alone: Sequence[Held], error: Exception) -> Iterator[tuple[Held, Result | Exception]]:
        """Whose an error is shows when each is tried alone; one of ours that does not pass is of all of them."""
        of_all = isinstance(error, self.own) and not self.passing(error)
        for one in alone:
            if len(alone) == 1 or of_all:
                yield one, error
                continue
            try:
                yield from self.compute([one])
            except Exception as its_own:
                logger.warning("One of them could not be %s alone", self.kind.verb, exc_info=its_own)
                yield one, its_own

    def _ended(self, job: Held, result: Result | Exception) -> dict[uuid.UUID, str]:
        """Store a result or an error, where the worker still holds the rows; what became of them."""
        outcome = self._failed(job, result) if isinstance(result, Exception) else self._stored(job, result)
        return dict.fromkeys(job.rows, outcome)

    def _stored(self, job: Held, result: Result) -> str:
        try:
            stored = anew(lambda: self.kind.store(job, result, shared_now()))
        except Exception as error:  # whatever went wrong belongs to this job, and the next one goes on
            logger.warning("What was %s could not be stored", self.kind.verb, exc_info=error)
            return self._failed(job, error)
        return self.kind.verb if stored else LOST

    def _failed(self, job: Held, error: Exception) -> str:
        if isinstance(error, LeaseLostError):
            return LOST
        name = ", ".join(str(row) for row in job.rows)
        if fault := self.passing(error):
            logger.warning("The %s %s waits for another try: %s", self.kind.noun, name, fault.words, exc_info=error)
            return POSTPONED if anew(lambda: self.kind.postpone(job, fault=fault, now=shared_now())) else LOST
        text = self.described(error)
        logger.warning("The %s %s could not be %s: %s", self.kind.noun, name, self.kind.verb, text, exc_info=error)
        return FAILED if anew(lambda: self.kind.fail(job, error=text, now=shared_now())) else LOST
