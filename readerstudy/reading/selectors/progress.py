"""How far readers are: their readings in order, their periods and the state of each."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from django.db.models import BooleanField, Count, ExpressionWrapper, Max, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import TRAINING, Allocation, Answer, Reading
from readerstudy.studies.models import Question, Study

CORRECTION_TIME = timedelta(hours=1)


class PeriodState(StrEnum):
    """Where a reader stands in a period."""

    WAITING = "waiting"  # the period before is not done
    WASHOUT = "washout"  # it is, and this one opens at `opens_at`
    OPEN = "open"  # cases are left to be rated, or to be repaired
    CORRECTABLE = "correctable"  # all are rated; answers may be corrected until `closes_at` or the next period's start
    DONE = "done"  # nothing is left that could be rated now


@dataclass(frozen=True)
class PeriodProgress:
    """How far one reader is in one period."""

    period_id: int
    number: int
    total: int
    done: int
    state: PeriodState
    last_reading_id: uuid.UUID | None = None  # for the reader; a coordinator is led to nobody's reading
    broken: int = 0  # cases without an answer whose explanation failed: the reader is led past them
    opens_at: datetime | None = None
    closes_at: datetime | None = None

    @property
    def accessible(self) -> bool:
        return self.state in {PeriodState.OPEN, PeriodState.CORRECTABLE}

    @property
    def training(self) -> bool:
        return self.number == TRAINING

    @property
    def left(self) -> int:
        """Cases that can be rated now and are not."""
        return self.total - self.done - self.broken


@dataclass(frozen=True)
class ReadingRow:
    """What progress is made of: one reading, of its case no more than which one it is."""

    reading_id: uuid.UUID
    case_id: int
    period_id: int
    period: int
    washout_days: int
    position: int
    answered: bool
    opened: bool
    completed_at: datetime | None
    broken: bool  # not answered, and its explanation failed

    @property
    def settled(self) -> bool:
        return self.answered or self.broken


def periods_of(allocation: Allocation, *, now: datetime) -> list[PeriodProgress]:
    """The reader's periods in order, each with its state at `now`."""
    return periods_at(reading_rows(allocation), now=now)


def periods_by_allocation(study: Study, *, now: datetime) -> dict[int, list[PeriodProgress]]:
    """What `periods_of` says of every allocation of a study, by its key; the database counts, and returns no case."""
    tallies: dict[int, list[_Tally]] = defaultdict(list)
    for allocation, tally in _tallies(study):
        tallies[allocation].append(tally)
    return {allocation: _progress(found, now=now) for allocation, found in tallies.items()}


def reading_rows(allocation: Allocation) -> list[ReadingRow]:
    """All readings of one reader in the order of reading."""
    questions = Question.objects.filter(study__memberships__allocation=allocation, required=True).count()
    required = Q(answers__question__required=True, answers__superseded=False)
    values = (
        Reading.objects.filter(allocation=allocation)
        # Counted, so that a question added later is missed.
        .annotate(answered=Count("answers__question", filter=required, distinct=True))
        .order_by("period__number", "position")
        .values_list(
            "pk",
            "case",
            "period",
            "period__number",
            "period__washout_days",
            "position",
            "answered",
            "opened_at",
            "completed_at",
            "case__explanation__status",
        )
    )
    return [
        ReadingRow(
            reading_id=pk,
            case_id=case_id,
            period_id=period_id,
            period=period,
            washout_days=washout_days,
            position=position,
            answered=answered >= questions,
            opened=opened_at is not None,
            completed_at=completed_at,
            broken=answered < questions and status == Explanation.Status.FAILED,
        )
        for pk, case_id, period_id, period, washout_days, position, answered, opened_at, completed_at, status in values
    ]


@dataclass(frozen=True)
class _Tally:
    """One reader's readings of one period, counted: all that the state of the period depends on."""

    period_id: int
    number: int
    washout_days: int
    total: int
    done: int
    broken: int
    opened: int
    completed: int  # of those done
    completed_at: datetime | None  # the last of them
    last_reading_id: uuid.UUID | None = None

    @property
    def settled(self) -> bool:
        return self.done + self.broken == self.total

    @property
    def finished_at(self) -> datetime | None:
        """When the last case of the period was completed; None while one is not."""
        return self.completed_at if self.completed == self.total else None

    @property
    def passed_at(self) -> datetime | None:
        """The same of the cases that are not broken: a reader is led past a broken one."""
        return self.completed_at if self.completed == self.total - self.broken else None


