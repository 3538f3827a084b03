"""Calls to the database from several threads at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections, connection


def at_once(*calls: Callable[[], object]) -> list[Any]:
    """Runs the calls in threads of their own, started together; returns results and errors in order."""
    barrier = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], object]) -> None:
        close_old_connections()
        barrier.wait()
        try:
            outcomes[index] = call()
        except Exception as error:  # noqa: BLE001  # handed to the test
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index, call)) for index, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
