"""Workers report themselves: alive while they beat, gone when they say so."""

from datetime import timedelta

import pytest

from readerstudy.work.models import Worker
from readerstudy.work.queues import GPU
from readerstudy.work.workers import worker_gone, worker_seen, workers_alive
from tests.factories.studies import NOW

pytestmark = pytest.mark.django_db


def test_a_worker_is_alive_while_it_beats_on_the_queue():
    worker_seen(name="w@host", queues="gpu,cpu", host="host", pid=1, now=NOW)
    worker_seen(name="other@host", queues="cpu", host="host", pid=2, now=NOW)

    assert [worker.name for worker in workers_alive(now=NOW + timedelta(seconds=20), queue=GPU)] == ["w@host"]
    assert workers_alive(now=NOW + timedelta(seconds=60), queue=GPU) == []


def test_a_worker_that_starts_again_under_its_name_is_one_worker():
    worker_seen(name="w@host", queues="gpu", host="host", pid=1, now=NOW)
    worker_seen(name="w@host", queues="gpu", host="host", pid=1, now=NOW + timedelta(seconds=10))
    assert Worker.objects.get().started_at == NOW

    later = NOW + timedelta(hours=1)
    worker_seen(name="w@host", queues="gpu", host="host", pid=2, now=later)
    assert Worker.objects.get().started_at == later

    worker_gone(name="w@host")
    assert not Worker.objects.exists()
