"""Writes about answers: revisions, submitting a case, unlocking one. Whatever a browser sends twice is stored once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from readerstudy.accounts.models import User
from readerstudy.lib.texts import unstorable
from readerstudy.reading import selectors
from readerstudy.reading.durations import duration_of
from readerstudy.reading.errors import AnswerConflictError, AnswerRefusedError, ReadingClosedError, ReasonMissingError
from readerstudy.reading.models import Answer, Reading, Unlock, Visit
from readerstudy.reading.services.validation import ValidAnswer, valid_answer
from readerstudy.studies.models import Question, Study

REASON_LENGTH = 200


@dataclass(frozen=True)
class Stored:
    """What became of an answer: its revision, whether this call added it, and whether the case is complete now.

    `current` is the answer that counts where the one that was sent does not: it had not known of it. `late` says that
    the one that was sent never counts, since the case was no longer open when it arrived.
    """

    revision: int
    added: bool
    complete: bool
    current: Answer | None = None
    late: bool = False


@transaction.atomic
def answer_store(
    *,
    answer_id: uuid.UUID,
    reading_id: uuid.UUID,
    question_key: str,
    value: int | None = None,
    content: Mapping[str, Any] | None = None,
    known_revision: int | None = None,
    reason: str = "",
    seconds: float | None,
    user: User,
    now: datetime,
) -> Stored:
    """Adds an answer under the id that the browser made, as the next revision of this question.

    The same id again is a success that adds nothing, also when both arrive at once and also after the period has
    closed: then only the reply was lost. The answer that already stands is not stored twice. One whose page did not
    know of the answer that stands is kept as superseded (docs/decisions/0008), and so is one that arrives when its case
    is no longer open (docs/decisions/0014). No answer is refused for its time. Raises ReadingNotFoundError,
    ReadingClosedError for a case that was never opened or is locked and for a reader who was withdrawn,
    AnswerRefusedError, and AnswerConflictError where the id is another answer's.
    """
    reading = selectors.reading_of(user, reading_id, locked=True)
    question = _question(reading, question_key)
    sent = valid_answer(question, value=value, content=content, image=reading.case.image)
    if stored := Answer.objects.filter(pk=answer_id).first():
        _require_same(stored, reading, question, sent)
        return _stored(stored, reading, added=False)
    late = _is_late(reading, now)
    if not late:
        selectors.require_open(reading, now=now)
    visits = Visit.objects.filter(reading=reading).count() + 1
    duration = duration_of(seconds, opened_at=reading.opened_at, visits=visits, now=now)
    current = selectors.current_answers(reading).get(question.pk)
    if current is None and sent.is_empty:
        return Stored(revision=0, added=False, complete=_is_complete(reading))
    if current is not None and ValidAnswer(current.value, current.content) == sent:
        return Stored(revision=current.revision, added=False, complete=_is_complete(reading))
    unaware = current is not None and known_revision is not None and known_revision < current.revision
    superseded = late or unaware
    if not superseded:
        reason = _require_changeable(reading, question, current, reason)
    last = Answer.objects.filter(reading=reading, question=question).order_by("revision").last()
    answer = Answer(
        id=answer_id,
        reading=reading,
        question=question,
        revision=last.revision + 1 if last else 1,
        value=sent.value,
        content=sent.content,
        known_revision=known_revision,
        superseded=superseded,
        reason=reason[:REASON_LENGTH],
        seconds=duration.seconds,
        seconds_doubt=duration.doubt,
        late=late,
        answered_at=now,
    )
    # The lock on the reading orders its revisions; the same id sent to another reading at the same time meets here.
    Answer.objects.bulk_create([answer], ignore_conflicts=True)
    stored = Answer.objects.get(pk=answer_id)
    _require_same(stored, reading, question, sent)
    if not late:
        _progress(reading, now)
    return _stored(stored, reading, added=True)


def _is_late(reading: Reading, now: datetime) -> bool:
    """Whether the case was open to its reader before and is not now. Of who was withdrawn nothing more is taken."""
    member = reading.allocation.membership
    takes_part = member.withdrawn_at is None and member.has_consented
    return takes_part and reading.opened_at is not None and not selectors.is_accessible(reading, now=now)


def _progress(reading: Reading, now: datetime) -> None:
    """Opened and completed, where the reading was not known to be. Not before its answers, whatever the clock says."""
    if reading.opened_at is None:
        reading.opened_at = now
        reading.save(update_fields=["opened_at"])
    if reading.completed_at is None and _is_complete(reading):
        last = Answer.objects.filter(reading=reading, superseded=False).aggregate(last=Max("answered_at"))["last"]
        reading.completed_at = max(now, last)
        reading.save(update_fields=["completed_at"])


@transaction.atomic
def submission_store(*, reading_id: uuid.UUID, unlock_id: uuid.UUID | None, user: User, now: datetime) -> datetime:
    """The reader goes on from a case with every required question answered; returns when they first did.

    `unlock_id` is the unlocking that this submission ends, so that an earlier submission which arrives late ends none.
    Again is a success that changes nothing. Raises ReadingNotFoundError, ReadingClosedError, AnswerRefusedError.
    """
    reading = selectors.reading_of(user, reading_id, locked=True)
    if reading.submitted_at is not None:
        if unlock_id is not None:
            granted = Unlock.objects.filter(reading=reading, granted_at__isnull=False, ended_at=None)
            granted.filter(pk=unlock_id).update(ended_at=now)
        return reading.submitted_at
    selectors.require_open(reading, now=now)
    if not _is_complete(reading):
        raise AnswerRefusedError("This case is not complete: answer every required question, then go on.")
    reading.submitted_at = now
    reading.save(update_fields=["submitted_at"])
    return now


def _question(reading: Reading, key: str) -> Question:
    # Looked up here: a text from outside may hold characters that no database takes.
    questions = {question.key: question for question in Question.objects.filter(study=_study(reading))}
    if key not in questions:
        raise AnswerRefusedError(f"This study asks no question {key!r}.")
    return questions[key]


def _require_changeable(reading: Reading, question: Question, current: Answer | None, reason: str) -> str:
    """The reason for this change, "" where none is needed. A required question left open is no change."""
    lock = selectors.lock_of(reading)
    if not lock.submitted or (current is None and question.required):
        return ""
    if lock.locked:
        remedy = "Ask the coordinator to unlock it." if lock.can_ask else "This study takes no changes after that."
        raise ReadingClosedError(f"This case was submitted and is locked. {remedy}")
    if not lock.needs_reason:
        return ""
    if not reason.strip() or unstorable(reason):
        raise ReasonMissingError("This case was submitted: say why you change its answer.")
    return reason.strip()


def _require_same(stored: Answer, reading: Reading, question: Question, sent: ValidAnswer) -> None:
    same = (stored.reading_id, stored.question_id) == (reading.pk, question.pk)
    if not same or ValidAnswer(stored.value, stored.content) != sent:
        raise AnswerConflictError("The id of this answer was used for another one. Reload the page and answer again.")


def _stored(answer: Answer, reading: Reading, *, added: bool) -> Stored:
    current = selectors.current_answers(reading).get(answer.question_id) if answer.superseded else None
    complete = _is_complete(reading)
    return Stored(revision=answer.revision, added=added, complete=complete, current=current, late=answer.late)


def _is_complete(reading: Reading) -> bool:
    required = Question.objects.filter(study=_study(reading), required=True).values_list("pk", flat=True)
    return set(required) <= set(selectors.current_answers(reading))


def _study(reading: Reading) -> Study:
    return reading.allocation.membership.study
