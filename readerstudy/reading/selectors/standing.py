"""Where a reader stands in a study: what comes next, and how long it takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from django.db.models import Max, Min, Sum

from readerstudy.accounts.models import User
from readerstudy.reading.models import TRAINING, Allocation, Reading
from readerstudy.reading.selectors.access import allocation_of
from readerstudy.reading.selectors.exposure import active_seconds
from readerstudy.reading.selectors.progress import PeriodProgress, PeriodState, periods_of
from readerstudy.studies.models import Membership, Study

# A median of fewer cases says more about the cases than about the reader.
PACE_CASES = 3


class NextStep(StrEnum):
    """What a reader does next."""

    WITHDRAWN = "withdrawn"  # nothing any more
    DONE = "done"  # nothing any more: all is rated
    CLOSED = "closed"  # nothing any more, although cases are left
    CONSENT = "consent"
    PREPARING = "preparing"  # wait for their cases
    INSTRUCTIONS = "instructions"
    TRAINING = "training"
    READING = "reading"
    REPAIR = "repair"  # wait for cases whose explanation failed
    WASHOUT = "washout"  # wait for the period that opens at `current.opens_at`


@dataclass(frozen=True)
class Standing:
    """A reader's way through a study; `current` is the period that the next step is about, if it is about one."""

    study: Study
    membership: Membership
    allocation: Allocation | None
    training: PeriodProgress | None
    periods: tuple[PeriodProgress, ...]
    step: NextStep
    current: PeriodProgress | None
    seconds_per_case: float

    @property
    def done(self) -> int:
        return sum(period.done for period in self.periods)

    @property
    def total(self) -> int:
        return sum(period.total for period in self.periods)

    @property
    def begun(self) -> bool:
        """Whether a case of the current period was rated."""
        return self.current is not None and self.current.done > 0

    @property
    def finished(self) -> PeriodProgress | None:
        """The period that the reader has just been through, where the current one comes after it and has no answer."""
        if self.current is None or self.begun:
            return None
        before = [period for period in self.periods if period.number == self.current.number - 1]
        return next((period for period in before if period.done and not period.left), None)

    @property
    def minutes_left(self) -> int:
        """Of the current period."""
        return minutes(self.seconds_per_case, self.current.left) if self.current else 0


@dataclass(frozen=True)
class Contribution:
    """What a reader has done in a study, for thanks and certificate. Training counts in the time alone."""

    cases: int
    readings: int
    periods: int
    first_at: datetime | None
    last_at: datetime | None
    seconds: float

    @property
    def hours(self) -> int:
        return round(self.seconds / 60) // 60

    @property
    def minutes(self) -> int:
        return round(self.seconds / 60) % 60


def standing_of(user: User, study: Study, *, now: datetime) -> Standing | None:
    """The user's way through the study; None for someone who does not read in it."""
    membership = Membership.objects.filter(study=study, user=user, role=Membership.Role.READER).first()
    if membership is None:
        return None
    membership.study = study
    allocation = allocation_of(user, study)
    every = periods_of(allocation, now=now) if allocation else []
    periods = tuple(period for period in every if not period.training)
    current = _current(every)
    return Standing(
        study=study,
        membership=membership,
        allocation=allocation,
        training=next((period for period in every if period.training), None),
        periods=periods,
        step=_step(membership, allocation, periods, current),
        current=current,
        seconds_per_case=pace(allocation) if allocation else study.reading_plan.expected_seconds_per_case,
    )


def pace(allocation: Allocation) -> float:
    """Seconds that a case takes: the reader's own median once it is known, else what the protocol expects."""
    rated = Reading.objects.filter(allocation=allocation, completed_at__isnull=False).exclude(period__number=TRAINING)
    seconds = [spent for spent in rated.values_list(active_seconds("pk"), flat=True) if spent is not None]
    known = len(seconds) >= PACE_CASES
    return median(seconds) if known else allocation.membership.study.reading_plan.expected_seconds_per_case


def minutes(seconds_per_case: float, cases: int) -> int:
    """Minutes that so many cases take, at least one where there are any."""
    return max(1, math.ceil(seconds_per_case * cases / 60)) if cases else 0


def contribution_of(allocation: Allocation) -> Contribution:
    """What the reader has rated, when, and for how long."""
    rated = Reading.objects.filter(allocation=allocation, completed_at__isnull=False).exclude(period__number=TRAINING)
    dates = rated.aggregate(first=Min("opened_at"), last=Max("completed_at"))
    spent = Reading.objects.filter(allocation=allocation).aggregate(total=Sum(active_seconds("pk")))["total"]
    return Contribution(
        cases=rated.order_by().values("case").distinct().count(),
        readings=rated.count(),
        periods=rated.order_by().values("period").distinct().count(),
        first_at=dates["first"],
        last_at=dates["last"],
        seconds=spent or 0.0,
    )


def _current(periods: Sequence[PeriodProgress]) -> PeriodProgress | None:
    """The first period with cases to rate, else the one that is waited for: in its washout, else to be repaired."""
    open_ = [period for period in periods if period.state is PeriodState.OPEN]
    ready = next((period for period in open_ if period.left), None)
    washout = next((period for period in periods if period.state is PeriodState.WASHOUT), None)
    return ready or washout or next((period for period in open_ if not period.training), None)


def _step(
    membership: Membership,
    allocation: Allocation | None,
    periods: Sequence[PeriodProgress],
    current: PeriodProgress | None,
) -> NextStep:
    steps = (
        (membership.withdrawn_at is not None, NextStep.WITHDRAWN),
        (bool(periods) and all(period.done == period.total for period in periods), NextStep.DONE),
        (membership.study.status == Study.Status.CLOSED, NextStep.CLOSED),
        (not membership.has_consented, NextStep.CONSENT),
        (allocation is None or membership.study.status != Study.Status.OPEN, NextStep.PREPARING),
        (allocation is not None and allocation.instructions_read_at is None, NextStep.INSTRUCTIONS),
        (current is None or not current.left, NextStep.REPAIR),
        (current is not None and current.state is PeriodState.WASHOUT, NextStep.WASHOUT),
        (current is not None and current.training, NextStep.TRAINING),
    )
    return next((step for applies, step in steps if applies), NextStep.READING)
