"""Brokers on this machine, and a way to cut the connections to one of them without harm to others that use it."""

from __future__ import annotations

import os
import select
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from readerstudy.lib.postgres import EmbeddedPostgres

SERVICES = {"redis": ("redis://127.0.0.1:6379/15", 6379), "rabbitmq": ("amqp://guest:guest@127.0.0.1:5672//", 5672)}


def url_of_service(service: str) -> str:
    """Its address; skips the test where it does not answer, and fails it where services are required."""
    url, port = SERVICES[service]
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            reason = f"no {service} on port {port} of this machine"
            if os.environ.get("READERSTUDY_REQUIRE_SERVICES") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
    return url


def url_of(server: EmbeddedPostgres) -> str:
    """DATABASE_URL of an embedded server."""
    settings = server.django_database()
    return f"postgresql://{settings['USER']}@/{settings['NAME']}?host={quote(settings['HOST'])}"


class Proxy:
    """Passes on what goes to and from a port, until it is cut; a context manager."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.port: int = self._listener.getsockname()[1]

    def cut(self) -> int:
        """Drop every connection, as a restart of the broker does; how many. New ones are taken at once."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        return len(pairs)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                pair = (self._listener.accept()[0], socket.create_connection(("127.0.0.1", self._target)))
                self._pairs.append(pair)
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(near: socket.socket, far: socket.socket) -> None:
    ends = {near: far, far: near}
    with near, far, suppress(OSError):
        while True:
            for end in select.select(list(ends), [], [])[0]:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)
