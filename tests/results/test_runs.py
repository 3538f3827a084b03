"""Runs of the statistics: once per version of the data, whoever dies, comes back late or asks twice."""

import errno
import os
import signal
import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.db import connection, connections

from analysis.data.selection import Selection
from readerstudy.lib.media import media_path
from readerstudy.results.blinding import coding_of
from readerstudy.results.models import ReportRun
from readerstudy.results.services import (
    REPORTING,
    ReportError,
    ReportJob,
    run_request,
    run_retry,
    run_step,
    run_store,
)
from readerstudy.results.services.runs import KEEP, KEEP_SELECTIONS, ORPHAN_AGE
from readerstudy.results.tasks import build_report
from readerstudy.results.versions import ReportSpec
from readerstudy.studies.models import Study
from readerstudy.work.broker import broker_settings, ensure_broker_ready
from readerstudy.work.faults import pause
from readerstudy.work.lease import LEASE, LOST_AFTER, MAX_ATTEMPTS, LeaseLostError
from tests.factories.people import NOW
from tests.factories.results import answer, answer_all, rater_make, trial_make
from tests.lib.helpers import celery_worker, python_environment, wait_for
from tests.results.conftest import Compute

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
OnCommit = Callable[..., Any]


@pytest.fixture
def study() -> Study:
    study = trial_make(status=Study.Status.OPEN)
    answer(rater_make(study), 1, "A", [2])
    return study


def spec(study: Study, **selection: tuple[str, ...]) -> ReportSpec:
    return ReportSpec(study, coding_of(study, "protocol"), Selection(**selection))  # type: ignore[arg-type]


def request(study: Study, now: Any = NOW, **selection: tuple[str, ...]) -> ReportRun:
    return run_request(spec=spec(study, **selection), now=now)


def claim(run: ReportRun, now: Any = NOW) -> ReportJob:
    job = REPORTING.claim(run.pk, worker="one", now=now)
    assert job is not None
    return job


def more_answers(study: Study, case: int, arm: str = "A") -> None:
    allocation = study.memberships.get(code="R1").allocation
    answer(allocation, case, arm, [4])


def folder_with_a_file() -> str:
    name = f"reports/aa/{uuid.uuid4().hex}"
    media_path(name).mkdir(parents=True)
    (media_path(name) / "results.json").write_text("{}")
    return name


def test_the_same_data_are_asked_for_once(study: Study, sent: list[str], on_commit: OnCommit) -> None:
    with on_commit(execute=True):
        run = request(study)
        assert request(study) == run
    assert sent == [str(run.pk)]
    assert len(run.version) == 64


def test_a_new_answer_another_arm_a_filter_and_another_protocol_are_other_versions(study: Study) -> None:
    versions = [request(study).version, request(study, targets=("Effusion",)).version]
    more_answers(study, 2)
    versions.append(request(study).version)
    Study.objects.update(protocol="[analysis]\nmargin = 0.5\n")
    study.refresh_from_db()
    versions.append(request(study).version)
    study.arms.filter(key="A").update(position=9)
    versions.append(request(study).version)
    assert len(set(versions)) == 5


def test_a_run_that_waits_takes_on_newer_answers_instead_of_queueing_another(study: Study) -> None:
    first = request(study)
    more_answers(study, 2)
    second = request(study)
    assert second.pk == first.pk
    assert second.version != first.version
    claim(second)
    more_answers(study, 1, "B")
    assert request(study).pk != first.pk  # one is under way: the next waits behind it


def test_a_run_that_was_begun_and_waits_again_keeps_the_answers_that_it_was_asked_for(study: Study) -> None:
    first = request(study)
    claim(first)
    REPORTING.requeue(NOW + LEASE, idle=False)  # its worker fell silent
    first.refresh_from_db()
    assert (first.status, first.attempts) == (ReportRun.Status.PENDING, 1)
    more_answers(study, 2)
    assert request(study).pk != first.pk


def test_a_run_is_of_the_data_when_it_begins(study: Study) -> None:
    run = request(study)
    more_answers(study, 2)
    job = claim(run)
    assert request(study) == ReportRun.objects.get(pk=job.run_id)
    assert ReportRun.objects.count() == 1


