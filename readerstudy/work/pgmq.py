"""kombu's PGMQ transport, made to survive lost connections: `broker_transport` where PostgreSQL is the broker.

As kombu has it, an acknowledgement that falls on a dead connection leaves its task in the window of tasks under way,
which holds one: the worker then asks for no other task, for ever, and looks as well as ever.
"""

from __future__ import annotations

from typing import Any

import psycopg
from kombu.transport import pgmq
from pgmq import PGMQueue
from psycopg_pool import ConnectionPool

from readerstudy.work.broker import pgmq_dsn


class Channel(pgmq.Channel):
    """A channel that lets go of a task whose end it cannot tell: it is handed out again, and found to be done."""

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Tell that a task is done."""
        try:
            super().basic_ack(delivery_tag, multiple=multiple)  # type: ignore[no-untyped-call]
        except psycopg.OperationalError:
            self.qos.ack(delivery_tag)
            raise

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give a task back."""
        try:
            super().basic_reject(delivery_tag, requeue=requeue)  # type: ignore[no-untyped-call]
        except psycopg.OperationalError:
            self.qos.ack(delivery_tag)
            raise


class Transport(pgmq.Transport):
    """A transport whose connections are looked at before they are used."""

    Channel = Channel
    _pool: ConnectionPool[Any] | None = None

    def _create_pgmq_client(self) -> PGMQueue:
        options: dict[str, Any] = self.client.transport_options  # type: ignore[union-attr,assignment]
        conn_string = options["conn_string"]
        self._pool = ConnectionPool(
            pgmq_dsn(conn_string),
            min_size=1,
            max_size=options["pool_size"],
            timeout=options["pool_timeout"],
            check=ConnectionPool.check_connection,
            open=True,
        )
        return PGMQueue(
            conn_string=conn_string, vt=options["visibility_timeout"], init_extension=False, pool=self._pool
        )

    def close_connection(self, connection: Any) -> None:
        """Close the pool too, which the client takes for somebody else's."""
        super().close_connection(connection)
        if self._pool is not None:
            self._pool.close()
            self._pool = None
