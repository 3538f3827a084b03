"""The blinded view of one case: the only source of what a reader's page, script or file may hold."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Sum

from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.reading.models import TRAINING, Answer, Reading, Visit
from readerstudy.reading.selectors.patient import patient_in_words
from readerstudy.reading.selectors.progress import reading_rows
from readerstudy.reading.selectors.standing import minutes, pace
from readerstudy.studies.models import Study

COUNTERFACTUAL = "latent_shift"


@dataclass(frozen=True)
class Scale:
    """A question with the reader's own current answer."""

    key: str
    text: str
    points: range
    low_anchor: str
    high_anchor: str
    value: int | None


@dataclass(frozen=True)
class Step:
    """A case in the list of a period: its place, whether all is answered, and whether it must be repaired."""

    reading_id: uuid.UUID
    position: int
    answered: bool
    broken: bool = False


@dataclass(frozen=True)
class BlindReading:
    """All that a reader may learn about one of their cases. Nothing else about it goes into any page or file."""

    id: uuid.UUID
    study: Study
    target: str
    percent: int | None  # none where the protocol keeps the prediction's number to itself
    patient: str  # age and sex in words, as far as the protocol shows them
    methods: tuple[str, ...]
    position: int
    total: int
    period: int
    periods: int
    scales: tuple[Scale, ...]
    seconds_before: float
    ready: bool
    minutes_left: int
    steps: tuple[Step, ...]
    next_methods: tuple[str, ...]

    @property
    def answered(self) -> bool:
        return all(scale.value is not None for scale in self.scales)

    @property
    def done(self) -> int:
        return sum(step.answered for step in self.steps)

    @property
    def broken(self) -> bool:
        """Whether its explanation failed: it is led past until the coordinator has repaired it."""
        return any(step.broken for step in self.steps if step.reading_id == self.id)

    @property
    def training(self) -> bool:
        return self.period == TRAINING

    @property
    def previous_id(self) -> uuid.UUID | None:
        return self.steps[self.position - 2].reading_id if self.position > 1 else None

    @property
    def next_id(self) -> uuid.UUID | None:
        return self.steps[self.position].reading_id if self.position < self.total else None


def blind_reading(reading: Reading) -> BlindReading:
    """The one source of what a rating page shows and its script is given."""
    rows = [row for row in reading_rows(reading.allocation) if row.period_id == reading.period_id]
    study = reading.allocation.membership.study
    next_reading = (
        Reading.objects.select_related("arm")
        .filter(
            allocation=reading.allocation,
            period=reading.period,
            position=reading.position + 1,
            case__explanation__status=Explanation.Status.DONE,
        )
        .first()
    )
    return BlindReading(
        id=reading.id,
        study=study,
        target=reading.case.target,
        percent=round(100 * reading.case.score) if study.reading_plan.show_prediction else None,
        patient=patient_in_words(reading.case.image, study.reading_plan.show_patient),
        methods=tuple(reading.arm.methods),
        position=reading.position,
        total=len(rows),
        period=reading.period.number,
        periods=study.arms.count(),
        scales=_scales(reading, study),
        seconds_before=Visit.objects.filter(reading=reading).aggregate(total=Sum("seconds"))["total"] or 0.0,
        ready=Explanation.objects.filter(case=reading.case_id, status=Explanation.Status.DONE).exists(),
        minutes_left=minutes(pace(reading.allocation), sum(not row.settled for row in rows)),
        steps=tuple(
            Step(reading_id=row.reading_id, position=row.position, answered=row.answered, broken=row.broken)
            for row in rows
        ),
        next_methods=tuple(next_reading.arm.methods) if next_reading else (),
    )


def reading_assets(methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Files that an arm with these methods shows: name in the address -> method and kind of the artefact."""
    assets = {"xray.png": ("", Artefact.Kind.XRAY.value)}
    assets.update({f"{method}.png": (method, Artefact.Kind.OVERLAY.value) for method in methods})
    if COUNTERFACTUAL in methods:
        assets["filmstrip.png"] = (COUNTERFACTUAL, Artefact.Kind.FILMSTRIP.value)
        assets["curve.json"] = (COUNTERFACTUAL, Artefact.Kind.CURVE.value)
    return assets


def reading_artefact(reading: Reading, name: str) -> Artefact | None:
    """The file behind a name of this reading's arm; None for a name that the arm does not show."""
    found = reading_assets(reading.arm.methods).get(name)
    if found is None:
        return None
    method, kind = found
    return Artefact.objects.filter(
        explanation__case=reading.case_id,
        explanation__status=Explanation.Status.DONE,
        method=method,
        kind=kind,
    ).first()


def _scales(reading: Reading, study: Study) -> tuple[Scale, ...]:
    current = {
        answer.question_id: answer.value for answer in Answer.objects.filter(reading=reading).order_by("revision")
    }
    return tuple(
        Scale(
            key=question.key,
            text=question.text,
            points=question.scale,
            low_anchor=question.low_anchor,
            high_anchor=question.high_anchor,
            value=current.get(question.pk),
        )
        for question in study.questions.all()
    )
