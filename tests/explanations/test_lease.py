"""Exactly once: whoever dies, comes back late or is sent twice, every case ends with one result."""

import re
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.db import connections

from explainer.rendering import npy
from readerstudy.explanations.models import Artefact, Explanation
from readerstudy.explanations.services import (
    EXPLAINING,
    Box,
    ExplanationError,
    explanation_claim_beside,
    explanation_retry,
    explanation_store,
    explanations_request,
    orphans_remove,
)
from readerstudy.lib.media import media_path, media_write
from readerstudy.studies.models import Annotation, Study
from readerstudy.studies.services import cases_select
from readerstudy.work.broker import VISIBILITY_SECONDS
from readerstudy.work.faults import DISK, MEMORY, pause
from readerstudy.work.lease import LEASE, LOST_AFTER, MAX_ATTEMPTS, release
from readerstudy.work.sending import sender
from tests.factories.studies import NOW, make_cases, make_image, make_result, make_score, make_study

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
METHODS = ["input_gradient", "guided_backprop", "integrated_gradients", "latent_shift"]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the explanations whose tasks would go to the broker."""
    ids: list[str] = []

    def send(name: str, args: list[str], queue: str) -> None:
        assert (name, queue) == ("explainer.tasks.explain_case", "gpu")
        ids.extend(args)

    monkeypatch.setattr(sender, "send_task", send)
    return ids


@pytest.fixture
def study() -> Study:
    study = make_study()
    make_cases(study)
    return study


@pytest.fixture
def asked(study: Study) -> Explanation:
    """One case that was asked for."""
    explanations_request(study=study, now=NOW)
    return Explanation.objects.order_by("case__number").first()  # type: ignore[return-value]


def claim(explanation: Explanation, *, now: Any = NOW, worker: str = "one") -> Any:
    return EXPLAINING.claim(explanation.pk, worker=worker, now=now)


def store(explanation: Explanation, job: Any, *, now: Any = NOW, **changes: Any) -> bool:
    result = make_result(METHODS, **changes)
    return explanation_store(explanation_id=explanation.pk, token=job.token, result=result, now=now)


def files() -> list[Path]:
    return [path for path in media_path("explanations").rglob("*") if path.is_file()]


def test_every_case_is_asked_for_once_in_the_order_of_numbers(
    study: Study, sent: list[str], on_commit: Callable[..., Any]
):
    with on_commit(execute=True):
        assert explanations_request(study=study, now=NOW) == 8
    with on_commit(execute=True):
        assert explanations_request(study=study, now=NOW) == 0

    in_order = Explanation.objects.order_by("case__number")
    assert sent == [str(one.pk) for one in in_order]
    assert {tuple(one.methods) for one in in_order} == {tuple(METHODS)}


def test_a_study_without_cases_says_what_to_do():
    with pytest.raises(ExplanationError, match="study_select"):
        explanations_request(study=make_study(), now=NOW)


def test_a_job_holds_what_the_engine_needs():
    study = make_study(targets=("Mass",), parameters={"latent_shift": {"drop": 0.2}})
    for findings in (["Mass"], []):
        for _ in range(2):
            make_score(make_image(study, findings=findings), "Mass", 0.9)
    for image in study.images.filter(labels__finding="Mass", labels__state="positive"):
        Annotation.objects.create(image=image, finding="Mass", x=1, y=2, width=3, height=4)
        Annotation.objects.create(image=image, finding="Mass", mask="masks/a.png")
        Annotation.objects.create(image=image, finding="Effusion", x=9, y=9, width=9, height=9)
    cases_select(study=study, now=NOW)
    explanations_request(study=study, now=NOW)
    explanation = Explanation.objects.filter(case__label="TP").first()
    assert explanation is not None

    job = claim(explanation)

    assert job.explanation_id == explanation.pk
    assert job.image_path.is_file()
    assert (job.target, job.classifier, job.autoencoder) == ("Mass", "test-classifier", "test-autoencoder")
    assert job.methods == tuple(METHODS)
    assert job.parameters == {"latent_shift": {"drop": 0.2}, "display_size": 64, "display_bits": 8}
    assert job.annotations == (Box(x=1, y=2, width=3, height=4), media_path("masks/a.png"))


def test_a_result_is_stored_with_files_under_names_that_say_nothing(asked: Explanation):
    job = claim(asked)
    maps = {method: np.full((4, 4), 0.5, np.float16) for method in METHODS}
    raw_files = {(method, Artefact.Kind.RAW): npy(values) for method, values in maps.items()}

    assert store(asked, job, files=raw_files, ious={"latent_shift": 0.4}, measures={"a": 1}, seconds=3.5)

    asked.refresh_from_db()
    assert (asked.status, asked.attempts, asked.seconds) == ("done", 1, 3.5)
    assert (asked.ious, asked.measures) == ({"latent_shift": 0.4}, {"a": 1})
    assert asked.finished_at == NOW
    kinds = [(artefact.method, artefact.kind) for artefact in asked.artefacts.all()]
    assert sorted(kinds) == sorted(
        [("", "xray"), *((m, kind) for m in METHODS for kind in ("raw", "overlay"))]
        + [("latent_shift", kind) for kind in ("filmstrip", "curve", "video")]
    )
    raw = asked.artefacts.get(method="latent_shift", kind=Artefact.Kind.RAW)
    loaded = np.load(media_path(raw.file), allow_pickle=False)
    assert loaded.dtype == np.float16
    assert np.array_equal(loaded, maps["latent_shift"])
    for artefact in asked.artefacts.all():
        assert media_path(artefact.file).stat().st_size == artefact.size
        # A folder, and 32 random hexadecimal digits: nothing of case, method or kind.
        assert re.fullmatch(r"explanations/([0-9a-f]{2})/\1[0-9a-f]{30}\.(png|npy|json|mp4)", artefact.file)


def test_two_workers_at_once_get_one_case_between_them(asked: Explanation):
    assert claim(asked) is not None

    assert claim(asked, worker="two") is None
    assert claim(asked, worker="two", now=NOW + LEASE - SECOND) is None


def test_a_killed_workers_case_is_taken_over_and_its_late_result_refused(asked: Explanation):
    dead = claim(asked)
    later = NOW + LEASE + SECOND

    alive = claim(asked, worker="two", now=later)
    assert alive is not None
    assert not store(asked, dead, now=later)
    assert files() == []
    assert store(asked, alive, now=later, seconds=7.0)
    assert not store(asked, dead, now=later)

    asked.refresh_from_db()
    assert (asked.status, asked.seconds, asked.attempts, asked.worker) == ("done", 7.0, 2, "two")
    assert len(files()) == asked.artefacts.count() == 12


def test_a_result_sent_twice_is_stored_once(asked: Explanation):
    job = claim(asked)

    assert store(asked, job, seconds=1.0)
    assert not store(asked, job, seconds=2.0)

    asked.refresh_from_db()
    assert asked.seconds == 1.0
    assert len(files()) == asked.artefacts.count()


def test_a_task_that_comes_again_finds_nothing_to_do(asked: Explanation):
    store(asked, claim(asked))

    assert claim(asked, now=NOW + timedelta(days=1)) is None
    assert EXPLAINING.claim(uuid.uuid4(), worker="one", now=NOW) is None


def test_a_beating_worker_keeps_its_case_and_learns_when_it_lost_it(asked: Explanation):
    job = claim(asked)
    beat = NOW + LEASE - SECOND

    assert EXPLAINING.extend(job, now=beat)
    assert claim(asked, worker="two", now=NOW + LEASE + SECOND) is None
    assert EXPLAINING.requeue(now=NOW + LEASE + SECOND, idle=False) == 0

    assert claim(asked, worker="two", now=beat + LEASE + SECOND) is not None
    assert not EXPLAINING.extend(job, now=beat + LEASE + SECOND)


def test_a_lease_runs_out_before_the_broker_hands_the_task_out_again():
    assert LEASE.total_seconds() < VISIBILITY_SECONDS


def test_the_reaper_sends_a_silent_workers_case_again(
    asked: Explanation, sent: list[str], on_commit: Callable[..., Any]
):
    Explanation.objects.exclude(pk=asked.pk).delete()
    dead = claim(asked)
    later = NOW + LEASE + SECOND

    with on_commit(execute=True):
        assert EXPLAINING.requeue(now=later, idle=False) == 1
        assert sent == []

    assert sent == [str(asked.pk)]
    asked.refresh_from_db()
    assert asked.status == "pending"
    assert not store(asked, dead, now=later)
    assert EXPLAINING.requeue(now=later, idle=True) == 0  # in the queue now, no need to send it at every beat


def test_an_idle_worker_sends_lost_tasks_again_and_a_busy_one_does_not(
    study: Study, asked: Explanation, sent: list[str], on_commit: Callable[..., Any]
):
    claim(asked, now=NOW + LOST_AFTER - SECOND)  # with another worker, which lives
    with on_commit(execute=True):
        assert EXPLAINING.requeue(now=NOW + LOST_AFTER, idle=False) == 0
        assert EXPLAINING.requeue(now=NOW + LOST_AFTER - SECOND, idle=True) == 0
        assert EXPLAINING.requeue(now=NOW + LOST_AFTER, idle=True) == 7
        assert EXPLAINING.requeue(now=NOW + LOST_AFTER + SECOND, idle=True) == 0
    assert len(sent) == 7


def test_a_worker_known_to_be_gone_loses_its_cases_at_once(asked: Explanation):
    claim(asked, worker="one:1")
    other = Explanation.objects.order_by("case__number").last()
    assert other is not None
    claim(other, worker="one:12")

    assert release(worker="one:1", now=NOW + SECOND) == 1
    assert EXPLAINING.requeue(now=NOW + SECOND, idle=False) == 1
    asked.refresh_from_db()
    other.refresh_from_db()
    assert (asked.status, other.status) == ("pending", "running")


def test_a_case_that_kills_every_worker_fails_in_the_end_and_can_be_tried_again(asked: Explanation):
    now = NOW
    for attempt in range(1, MAX_ATTEMPTS + 1):
        if attempt > 2:
            assert claim(asked, now=now) is None, "it is left alone for a while"
            now += pause(attempt - 2)
        assert claim(asked, now=now) is not None
        now += LEASE + SECOND
        EXPLAINING.requeue(now=now, idle=False)

    assert claim(asked, now=now + timedelta(days=1)) is None
    asked.refresh_from_db()
    assert asked.status == "failed"
    assert "lost 4 times" in asked.error

    explanation_retry(explanation=asked, now=now)
    assert claim(asked, now=now) is not None


def test_a_full_disk_fails_no_case_and_is_said(asked: Explanation, sent: list[str], on_commit: Callable[..., Any]):
    Explanation.objects.exclude(pk=asked.pk).delete()
    job = claim(asked)
    assert EXPLAINING.postpone(job, fault=DISK, now=NOW)
    asked.refresh_from_db()
    assert (asked.status, asked.attempts, asked.error) == ("pending", 0, "the disk is full")
    assert asked.retry_at == NOW + pause(1)
    assert asked.waits == "to be tried again at 09:00:30, because the disk is full"
    assert EXPLAINING.requeue(now=asked.retry_at - SECOND, idle=True) == 0
    assert claim(asked, now=asked.retry_at - SECOND) is None
    with on_commit(execute=True):
        assert EXPLAINING.requeue(now=asked.retry_at, idle=False) == 1
    assert sent == [str(asked.pk)]
    assert store(asked, claim(asked, now=NOW + pause(1)))
    assert not EXPLAINING.postpone(job, fault=DISK, now=NOW)


def test_a_case_that_met_too_little_memory_is_explained_alone(study: Study, asked: Explanation):
    waiting = list(Explanation.objects.order_by("case__number"))
    job = claim(waiting[1])
    EXPLAINING.postpone(job, fault=MEMORY, now=NOW)
    late = NOW + pause(1)
    assert waiting[1].pk not in beside(claim(asked, now=late), limit=8)
    assert beside(claim(waiting[1], now=late)) == []


def test_a_failure_is_kept_for_the_coordinator_and_can_be_retried(
    asked: Explanation, sent: list[str], on_commit: Callable[..., Any]
):
    job = claim(asked)
    assert EXPLAINING.fail(job, error="No such target.", now=NOW)

    asked.refresh_from_db()
    assert (asked.status, asked.error) == ("failed", "No such target.")
    assert claim(asked) is None
    with on_commit(execute=True):
        explanation_retry(explanation=asked, now=NOW)
    assert sent == [str(asked.pk)]
    assert asked.case.study.audit.filter(action="explanation_retry").count() == 1
    assert store(asked, claim(asked))


def test_only_a_failed_case_is_retried(asked: Explanation):
    with pytest.raises(ExplanationError, match="waiting"):
        explanation_retry(explanation=asked, now=NOW)


def test_a_worker_that_lost_its_case_cannot_fail_it(asked: Explanation):
    dead = claim(asked)
    claim(asked, worker="two", now=NOW + LEASE + SECOND)

    assert not EXPLAINING.fail(dead, error="late", now=NOW + LEASE + SECOND)
    asked.refresh_from_db()
    assert asked.status == "running"


@pytest.mark.parametrize(
    "changes",
    [
        {("", Artefact.Kind.XRAY): b""},
        {("latent_shift", Artefact.Kind.OVERLAY): None},
        {("latent_shift", Artefact.Kind.CURVE): None},
        {("input_gradient", Artefact.Kind.VIDEO): b"of another method"},
        {("latent_shift", Artefact.Kind.GIF): b"not to be stored"},
    ],
)
def test_half_a_result_is_refused_and_leaves_no_file(asked: Explanation, changes: dict):
    job = claim(asked)

    with pytest.raises(ValueError, match=r"is empty|lacks latent_shift|has no \w+ to be stored"):
        store(asked, job, files=changes)

    assert files() == []
    asked.refresh_from_db()
    assert asked.status == "running"


def test_files_that_no_row_names_are_removed_once_they_are_old(asked: Explanation):
    store(asked, claim(asked))
    kept = len(files())
    media_write("explanations/ab/orphan.png", b"x")

    assert orphans_remove(now=NOW - timedelta(days=9999)) == 0
    assert orphans_remove(now=NOW + timedelta(days=9999)) == 1
    assert len(files()) == kept


@pytest.mark.django_db(transaction=True)
def test_of_many_claims_at_the_same_moment_one_succeeds(sent: list[str], asked: Explanation):
    assert str(asked.pk) in sent  # sent for real, since the transaction was committed
    jobs: list[Any] = []
    start = threading.Barrier(6)

    def work() -> None:
        start.wait()
        try:
            jobs.append(claim(asked))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(job is not None for job in jobs) == 1
    asked.refresh_from_db()
    assert asked.attempts == 1


def beside(job: Any, limit: int = 3) -> list[uuid.UUID]:
    more = explanation_claim_beside(job=job, limit=limit, worker="one", now=NOW)
    return [one.explanation_id for one in more]


def test_a_worker_takes_the_next_waiting_cases_with_a_claimed_one(study: Study, asked: Explanation):
    waiting = list(Explanation.objects.order_by("case__number"))
    claim(waiting[2])
    assert beside(claim(asked)) == [waiting[1].pk, waiting[3].pk, waiting[4].pk]
    running = Explanation.objects.filter(status="running")
    assert running.count() == 5
    assert len({row.lease_token for row in running}) == 5
    assert {row.attempts for row in running} == {1}


def test_a_case_that_was_tried_before_is_explained_alone(study: Study, asked: Explanation):
    waiting = list(Explanation.objects.order_by("case__number"))
    claim(waiting[1])
    late = NOW + LEASE + SECOND
    EXPLAINING.requeue(now=late, idle=False)
    # It may be what brought its worker down: nobody goes with it, and it goes with nobody.
    assert beside(claim(waiting[1], now=late)) == []
    assert waiting[1].pk not in beside(claim(asked, now=late), limit=8)


def test_only_cases_of_the_same_study_methods_and_parameters_go_together(study: Study, asked: Explanation):
    other = make_study()
    make_cases(other)
    explanations_request(study=other, now=NOW)
    changed = Explanation.objects.filter(case__study=study).order_by("case__number").last()
    assert changed is not None
    changed.parameters = {"latent_shift": {"drop": 0.2}}
    changed.save()
    found = beside(claim(asked), limit=100)
    expected = Explanation.objects.filter(case__study=study).exclude(pk__in=[asked.pk, changed.pk])
    assert set(found) == {row.pk for row in expected}


def test_nothing_goes_with_a_case_where_cases_are_explained_one_by_one(asked: Explanation):
    assert beside(claim(asked), limit=0) == []
