"""What a reader is told about a training case, once they have answered it. No study case gets here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from explainer.catalogue.artefacts import XRAY, Panel
from readerstudy.explanations.models import Artefact
from readerstudy.reading.models import Reading
from readerstudy.reading.panels import map_panels
from readerstudy.studies.models import Annotation, Case


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


def stills(methods: Sequence[str]) -> list[Panel]:
    """The pictures of an arm that have a stored file as it is drawn, for the expert's outline: X-ray and maps."""
    return [XRAY, *map_panels(methods)]


def still_of(reading: Reading, name: str) -> Artefact | None:
    """The stored X-ray, or the stored overlay of a method that the reading's arm shows. Ask `feedback_of` first."""
    panel = next((panel for panel in stills(reading.arm.methods) if panel.key == name), None)
    if panel is None:
        return None
    # Of what a panel is made of, the last is the picture.
    kind = panel.made_of[-1]
    return Artefact.objects.filter(explanation__case=reading.case_id, method=panel.method, kind=kind).first()
