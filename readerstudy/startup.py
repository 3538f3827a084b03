"""What every process of the application does before it uses database and broker."""

import os
import sys

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from readerstudy.lib.postgres import ensure_running
from readerstudy.work.broker import broker_settings, ensure_broker_ready

# Any number will do, as long as nobody else uses it for an advisory lock in this database.
SCHEMA_LOCK = 7_305_118_207


def ensure_services() -> None:
    """Start or join the embedded database where it is used, and make sure that the broker can take tasks.

    Needed by whoever sends tasks too, not only by workers: a study may be prepared before the first worker starts.
    """
    ensure_running(settings.DATA_DIR)
    ensure_broker_ready(broker_settings(settings.DATABASES["default"]))


def ensure_schema() -> None:
    """Bring an embedded database's tables up to date; where DATABASE_URL names another, say what to run.

    Whoever administers another database decides when it changes. Raises SystemExit there.
    """
    if not _migrations_missing():
        return
    if os.environ.get("DATABASE_URL"):
        sys.exit("The database of DATABASE_URL is not up to date. Run: python manage.py migrate")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [SCHEMA_LOCK])  # of two first commands at once, one migrates
        if _migrations_missing():
            call_command("migrate", verbosity=0)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [SCHEMA_LOCK])


def _migrations_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
