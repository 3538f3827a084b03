"""Runs of the statistics: asked for once per version of the data, worked on by lease, their files kept for a while."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.lib.media import folder_remove, folders_older
from readerstudy.results.models import FOLDER, ReportRun
from readerstudy.results.versions import ReportSpec, report_version
from readerstudy.studies.models import Study
from readerstudy.studies.services import audit
from readerstudy.work import lease
from readerstudy.work.faults import Fault
from readerstudy.work.queues import REPORTS
from readerstudy.work.sending import send_on_commit

DOING = "computed this report"
#: The name in messages that wait in a queue.
BUILD_REPORT = "readerstudy.results.tasks.build_report"
# Of each study: reports of all data, by coding of the arms, and reports of selections.
KEEP, KEEP_SELECTIONS = 3, 6
# Files are written before their row: what is younger may be on its way to one.
ORPHAN_AGE = timedelta(hours=1)
Status = ReportRun.Status


class ReportError(Exception):
    """Something that cannot be done to a run; the message says why."""


class LeaseLostError(Exception):
    """Another worker has taken over: what this one does is of no use any more."""


@dataclass(frozen=True)
class ReportJob:
    """A run to compute. Who holds the token may store the result, as long as the lease lasts."""

    run_id: uuid.UUID
    token: uuid.UUID
    spec: ReportSpec


def run_request(*, spec: ReportSpec, now: datetime) -> ReportRun:
    """The run of the data as they are now, made and sent unless there is one: the same data are computed once.

    A run of the same kind that still waits for a worker takes on the present version, so that a study in which
    answers come in does not queue a run for each.
    """
    version = report_version(spec)
    runs = ReportRun.objects.filter(study=spec.study, version=version)
    return runs.first() or _requested(spec, version, now)


@transaction.atomic
def _requested(spec: ReportSpec, version: str, now: datetime) -> ReportRun:
    # One request at a time: two that come at once must find the same run.
    Study.objects.select_for_update(no_key=True).get(pk=spec.study.pk)
    if run := ReportRun.objects.filter(study=spec.study, version=version).first():
        return run
    if run := spec.runs().filter(status=Status.PENDING, attempts=0).select_for_update(skip_locked=True).first():
        run.version = version
        run.save(update_fields=["version"])
        return run
    run = ReportRun.objects.create(
        study=spec.study,
        version=version,
        coding=spec.coding.name,
        selection=spec.selection.as_json(),
        created_at=now,
        queued_at=now,
    )
    _send([run])
    return run


@transaction.atomic
def run_retry(*, run: ReportRun, now: datetime, actor: User | None = None) -> None:
    """Try a failed run again, with a fresh count of attempts. Raises ReportError for any other."""
    row = ReportRun.objects.select_for_update(of=("self",)).select_related("study").get(pk=run.pk)
    if row.status != Status.FAILED:
        raise ReportError(f"Only a failed report can be tried again; this one is {row.get_status_display()}.")
    lease.put_back(row, now)
    _send([row])
    audit(study=row.study, actor=actor, action="report_retry", detail={"version": row.version}, now=now)


@transaction.atomic
def run_claim(*, run_id: uuid.UUID | str, worker: str, now: datetime) -> ReportJob | None:
    """Take on a run, of the data as they are now; None where there is nothing to do.

    Where the data have changed since it was asked for, and their version has a run of its own, this one is dropped.
    """
    row = ReportRun.objects.select_for_update(of=("self",)).select_related("study").filter(pk=run_id).first()
    token = lease.claim(row, worker=worker, doing=DOING, now=now)
    if row is None or token is None:
        return None
    spec = ReportSpec.of(row)
    version = report_version(spec)
    if version != row.version:
        if ReportRun.objects.filter(study=row.study, version=version).exists():
            row.delete()
            return None
        row.version = version
    row.step, row.steps_done, row.steps = "", 0, 0
    row.save(update_fields=["version", "step", "steps_done", "steps"])
    return ReportJob(row.pk, token, spec)


def run_heartbeat(*, job: ReportJob, now: datetime) -> bool:
    """Extend the lease; False where another worker has taken over."""
    return lease.extend(ReportRun.objects.filter(pk=job.run_id), job.token, now)


def run_step(*, job: ReportJob, step: str, done: int, steps: int) -> None:
    """Note which step begins and how many are done. Raises LeaseLostError where another worker has taken over."""
    held = ReportRun.objects.filter(pk=job.run_id, status=Status.RUNNING, lease_token=job.token)
    if not held.update(step=step, steps_done=done, steps=steps):
        raise LeaseLostError


@transaction.atomic
def run_fail(*, job: ReportJob, error: str, now: datetime) -> bool:
    """End a run with an error for the analyst; False where another worker has taken over."""
    row = _held(job)
    if row is None:
        return False
    lease.fail(row, error, now)
    return True


@transaction.atomic
def run_postpone(*, job: ReportJob, fault: Fault, now: datetime) -> bool:
    """Have a run that met a fault which passes wait for another try; False where another worker has taken over."""
    row = _held(job)
    if row is None:
        return False
    lease.postpone(row, fault, now)
    return True


def run_store(*, job: ReportJob, folder: str, now: datetime) -> bool:
    """Note where the files of the one worker that holds the run lie; False, and the files removed, for any other."""
    if not _store(job, folder, now):
        folder_remove(folder)
        return False
    runs_tidy(study=job.spec.study, now=now)
    return True


def runs_requeue(*, now: datetime, idle: bool) -> int:
    """The reaper: send again what nobody works on any more; how many. Every living worker calls it now and then."""
    with transaction.atomic():
        again = lease.reap(ReportRun.objects.order_by("queued_at", "pk"), doing=DOING, now=now, idle=idle)
        _send(again)
    return len(again)


def runs_tidy(*, study: Study, now: datetime) -> None:
    """Remove the files and rows of older reports of a study, and folders that no row names."""
    finished = study.report_runs.filter(status__in=(Status.DONE, Status.FAILED)).order_by("-finished_at", "-pk")
    kept: dict[str, int] = {}
    for run in finished:
        kind = "selection" if run.selection else run.coding
        kept[kind] = kept.get(kind, 0) + 1
        if kept[kind] > (KEEP_SELECTIONS if run.selection else KEEP):
            # The row first: a folder without a row is found again, a row without its folder would be a broken page.
            run.delete()
            if run.folder:
                folder_remove(run.folder)
    old = folders_older(FOLDER, now - ORPHAN_AGE)
    known = set(ReportRun.objects.filter(folder__in=old).values_list("folder", flat=True))
    for folder in old:
        if folder not in known:
            folder_remove(folder)


@transaction.atomic
def _store(job: ReportJob, folder: str, now: datetime) -> bool:
    row = _held(job)
    if row is None:
        return False
    row.status, row.error, row.finished_at, row.folder = Status.DONE, "", now, folder
    row.steps_done = row.steps
    row.lease_token = row.lease_until = None
    row.save()
    return True


def _held(job: ReportJob) -> ReportRun | None:
    row = ReportRun.objects.select_for_update().filter(pk=job.run_id).first()
    return row if row is not None and row.holds(job.token) else None


def _send(runs: Iterable[ReportRun]) -> None:
    for run in runs:
        send_on_commit(BUILD_REPORT, [str(run.pk)], queue=REPORTS)
