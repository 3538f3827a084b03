"""What a reader is told about a training case, once they have answered it. No study case gets here."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from readerstudy.reading.models import Answer, Reading
from readerstudy.studies.models import Annotation, Case, Question


@dataclass(frozen=True)
class Feedback:
    """The truth about a training case, beside nothing else of it."""

    prediction_right: bool
    marked: bool


def feedback_of(reading: Reading) -> Feedback | None:
    """Whether the prediction was right, and whether an expert marked the place; None where that is not to be told.

    That is: of every study case, and of a training case while one of its questions has no stored answer.
    """
    case = reading.case
    if case.purpose != Case.Purpose.TRAINING or not _answered(reading):
        return None
    right = case.label == Case.Label.TRUE_POSITIVE
    return Feedback(prediction_right=right, marked=right and truth_of(reading).exists())


def truth_of(reading: Reading) -> QuerySet[Annotation]:
    """What an expert drew of the target on this case's image. Ask `feedback_of` first."""
    return reading.case.image.annotations.filter(finding=reading.case.target).order_by("pk")


def _answered(reading: Reading) -> bool:
    asked = Question.objects.filter(study=reading.allocation.membership.study).count()
    return Answer.objects.filter(reading=reading).order_by().values("question").distinct().count() >= asked
