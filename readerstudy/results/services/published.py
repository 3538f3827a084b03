"""Writes of the results app: loading the published reader study as a closed study."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from explainer.catalogue.methods import guided_backprop, input_gradient, integrated_gradients, latent_shift
from readerstudy.accounts.services import user_get_or_create
from readerstudy.reading.models import Allocation, Answer, Period, Reading
from readerstudy.results.gifsplanation import (
    ARMS,
    QUESTIONS,
    READERS,
    READS,
    SCALE,
    TARGETS,
    PublishedImage,
    PublishedStudy,
)
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Arm, Case, Image, Label, Membership, Question, Study
from readerstudy.studies.services import audit, labels_store

ARM_NAMES = {"A": "Traditional", "B": "Latent Shift"}
ARM_METHODS = {
    "A": [method.METHOD.key for method in (input_gradient, guided_backprop, integrated_gradients)],
    "B": [latent_shift.METHOD.key],
}
NOTE = (
    "Published study (github mlmed/gifsplanation), loaded from its response files. Pixels, masks, times and the "
    "readers' identities were not published: there is no IoU, and answers carry the time of this import. Two X-rays "
    "appear twice in it (cases 213 and 231, 220 and 229)."
)


class StudyExistsError(Exception):
    """The slug belongs to a study that is not this one."""


@dataclass(frozen=True)
class Loaded:
    """The study that an import left behind, and whether this call made it."""

    study: Study
    created: bool


@transaction.atomic
def gifsplanation_import(*, published: PublishedStudy, slug: str, now: datetime) -> Loaded:
    """Store the published study, closed and unblinded; where the slug is taken by it already, do nothing.

    Two readers without passwords, under addresses that can receive no mail. Every answer is a first revision at `now`,
    because its own time is unknown; the readings were never opened here, which is how exports tell.
    Raises StudyExistsError where another study has the slug.
    """
    if existing := Study.objects.filter(slug=slug).first():
        if not existing.audit.filter(action=Action.PUBLISHED_STUDY_IMPORTED).exists():
            raise StudyExistsError(f"There is another study {slug!r}. Choose another name with --slug.")
        return Loaded(existing, created=False)
    study = Study.objects.create(
        slug=slug,
        title="Gifsplanation reader study (as published)",
        instructions="",
        status=Study.Status.CLOSED,
        targets=list(TARGETS),
        cases_per_cell=20,
        seed=0,
        classifier=published.classifier,
        autoencoder="xrv-resnet101-elastic",
        protocol="",
        unblinded_at=now,
        created_at=now,
    )
    arms = {
        key: Arm.objects.create(study=study, key=key, name=ARM_NAMES[key], position=position, methods=ARM_METHODS[key])
        for position, key in enumerate(ARMS, start=1)
    }
    questions = [
        Question.objects.create(
            study=study,
            key=key,
            text=text,
            position=position,
            minimum=SCALE.start,
            maximum=SCALE.stop - 1,
        )
        for position, (key, text) in enumerate(QUESTIONS.items(), start=1)
    ]
    periods = {read: Period.objects.create(study=study, number=read + 1) for read in READS}
    cases = _cases(study, published, now)
    allocations = {code: _reader(study, code, now) for code in READERS}
    arm_of = {(case.number, read): arms[case.arm(read)] for case in published.cases for read in READS}
    readings = [
        Reading(
            allocation=allocations[entry.reader],
            case=cases[entry.case],
            arm=arm_of[entry.case, entry.read],
            period=periods[entry.read],
            position=entry.position,
            completed_at=now,
        )
        for entry in published.readings
    ]
    Reading.objects.bulk_create(readings, batch_size=500)
    answers = [
        Answer(id=uuid.uuid4(), reading=reading, question=question, revision=1, value=value, answered_at=now)
        for reading, entry in zip(readings, published.readings, strict=True)
        for question, value in zip(questions, entry.answers, strict=True)
    ]
    Answer.objects.bulk_create(answers, batch_size=1000)
    detail = {"cases": len(cases), "readings": len(readings), "answers": len(answers), "note": NOTE}
    audit(study=study, actor=None, action=Action.PUBLISHED_STUDY_IMPORTED, detail=detail, now=now)
    return Loaded(study, created=True)


def _cases(study: Study, published: PublishedStudy, now: datetime) -> dict[int, Case]:
    """One image row per published image, however many cases show it."""
    images = {
        entry: Image(
            study=study,
            name=entry.name,
            patient=entry.patient,
            age=entry.age,
            sex=entry.sex,
            view=entry.view,
            dataset=entry.dataset,
            created_at=now,
        )
        for entry in dict.fromkeys(case.image for case in published.cases)
    }
    Image.objects.bulk_create(images.values())
    cases = [
        Case(
            study=study,
            image=images[case.image],
            target=case.target,
            label=case.label,
            score=case.score,
            number=case.number,
            created_at=now,
        )
        for case in published.cases
    ]
    Case.objects.bulk_create(cases)
    labels_store({image.pk: _labels(entry, published) for entry, image in images.items()})
    return {case.number: case for case in cases}


def _labels(image: PublishedImage, published: PublishedStudy) -> dict[str, str]:
    """What was published of an image: its findings where they were listed, and the truth of its cases' own targets."""
    states = dict.fromkeys(image.findings, Label.State.POSITIVE.value)
    for case in published.cases:
        if case.image == image:
            true = case.label == Case.Label.TRUE_POSITIVE
            states[case.target] = (Label.State.POSITIVE if true else Label.State.NEGATIVE).value
    return states


def _reader(study: Study, code: str, now: datetime) -> Allocation:
    """A reader who cannot sign in: no password, and an address of the reserved domain .invalid."""
    user, _ = user_get_or_create(email=f"reader{code.removeprefix('R')}@{study.slug}.invalid", name=f"Reader {code}")
    membership = Membership.objects.create(
        study=study, user=user, role=Membership.Role.READER, code=code, created_at=now
    )
    return Allocation.objects.create(membership=membership, created_at=now)
