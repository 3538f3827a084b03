"""Runs of the statistics: asked for once per version of the data, worked on by lease, their files kept for a while."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from readerstudy.accounts.models import User
from readerstudy.lib.media import folder_remove, folders_older
from readerstudy.results.models import FOLDER, ReportRun
from readerstudy.results.versions import ReportSpec, report_version
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Study
from readerstudy.studies.services import audit
from readerstudy.work import lease
from readerstudy.work.kinds import Kind
from readerstudy.work.lease import LeaseLostError
from readerstudy.work.queues import REPORTS

# Of each study: reports of all data, by coding of the arms, and reports of selections.
KEEP, KEEP_SELECTIONS = 3, 6
# Files are written before their row: what is younger may be on its way to one.
ORPHAN_AGE = timedelta(hours=1)
Status = ReportRun.Status


class ReportError(Exception):
    """Something that cannot be done to a run; the message says why."""


@dataclass(frozen=True)
class ReportJob:
    """A run to compute. Who holds the token may store the result, as long as the lease lasts."""

    run_id: uuid.UUID
    token: uuid.UUID
    spec: ReportSpec

    @property
    def rows(self) -> tuple[uuid.UUID, ...]:
        """The key of its row."""
        return (self.run_id,)


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
    REPORTING.send([run])
    return run


@transaction.atomic
def run_retry(*, run: ReportRun, now: datetime, actor: User | None = None) -> None:
    """Try a failed run again, with a fresh count of attempts. Raises ReportError for any other."""
    row = ReportRun.objects.select_for_update(of=("self",)).select_related("study").get(pk=run.pk)
    if row.status != Status.FAILED:
        raise ReportError(f"Only a failed report can be tried again; this one is {row.get_status_display()}.")
    lease.put_back(row, now)
    REPORTING.send([row])
    audit(study=row.study, actor=actor, action=Action.REPORT_RETRIED, detail={"version": row.version}, now=now)


def run_step(*, job: ReportJob, step: str, done: int, steps: int) -> None:
    """Note which step begins and how many are done. Raises LeaseLostError where another worker has taken over."""
    held = ReportRun.objects.filter(pk=job.run_id, status=Status.RUNNING, lease_token=job.token)
    if not held.update(step=step, steps_done=done, steps=steps):
        raise LeaseLostError


def run_store(*, job: ReportJob, folder: str, now: datetime) -> bool:
    """Note where the files of the one worker that holds the run lie; False, and the files removed, for any other."""
    if not _store(job, folder, now):
        folder_remove(folder)
        return False
    runs_tidy(study=job.spec.study, now=now)
    return True


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


def _job(rows: Sequence[ReportRun], token: uuid.UUID) -> ReportJob | None:
    """A run, of the data as they are now.

    Where the data have changed since it was asked for, and their version has a run of its own, this one is dropped.
    """
    (row,) = rows
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


@transaction.atomic
def _store(job: ReportJob, folder: str, now: datetime) -> bool:
    held = REPORTING.held(job)
    for row in held:
        row.folder, row.steps_done = folder, row.steps
        lease.finish(row, now)
    return bool(held)


REPORTING: Kind[ReportRun, ReportJob, str] = Kind(
    model=ReportRun,
    queue=REPORTS,
    task="readerstudy.results.tasks.build_report",
    verb="computed",
    noun="report",
    job=_job,
    store=lambda job, folder, now: run_store(job=job, folder=folder, now=now),
    related=("study",),
)
