"""Celery task of the results: computes one report. `celery -A readerstudy.results worker -Q reports` runs it."""

from collections.abc import Iterator, Sequence

from analysis.data.errors import AnalysisError
from readerstudy.results import reports, services
from readerstudy.results.services import REPORTING, ReportJob
from readerstudy.work.frame import Computing, leased_task


def compute(jobs: Sequence[ReportJob]) -> Iterator[tuple[ReportJob, str]]:
    """The folder of each report; which step begins is noted on its run."""
    for job in jobs:

        def note(step: str, done: int, steps: int, job: ReportJob = job) -> None:
            services.run_step(job=job, step=step, done=done, steps=steps)

        yield job, reports.report_compute(job.spec, note)


COMPUTING = Computing(kind=REPORTING, compute=compute, own=(AnalysisError,))


@leased_task(REPORTING)
def build_report(run_id: str) -> str:
    """Compute a report unless that is done or under way; what became of it."""
    return next(iter(COMPUTING.work(run_id).values()), "nothing to do")
