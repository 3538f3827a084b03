"""What a page sends as an answer, checked against its question and brought into the form in which it is stored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from readerstudy.lib.texts import unstorable
from readerstudy.reading.errors import AnswerRefusedError
from readerstudy.reading.location import stored_location
from readerstudy.studies.models import Image, Question

TEXT_LENGTH = 4000
LARGEST_SIDE = 100_000
ROUNDING = (
    1e-3  # of the picture's side: corner and extent are rounded each, so that a box to the edge may end beyond it
)


@dataclass(frozen=True)
class ValidAnswer:
    """An answer as it is stored: a number, or content."""

    value: int | None = None
    content: dict[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it takes an answer away: text that was deleted, a mark that was removed."""
        return self.content is not None and not any(self.content.values()) and "x" not in self.content


def valid_answer(
    question: Question, *, value: int | None, content: Mapping[str, Any] | None, image: Image
) -> ValidAnswer:
    """The answer in the form in which it is stored. Raises AnswerRefusedError where it is none to this question."""
    if question.is_numeric:
        if content is not None or value is None:
            raise AnswerRefusedError(f"The answer to {question.key} is a number in `value`.")
        return ValidAnswer(value=_on_scale(question, value))
    if value is not None or content is None:
        raise AnswerRefusedError(f"The answer to {question.key} is no number: it goes into `content`.")
    found = _text(content) if question.kind == Question.Kind.TEXT else _location(question, content, image)
    if question.required and found.is_empty:
        raise AnswerRefusedError("This question needs an answer: it can be changed, but not taken back.")
    return found


def _on_scale(question: Question, value: int) -> int:
    if value not in question.scale:
        raise AnswerRefusedError(f"{value} is not on the scale from {question.minimum} to {question.maximum}.")
    return value


def _text(content: Mapping[str, Any]) -> ValidAnswer:
    text = content.get("text")
    if set(content) != {"text"} or not isinstance(text, str):
        raise AnswerRefusedError('A text is sent as {"text": "..."}.')
    if len(text) > TEXT_LENGTH:
        raise AnswerRefusedError(f"The text has {len(text)} characters; {TEXT_LENGTH} is the most.")
    if unstorable(text):
        raise AnswerRefusedError("The text holds characters that cannot be stored.")
    return ValidAnswer(content={"text": text if text.strip() else ""})


def _location(question: Question, content: Mapping[str, Any], image: Image) -> ValidAnswer:
    if not content:
        return ValidAnswer(content={})
    keys = ("x", "y", "width", "height") if question.shape == Question.Shape.BOX else ("x", "y")
    if set(content) != {*keys, "size"}:
        raise AnswerRefusedError(f"A {question.shape} is sent with {', '.join(keys)} and the size of the picture.")
    numbers = {key: _number(key, content[key]) for key in (*keys, "size")}
    size, width, height = numbers.pop("size"), numbers.get("width", 0.0), numbers.get("height", 0.0)
    if not 1 <= size <= LARGEST_SIDE:
        raise AnswerRefusedError("The size of the picture is impossible.")
    for key, extent in (("x", width), ("y", height)):
        if not -ROUNDING * size <= numbers[key] <= size - extent + ROUNDING * size:
            raise AnswerRefusedError("The mark is not on the picture.")
        numbers[key] = max(0.0, min(numbers[key], size - extent))
    if question.shape == Question.Shape.BOX and min(width, height) <= 0:
        raise AnswerRefusedError("The box has no area.")
    return ValidAnswer(content=stored_location(numbers, image, size=size))


def _number(key: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise AnswerRefusedError(f"{key} must be a number.")
    return float(value)
