"""Studies with answers for tests of the results, and a made-up folder in the form of the published study."""

import csv
import gzip
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from readerstudy.accounts.models import User
from readerstudy.reading.models import Allocation, Answer, Period, Reading, Visit
from readerstudy.results.gifsplanation import COLUMNS, RECORD, TARGETS
from readerstudy.studies.models import Arm, Case, Image, Membership, Question, Study
from tests.factories.people import NOW, member_make

METHODS = {"A": ["input_gradient", "guided_backprop"], "B": ["latent_shift"]}
QUESTIONS = {"confidence": "How confident are you?", "correct_feature": "Is it the correct feature?"}

INTERIM_FOR_ALL = '[results]\ninterim = ["coordinator", "analyst"]\n'


def trial_make(
    slug: str = "trial",
    *,
    status: str = Study.Status.CLOSED,
    target: str = "Effusion",
    cases: int = 2,
    unblinded: bool = True,
) -> Study:
    """A study with arms A and B, two questions, two periods and as many TP as FP cases; the odd numbers are TP.

    A closed one is unblinded unless told otherwise. Of another one, coordinators and analysts may see interim results.
    """
    study = Study.objects.create(
        slug=slug,
        title=f"The {slug} study",
        status=status,
        targets=[target],
        cases_per_cell=2,
        seed=1,
        classifier="phantom-small",
        autoencoder="phantom-small",
        protocol="# as it was read\n" if status == Study.Status.CLOSED else INTERIM_FOR_ALL,
        unblinded_at=NOW if unblinded and status == Study.Status.CLOSED else None,
        created_at=NOW,
    )
    for position, (key, methods) in enumerate(METHODS.items(), start=1):
        Arm.objects.create(study=study, key=key, name=f"Arm {key}", position=position, methods=methods)
    for position, (key, text) in enumerate(QUESTIONS.items(), start=1):
        Question.objects.create(study=study, key=key, text=text, position=position)
    for number in (1, 2):
        Period.objects.create(study=study, number=number)
    for number in range(1, cases + 1):
        trial_case_make(study, number=number, label="TP" if number % 2 else "FP", target=target)
    return study


def trial_case_make(study: Study, *, number: int, label: str, target: str = "Effusion", name: str = "") -> Case:
    image = Image.objects.create(
        study=study, name=name or f"chest-{number}.png", patient=f"P{number}", created_at=NOW, sha256=f"{number:064d}"
    )
    return Case.objects.create(
        study=study, image=image, target=target, label=label, score=0.7, number=number, created_at=NOW
    )


def person_make(study: Study, role: str) -> User:
    """A person with this role in the study, known as role@study.invalid."""
    return member_make(study, role, f"{role}@{study.slug}.invalid").user


def rater_make(study: Study) -> Allocation:
    """A reader with a sequence: every case in arm A in period 1 and in arm B in period 2."""
    code = f"R{study.memberships.exclude(code='').count() + 1}"
    email = f"{code.lower()}@{study.slug}.invalid"
    membership = member_make(study, Membership.Role.READER, email, code=code)
    allocation = Allocation.objects.create(membership=membership, seed=7, created_at=NOW)
    arms = dict(enumerate(study.arms.order_by("position"), start=1))
    for period in study.periods.order_by("number"):
        for position, case in enumerate(study.cases.order_by("number"), start=1):
            Reading.objects.create(
                allocation=allocation,
                case=case,
                arm=arms[period.number],
                period=period,
                position=position,
                opened_at=NOW + timedelta(minutes=position),
            )
    return allocation


def answer(
    allocation: Allocation,
    case: int,
    arm: str,
    values: Iterable[int | None],
    *,
    question: str = "confidence",
    first: int = 1,
    **fields: Any,
) -> list[Answer]:
    """Answers one question of one reading: the values are its revisions from the `first`, one a minute."""
    study = allocation.membership.study
    reading = allocation.readings.get(case__number=case, arm__key=arm)
    asked = study.questions.get(key=question)
    return [
        Answer.objects.create(
            id=uuid.uuid4(),
            reading=reading,
            question=asked,
            revision=revision,
            value=value,
            answered_at=NOW + timedelta(hours=1, minutes=revision),
            **fields,
        )
        for revision, value in enumerate(values, start=first)
    ]


def answer_all(allocation: Allocation, values: Mapping[str, int]) -> None:
    """Answers every question of every reading; `values` is arm -> value."""
    for reading in allocation.readings.select_related("case", "arm"):
        for question in QUESTIONS:
            answer(allocation, reading.case.number, reading.arm.key, [values[reading.arm.key]], question=question)


def visit(allocation: Allocation, case: int, arm: str, seconds: float) -> Visit:
    reading = allocation.readings.get(case__number=case, arm__key=arm)
    return Visit.objects.create(id=uuid.uuid4(), reading=reading, seconds=seconds, started_at=NOW)


def published_folder(folder: Path) -> Path:
    """A folder of the published form with made-up contents: arm B is rated 4 and arm A 3, whoever reads when."""
    record = [_published_case(number) for number in range(1, 241)]
    with gzip.open(folder / RECORD, "wt", encoding="utf-8") as stream:
        json.dump(record, stream)
    for read in (0, 1):
        for reader in (1, 2):
            rows = [[case["trialid"], 3 + (case["trial"] ^ read), 3] for case in record]
            write_read(folder, read, reader, [list(COLUMNS), *rows])
    return folder


def write_read(folder: Path, read: int, reader: int, rows: Iterable[Iterable[Any]]) -> None:
    with (folder / f"read{read}-reader{reader}.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def read_rows(folder: Path, read: int, reader: int) -> list[list[str]]:
    with (folder / f"read{read}-reader{reader}.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def _published_case(number: int) -> dict[str, Any]:
    return {
        "trialid": number,
        "trial": number // 2 % 2,
        "target": TARGETS[number % len(TARGETS)],
        "label": number // 6 % 2,
        "pred": 0.5 + number / 1000,
        "dataset": "made-up",
        "idx": str(number),
        "source": {"Image Index": f"{number:08d}_000.png", "patientid": str(number)},
        "model_used": "XRV-DenseNet121-all",
    }
