"""The [reading] table of a protocol: what is read, what is stored, and how mistakes in it are named."""

from __future__ import annotations

import hashlib

import pytest

from readerstudy.studies.protocol import ProtocolError, load_protocol, protocol_parse
from readerstudy.studies.protocol_reading import ReadingPlan
from readerstudy.studies.services import study_create
from tests.factories.studies import NOW, PAPER

TEXT = PAPER.read_text()
TABLE = """
[reading]
consent = "You **may** stop."
training_cases = 4
break_after_minutes = 30
certificate = true
show_patient = ["age", "sex"]
show_prediction = false
expected_seconds_per_case = 25
"""


def test_the_published_protocol_asks_for_nothing_of_it():
    assert load_protocol(PAPER).reading == ReadingPlan()


@pytest.mark.django_db
def test_every_key_reaches_the_study_as_the_file_says():
    study = study_create(protocol=protocol_parse(TEXT.replace("latent_shift", "iterative_delete") + TABLE), now=NOW)
    study.refresh_from_db()

    assert study.reading_plan == ReadingPlan(
        consent="You **may** stop.",
        training_cases=4,
        break_after_minutes=30,
        certificate=True,
        show_patient=("age", "sex"),
        show_prediction=False,
        expected_seconds_per_case=25,
    )
    assert study.reading_plan.consent_sha256 == hashlib.sha256(b"You **may** stop.").hexdigest()


def test_a_prediction_is_not_hidden_beside_a_counterfactual_that_tells_it():
    line = (TEXT + TABLE).split("\n").index("[reading]") + 1
    with pytest.raises(ProtocolError, match=f"line {line}: `reading` has show_prediction = false"):
        protocol_parse(TEXT + TABLE)


@pytest.mark.parametrize(
    ("good", "bad", "says"),
    [
        ("training_cases = 4", "training_cases = 3", "must be even"),
        ("training_cases = 4", "training_cases = -2", "whole number from 0"),
        ('["age", "sex"]', '["age", "name"]', "'name'; of a patient can be shown: age, sex"),
        ("certificate = true", 'certificate = "yes"', "true or false"),
        ("expected_seconds_per_case = 25", "expected_seconds_per_case = 0", "from 1 to 3600"),
        ("break_after_minutes", "pause_after_minutes", "is not known"),
    ],
)
def test_a_mistake_is_named_with_its_line(good: str, bad: str, says: str):
    text = TEXT + TABLE.replace(good, bad)
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if bad in line)

    with pytest.raises(ProtocolError, match=f"line {line}: `reading[.].*{says}"):
        protocol_parse(text)
