"""The environment's word on the database: DATABASE_URL, or the embedded server in the data folder."""

import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from readerstudy.lib.postgres.errors import PostgresError
from readerstudy.lib.postgres.server import EmbeddedPostgres

FOLDER = "postgres"
WATCH_SECONDS = 2.0
logger = logging.getLogger(__name__)

# The servers that this process uses: the lock that counts it as a user lives as long as they do.
_in_use: dict[Path, EmbeddedPostgres] = {}


def database_from_environment(data_dir: Path, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return Django's DATABASES["default"]; starts no server."""
    url = environ.get("DATABASE_URL", "")
    if url:
        return database_from_url(url)
    return EmbeddedPostgres(data_dir / FOLDER).django_database()


def ensure_running(data_dir: Path, environ: Mapping[str, str] = os.environ) -> EmbeddedPostgres | None:
    """Start the embedded server, or join it, for the rest of this process; None where DATABASE_URL names another.

    Until `stop()` a thread of this process sees to it that a server that dies comes back.
    """
    if environ.get("DATABASE_URL", ""):
        return None
    server = _in_use.setdefault(data_dir, EmbeddedPostgres(data_dir / FOLDER))
    if not server.in_use:
        server.start()
        threading.Thread(target=_watch, args=(server,), name="postgres-watch", daemon=True).start()
    return server


def _watch(server: EmbeddedPostgres) -> None:
    while server.in_use:
        try:
            if server.revive():
                logger.error("PostgreSQL had ended; it was started again. See %s.", server.places.log)
        except (PostgresError, OSError):
            logger.exception("PostgreSQL has ended and does not start; trying again.")
        time.sleep(WATCH_SECONDS)


def database_from_url(url: str) -> dict[str, Any]:
    """Read postgresql://user:password@host:port/name?option=value into Django's settings."""
    wanted = "DATABASE_URL must read postgresql://user:password@host:port/name"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        message = f"{wanted}: {error}."  # names no more of the URL than needed: it holds a password
        raise PostgresError(message) from error
    if parts.scheme not in {"postgresql", "postgres"}:
        message = f"{wanted}; it begins with {parts.scheme or 'no scheme'!r}. Only PostgreSQL is supported."
        raise PostgresError(message)
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        message = f"{wanted}; the name of the database is missing."
        raise PostgresError(message)
    options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        # libpq's own form for a socket's folder: postgresql:///name?host=/run/postgresql
        "HOST": options.pop("host", unquote(parts.hostname or "")),
        "PORT": options.pop("port", str(port or "")),
        "NAME": name,
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "OPTIONS": options,
    }