def _tally(group: Sequence[ReadingRow]) -> _Tally:
    first = group[0]
    completed = [row.completed_at for row in group if row.answered and row.completed_at is not None]
    return _Tally(
        period_id=first.period_id,
        number=first.period,
        washout_days=first.washout_days,
        total=len(group),
        done=sum(row.answered for row in group),
        broken=sum(row.broken for row in group),
        opened=sum(row.opened for row in group),
        completed=len(completed),
        completed_at=max(completed, default=None),
        last_reading_id=group[-1].reading_id,
    )


def _tallies(study: Study) -> Iterator[tuple[int, _Tally]]:
    """Allocation and tally of every reader's every period, in order; counted by the database."""
    questions = study.questions.filter(required=True).count()
    current = Answer.objects.filter(reading=OuterRef("pk"), question__required=True, superseded=False).order_by()
    given = current.values("reading").annotate(questions=Count("question", distinct=True)).values("questions")
    failed = Q(case__explanation__status=Explanation.Status.FAILED)
    counted = (
        Reading.objects.filter(allocation__membership__study=study)
        .annotate(
            answered=GreaterThanOrEqual(Coalesce(Subquery(given), 0), questions),
            failed=Coalesce(ExpressionWrapper(failed, BooleanField()), Value(value=False)),
        )
        .order_by("allocation", "period__number")
        .values_list("allocation", "period", "period__number", "period__washout_days", "answered", "failed")
        .annotate(Count("pk"), Count("opened_at"), Count("completed_at"), Max("completed_at"))
    )
    for (allocation, period_id, number, washout_days), rows in groupby(counted, key=lambda row: row[:4]):
        parts = [_Part(*row[4:]) for row in rows]
        done = [part for part in parts if part.answered]
        yield (
            allocation,
            _Tally(
                period_id=period_id,
                number=number,
                washout_days=washout_days,
                total=sum(part.readings for part in parts),
                done=sum(part.readings for part in done),
                broken=sum(part.readings for part in parts if part.failed and not part.answered),
                opened=sum(part.opened for part in parts),
                completed=sum(part.completed for part in done),
                completed_at=max((part.completed_at for part in done if part.completed_at), default=None),
            ),
        )


class _Part(NamedTuple):
    """Readings of a period that are alike in whether they are answered, and whether their explanation failed."""

    answered: bool
    failed: bool
    readings: int
    opened: int
    completed: int
    completed_at: datetime | None


def periods_at(rows: Sequence[ReadingRow], *, now: datetime) -> list[PeriodProgress]:
    """The periods of one reader, of whom these are all rows, in order."""
    return _progress([_tally(list(group)) for _, group in groupby(rows, key=lambda row: row.period)], now=now)


def _progress(tallies: Sequence[_Tally], *, now: datetime) -> list[PeriodProgress]:
    """The periods of one reader in order."""
    found: list[PeriodProgress] = []
    for index, tally in enumerate(tallies):
        state, opens_at, closes_at = _state(
            tally,
            before=tallies[index - 1] if index else None,
            next_begun=any(after.opened > 0 for after in tallies[index + 1 : index + 2]),
            now=now,
        )
        found.append(
            PeriodProgress(
                period_id=tally.period_id,
                number=tally.number,
                total=tally.total,
                done=tally.done,
                state=state,
                last_reading_id=tally.last_reading_id,
                broken=tally.broken,
                opens_at=opens_at,
                closes_at=closes_at,
            )
        )
    return found


def _state(
    tally: _Tally, *, before: _Tally | None, next_begun: bool, now: datetime
) -> tuple[PeriodState, datetime | None, datetime | None]:
    """State of one period, when it opens (in a washout) and when its corrections end."""
    if before is not None and not tally.opened:
        if before.passed_at is None:
            return PeriodState.WAITING, None, None
        opens_at = before.passed_at + timedelta(days=tally.washout_days)
        if now < opens_at:
            return PeriodState.WASHOUT, opens_at, None
    if tally.finished_at is None:
        over = next_begun and (tally.number == TRAINING or tally.settled)
        return (PeriodState.DONE if over else PeriodState.OPEN), None, None
    if next_begun:
        return PeriodState.DONE, None, None
    if tally.number == TRAINING:  # practice: it can be looked at again until it gets serious
        return PeriodState.CORRECTABLE, None, None
    closes_at = tally.finished_at + CORRECTION_TIME
    if now >= closes_at:
        return PeriodState.DONE, None, None
    return PeriodState.CORRECTABLE, None, closes_at
