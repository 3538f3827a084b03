"""Signs of life: of the process that computes, and only while it works and is given work."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime, timedelta
from multiprocessing import Pipe
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import explanations_request
from readerstudy.lib.clock import shared_now
from readerstudy.work import beat, pulse
from readerstudy.work.models import Worker
from readerstudy.work.pool.process import Computer, Hello
from readerstudy.work.queues import GPU
from readerstudy.work.workers import workers_alive
from tests.factories.studies import NOW, make_cases, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reapers but those of a test, and the connection of the test stays."""
    monkeypatch.setattr(beat, "_reapers", [])
    monkeypatch.setattr(connections, "close_all", lambda: None)


def computer(*, gone: tuple[str, ...] = (), queues: tuple[str, ...] = ("gpu",)) -> tuple[Computer, Any]:
    """A process that waits for a task and whose parent's loop has just turned; and its parent's end of the pipe."""
    near, far = Pipe()
    made = Computer(far, Hello("readerstudy.celery", "one@here", queues, gone))
    made._parent_turned_at = made._idle_since = time.monotonic()
    return made, near


def test_a_process_that_waits_for_tasks_shows_life_at_each_beat() -> None:
    made, _near = computer()
    signs = beat.Beat(made)
    signs()
    assert [worker.name for worker in workers_alive(now=timezone.now(), queue=GPU)] == ["one@here"]
    first = Worker.objects.get().seen_at
    signs()
    assert Worker.objects.get().seen_at == first, "not more often than it must"
    signs._due_at = 0
    signs()
    assert Worker.objects.get().seen_at > first


def test_there_is_no_sign_while_the_loop_that_takes_tasks_stands_still() -> None:
    made, _near = computer()
    made._parent_turned_at = time.monotonic() - pulse.TURNED - 1
    beat.Beat(made)()
    assert not Worker.objects.exists()


def test_there_is_no_sign_while_the_thread_that_computes_stands_still() -> None:
    made, _near = computer()
    made._turned_at = time.monotonic() - pulse.SILENT - 1
    beat.Beat(made)()
    assert not Worker.objects.exists()
    made._busy_until = time.monotonic() + 60  # it is at a task that may take its time
    beat.Beat(made)()
    assert Worker.objects.exists()


def test_the_cases_of_a_process_that_it_replaces_are_free_at_once() -> None:
    study = make_study()
    make_cases(study)
    explanations_request(study=study, now=NOW)
    held = {"status": "running", "lease_token": uuid.uuid4(), "lease_until": timezone.now() + timedelta(hours=1)}
    ours, theirs = Explanation.objects.all()[:2]
    Explanation.objects.filter(pk=ours.pk).update(worker="here:7", **held)
    Explanation.objects.filter(pk=theirs.pk).update(worker="here:70", **held)
    beat.Beat(computer(gone=("here:7",))[0])()
    free = Explanation.objects.filter(status="running", lease_until__lte=timezone.now())
    assert [row.pk for row in free] == [ours.pk]


@pytest.mark.parametrize(("idle", "queues"), [(0.0, ("gpu",)), (pulse.IDLE + 1, ("cpu",))])
def test_only_an_idle_worker_of_the_queue_takes_tasks_for_lost(idle: float, queues: tuple[str, ...]) -> None:
    told: list[bool] = []
    beat.reap_with("gpu")(lambda _now, lost: told.append(lost) or 0)  # type: ignore[func-returns-value]
    made, _near = computer(queues=queues)
    made._idle_since = time.monotonic() - idle
    beat.Beat(made)()
    made, _near = computer()
    made._idle_since = time.monotonic() - pulse.IDLE - 1
    beat.Beat(made)()
    assert told == [False, True]


def test_a_worker_to_which_nothing_comes_that_it_sends_makes_way() -> None:
    beat.reap_with("gpu")(lambda _now, _lost: 1)
    made, near = computer()
    made._idle_since = time.monotonic() - 3600
    signs = beat.Beat(made)
    for _ in range(beat.DEAF_AFTER):
        assert not near.poll()
        signs._due_at = 0
        signs()
    assert near.recv() == ("deaf",)


def test_a_worker_that_was_given_a_task_in_between_is_not_deaf() -> None:
    beat.reap_with("gpu")(lambda _now, _lost: 1)
    made, near = computer()
    signs = beat.Beat(made)
    for _ in range(2 * beat.DEAF_AFTER):
        # It had a task a moment ago: after what it sent last.
        made._idle_since = time.monotonic()
        signs._sent_at = [at - pulse.IDLE - 1 for at in signs._sent_at]
        made._idle_since -= pulse.IDLE
        signs._due_at = 0
        signs()
    assert not near.poll()


def test_a_worker_with_a_wrong_clock_is_alive_as_long_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _near = computer()
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: datetime.now(UTC) - timedelta(hours=1))
        beat.Beat(made)()
    assert len(workers_alive(now=shared_now(), queue=GPU)) == 1
    assert workers_alive(now=shared_now() + pulse.ALIVE, queue=GPU) == []
