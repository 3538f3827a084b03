"""For commands that wait for workers: there is one, or one is started for as long as the command runs."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import OperationalError

from readerstudy.lib.clock import shared_now
from readerstudy.lib.processes import Command, Supervisor
from readerstudy.lib.progress import Progress
from readerstudy.work.broker import broker_settings, ensure_broker_ready
from readerstudy.work.queues import GPU, REPORTS
from readerstudy.work.workers import workers_alive

POLL_SECONDS = 0.5
# How often to look whether there still is a worker: one that was killed counts as alive until its last beat is old.
LOOK_SECONDS = 10.0
# After so long without a result, tasks may have been lost with a worker; to send one twice does no harm.
SILENT_SECONDS = 90.0
# A worker loads its models before the first result; on a slow disk that takes a while.
STALLED_SECONDS = 600.0
# A case that brings its worker down must not take the others with it; a worker that cannot start at all is an error.
RESTARTS = 2


class StalledError(Exception):
    """Work that does not go on; the message says where to look."""


class Workforce:
    """Sees to a worker on queue gpu while a command waits; a context manager that ends what it started.

    With `start=False` none is started, and the tasks wait for one that somebody else starts.
    """

    def __init__(self, say: Callable[[str], object], *, start: bool = True) -> None:
        self._say = say
        self._start = start
        self._started = False
        self._supervisor = Supervisor(settings.DATA_DIR / "log")

    def ensure(self) -> None:
        """Start a worker where none was seen lately. Raises ProcessError where the one started here has ended."""
        if self._started:
            self._supervisor.check()
        elif self._start and not workers_alive(now=shared_now(), queue=GPU):
            name = f"temporary-{os.getpid()}"
            self._say(f"No worker was seen lately: starting one for this command ({self._supervisor.log_path(name)}).")
            self._supervisor.start(Command(name, worker_arguments(name), {}, RESTARTS, worker_works(name)))
            self._started = True

    def wait_for(
        self,
        finished: Callable[[], int],
        *,
        total: int,
        label: str,
        unit: str,
        send_again: Callable[[], object],
        waits: Callable[[], str] = str,
    ) -> None:
        """Show progress until `finished` reaches `total`; where nothing moves, `send_again` now and then.

        `waits` says what waits to be tried again, and why; it is said once for each reason. Raises StalledError or
        ProcessError where it never will.
        """
        self.ensure()
        moved_at = sent_at = looked_at = time.monotonic()
        last, reason = -1, ""
        with Progress(label, total, unit=unit) as progress:
            while (now := finished()) < total:
                progress.move_to(now)
                moment = time.monotonic()
                if now != last:
                    moved_at, last = moment, now
                if moment - moved_at > STALLED_SECONDS:
                    raise StalledError(_stalled(label, now, total, reason))
                if moment - looked_at > LOOK_SECONDS:
                    self.ensure()
                    looked_at = moment
                    if (told := waits()) != reason:
                        reason = told
                        self._say(f"{label}: {reason or 'goes on'}.")
                if moment - max(moved_at, sent_at) > SILENT_SECONDS:
                    send_again()
                    sent_at = moment
                time.sleep(POLL_SECONDS)
            progress.move_to(now)

    def __enter__(self) -> Self:
        ensure_broker_ready(broker_settings(settings.DATABASES["default"]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.stop()


def worker_arguments(name: str, *, queue: str = GPU) -> list[str]:
    """The command of a worker on a queue, from whatever folder it is started; the one for reports loads no torch."""
    app = "readerstudy.results" if queue == REPORTS else "readerstudy"
    celery = [sys.executable, "-m", "celery", "-A", app, "--workdir", str(settings.BASE_DIR)]
    return [*celery, "worker", "-Q", queue, "-c", "1", "-n", f"{name}@%h", "-l", "INFO"]


def worker_works(name: str, *, queue: str = GPU) -> Callable[[], bool]:
    """What tells whether the worker of this name shows life; a database that is away is no fault of the worker."""

    def works() -> bool:
        try:
            return any(worker.name.startswith(f"{name}@") for worker in workers_alive(now=shared_now(), queue=queue))
        except OperationalError:
            return True

    return works


def _stalled(label: str, done: int, total: int, reason: str) -> str:
    why = f" {reason[0].upper()}{reason[1:]}." if reason else ""
    return (
        f"{label}: nothing was finished for {STALLED_SECONDS / 60:.0f} minutes ({done} of {total} are).{why} "
        f"Look at the worker's log, in {settings.DATA_DIR / 'log'} where this application started it, and run the "
        "command again: it goes on where it stopped."
    )
