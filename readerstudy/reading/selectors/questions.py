"""The questions of one case as its reader is asked them, with their own answers, and whether these may be changed."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.utils.translation import gettext

from readerstudy.reading.models import Answer, Reading, Unlock
from readerstudy.reading.places import shown_place
from readerstudy.studies.models import Question, Study

TEN = 10  # has the key 0


@dataclass(frozen=True)
class Point:
    """One of the answers to choose from: its value, what is written on it, and the keys that pick it."""

    value: int
    label: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class AskedQuestion:
    """A question with the reader's own current answer and its revision, 0 where there is none."""

    key: str
    kind: str
    text: str
    required: bool
    points: tuple[Point, ...]
    low_anchor: str
    high_anchor: str
    shape: str
    value: int | None
    content: Mapping[str, Any] | None  # a place in shares of the picture's side
    revision: int

    @property
    def answered(self) -> bool:
        return self.revision > 0

    @property
    def highest(self) -> Point | None:
        return self.points[-1] if self.points else None

    @property
    def answer_in_words(self) -> str:
        """The current answer as the reader gave it; empty where there is none."""
        if self.content is not None:
            return str(self.content.get("text", "marked on the X-ray"))
        return next((point.label for point in self.points if point.value == self.value), "")


@dataclass(frozen=True)
class Lock:
    """Whether a case was submitted, and what the study's policy then allows."""

    submitted: bool
    policy: str
    unlock_id: uuid.UUID | None = None  # the request that is granted and in force
    asked: bool = False  # a request waits for the coordinator
    declined_because: str = ""  # the coordinator's answer to the last request

    @property
    def locked(self) -> bool:
        """Whether answers cannot be changed now."""
        return self.submitted and self.policy != Study.Changes.UNTIL_PERIOD_END and self.unlock_id is None

    @property
    def needs_reason(self) -> bool:
        """Whether a change must say why. An unlocked case has said so in its request."""
        return self.submitted and self.policy == Study.Changes.UNTIL_PERIOD_END

    @property
    def can_ask(self) -> bool:
        return self.locked and self.policy == Study.Changes.BY_REQUEST


def lock_of(reading: Reading) -> Lock:
    """The state of a reading under its study's policy."""
    policy = reading.allocation.membership.study.changes
    if reading.submitted_at is None:
        return Lock(submitted=False, policy=policy)
    # The request that stands, else the one that ended last.
    unlock = Unlock.objects.filter(reading=reading).order_by(F("ended_at").desc(nulls_first=True)).first()
    if unlock is None:
        return Lock(submitted=True, policy=policy)
    if unlock.ended_at is not None:
        return Lock(submitted=True, policy=policy, declined_because=unlock.declined_because)
    granted = unlock.granted_at is not None
    return Lock(submitted=True, policy=policy, unlock_id=unlock.pk if granted else None, asked=not granted)


def current_answers(reading: Reading) -> dict[int, Answer]:
    """Question -> the answer that counts: its latest revision that is not superseded."""
    answers = Answer.objects.filter(reading=reading, superseded=False).order_by("revision")
    return {answer.question_id: answer for answer in answers}


def asked_questions(reading: Reading) -> tuple[AskedQuestion, ...]:
    """What the reader is asked about this case, in order."""
    study, current = reading.allocation.membership.study, current_answers(reading)
    return tuple(_asked(question, current.get(question.pk), reading) for question in study.questions.all())


def unlocks_waiting(study: Study) -> QuerySet[Unlock]:
    """Requests to unlock a case that the coordinator has not answered, oldest first."""
    waiting = Unlock.objects.filter(reading__allocation__membership__study=study, granted_at=None, ended_at=None)
    return waiting.select_related("reading__allocation__membership", "reading__period").order_by("asked_at", "pk")


def _asked(question: Question, answer: Answer | None, reading: Reading) -> AskedQuestion:
    names, content = question.value_names, answer.content if answer else None
    if question.kind == Question.Kind.YES_NO:  # other options are the study's own words
        names = {value: gettext(name) for value, name in names.items()}
    if content is not None and question.kind == Question.Kind.LOCATION:
        content = shown_place(content, reading.case.image)
    return AskedQuestion(
        key=question.key,
        kind=question.kind,
        text=question.text,
        required=question.required,
        points=tuple(
            Point(value, names.get(value, str(value)), _keys(question, value)) for value in names or question.scale
        ),
        low_anchor=question.low_anchor,
        high_anchor=question.high_anchor,
        shape=question.shape,
        value=answer.value if answer else None,
        content=content,
        revision=answer.revision if answer else 0,
    )


def _keys(question: Question, value: int) -> tuple[str, ...]:
    if question.kind == Question.Kind.YES_NO:
        return ("y", "1") if value else ("n", "2")
    if value == TEN:
        return () if 0 in question.scale else ("0",)
    return (str(value),) if value < TEN else ()
