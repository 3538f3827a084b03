"""The questions of one case as its reader is asked them, with the reader's current answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from readerstudy.reading.location import shown_location
from readerstudy.reading.models import Answer, Reading
from readerstudy.studies.models import Question

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


def current_answers(reading: Reading) -> dict[int, Answer]:
    """Question -> the answer that counts: its latest revision that is not superseded."""
    answers = Answer.objects.filter(reading=reading, superseded=False).order_by("revision")
    return {answer.question_id: answer for answer in answers}


def asked_questions(reading: Reading) -> tuple[AskedQuestion, ...]:
    """What the reader is asked about this case, in order."""
    study, current = reading.allocation.membership.study, current_answers(reading)
    return tuple(_asked(question, current.get(question.pk), reading) for question in study.questions.all())


def _asked(question: Question, answer: Answer | None, reading: Reading) -> AskedQuestion:
    names, content = question.value_names, answer.content if answer else None
    if question.kind == Question.Kind.YES_NO:  # other options are the study's own words
        names = {value: gettext(name) for value, name in names.items()}
    if content is not None and question.kind == Question.Kind.LOCATION:
        content = shown_location(content, reading.case.image)
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
