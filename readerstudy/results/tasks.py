"""Celery task of the results: computes one report. `celery -A readerstudy.results worker -Q reports` runs it."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from celery import shared_task
from django.db import connections

from analysis.data.errors import AnalysisError
from readerstudy.lib.clock import shared_now
from readerstudy.work import beat
from readerstudy.work.faults import anew, passing
from readerstudy.work.heartbeat import Heartbeat
from readerstudy.work.pool.process import name_of
from readerstudy.work.pulse import LEASE_INTERVAL
from readerstudy.work.queues import REPORTS

if TYPE_CHECKING:
    from datetime import datetime

    from readerstudy.results.services.runs import ReportJob

logger = logging.getLogger(__name__)


@beat.reap_with(REPORTS)
def requeue(now: datetime, idle: bool) -> int:
    """Send again the reports that nobody works on any more."""
    from readerstudy.results import services

    return services.runs_requeue(now=now, idle=idle)


@shared_task(name="readerstudy.results.tasks.build_report", acks_late=True)
def build_report(run_id: str) -> str:
    """Compute a report unless that is done or under way; what became of it.

    An error is stored on the run that it belongs to and never ends the worker.
    """
    from readerstudy.results import reports, services

    worker = name_of(os.getpid())
    job = anew(lambda: services.run_claim(run_id=run_id, worker=worker, now=shared_now()))
    if job is None:
        return "nothing to do"

    def extend() -> None:
        services.run_heartbeat(job=job, now=shared_now())

    def note(step: str, done: int, steps: int) -> None:
        services.run_step(job=job, step=step, done=done, steps=steps)

    with Heartbeat(LEASE_INTERVAL, extend, finished=connections.close_all, name="lease"):
        try:
            folder = reports.report_compute(job.spec, note)
            stored = anew(lambda: services.run_store(job=job, folder=folder, now=shared_now()))
        except services.LeaseLostError:
            stored = False
        except Exception as error:  # whatever went wrong belongs to this run, and the next one goes on
            logger.warning("Report %s could not be computed", run_id, exc_info=error)
            return anew(lambda error=error: _ended(job, error))  # type: ignore[misc]
    return "computed" if stored else "lease lost"


def _ended(job: ReportJob, error: Exception) -> str:
    from readerstudy.results import services

    if fault := passing(error):
        return "postponed" if services.run_postpone(job=job, fault=fault, now=shared_now()) else "lease lost"
    text = str(error) if isinstance(error, AnalysisError) else f"{type(error).__name__}: {error}"
    return "failed" if services.run_fail(job=job, error=text, now=shared_now()) else "lease lost"
