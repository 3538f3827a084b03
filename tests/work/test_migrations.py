"""Workers that have reported themselves are known after the update that gives their table another home."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from readerstudy.work.models import Worker
from tests.factories.studies import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def migrated() -> Iterator[MigrationExecutor]:
    yield MigrationExecutor(connection)
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())


def test_a_worker_of_the_old_table_keeps_its_row_and_its_content_type(migrated: MigrationExecutor) -> None:
    kept = ContentType.objects.get_for_model(Worker).pk
    migrated.migrate([("explanations", "0004_passing_faults")])
    assert ContentType.objects.filter(pk=kept, app_label="explanations").exists()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO explanations_worker (name, queues, host, pid, started_at, seen_at) "
            "VALUES ('w@host', 'gpu', 'host', 1, %s, %s)",
            [NOW, NOW],
        )
    latest = MigrationExecutor(connection)
    latest.migrate(latest.loader.graph.leaf_nodes())
    assert Worker.objects.get().name == "w@host"
    assert ContentType.objects.get(pk=kept).app_label == "work"
    assert Worker.objects.create(name="x", queues="", host="", pid=1, started_at=NOW, seen_at=NOW).pk > 1