def test_a_run_whose_data_another_has_computed_is_dropped(study: Study) -> None:
    old = request(study)
    claim(old)
    more_answers(study, 2)
    new = request(study)
    late = NOW + LEASE + SECOND
    assert REPORTING.claim(old.pk, worker="two", now=late) is None
    assert list(ReportRun.objects.all()) == [new]
    assert REPORTING.claim(old.pk, worker="two", now=late) is None


def test_one_worker_at_a_time_holds_a_run(study: Study) -> None:
    run = request(study)
    job = claim(run)
    assert REPORTING.claim(run.pk, worker="two", now=NOW + LEASE - SECOND) is None
    assert REPORTING.extend(job, now=NOW + LEASE)
    assert REPORTING.claim(run.pk, worker="two", now=NOW + LEASE + SECOND) is None

    second = claim(run, now=NOW + LEASE + LEASE + SECOND)
    assert not REPORTING.extend(job, now=NOW)
    assert not REPORTING.fail(job, error="late", now=NOW)
    with pytest.raises(LeaseLostError):
        run_step(job=job, step="Time", done=1, steps=2)
    late, folder = folder_with_a_file(), folder_with_a_file()
    assert not run_store(job=job, folder=late, now=NOW)
    assert not media_path(late).exists()
    assert run_store(job=second, folder=folder, now=NOW)
    assert not run_store(job=second, folder=folder_with_a_file(), now=NOW)
    run.refresh_from_db()
    assert (run.status, run.folder, run.lease_token) == ("done", folder, None)


def test_a_run_whose_worker_fell_silent_is_sent_again_until_it_is_given_up(
    study: Study, sent: list[str], on_commit: OnCommit
) -> None:
    run, now = request(study), NOW
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claim(run, now=now)
        assert REPORTING.requeue(now=now + LEASE - SECOND, idle=True) == 0
        now += LEASE + SECOND
        with on_commit(execute=True):
            assert REPORTING.requeue(now=now, idle=False) == (attempt == 1)
        if 1 < attempt < MAX_ATTEMPTS:
            now += pause(attempt - 1)
            with on_commit(execute=True):
                assert REPORTING.requeue(now=now, idle=False) == 1
    assert sent == [str(run.pk)] * (MAX_ATTEMPTS - 1)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "was lost 4 times while it computed this report" in run.error


def test_a_task_that_the_broker_lost_is_sent_again(study: Study, sent: list[str], on_commit: OnCommit) -> None:
    run = request(study)
    assert REPORTING.requeue(now=NOW + LOST_AFTER - SECOND, idle=True) == 0
    assert REPORTING.requeue(now=NOW + LOST_AFTER, idle=False) == 0
    with on_commit(execute=True):
        assert REPORTING.requeue(now=NOW + LOST_AFTER, idle=True) == 1
    assert sent == [str(run.pk)]


def test_only_a_failed_run_is_tried_again_with_a_fresh_count(
    study: Study, sent: list[str], on_commit: OnCommit
) -> None:
    run = request(study)
    with pytest.raises(ReportError, match="this one is waiting"):
        run_retry(run=run, now=NOW)
    REPORTING.fail(claim(run), error="Out of memory.", now=NOW)
    with on_commit(execute=True):
        run_retry(run=run, now=NOW)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error) == ("pending", 0, "")
    assert sent == [str(run.pk)]


def test_a_report_counts_its_steps_and_is_computed_once_however_often_it_is_delivered(
    study: Study, compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[dict[str, Any]] = []
    monkeypatch.setattr("readerstudy.results.services.run_step", lambda **noted: steps.append(noted))
    run = request(study)
    assert build_report(str(run.pk)) == "computed"
    assert [noted["done"] for noted in steps] == list(range(len(steps)))
    assert {noted["steps"] for noted in steps} == {len(steps)}
    assert "Agreement of the readers" in {noted["step"] for noted in steps}
    run.refresh_from_db()
    assert (media_path(run.folder) / "report.html").stat().st_size > 1000
    assert build_report(str(run.pk)) == "nothing to do"


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ZeroDivisionError("a table that nobody foresaw"), "failed", "ZeroDivisionError: a table that nobody foresaw"),
        (OSError(errno.ENOSPC, "No space left on device"), "pending", "the disk is full"),
        (MemoryError(), "pending", "there was too little memory"),
    ],
)
def test_an_error_is_stored_on_the_run_and_one_that_passes_waited_out(
    error: Exception, status: str, words: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: Any) -> None:
        raise error

    monkeypatch.setattr("analysis.report.build.build", broken)
    run = request(study)
    build_report(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.error) == (status, words)
    assert not list(media_path("reports").glob("*/*"))


