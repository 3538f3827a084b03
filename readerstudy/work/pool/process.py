"""A process that computes tasks one after the other; the pool starts it.

What it tells its parent, and what its beats say to others, is about its main thread, which computes: a thread that goes
on after the main one hangs would be a sign of life of nothing.
"""

from __future__ import annotations

import importlib
import os
import queue
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from celery import platforms, signals
from celery.app import trace
from celery.utils.log import get_logger

from readerstudy.work import pulse

if TYPE_CHECKING:
    from celery import Celery

logger = get_logger(__name__)
#: Seconds between two words to the parent; the main thread turns as often while it has nothing to do.
TICK = min(1.0, pulse.BEAT / 5)


@dataclass(frozen=True)
class Hello:
    """What a computing process is told at its start.

    `application` is the module whose `app` it serves; `gone` names processes that it replaces, as rows of work do.
    """

    application: str
    worker: str
    queues: tuple[str, ...]
    gone: tuple[str, ...] = ()


@dataclass
class Computer:
    """This process: what it was told, and how its main thread is."""

    connection: Connection[Any, Any]
    hello: Hello
    jobs: queue.SimpleQueue[tuple[str, Any, float] | None] = field(default_factory=queue.SimpleQueue)
    leaving: bool = False  # the whole worker ends, not this process alone
    _talking: threading.Lock = field(default_factory=threading.Lock)
    _turned_at: float = field(default_factory=time.monotonic)
    _idle_since: float | None = None
    _busy_until: float = 0.0
    _parent_turned_at: float = -float("inf")

    @property
    def idle_seconds(self) -> float:
        """How long there has been nothing to do; 0 while there is."""
        since = self._idle_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def works(self) -> bool:
        """Whether tasks are taken and computed here: the parent's loop turns, and so does the main thread."""
        return self.computes and time.monotonic() - self._parent_turned_at < pulse.TURNED

    @property
    def computes(self) -> bool:
        """Whether the main thread waits for a task, or is at one that may still take its time."""
        now = time.monotonic()
        return now < self._busy_until or now - self._turned_at < pulse.SILENT

    def say(self, *words: object) -> None:
        """Tell the parent something; from any thread."""
        with self._talking:
            self.connection.send(words)

    def listen(self) -> None:
        """Hear the parent until it is gone, and then end at once: what is left is taken over from our rows."""
        try:
            while True:
                kind, *rest = self.connection.recv()
                if kind == "job":
                    self.jobs.put(tuple(rest))
                elif kind == "turned":
                    self._parent_turned_at = time.monotonic()
                elif kind == "end":
                    self.leaving = rest[0]
                    self.jobs.put(None)
        except (EOFError, OSError):
            os._exit(1)

    def tick(self) -> None:
        """Tell the parent, again and again, that the main thread is well; silent where it is not."""
        try:
            while True:
                if self.computes:
                    self.say("lives")
                time.sleep(TICK)
        except OSError:
            os._exit(1)

    def work(self, app: Celery) -> None:
        """Compute tasks until told to end."""
        self._idle_since = time.monotonic()
        self.say("ready", os.getpid())
        while True:
            self._turned_at = time.monotonic()
            try:
                job = self.jobs.get(timeout=TICK)
            except queue.Empty:
                continue
            if job is None:
                return
            number, arguments, seconds = job
            self._busy_until, self._idle_since = time.monotonic() + seconds, None
            self.say("began", number, time.monotonic())
            result = trace.trace_task_ret(*arguments, app=app)  # type: ignore[misc]
            self._turned_at = self._idle_since = time.monotonic()
            self._busy_until = 0.0
            self._answer(number, result)

    def _answer(self, number: str, result: tuple[int, Any, float]) -> None:
        try:
            self.say("done", number, result)
        except OSError:
            os._exit(1)
        except Exception:  # what a task returned or raised cannot travel; that it ended can
            logger.exception("The result of a task cannot be sent")
            self.say("done", number, (0, "a result that cannot be sent", result[2]))


_current: Computer | None = None


def current() -> Computer | None:
    """This process, where it is one that computes."""
    return _current


def name_of(pid: int) -> str:
    """How rows of work name the process that holds them."""
    return f"{socket.gethostname()}:{pid}"


def _prepare(hello: Hello) -> Celery:
    """The application with its tasks, as Celery prepares it in a process of its own pools."""
    app: Celery = importlib.import_module(hello.application).app
    app.loader.init_worker()
    app.loader.init_worker_process()
    app.log.setup(
        int(os.environ.get("CELERY_LOG_LEVEL", "") or 0),
        os.environ.get("CELERY_LOG_FILE") or None,
        os.environ.get("CELERY_LOG_REDIRECT", "") == "True",
        os.environ.get("CELERY_LOG_REDIRECT_LEVEL", "WARNING"),
        hostname=hello.worker,
    )
    trace.setup_worker_optimizations(app, hello.worker)
    for name, task in app.tasks.items():
        task.__trace__ = trace.build_tracer(name, task, app.loader, hello.worker, app=app)
    return app


def main(descriptor: int) -> None:
    """Serve the parent at the other end of this pipe."""
    global _current  # noqa: PLW0603
    # The parent decides when we end; Ctrl-C and a service manager's SIGTERM reach us too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sys.platform == "linux":
        # Also while this process is stopped, and cannot hear that its parent is gone.
        platforms.set_pdeathsig("SIGKILL")  # type: ignore[attr-defined]
    connection: Connection[Any, Any] = Connection(descriptor)
    computer = _current = Computer(connection, connection.recv())
    for task in (computer.listen, computer.tick):
        threading.Thread(target=task, name=task.__name__, daemon=True).start()
    app = _prepare(computer.hello)
    signals.worker_process_init.send(sender=computer.hello.worker)
    computer.work(app)
    signals.worker_process_shutdown.send(sender=computer.hello.worker, pid=os.getpid(), exitcode=0)
