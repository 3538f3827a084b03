"""Answers that were given before an upgrade are there after it, as they were."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from tests.factories.people import NOW
from tests.factories.reading import reader_make, study_make
from tests.typed import present

BEFORE = [("studies", "0002_audit_append_only"), ("reading", "0002_answer_append_only")]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrated() -> Iterator[MigrationExecutor]:
    yield MigrationExecutor(connection)
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())


def test_an_answer_of_the_first_version_is_kept_and_counts(migrated: MigrationExecutor):
    reading_id, answer_id = present(reader_make(study_make(targets=("Mass",))).readings.first()).pk, uuid.uuid4()
    migrated.migrate(BEFORE)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO reading_answer (id, reading_id, question_id, revision, value, answered_at) "
            "SELECT %s, %s, id, 1, 4, %s FROM studies_question WHERE key = 'confidence'",
            [answer_id, reading_id, NOW],
        )
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())

    from readerstudy.reading.models import Answer, Reading
    from readerstudy.reading.selectors import asked_questions
    from readerstudy.studies.models import Arm

    stored = Answer.objects.get()
    assert (stored.pk, stored.value, stored.content, stored.superseded) == (answer_id, 4, None, False)
    assert [question.value for question in asked_questions(Reading.objects.get(pk=reading_id))] == [4, None]
    assert Arm.objects.values("mask").distinct().count() == 2


def test_an_image_that_could_not_be_scored_stays_so_with_its_reason(migrated: MigrationExecutor):
    study = study_make()
    images = list(study.images.order_by("pk").values_list("pk", flat=True))
    migrated.migrate([("studies", "0008_image_doubts")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE studies_image SET score_error = 'x.png is damaged.' WHERE id = %s", [images[0]])
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())

    from readerstudy.studies.models import Scoring

    assert list(Scoring.objects.values_list("image", "status", "error")) == [(images[0], "failed", "x.png is damaged.")]


def test_an_allocation_by_seed_keeps_it_as_the_sign_that_it_was_and_the_published_study_has_none(
    migrated: MigrationExecutor,
):
    kept, published = (reader_make(study_make(slug, targets=("Mass",))) for slug in ("kept", "published"))
    study = published.membership.study
    study.audit.create(action="study_import_gifsplanation", at=NOW)
    order = list(kept.readings.values_list("pk", "position", "case_id", "arm_id"))
    migrated.migrate([("reading", "0006_unlock_declined")])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE reading_allocation SET seed = 7 WHERE id = %s", [kept.pk])
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())

    from readerstudy.reading.models import Allocation

    assert dict(Allocation.objects.values_list("pk", "seed")) == {kept.pk: 7, published.pk: None}
    assert list(kept.readings.values_list("pk", "position", "case_id", "arm_id")) == order
