"""Adding as a kind of leased work, with its task."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from readerstudy.work import lease
from readerstudy.work.frame import Computing, leased_task
from readerstudy.work.kinds import Kind
from readerstudy.work.queues import CPU
from tests.work.sums.models import Sum


class NoNumberError(Exception):
    """An error of this kind's own."""


@dataclass(frozen=True)
class SumJob:
    rows: tuple[uuid.UUID, ...]
    token: uuid.UUID
    numbers: tuple[object, ...]


def job_of(rows: Sequence[Sum], token: uuid.UUID) -> SumJob:
    (row,) = rows
    return SumJob((row.pk,), token, tuple(row.numbers))


@transaction.atomic
def store(job: SumJob, total: float, now: datetime) -> int:
    held = ADDING.held(job)
    for row in held:
        row.total = total
        lease.finish(row, now)
    return len(held)


def compute(jobs: Sequence[SumJob]) -> Iterator[tuple[SumJob, float | Exception]]:
    for job in jobs:
        if any(not isinstance(number, (int, float)) for number in job.numbers):
            yield job, NoNumberError("One of them is no number.")
        else:
            yield job, float(sum(job.numbers))  # type: ignore[arg-type]


ADDING = Kind(model=Sum, queue=CPU, task="sums.add", verb="added", noun="sum", job=job_of, store=store)
COMPUTING = Computing(kind=ADDING, compute=compute, own=(NoNumberError,))


@leased_task(ADDING)
def add(key: str) -> str:
    return next(iter(COMPUTING.work(key).values()), "nothing to do")
