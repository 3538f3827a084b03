"""The task broker: real workers, killed with -9 in the middle of a task."""

import os
import signal
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from celery import Celery
from kombu import Queue

from readerstudy.lib.postgres import EmbeddedPostgres, database_from_url
from readerstudy.work.broker import BrokerError, broker_settings, ensure_broker_ready, pgmq_conn_string, pgmq_dsn
from tests.lib.helpers import celery_worker, python_environment, wait_for
from tests.lib.services import SERVICES, url_of, url_of_service

VISIBILITY_SECONDS = 3
DATABASE = {"NAME": "study", "USER": "ann", "PASSWORD": "secret", "HOST": "db", "PORT": "5432"}


def survives_kill_9(server: EmbeddedPostgres, folder: Path, environment: dict[str, str]) -> None:
    """Send a task, kill its worker in the middle of it, and see the next worker do it once more to the end."""
    environment = python_environment(
        PROBE_DATABASE_URL=url_of(server), CELERY_VISIBILITY_SECONDS=str(VISIBILITY_SECONDS), **environment
    )
    settings = broker_settings(database_from_url(url_of(server)), environment)
    # A queue of the test's own: real services may hold other people's tasks.
    queue = f"probe_{uuid.uuid4().hex}"
    settings["CELERY_TASK_QUEUES"] = (Queue(queue),)
    ensure_broker_ready(settings)
    traces, log = folder / "traces", folder / "worker.log"
    traces.touch()
    app = Celery("sender")
    app.config_from_object(settings, namespace="CELERY")
    environment["PROBE_QUEUE"] = queue
    try:
        app.send_task("probe.work", [str(traces), 2], queue=queue)
        with celery_worker("tests.work.probe_app", queue, environment, log) as first:
            wait_for(lambda: "began" in traces.read_text(), seconds=30, what=f"the task ({log.read_text()})")
            os.killpg(first.pid, signal.SIGKILL)
        assert "done" not in traces.read_text()
        with celery_worker("tests.work.probe_app", queue, environment, log):
            wait_for(lambda: "done" in traces.read_text(), seconds=40, what="the return of the killed worker's task")
        assert traces.read_text().split() == ["began", "began", "done"]
    finally:
        with app.connection_for_write() as connection:
            Queue(queue).bind(connection.default_channel).delete()
        app.close()


def test_a_task_whose_worker_is_killed_comes_back_on_postgresql(server: EmbeddedPostgres, folder: Path) -> None:
    survives_kill_9(server, folder, {})


@pytest.mark.services
@pytest.mark.parametrize("service", SERVICES)
def test_a_task_whose_worker_is_killed_comes_back_on(service: str, server: EmbeddedPostgres, folder: Path) -> None:
    survives_kill_9(server, folder, {"CELERY_BROKER_URL": url_of_service(service)})


def test_the_broker_is_installed_once_by_many_at_once(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("DROP SCHEMA IF EXISTS pgmq CASCADE")
    settings = broker_settings(server.django_database(), {})
    with ThreadPoolExecutor(4) as pool:
        installed = list(pool.map(lambda _: ensure_broker_ready(settings), range(4)))
    assert sorted(installed) == [False, False, False, True]
    with psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pgmq.meta").fetchone() == (0,)


def test_passwords_spaces_and_options_survive_the_way_to_postgresql(server: EmbeddedPostgres) -> None:
    """Checked by the server's own word: what arrives there is what was meant."""
    database = server.django_database() | {
        "PASSWORD": r"it's a \ secret",
        "OPTIONS": {"application_name": "a b'c", "isolation_level": 3, "pool": True},
    }
    dsn = pgmq_dsn(pgmq_conn_string(database))
    assert psycopg.conninfo.conninfo_to_dict(dsn)["password"] == database["PASSWORD"]
    with psycopg.connect(dsn) as connection:
        assert connection.execute("SHOW application_name").fetchone() == ("a b'c",)


def test_no_worker_runs_a_task_in_a_format_that_can_carry_code() -> None:
    settings = broker_settings(DATABASE, {})
    assert settings["CELERY_ACCEPT_CONTENT"] == ["json"]
    assert settings["CELERY_TASK_SERIALIZER"] == "json"


@pytest.mark.parametrize("environ", [{}, {"CELERY_BROKER_URL": "amqp://x//"}, {"CELERY_BROKER_URL": "rediss://x/0"}])
def test_tasks_are_acknowledged_late_and_taken_one_at_a_time_on_every_broker(environ: dict[str, str]) -> None:
    settings = broker_settings(DATABASE, environ)
    assert settings["CELERY_TASK_ACKS_LATE"] is True
    assert settings["CELERY_TASK_REJECT_ON_WORKER_LOST"] is True
    assert settings["CELERY_WORKER_PREFETCH_MULTIPLIER"] == 1
    assert {queue.name for queue in settings["CELERY_TASK_QUEUES"]} == {"gpu", "cpu", "reports"}


@pytest.mark.parametrize(
    "environ",
    [
        {"CELERY_BROKER_URL": "filesystem://"},
        {"CELERY_BROKER_URL": "memory"},
        {"CELERY_VISIBILITY_SECONDS": "0"},
        {"CELERY_VISIBILITY_SECONDS": "soon"},
    ],
)
def test_settings_that_would_lose_tasks_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(BrokerError, match="CELERY_"):
        broker_settings(DATABASE, environ)
