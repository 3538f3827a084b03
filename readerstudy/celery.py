"""The Celery application: the web sends tasks by name, only a worker imports what they do."""

import os
from typing import Any

from celery import Celery, signals

from readerstudy.lib.startup import ensure_services

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")


def application(*tasks: str) -> Celery:
    """A Celery application whose workers know these modules of tasks.

    They are loaded when a worker starts, never by a process that sends tasks: so the web needs no torch, and a worker
    on queue `gpu` without it refuses to start.
    """
    made = Celery("readerstudy")
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.conf.imports = tasks
    return made


app = application("explainer.tasks", "readerstudy.results.tasks")


@signals.celeryd_init.connect
def prepare_worker(**_: Any) -> None:
    """Before a worker connects: its database and its broker must be there."""
    ensure_services()
