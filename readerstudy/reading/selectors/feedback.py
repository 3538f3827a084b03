"""What a reader is told about a training case, once they have answered it. No study case gets here."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from readerstudy.explanations.models import Artefact
from readerstudy.reading.models import Reading
from readerstudy.studies.models import Annotation, Case

XRAY_NAME = "xray"


@dataclass(frozen=True)
class Feedback:
    """The truth about a training case, beside nothing else of it."""

    prediction_right: bool
    marked: bool


def feedback_of(reading: Reading) -> Feedback | None:
    """Whether the prediction was right, and whether an expert marked the place; None where that is not to be told.

    That is: of every study case, and of a training case until its last missing answer is stored.
    """
    case = reading.case
    if case.purpose != Case.Purpose.TRAINING or reading.completed_at is None:
        return None
    right = case.label == Case.Label.TRUE_POSITIVE
    return Feedback(prediction_right=right, marked=right and expert_annotations(reading).exists())


def expert_annotations(reading: Reading) -> QuerySet[Annotation]:
    """What an expert drew of the target on this case's image. Ask `feedback_of` first."""
    return reading.case.image.annotations.filter(finding=reading.case.target).order_by("pk")


def still_of(reading: Reading, name: str) -> Artefact | None:
    """The stored X-ray, or the stored overlay of a method that the reading's arm shows. Ask `feedback_of` first."""
    if name != XRAY_NAME and name not in reading.arm.methods:
        return None
    method, kind = ("", Artefact.Kind.XRAY) if name == XRAY_NAME else (name, Artefact.Kind.OVERLAY)
    return Artefact.objects.filter(explanation__case=reading.case_id, method=method, kind=kind).first()
