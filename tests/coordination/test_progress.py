"""What an open page of a study asks for every few seconds: right, and cheap however large the study is."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from readerstudy.coordination.selectors import next_command, watched
from readerstudy.explanations.models import Explanation
from readerstudy.reading.models import Answer
from readerstudy.reading.selectors import periods_by_allocation, periods_of
from readerstudy.studies.models import Image, Label, Membership, Prediction, Scoring, Study
from readerstudy.studies.services import reader_withdraw
from tests.factories.people import NOW, member_make
from tests.factories.reading import question_make, reader_make, study_make
from tests.typed import present

pytestmark = pytest.mark.django_db
MOST_QUERIES = 24
MOST_ROWS = 120


class Fetched:
    """Counts the statements of a request, and the rows that they return."""

    def __init__(self) -> None:
        self.queries, self.rows = 0, 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        result = execute(sql, params, many, context)
        if sql.lstrip().upper().startswith(("SELECT", "WITH")):
            self.queries += 1
            self.rows += context["cursor"].rowcount
        return result


def fetched_by(client: Client, study: Study) -> Fetched:
    """What one look at the progress of the study fetches from the database."""
    fetched = Fetched()
    with connection.execute_wrapper(fetched):
        assert client.get(reverse("study_progress", args=[study.slug])).status_code == 200
    return fetched


def pool_grow(study: Study, images: int) -> None:
    """More images, all labelled: every second one scored above the threshold for every target, the others failed."""
    first = study.images.count()
    made = Image.objects.bulk_create(
        Image(study=study, sha256=f"{number:064d}", file=f"images/{number}.png", name=f"{number}.png", created_at=NOW)
        for number in range(first, first + images)
    )
    Label.objects.bulk_create(
        Label(image=image, finding=target, state="positive") for image in made for target in study.targets
    )
    Prediction.objects.bulk_create(
        Prediction(image=image, classifier=study.classifier, target=target, score=0.9, created_at=NOW)
        for image in made[::2]
        for target in study.targets
    )
    Scoring.objects.bulk_create(
        Scoring(image=image, status=Scoring.Status.FAILED, error="No lungs.", created_at=NOW) for image in made[1::2]
    )


@pytest.fixture
def study(client: Client) -> Study:
    study = study_make()
    client.force_login(member_make(study, Membership.Role.COORDINATOR).user)
    return study


def test_a_look_costs_as_much_at_a_pool_of_thousands_as_at_an_empty_one(client: Client, study: Study):
    pool_grow(study, 60)
    reader_make(study)
    few = fetched_by(client, study)
    pool_grow(study, 3000)

    many = fetched_by(client, study)

    assert (many.queries, many.rows) == (few.queries, few.rows)
    assert many.queries <= MOST_QUERIES
    assert many.rows <= MOST_ROWS


def test_readers_cost_no_query_and_cases_no_row(client: Client, study: Study):
    reader_make(study)
    one = fetched_by(client, study)
    for _ in range(4):
        reader_make(study)
    five = fetched_by(client, study)
    assert five.queries == one.queries
    assert five.rows - one.rows <= 4 * 6

    large = study_make("large", per_cell=20)
    client.force_login(member_make(large, Membership.Role.COORDINATOR).user)
    reader_make(large)
    assert fetched_by(client, large).rows == one.rows


def test_the_parts_are_those_of_the_page(client: Client, study: Study):
    reader_make(study)
    Explanation.objects.filter(case__number=1).update(status=Explanation.Status.PENDING)

    def parts(name: str) -> dict[str, str]:
        text = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", client.get(reverse(name, args=[study.slug])).text)
        starts = [found.start() for found in re.finditer(r"<\w+ [^>]*data-watched", text)]
        named = {present(re.search(r'id="(\w+)"', text[start:])).group(1): start for start in starts}
        return {name: re.sub(r"\s+", " ", text[start : start + 600]) for name, start in named.items()}

    page, progress = parts("study_detail"), parts("study_progress")
    assert set(page) == set(progress) == {"scored", "scoring", "explanations", "selection", "readers"}
    for name in ("explanations", "selection", "readers"):
        assert page[name][:300] == progress[name][:300]
    assert "7 of 8 cases explained, 1 waiting" in progress["explanations"]


def test_periods_counted_by_the_database_are_those_counted_case_by_case():
    """Through answers, failures, a washout and the time for corrections, of two readers at different places."""
    study = study_make(targets=("Mass",), washout_days=2, training=2)
    allocations = [reader_make(study), reader_make(study)]
    questions = list(study.questions.all())

    def same(hours: int) -> None:
        now = NOW + timedelta(hours=hours)
        counted = periods_by_allocation(study, now=now)
        for allocation in allocations:
            alone = periods_of(allocation, now=now)
            assert [vars(period) | {"last_reading_id": None} for period in alone] == [
                vars(period) for period in counted[allocation.pk]
            ]

    same(0)
    first, second = allocations
    for hour, reading in enumerate(first.readings.all(), start=1):
        at = NOW + timedelta(hours=hour)
        reading.opened_at = at
        reading.save()
        for question in questions:
            same(hour)
            Answer.objects.create(
                id=uuid.uuid4(), reading=reading, question=question, revision=1, value=3, answered_at=at
            )
        reading.completed_at = at
        reading.save()
        same(hour)
        same(hour + 3)
        same(hour + 72)
    Explanation.objects.filter(case=present(second.readings.first()).case).update(status=Explanation.Status.FAILED)
    same(100)
    Answer.objects.create(
        id=uuid.uuid4(),
        reading=present(second.readings.last()),
        question=questions[0],
        revision=1,
        value=3,
        answered_at=NOW,
        superseded=True,
    )
    same(100)
    questions[1].required = False
    questions[1].save()
    same(100)
    question_make(study, "yes_no")
    same(100)


def test_who_was_withdrawn_does_not_keep_the_study_from_being_closed() -> None:
    study = study_make(targets=("Mass",))
    reader, leaver = reader_make(study), reader_make(study)
    for reading in reader.readings.all():
        for question in study.questions.all():
            Answer.objects.create(
                id=uuid.uuid4(), reading=reading, question=question, revision=1, value=3, answered_at=NOW
            )
        reading.opened_at = reading.completed_at = NOW
        reading.save()
    assert next_command(study, watched(study, now=NOW)) == ""
    reader_withdraw(membership=leaver.membership, reason="moved away", now=NOW)
    assert next_command(study, watched(study, now=NOW)) == f"study_close {study.slug}"
