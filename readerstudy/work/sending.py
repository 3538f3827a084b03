"""Sends tasks by name once the transaction is committed; what they do is known to the worker alone."""

import logging
from collections.abc import Sequence

from celery import Celery
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
#: Knows the broker and no task: who sends one needs nothing of what it does.
sender = Celery("readerstudy.work.sending", set_as_current=False)
sender.config_from_object("django.conf:settings", namespace="CELERY")


def send_on_commit(task: str, arguments: Sequence[object], *, queue: str) -> None:
    """Send one task when the current transaction commits, and never if it does not.

    Should the broker not answer then, nothing is lost: the row is stored, and a worker that finds it waiting while it
    has nothing to do sends its task.
    """

    def send() -> None:
        try:
            sender.send_task(task, args=list(arguments), queue=queue)
        except OperationalError as error:
            logger.warning("The task broker does not answer (%s); a worker will send this task: %s", error, task)

    transaction.on_commit(send)
