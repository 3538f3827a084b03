"""A Celery application with the project's broker settings and one task that leaves traces in a file."""

import os
import sys
import time
from pathlib import Path

from celery import Celery
from kombu import Queue

from readerstudy.lib.postgres import database_from_url
from readerstudy.work.broker import broker_settings

if os.environ.get("PROBE_BROKEN") and "celery" not in sys.argv[0]:
    sys.exit("a computing process that cannot start")
app = Celery("tests.work.probe_app")
settings = broker_settings(database_from_url(os.environ["PROBE_DATABASE_URL"]))
settings["CELERY_TASK_QUEUES"] = (Queue(os.environ["PROBE_QUEUE"]),)
app.config_from_object(settings, namespace="CELERY")


@app.task(name="probe.work")  # type: ignore[untyped-decorator,unused-ignore]
def work(traces: str, seconds: float) -> None:
    """Say that it began, take its time, say that it is done."""
    with Path(traces).open("a") as file:
        print("began", file=file, flush=True)
        time.sleep(seconds)
        print("done", file=file, flush=True)
