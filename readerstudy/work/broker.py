"""The task broker: queues in the application's own PostgreSQL by default, RabbitMQ or Redis by CELERY_BROKER_URL."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import psycopg
from kombu import Queue
from pgmq.install import get_embedded_install_sql
from psycopg import conninfo, pq

from readerstudy.work.queues import GPU, QUEUES

BROKER_SCHEMES = ("amqp", "amqps", "redis", "rediss")
PGMQ_URL = "pgmq://localhost"  # the host is not used, but kombu warns where there is none
# How long a task may stay with a worker before the broker hands it out again. Redelivery is harmless (a task is an
# idempotent row with a lease), so this is short enough to recover from a killed worker while a reader waits.
VISIBILITY_SECONDS = 60
# Any number will do, as long as nobody else uses it for an advisory lock in this database.
INSTALL_LOCK = 7_305_118_206


class BrokerError(Exception):
    """The broker's settings cannot work; the message says what is wrong and what to do."""


def broker_settings(database: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the CELERY_* settings for this database (Django's dict) and environment; connects to nothing."""
    visibility = _positive_seconds(environ, "CELERY_VISIBILITY_SECONDS", VISIBILITY_SECONDS)
    settings: dict[str, Any] = {
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure_or_timeout": True,  # a failed case is a row in state failed, retried by the coordinator
        "worker_prefetch_multiplier": 1,
        "task_queues": tuple(Queue(name) for name in QUEUES),
        "task_default_queue": GPU,
        "task_create_missing_queues": False,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_backend": None,  # states live in our own rows
        "task_ignore_result": True,
        "task_publish_retry_policy": {"max_retries": 3, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5},
        "timezone": "UTC",
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # a broker that is away for an hour is waited for
        "broker_heartbeat": 20,  # RabbitMQ: a connection that a firewall forgot is noticed in less than a minute
        # What is being computed can be stored without the broker; handed out again, it is found under way.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_pool": "readerstudy.work.pool:TaskPool",
        # Control and event messages are not needed, and PGMQ has no place for them.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
    }
    url = environ.get("CELERY_BROKER_URL", "")
    scheme = urlsplit(url).scheme
    if not url:
        settings["broker_url"] = PGMQ_URL
        settings["broker_transport"] = "readerstudy.work.pgmq:Transport"
        settings["broker_transport_options"] = {
            "conn_string": pgmq_conn_string(database),
            "init_extension": False,  # its SQL is installed by ensure_broker_ready: no extension files to be had
            "visibility_timeout": visibility,
            # Short reads at short intervals: a long poll would hold one queue while another has work.
            "wait_time_seconds": 0,
            "polling_interval": 0.2,
            "pool_size": 2,
            "pool_timeout": 10,
        }
    elif scheme in {"redis", "rediss"}:
        settings["broker_url"] = url
        settings["broker_transport_options"] = {
            "visibility_timeout": visibility,
            # Look for abandoned tasks every five seconds; as delivered, that is every hundred.
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_keepalive": True,
            "socket_connect_timeout": 10,
            "health_check_interval": 10,
        }
    elif scheme in {"amqp", "amqps"}:
        settings["broker_url"] = url
        settings["broker_transport_options"] = {"confirm_publish": True}
    else:
        known = ", ".join(BROKER_SCHEMES)
        message = f"CELERY_BROKER_URL must begin with one of {known}; it begins with {scheme or 'none'!r}."
        raise BrokerError(message)
    return {f"CELERY_{name.upper()}": value for name, value in settings.items()}


def ensure_broker_ready(settings: Mapping[str, Any]) -> bool:
    """Install PGMQ's SQL where the broker is PGMQ and the database lacks it; True when it was installed now.

    `settings` is what `broker_settings` returned. Safe to call from several processes at once.
    """
    if settings["CELERY_BROKER_URL"] != PGMQ_URL:
        return False
    options = settings["CELERY_BROKER_TRANSPORT_OPTIONS"]
    # Out of the same double quoting that PGMQ needs, so that both certainly mean one database.
    with psycopg.connect(pgmq_dsn(options["conn_string"])) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [INSTALL_LOCK])
        if connection.execute("SELECT to_regclass('pgmq.meta')").fetchone() != (None,):
            return False
        connection.execute(get_embedded_install_sql().encode())
    return True


def pgmq_conn_string(database: Mapping[str, Any]) -> str:
    """Write Django's database settings so that they survive PGMQ.

    PGMQ parses a connection string, keeps five values, and pastes them unquoted into a new one. So each value is quoted
    once more, and other options (sslmode) ride behind the password.
    """
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}  # Django keeps options of its own there
    options = {key: value for key, value in database.get("OPTIONS", {}).items() if key in known}
    password = conninfo.make_conninfo(password=database.get("PASSWORD") or "unused", **options)
    quoted = {
        "host": _quoted(database.get("HOST") or "/var/run/postgresql"),
        "port": _quoted(database.get("PORT") or "5432"),
        "dbname": _quoted(database["NAME"]),
        "user": _quoted(database["USER"]),
        "password": password.removeprefix("password="),
    }
    return conninfo.make_conninfo(**quoted)


def pgmq_dsn(conn_string: str) -> str:
    """Return what PGMQ makes of such a connection string."""
    return " ".join(f"{key}={value}" for key, value in conninfo.conninfo_to_dict(conn_string).items())


def _quoted(value: object) -> str:
    return conninfo.make_conninfo(host=str(value)).removeprefix("host=")


def _positive_seconds(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name, "") or str(default)
    if not text.isdecimal() or int(text) == 0:
        message = f"{name} must be a number of seconds above zero, not {text!r}."
        raise BrokerError(message)
    return int(text)
