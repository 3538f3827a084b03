"""What can go wrong between the application and its PostgreSQL."""


class PostgresError(Exception):
    """The database cannot be used; the message says what is wrong and what to do."""
