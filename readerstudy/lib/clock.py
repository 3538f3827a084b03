"""The time by the database's clock, which all hosts share: leases and signs of life are compared across hosts."""

from datetime import datetime

from django.db import connection


def shared_now() -> datetime:
    """What time it is for the database; where workers or web servers have wrong clocks, it is the same for all."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now
