"""Sends tasks by name once the transaction is committed; what they do is known to the worker alone."""

from collections.abc import Sequence

from django.db import transaction

from readerstudy.celery import app

EXPLAIN_CASE = "explainer.tasks.explain_case"
SCORE_IMAGE_BATCH = "explainer.tasks.score_image_batch"
BUILD_REPORT = "readerstudy.results.tasks.build_report"
GPU = "gpu"
REPORTS = "reports"


def send_on_commit(task: str, arguments: Sequence[object], *, queue: str = GPU) -> None:
    """Send one task when the current transaction commits, and never if it does not.

    Should the broker not answer then, the error reaches the caller although the rows are stored; the reaper sends what
    waits without a task.
    """

    def send() -> None:
        app.send_task(task, args=list(arguments), queue=queue)

    transaction.on_commit(send)
