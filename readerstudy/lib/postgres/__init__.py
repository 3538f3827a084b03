"""The application's PostgreSQL: an embedded server by default, another one where DATABASE_URL names it."""

from readerstudy.lib.postgres.configuration import database_from_environment, database_from_url, ensure_running
from readerstudy.lib.postgres.errors import PostgresError
from readerstudy.lib.postgres.server import EmbeddedPostgres

__all__ = [
    "EmbeddedPostgres",
    "PostgresError",
    "database_from_environment",
    "database_from_url",
    "ensure_running",
]
