"""The Celery application: the web sends tasks by name, only a worker imports what they do."""

import os
import sys
from typing import Any

from celery import Celery, signals
from django.db import connections

from readerstudy.startup import ensure_services
from readerstudy.work.pool import TaskPool, process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")


def application(module: str, *tasks: str) -> Celery:
    """A Celery application, to be called `app` in this module, whose workers know these modules of tasks.

    They are loaded when a worker starts, never by a process that sends tasks: so the web needs no torch, and a worker
    on queue `gpu` without it refuses to start.
    """
    made = Celery(module)  # where the pool's processes find it
    made.config_from_object("django.conf:settings", namespace="CELERY")
    made.conf.imports = tasks
    return made


app = application("readerstudy.celery", "explainer.worker.tasks", "readerstudy.results.tasks")


@signals.celeryd_init.connect
def prepare_worker(**_: Any) -> None:
    """Before a worker connects: its database and its broker must be there."""
    ensure_services()


@signals.worker_init.connect
def refuse_other_pools(sender: Any, **_: Any) -> None:
    """A worker with `--pool` would compute in processes whose end or standstill nobody notices."""
    if not issubclass(sender.pool_cls, TaskPool):
        sys.exit("Leave out --pool (-P): the application has a pool of its own, which watches its processes.")


@signals.task_prerun.connect
@signals.task_postrun.connect
def forget_connections(**_: Any) -> None:
    """A task begins with new connections to the database: those of the one before may have died with the server."""
    if process.current():
        connections.close_all()
