"""The pool: real workers whose processes and connections are killed, stopped and cut, and work goes on by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
import pytest
from celery import Celery
from kombu import Queue

from readerstudy.lib.postgres import EmbeddedPostgres, database_from_url
from readerstudy.work.broker import broker_settings, ensure_broker_ready
from tests.lib.helpers import celery_worker, python_environment, wait_for
from tests.lib.services import SERVICES, Proxy, url_of, url_of_service

BROKERS = ["postgresql", *(pytest.param(service, marks=pytest.mark.services) for service in SERVICES)]
HURRY = {"CELERY_VISIBILITY_SECONDS": "3", "READERSTUDY_BEAT_SECONDS": "1", "CELERY_TASK_SECONDS": "4"}


@dataclass
class Place:
    """A broker with a queue of the test's own, tasks that leave traces, and the worker that runs them."""

    folder: Path
    sender: Celery
    queue: str
    environment: dict[str, str]
    worker: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    def child(self) -> psutil.Process:
        """The process that computes; there is one."""
        assert self.worker is not None
        (child,) = psutil.Process(self.worker.pid).children()
        return child

    def send(self, seconds: float = 0) -> Path:
        """A task; the file into which it writes."""
        traces = self.folder / uuid.uuid4().hex
        traces.touch()
        self.sender.send_task("probe.work", [str(traces), seconds], queue=self.queue)
        return traces

    def await_word(self, traces: Path, word: str) -> None:
        try:
            wait_for(lambda: word in traces.read_text(), seconds=60, what=repr(word))
        except AssertionError as error:
            error.add_note(self.log.read_text())
            raise


@contextmanager
def place(broker: str, server: EmbeddedPostgres, folder: Path, proxied: str = "") -> Iterator[Place]:
    """A queue of the test's own: real services may hold other people's tasks. The worker uses `proxied` where given."""
    direct = {} if broker == "postgresql" else {"CELERY_BROKER_URL": url_of_service(broker)}
    settings = broker_settings(database_from_url(url_of(server)), direct)
    queue = f"probe_{uuid.uuid4().hex}"
    settings["CELERY_TASK_QUEUES"] = (Queue(queue),)
    ensure_broker_ready(settings)
    sender = Celery("sender")
    sender.config_from_object(settings, namespace="CELERY")
    through = {"CELERY_BROKER_URL": proxied} if proxied else direct
    environment = python_environment(PROBE_DATABASE_URL=url_of(server), PROBE_QUEUE=queue, **HURRY, **through)
    found = Place(folder, sender, queue, environment)
    try:
        with celery_worker("tests.work.probe_app", queue, environment, found.log) as found.worker:
            found.await_word(found.send(), "done")
            yield found
    finally:
        with sender.connection_for_write() as connection:
            Queue(queue).bind(connection.default_channel).delete()
        sender.close()


@pytest.mark.parametrize("broker", BROKERS)
def test_work_goes_on_whichever_process_or_connection_is_lost(
    broker: str, server: EmbeddedPostgres, folder: Path
) -> None:
    with Proxy(SERVICES[broker][1] if broker in SERVICES else 0) as proxy:
        proxied = (
            url_of_service(broker).replace(str(SERVICES[broker][1]), str(proxy.port)) if broker in SERVICES else ""
        )
        with place(broker, server, folder, proxied) as found:
            idle = found.child()  # ../shared/data/faults/worker_idle_child_killed
            idle.kill()
            found.await_word(found.send(), "done")
            assert not idle.is_running()

            traces = found.send(0.5)
            found.await_word(traces, "began")
            found.child().kill()
            found.await_word(traces, "done")
            assert traces.read_text().split() == ["began", "began", "done"]

            stopped = found.child()
            stopped.suspend()
            found.await_word(found.send(), "done")
            assert not stopped.is_running(), "it would hold its memory, and go on one day"

            computing = found.child()
            traces = found.send(2)
            found.await_word(traces, "began")
            if proxied:
                assert proxy.cut() > 0
            else:
                with psycopg.connect(server.dsn, autocommit=True) as connection:
                    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                    assert connection.execute(others).rowcount > 0
            found.await_word(traces, "done")
            found.await_word(found.send(), "done")
            assert computing.is_running(), "a task is not ended because the broker is away"


def test_a_task_that_never_ends_is_ended(server: EmbeddedPostgres, folder: Path) -> None:
    with place("postgresql", server, folder) as found:
        hanging = found.child()
        found.await_word(found.send(600), "began")
        wait_for(lambda: not hanging.is_running(), seconds=30, what="the end of the hanging process")
        found.await_word(found.send(), "done")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_outlives_its_worker(how: signal.Signals, server: EmbeddedPostgres, folder: Path) -> None:
    with place("postgresql", server, folder) as found:
        assert found.worker is not None
        child = found.child()
        if how == signal.SIGKILL:
            child.suspend()  # it cannot even hear of it
            found.worker.kill()
        else:
            traces = found.send(1)
            found.await_word(traces, "began")
            os.killpg(found.worker.pid, how)  # as Ctrl-C and service managers do: parent and child at once
            found.worker.wait(30)
            assert traces.read_text().split() == ["began", "done"], "a worker that is asked to end ends its task"
        wait_for(lambda: not child.is_running(), seconds=15, what="the end of the computing process")


def test_a_worker_whose_processes_cannot_start_ends(server: EmbeddedPostgres, folder: Path) -> None:
    with place("postgresql", server, folder) as found:
        environment = {**found.environment, "PROBE_BROKEN": "1"}
        log = folder / "broken.log"
        with celery_worker("tests.work.probe_app", found.queue, environment, log) as worker:
            assert worker.wait(60) != 0
        assert "No computing process gets ready" in log.read_text()


def test_a_worker_with_another_pool_is_refused(server: EmbeddedPostgres, folder: Path) -> None:
    environment = python_environment(DATABASE_URL=url_of(server), SECRET_KEY="of-a-test", READERSTUDY_DATA=str(folder))
    log = folder / "worker.log"
    with celery_worker("readerstudy.results", "reports", environment, log, "--pool", "solo") as worker:
        assert worker.wait(60) != 0
    assert "Leave out --pool" in log.read_text()
