"""Which readings are a reader's own, and which of them are open to the reader now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from readerstudy.accounts.models import User
from readerstudy.reading.errors import ReadingClosedError, ReadingNotFoundError
from readerstudy.reading.models import TRAINING, Allocation, Reading
from readerstudy.reading.selectors.progress import ReadingRow, periods_at, reading_rows
from readerstudy.studies.models import Study


def allocation_of(user: User, study: Study) -> Allocation | None:
    """The user's sequence in the study, if they have one."""
    allocations = Allocation.objects.select_related("membership__study")
    return allocations.filter(membership__user=user, membership__study=study).first()


def reading_of(user: User, reading_id: uuid.UUID, *, locked: bool = False) -> Reading:
    """The user's own reading of this id; `locked`, no other transaction changes its row until this one ends.

    Holds label and image: for services and for finding files, not for pages. Raises ReadingNotFoundError.
    """
    readings = Reading.objects.select_related("allocation__membership__study", "case__image", "arm", "period")
    if locked:
        readings = readings.select_for_update(of=("self",))
    reading = readings.filter(pk=reading_id, allocation__membership__user=user).first()
    if reading is None:
        raise ReadingNotFoundError("There is no such case among yours. Is somebody else signed in on this computer?")
    return reading


def require_open(reading: Reading, *, now: datetime, rows: Sequence[ReadingRow] | None = None) -> None:
    """Raises ReadingClosedError where the reader may not see the case now."""
    if not is_accessible(reading, now=now, rows=rows):
        raise ReadingClosedError("This case is not open to you now: its period has ended or has not begun.")


def is_accessible(reading: Reading, *, now: datetime, rows: Sequence[ReadingRow] | None = None) -> bool:
    """Whether the reader may see and answer this case now. `rows` are all of the reader's, where they are at hand."""
    allocation = reading.allocation
    rows = reading_rows(allocation) if rows is None else rows
    return may_read(allocation) and reading.pk in _accessible(rows, now=now)


def ends_a_period(reading: Reading, *, now: datetime, rows: Sequence[ReadingRow] | None = None) -> bool:
    """Whether opening this case would begin its period and so end corrections of another: first the reader is told."""
    rows = reading_rows(reading.allocation) if rows is None else rows
    if any(row.opened for row in rows if row.period_id == reading.period_id):
        return False
    number = next(row.period for row in rows if row.reading_id == reading.pk)
    return any(TRAINING < period.number < number and period.accessible for period in periods_at(rows, now=now))


def may_read(allocation: Allocation) -> bool:
    """Whether anything may be open to the reader: study open, not withdrawn, consent given, instructions read."""
    member = allocation.membership
    return (
        member.study.status == Study.Status.OPEN
        and member.withdrawn_at is None
        and member.has_consented
        and allocation.instructions_read_at is not None
    )


def _accessible(rows: Sequence[ReadingRow], *, now: datetime) -> set[uuid.UUID]:
    """Readings of open periods. Nobody has both arms of a case before them.

    Where an earlier period was left with a failed case and the next has begun, the earlier one is open again for that
    case alone once it is repaired; its later reading waits for that.
    """
    accessible = {period.number for period in periods_at(rows, now=now) if period.accessible}
    begun = max((row.period for row in rows if row.opened), default=0)
    owed = {row.case_id: row.period for row in reversed(rows) if not row.settled}
    return {
        row.reading_id
        for row in rows
        if row.period in accessible
        and (row.period >= begun or not row.answered)
        and owed.get(row.case_id, row.period) >= row.period
    }


def first_unanswered(allocation: Allocation, *, now: datetime, training_only: bool = False) -> uuid.UUID | None:
    """The reading to resume at: the first with a question left open that is open to the reader and not broken."""
    rows = reading_rows(allocation)
    accessible = _accessible(rows, now=now)
    left = (row for row in rows if row.reading_id in accessible and not row.settled)
    return next((row.reading_id for row in left if row.period == TRAINING or not training_only), None)
