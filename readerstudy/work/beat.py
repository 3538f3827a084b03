"""A worker's computing process shows that it works, and sends again what nobody works on; task modules import this."""

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery import signals
from django.db import connections

from readerstudy.lib.clock import shared_now
from readerstudy.work import pulse
from readerstudy.work.heartbeat import Heartbeat
from readerstudy.work.lease import release
from readerstudy.work.pool import process

logger = logging.getLogger(__name__)
#: Called with the time, and whether the worker has nothing to do: then every task of its queue that is waited for is
#: lost. Says how many it sent again.
Reaper = Callable[[datetime, bool], int]
_reapers: list[tuple[str, Reaper]] = []
_heartbeats: list[Heartbeat] = []
#: Times running that a worker sends what waits again, before it takes itself for deaf.
DEAF_AFTER = 3


def reap_with(queue: str) -> Callable[[Reaper], Reaper]:
    """A decorator: every worker that has this module of tasks calls the reaper of this queue at each beat."""

    def add(reaper: Reaper) -> Reaper:
        _reapers.append((queue, reaper))
        return reaper

    return add


class Beat:
    """The signs of life of one computing process. There is none while it, or the loop that feeds it, stands still."""

    def __init__(self, computer: process.Computer) -> None:
        self._computer = computer
        self._gone = list(computer.hello.gone)
        self._due_at = -float("inf")
        self._sent_at: list[float] = []

    def __call__(self) -> None:
        """First free the rows of processes that are gone; then beat where it is time, if this one works."""
        moment = time.monotonic()
        if moment < self._due_at or not (self._gone or self._computer.works):
            return
        self._due_at = moment + pulse.BEAT
        now = shared_now()
        try:
            while self._gone:
                release(worker=self._gone[-1], now=now)
                self._gone.pop()
            if self._computer.works:
                self._show(now)
            else:
                self._due_at = moment  # as soon as it works
            self._reap(now)
        finally:
            connections.close_all()

    def _reap(self, now: datetime) -> None:
        idle = self._computer.idle_seconds
        for queue, reap in _reapers:
            mine = queue in self._computer.hello.queues and idle >= pulse.IDLE
            if reap(now, mine) and mine and self._deaf(idle):
                # Whatever is wrong with the ears of this worker, it is to make way for another.
                logger.critical("Tasks wait on queue %s and none arrives here: the worker ends.", queue)
                self._computer.say("deaf")

    def _deaf(self, idle: float) -> bool:
        """Whether tasks were sent again three times running without one that came here."""
        moment = time.monotonic()
        patience = pulse.LOST_AFTER.total_seconds() + 2 * pulse.BEAT
        running = bool(self._sent_at) and moment - self._sent_at[-1] < min(idle, patience)
        self._sent_at = [*(self._sent_at if running else []), moment]
        return len(self._sent_at) >= DEAF_AFTER

    def _show(self, now: datetime) -> None:
        from readerstudy.work.workers import worker_seen

        hello = self._computer.hello
        queues = ",".join(hello.queues)
        worker_seen(name=hello.worker, queues=queues, host=socket.gethostname(), pid=os.getppid(), now=now)


@signals.worker_process_init.connect
def start(**_: Any) -> None:
    """The computing process reports itself, now and at each beat."""
    computer = process.current()
    if computer is not None:
        heartbeat = Heartbeat(process.TICK, Beat(computer), finished=connections.close_all, name="worker")
        _heartbeats.append(heartbeat)
        heartbeat.start()


@signals.worker_process_shutdown.connect
def stop(sender: Any, **_: Any) -> None:
    """The last computing process of a worker that ends takes its leave; one that is replaced does not."""
    from readerstudy.work.workers import worker_gone

    while _heartbeats:
        _heartbeats.pop().stop()
    computer = process.current()
    if computer is not None and computer.leaving:
        worker_gone(name=str(sender))
        connections.close_all()