def test_the_latest_reports_are_kept_and_older_ones_removed_with_their_files(study: Study) -> None:
    def done(number: int, **fields: Any) -> ReportRun:
        return ReportRun.objects.create(
            study=study,
            version=uuid.uuid4().hex,
            coding=fields.pop("coding", "protocol"),
            status="done",
            folder=folder_with_a_file(),
            created_at=NOW,
            finished_at=NOW + number * SECOND,
            **fields,
        )

    whole = [done(number) for number in range(KEEP + 1)]
    masked = done(-9, coding="masked")
    parts = [done(number, selection={"readers": ["R1"]}) for number in range(KEEP_SELECTIONS + 1)]
    orphan = folder_with_a_file()
    os.utime(media_path(orphan), (0, 0))
    on_its_way = folder_with_a_file()  # its row is about to be written
    at = (NOW + timedelta(days=1) - ORPHAN_AGE + SECOND).timestamp()
    os.utime(media_path(on_its_way), (at, at))
    run_store(job=claim(request(study)), folder=folder_with_a_file(), now=NOW + timedelta(days=1))

    left = set(ReportRun.objects.values_list("pk", flat=True))
    assert {run.pk for run in whole[2:]} | {masked.pk} | {run.pk for run in parts[1:]} <= left
    gone = [*whole[:2], parts[0]]
    assert not {run.pk for run in gone} & left
    assert not any(media_path(run.folder).exists() for run in gone)
    assert not media_path(orphan).exists()
    assert media_path(on_its_way).exists()
    assert all(media_path(folder).exists() for folder in ReportRun.objects.values_list("folder", flat=True))


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_are_one_run() -> None:
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})
    barrier = threading.Barrier(2)
    found: list[uuid.UUID] = []

    def ask() -> None:
        try:
            barrier.wait()
            found.append(request(study).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert len(set(found)) == 1
    assert ReportRun.objects.count() == 1


# A real worker


@pytest.mark.django_db(transaction=True)
def test_a_report_whose_worker_is_killed_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real task, the broker in the test's database, and kill -9 in the middle; then another worker."""
    study = trial_make()
    answer_all(rater_make(study), {"A": 3, "B": 4})
    database = connection.settings_dict
    user, host, port = database["USER"], quote(database["HOST"] or "", safe=""), database["PORT"] or ""
    password = f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else ""
    url = f"postgresql://{user}{password}@/{database['NAME']}?host={host}" + (f"&port={port}" if port else "")
    broker = broker_settings(database)
    ensure_broker_ready(broker)
    environment = python_environment(
        DATABASE_URL=url,
        READERSTUDY_DATA=str(tmp_path),
        MEDIA_ROOT=str(settings.MEDIA_ROOT),
        SECRET_KEY="of-a-test",
        CELERY_VISIBILITY_SECONDS="2",
    )
    log = tmp_path / "worker.log"
    run = request(study)

    def status() -> str:
        run.refresh_from_db()
        return run.status

    with celery_worker("readerstudy.results", "reports", environment, log) as first:
        # Its first beat sends the run, whose task a broker has never seen.
        ReportRun.objects.update(queued_at=NOW)
        wait_for(lambda: status() == "running" and run.steps > 0, seconds=60, what=f"the run ({log.read_text()})")
        os.killpg(first.pid, signal.SIGKILL)
    assert status() == "running"
    ReportRun.objects.update(lease_until=NOW)  # the lease has run out
    with celery_worker("readerstudy.results", "reports", environment, log):
        wait_for(lambda: status() != "running", seconds=60, what="the return of the run")
        wait_for(lambda: status() == "done", seconds=120, what=f"the report ({log.read_text()})")
    assert run.attempts == 2
    assert (media_path(run.folder) / "report.zip").is_file()
    assert "torch" not in log.read_text()
