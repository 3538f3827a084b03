"""The parent's side of the pool: hands out tasks, and replaces a computing process that ends or stands still."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery import signals
from celery.concurrency.base import BasePool
from celery.utils.log import get_logger
from celery.worker import state

from readerstudy.work import pulse
from readerstudy.work.pool.process import TICK, Hello, name_of

if TYPE_CHECKING:
    from collections.abc import Callable

logger = get_logger(__name__)
#: A process loads the application and its tasks within so many seconds, on a slow and busy machine too.
START_SECONDS = 120.0
#: A process that ends before it is ready is tried again so many times, with growing pauses; then the worker ends.
START_TRIES = 3
#: A process that is told to end has so many seconds for it.
END_SECONDS = 10.0


@dataclass(eq=False)
class Job:
    """A task handed to the pool, and whom to tell what became of it."""

    number: str
    arguments: Any
    limit: float
    callback: Callable[..., object]
    error_callback: Callable[..., object]
    accept_callback: Callable[..., object]
    timeout_callback: Callable[..., object]
    pool: TaskPool

    def terminate(self, _signal: int) -> None:
        """End the process that computes it, if one does."""
        self.pool.end_job(self)


@dataclass(eq=False)
class Child:
    """A computing process as its parent sees it."""

    process: subprocess.Popen[bytes]
    connection: Connection[Any, Any]
    started_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    ready: bool = False
    job: Job | None = None
    job_since: float = 0.0
    jobs: int = 0
    told_turn_at: float = 0.0
    told_to_end_at: float | None = None

    def trouble(self, now: float) -> str:
        """Why this process is to be replaced; empty while it is well."""
        if self.process.poll() is not None:
            return f"ended with status {self.process.returncode}"
        if self.told_to_end_at and now - self.told_to_end_at > END_SECONDS:
            return "did not end when it was told to"
        if self.job and now - self.job_since > self.job.limit:
            return f"has been at one task for {self.job.limit:.0f} s"
        if not self.ready:
            return f"is not ready after {START_SECONDS:.0f} s" if now - self.started_at > START_SECONDS else ""
        silence = now - self.heard_at
        return f"has been silent for {silence:.0f} s" if silence > pulse.SILENT else ""

    def say(self, *words: object) -> None:
        """Tell it something; where it is gone, `trouble` will find that."""
        with suppress(OSError):
            self.connection.send(words)


class TaskPool(BasePool):
    """A pool for `worker_pool`; each of its processes computes one task at a time."""

    def on_start(self) -> None:
        """Start the processes and the thread that watches them."""
        self._lock = threading.RLock()
        self._waiting: deque[Job] = deque()
        self._failed_starts = 0
        self._start_at = 0.0
        self._ending = False
        self._consumer: Any = None
        self._turned_at = 0.0
        self._turn_asked_at = 0.0
        self._gone: list[str] = []
        self._bell, self._doorbell = Pipe(duplex=False)
        self._children: list[Child] = [self._spawn() for _ in range(self.limit)]
        self._watcher = threading.Thread(target=self._watch, name="pool", daemon=True)
        self._watcher.start()

    def on_apply(  # type: ignore[override]
        self,
        _target: object,
        args: Any = None,
        kwargs: Any = None,  # noqa: ARG002
        **options: Any,
    ) -> Job:
        """Take on a task; it begins as soon as a process is free."""

        def nobody(*_: object, **__: object) -> None:
            pass

        callbacks = ("callback", "error_callback", "accept_callback", "timeout_callback")
        limit = float(options.get("timeout") or self.options.get("timeout") or pulse.TASK)
        job = Job(
            number=str(options.get("correlation_id") or id(args)),
            arguments=args,
            limit=limit,
            pool=self,
            **{name: options.get(name) or nobody for name in callbacks},
        )
        with self._lock:
            self._waiting.append(job)
        self._ring()
        return job

    def follow(self, consumer: Any) -> None:
        """Watch, from now on, whether the loop of this consumer turns."""
        self._consumer = consumer

    def end_job(self, job: Job) -> None:
        """End the process that computes this task, if one does."""
        with self._lock:
            for child in self._children:
                if child.job is job:
                    child.process.kill()

    def terminate_job(self, pid: int, signal: int | None = None) -> None:  # noqa: ARG002
        """End this process, whatever it does."""
        with self._lock:
            for child in self._children:
                if child.process.pid == pid:
                    child.process.kill()

    def on_stop(self) -> None:
        """Let each process finish its task and end."""
        with self._lock:
            self._ending = True
            self._waiting.clear()  # not acknowledged, so that the broker hands them out again
        self._ring()
        self._watcher.join()

    def on_terminate(self) -> None:
        """End all at once."""
        with self._lock:
            self._ending = True
            self._waiting.clear()
            for child in self._children:
                child.process.kill()
        self._ring()
        self._watcher.join()

    @property
    def num_processes(self) -> int:
        return int(self.limit)

    def _get_info(self) -> dict[str, Any]:
        processes = [child.process.pid for child in self._children]
        known: dict[str, Any] = super()._get_info()  # type: ignore[misc]
        return known | {"max-concurrency": self.limit, "processes": processes}

    def _ring(self) -> None:
        with suppress(OSError):
            self._doorbell.send_bytes(b".")

    def _spawn(self) -> Child:
        ours, theirs = Pipe()
        command = [sys.executable, "-m", "readerstudy.work.pool", str(theirs.fileno())]
        # The same session, so that whoever ends the worker's group ends this process too.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env={**os.environ, "CELERY_SKIP_CHECKS": "1"},  # they were made by this process
        )
        theirs.close()
        child = Child(process, ours)
        queues = tuple(sorted(self.app.amqp.queues.consume_from))
        gone, self._gone = tuple(self._gone), []
        with suppress(OSError):
            ours.send(Hello(self.app.main, self.options["initargs"][1], queues, gone))
        return child

    def _watch(self) -> None:
        """Until the pool ends: hear the processes, hand out tasks, replace what does not work."""
        while self._children or not self._ending:
            with self._lock:
                children = list(self._children)
            heard = wait([self._bell, *(child.connection for child in children)], timeout=TICK)
            calls: list[Callable[[], object]] = []
            with self._lock:
                if self._bell in heard:
                    self._bell.recv_bytes()
                for child in children:
                    if child.connection in heard:
                        calls += self._hear(child)
                for child in children:
                    calls += self._look_after(child)
                self._ask_for_turn()
                self._hand_out()
                self._fill_up()
            for call in calls:  # outside of the lock: they belong to Celery
                try:
                    call()
                except Exception:
                    logger.exception("What became of a task could not be told")

    def _hear(self, child: Child) -> list[Callable[[], object]]:
        calls: list[Callable[[], object]] = []
        try:
            while child.connection.poll():
                kind, *rest = child.connection.recv()
                child.heard_at = time.monotonic()
                job = child.job
                if kind == "ready":
                    child.ready, self._failed_starts = True, 0
                elif kind == "deaf":
                    state.should_stop = os.EX_TEMPFAIL  # type: ignore[assignment]
                elif kind == "began" and job:
                    calls.append(lambda job=job, at=rest[1]: job.accept_callback(child.process.pid, at))  # type: ignore[misc]
                elif kind == "done" and job:
                    child.job = None
                    calls.append(lambda job=job, result=rest[1]: job.callback(result))  # type: ignore[misc]
        except Exception as error:  # the end of the pipe, or what cannot be read off it: it is replaced
            if not isinstance(error, (EOFError, OSError)):
                logger.exception("A word of the computing process %s cannot be read", child.process.pid)
            child.process.kill()
            child.process.wait()
        return calls

    def _look_after(self, child: Child) -> list[Callable[[], object]]:
        """Ping a process; where it does not work, bury it."""
        now = time.monotonic()
        if child.told_turn_at < self._turned_at:
            child.told_turn_at = now
            child.say("turned")
        most = self.options.get("maxtasksperchild")
        if not child.job and not child.told_to_end_at and (self._ending or (most and child.jobs >= most)):
            child.told_to_end_at = now
            child.say("end", self._ending)
        trouble = child.trouble(now)
        if not trouble:
            return []
        pid, job = child.process.pid, child.job
        child.process.kill()
        child.process.wait()
        child.connection.close()
        self._children.remove(child)
        self._gone.append(name_of(pid))
        if child.told_to_end_at and not job:
            return []
        logger.error("The computing process %s %s; another takes its place.", pid, trouble)
        if not child.ready:
            self._note_failed_start(now)
        if job is None:
            return []
        if now - child.job_since > job.limit:  # given up, where the broker would hand it out again and again
            return [lambda: job.timeout_callback(False, job.limit)]  # noqa: FBT003 (soft, in Celery's words)
        return [lambda: _tell_lost(job, pid, trouble)]

    def _note_failed_start(self, now: float) -> None:
        self._failed_starts += 1
        self._start_at = now + 2.0**self._failed_starts / 2
        if self._failed_starts >= START_TRIES:
            logger.critical("No computing process gets ready: the worker ends. What stopped them stands above.")
            state.should_stop = os.EX_SOFTWARE  # type: ignore[assignment]

    def _hand_out(self) -> None:
        for child in self._children:
            if self._waiting and child.ready and not child.job and not child.told_to_end_at:
                job = self._waiting.popleft()
                child.job, child.job_since = job, time.monotonic()
                child.jobs += 1
                child.say("job", job.number, job.arguments, job.limit)

    def _fill_up(self) -> None:
        if self._ending or self._failed_starts >= START_TRIES or time.monotonic() < self._start_at:
            return
        while len(self._children) < self.limit:
            self._children.append(self._spawn())

    def _ask_for_turn(self) -> None:
        """Have the consumer's loop say that it turns; again where a lost connection swallowed the question."""
        now = time.monotonic()
        if self._consumer and (self._turn_asked_at <= self._turned_at or now - self._turn_asked_at > pulse.TURNED):
            self._turn_asked_at = now
            self._consumer.call_soon(self._note_turn)

    def _note_turn(self) -> None:
        self._turned_at = time.monotonic()


def _tell_lost(job: Job, pid: int, trouble: str) -> None:
    """The task goes back to the broker; its row says how often that happened."""
    try:
        raise WorkerLostError(f"The computing process {pid} {trouble}.")  # noqa: TRY301 (Celery wants its traceback)
    except WorkerLostError:
        job.error_callback(ExceptionInfo())


@signals.worker_ready.connect
def _follow(sender: Any, **_: Any) -> None:
    if isinstance(sender.pool, TaskPool):
        sender.pool.follow(sender)
