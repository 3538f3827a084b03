"""The blinded view of one case: the only source of what a reader's page, script or file may hold."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from explainer.catalogue.artefacts import DEEP_XRAY, Panel
from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.reading.assets import marked_percent
from readerstudy.reading.models import TRAINING, Reading
from readerstudy.reading.panels import panels
from readerstudy.reading.selectors.demographics import patient_in_words
from readerstudy.reading.selectors.exposure import active_seconds
from readerstudy.reading.selectors.locks import Lock, lock_of
from readerstudy.reading.selectors.progress import ReadingRow, reading_rows
from readerstudy.reading.selectors.questions import AskedQuestion, asked_questions
from readerstudy.reading.selectors.standing import minutes, pace
from readerstudy.studies.models import Study


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
    questions: tuple[AskedQuestion, ...]
    lock: Lock
    seconds_before: float
    ready: bool
    minutes_left: int
    steps: tuple[Step, ...]
    deep: bool
    marked_percent: float

    @property
    def answered(self) -> bool:
        return all(question.answered for question in self.questions if question.required)

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

    @property
    def following_id(self) -> uuid.UUID | None:
        """Where Next leads: from a case that was rated before to the one beside it, else to the first open one.

        None where this page cannot tell, as after the last case of a period. Knowing it here saves the reader a
        redirect, a third of the wait for the next case.
        """
        if self.answered:
            return self.next_id
        others = (step for step in self.steps if step.reading_id != self.id)
        return next((step.reading_id for step in others if not step.answered and not step.broken), None)


def blind_reading(reading: Reading, rows: Sequence[ReadingRow] | None = None) -> BlindReading:
    """The one source of what a rating page shows and its script is given.

    `rows` are all of the reader's, where they are at hand.
    """
    rows = reading_rows(reading.allocation) if rows is None else rows
    rows = [row for row in rows if row.period_id == reading.period_id]
    study = reading.allocation.membership.study
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
        questions=asked_questions(reading),
        lock=lock_of(reading),
        seconds_before=Reading.objects.values_list(active_seconds("pk"), flat=True).get(pk=reading.pk) or 0.0,
        ready=Explanation.objects.filter(case=reading.case_id, status=Explanation.Status.DONE).exists(),
        minutes_left=minutes(pace(reading.allocation), sum(not row.settled for row in rows)),
        steps=tuple(
            Step(reading_id=row.reading_id, position=row.position, answered=row.answered, broken=row.broken)
            for row in rows
        ),
        deep=Artefact.objects.filter(explanation__case=reading.case_id, kind=Artefact.Kind.DEEP).exists(),
        marked_percent=marked_percent(study.parameters),
    )


def following_assets(blind: BlindReading) -> list[str]:
    """Names of the files that the case shows to which Next leads; none where there is none that can be shown yet."""
    if blind.following_id is None:
        return []
    following = Reading.objects.filter(pk=blind.following_id, case__explanation__status=Explanation.Status.DONE)
    shown = following.select_related("arm").first()
    return list(reading_assets(shown.arm.methods, deep=blind.deep)) if shown else []


def reading_assets(methods: Sequence[str], *, deep: bool = False) -> dict[str, Panel]:
    """Files that an arm with these methods shows: name in the address -> panel, which says what the file is made of.

    `deep` where the X-rays of the study have more than 8 bits.
    """
    return {panel.asset: panel for panel in panels(methods, deep=deep)}


def reading_artefacts(reading: Reading, name: str) -> list[Artefact]:
    """The files behind a name of this reading's arm; none for a name that the arm does not show."""
    panel = reading_assets(reading.arm.methods, deep=name == DEEP_XRAY.asset).get(name)
    if panel is None:
        return []
    stored = Artefact.objects.filter(
        explanation__case=reading.case_id,
        explanation__status=Explanation.Status.DONE,
        method=panel.method,
        kind__in=panel.made_of,
    )
    by_kind = {artefact.kind: artefact for artefact in stored}
    return [by_kind[kind] for kind in panel.made_of] if set(by_kind) == set(panel.made_of) else []
