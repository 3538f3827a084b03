"""How far readers are, and what is open to them now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from django.db.models import Count, Q

from readerstudy.accounts.models import User
from readerstudy.reading.models import Allocation, Reading
from readerstudy.studies.models import Question, Study

CORRECTION_TIME = timedelta(hours=1)


class PeriodState(StrEnum):
    """Where a reader stands in a period."""

    WAITING = "waiting"  # the period before is not done
    WASHOUT = "washout"  # it is, and this one opens at `opens_at`
    OPEN = "open"  # cases are left to be rated
    CORRECTABLE = "correctable"  # all are rated; answers may be corrected until `closes_at` or the next period's start
    DONE = "done"


@dataclass(frozen=True)
class PeriodProgress:
    """How far one reader is in one period."""

    period_id: int
    number: int
    total: int
    done: int
    state: PeriodState
    last_reading_id: uuid.UUID
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    @property
    def accessible(self) -> bool:
        return self.state in {PeriodState.OPEN, PeriodState.CORRECTABLE}


@dataclass(frozen=True)
class ReadingRow:
    """What progress is made of: one reading without its case."""

    reading_id: uuid.UUID
    period_id: int
    period: int
    washout_days: int
    position: int
    answered: bool
    opened: bool
    completed_at: datetime | None


def allocation_of(user: User, study: Study) -> Allocation | None:
    """The user's sequence in the study, if they have one."""
    allocations = Allocation.objects.select_related("membership__study")
    return allocations.filter(membership__user=user, membership__study=study).first()


def periods_of(allocation: Allocation, *, now: datetime) -> list[PeriodProgress]:
    """The reader's periods in order, each with its state at `now`."""
    return _periods(reading_rows(allocation), now=now)


def first_unanswered(allocation: Allocation, *, now: datetime) -> uuid.UUID | None:
    """The reading to resume at: the first with a question left open, in the first open period."""
    rows = reading_rows(allocation)
    accessible = {period.number for period in _periods(rows, now=now) if period.accessible}
    return next((row.reading_id for row in rows if row.period in accessible and not row.answered), None)


def reading_of(user: User, reading_id: uuid.UUID) -> Reading | None:
    """The user's own reading of this id. Holds label and image: for services and for finding files, not for pages."""
    readings = Reading.objects.select_related("allocation__membership__study", "case", "arm", "period")
    return readings.filter(pk=reading_id, allocation__membership__user=user).first()


def is_accessible(reading: Reading, *, now: datetime) -> bool:
    """Whether the reader may see and answer this case now: study open, instructions read, period open to them."""
    allocation = reading.allocation
    if allocation.membership.study.status != Study.Status.OPEN or allocation.instructions_read_at is None:
        return False
    return any(p.accessible for p in periods_of(allocation, now=now) if p.period_id == reading.period_id)


def reading_rows(allocation: Allocation) -> list[ReadingRow]:
    """All readings of one reader in the order of reading."""
    questions = Question.objects.filter(study__memberships__allocation=allocation, required=True).count()
    required = Q(answers__question__required=True)
    values = (
        Reading.objects.filter(allocation=allocation)
        # Counted, so that a question added later is missed.
        .annotate(answered=Count("answers__question", filter=required, distinct=True))
        .order_by("period__number", "position")
        .values_list(
            "pk",
            "period",
            "period__number",
            "period__washout_days",
            "position",
            "answered",
            "opened_at",
            "completed_at",
        )
    )
    return [
        ReadingRow(
            reading_id=pk,
            period_id=period_id,
            period=period,
            washout_days=washout_days,
            position=position,
            answered=answered >= questions,
            opened=opened_at is not None,
            completed_at=completed_at,
        )
        for pk, period_id, period, washout_days, position, answered, opened_at, completed_at in values
    ]


def _periods(rows: Sequence[ReadingRow], *, now: datetime) -> list[PeriodProgress]:
    by_period = [list(group) for _, group in groupby(rows, key=lambda row: row.period)]
    begun = [any(row.opened for row in group) for group in by_period]
    found: list[PeriodProgress] = []
    for index, group in enumerate(by_period):
        state, opens_at, closes_at = _state(
            group,
            before=by_period[index - 1] if index else None,
            begun=begun[index],
            next_begun=any(begun[index + 1 : index + 2]),
            now=now,
        )
        found.append(
            PeriodProgress(
                period_id=group[0].period_id,
                number=group[0].period,
                total=len(group),
                done=sum(row.answered for row in group),
                state=state,
                last_reading_id=group[-1].reading_id,
                opens_at=opens_at,
                closes_at=closes_at,
            )
        )
    return found


def _state(
    group: Sequence[ReadingRow], *, before: Sequence[ReadingRow] | None, begun: bool, next_begun: bool, now: datetime
) -> tuple[PeriodState, datetime | None, datetime | None]:
    """State of one period, when it opens (in a washout) and when its corrections end."""
    if before is not None and not begun:
        finished_at = _finished_at(before)
        if finished_at is None:
            return PeriodState.WAITING, None, None
        opens_at = finished_at + timedelta(days=group[0].washout_days)
        if now < opens_at:
            return PeriodState.WASHOUT, opens_at, None
    finished_at = _finished_at(group)
    if finished_at is None:
        return PeriodState.OPEN, None, None
    closes_at = finished_at + CORRECTION_TIME
    if next_begun or now >= closes_at:
        return PeriodState.DONE, None, None
    return PeriodState.CORRECTABLE, None, closes_at


def _finished_at(group: Sequence[ReadingRow]) -> datetime | None:
    """When the last case of a period was completed; None while one is not."""
    completed = [row.completed_at for row in group if row.answered and row.completed_at is not None]
    return max(completed) if len(completed) == len(group) else None
