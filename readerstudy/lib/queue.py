"""Sends tasks by name once the transaction is committed; what they do is known to the worker alone."""

import logging
from collections.abc import Sequence

from django.db import transaction
from kombu.exceptions import OperationalError

from readerstudy.celery import app

logger = logging.getLogger(__name__)
EXPLAIN_CASE = "explainer.tasks.explain_case"
SCORE_IMAGE_BATCH = "explainer.tasks.score_image_batch"
BUILD_REPORT = "readerstudy.results.tasks.build_report"
GPU = "gpu"
REPORTS = "reports"


def send_on_commit(task: str, arguments: Sequence[object], *, queue: str = GPU) -> None:
    """Send one task when the current transaction commits, and never if it does not.

    Should the broker not answer then, nothing is lost: the row is stored, and a worker that finds it waiting while it
    has nothing to do sends its task.
    """

    def send() -> None:
        try:
            app.send_task(task, args=list(arguments), queue=queue)
        except OperationalError as error:
            logger.warning("The task broker does not answer (%s); a worker will send this task: %s", error, task)

    transaction.on_commit(send)
