"""For commands that wait for workers: there is one, or one is started for as long as the command runs."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.utils import timezone

from readerstudy.explanations.selectors import workers_alive
from readerstudy.lib.broker import broker_settings, ensure_broker_ready
from readerstudy.lib.processes import Command, Supervisor
from readerstudy.lib.progress import Progress

POLL_SECONDS = 0.5
# After so long without a result, tasks may have been lost with a worker; to send one twice does no harm.
SILENT_SECONDS = 90.0
# A worker loads its models before the first result; on a slow disk that takes a while.
STALLED_SECONDS = 600.0


class StalledError(Exception):
    """Work that does not go on; the message says where to look."""


@contextmanager
def worker_present(say: Callable[[str], object], *, start: bool = True) -> Iterator[Supervisor]:
    """See to a worker on queue gpu: where none was seen lately, start one and end it with this context.

    With `start=False` none is started, and the tasks wait for one that somebody else starts.
    """
    ensure_broker_ready(broker_settings(settings.DATABASES["default"]))
    with Supervisor(settings.DATA_DIR / "log") as supervisor:
        if workers := workers_alive(now=timezone.now()):
            say(f"Worker: {', '.join(worker.name for worker in workers)}.")
        elif start:
            name = f"temporary-{os.getpid()}"
            say(f"No worker was seen lately: starting one for this command (log: {supervisor.log_path(name)}).")
            arguments = ["-A", "readerstudy", "--workdir", str(settings.BASE_DIR), "worker", "-Q", "gpu", "-c", "1"]
            supervisor.start(
                Command(name, [sys.executable, "-m", "celery", *arguments, "-n", f"{name}@%h", "-l", "INFO"], {})
            )
        else:
            say("No worker was seen lately: waiting for one to be started.")
        yield supervisor


def wait_for(
    supervisor: Supervisor,
    finished: Callable[[], int],
    *,
    total: int,
    label: str,
    unit: str,
    send_again: Callable[[], object],
) -> None:
    """Show progress until `finished` reaches `total`; where nothing moves, `send_again` now and then.

    Raises StalledError or ProcessError where it never will.
    """
    moved_at = sent_at = time.monotonic()
    last = -1
    with Progress(label, total, unit=unit) as progress:
        while True:
            now = finished()
            progress.move_to(now)
            if now >= total:
                return
            supervisor.check()
            moment = time.monotonic()
            if now != last:
                moved_at, last = moment, now
            if moment - moved_at > STALLED_SECONDS:
                raise StalledError(
                    f"{label}: nothing was finished for {STALLED_SECONDS / 60:.0f} minutes ({now} of {total} are). "
                    f"Look at the worker's log, in {settings.DATA_DIR / 'log'} where this application started it, and "
                    "run the command again: it goes on where it stopped."
                )
            if moment - max(moved_at, sent_at) > SILENT_SECONDS:
                send_again()
                sent_at = moment
            connection.close_if_unusable_or_obsolete()
            time.sleep(POLL_SECONDS)
