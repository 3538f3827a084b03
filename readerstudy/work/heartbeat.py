"""Calls something at regular intervals in a thread, to show others that this process is alive."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

logger = logging.getLogger(__name__)


class Heartbeat:
    """Beat now, then every `interval` seconds until stopped; a context manager.

    A beat that fails is logged and tried again at the next interval: the work that it reports on goes on. Others then
    see the process as gone, which is what a heartbeat is for. `beat` runs in a thread of its own, so it must open its
    own connections; `finished` runs last in the same thread, to close them.
    """

    def __init__(
        self,
        interval: float,
        beat: Callable[[], object],
        *,
        finished: Callable[[], object] = lambda: None,
        name: str = "heartbeat",
    ) -> None:
        if interval <= 0:
            message = f"A heartbeat needs an interval above zero seconds, not {interval}."
            raise ValueError(message)
        self._interval = interval
        self._beat = beat
        self._finished = finished
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; once only."""
        self._thread.start()

    def stop(self) -> None:
        """End and wait for a beat that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            while True:
                try:
                    self._beat()
                except Exception:
                    logger.exception("A heartbeat failed; the next one is tried in %s s.", self._interval)
                if self._stop.wait(self._interval):
                    return
        finally:
            self._finished()
