"""A worker's main process shows that it lives, and sends again what nobody works on; modules of tasks import this."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery import signals
from django.db import connections
from django.utils import timezone

from readerstudy.lib.heartbeat import Heartbeat

#: Seconds between signs of life of a worker.
INTERVAL = 10.0
_heartbeats: dict[str, Heartbeat] = {}
_reapers: list[Callable[[datetime], object]] = []


def reap_with(reaper: Callable[[datetime], object]) -> Callable[[datetime], object]:
    """A decorator: every worker that has this module of tasks calls the reaper at each beat."""
    _reapers.append(reaper)
    return reaper


@signals.worker_ready.connect
def start(sender: Any, **_: Any) -> None:
    """The worker's main process reports itself, now and at each beat."""
    from readerstudy.explanations.services import worker_seen

    name, queues = str(sender.hostname), ",".join(sorted(sender.app.amqp.queues.consume_from))

    def beat() -> None:
        try:
            now = timezone.now()
            worker_seen(name=name, queues=queues, host=socket.gethostname(), pid=os.getpid(), now=now)
            for reap in _reapers:
                reap(now)
        finally:
            # A child process that is forked later must not share this connection.
            connections.close_all()

    heartbeat = _heartbeats[name] = Heartbeat(INTERVAL, beat, finished=connections.close_all, name="worker")
    heartbeat.start()


@signals.worker_shutdown.connect
def stop(sender: Any, **_: Any) -> None:
    """The worker's main process takes its leave."""
    from readerstudy.explanations.services import worker_gone

    heartbeat = _heartbeats.pop(str(sender.hostname), None)
    if heartbeat is not None:
        heartbeat.stop()
        worker_gone(name=str(sender.hostname))
        connections.close_all()
