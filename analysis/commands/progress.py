"""Progress of long work on standard error: a bar with the time left on a terminal, else a line at each tenth."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_WIDTH = 30
_SECONDS = 0.2


class Progress:
    """Counts up to `total` pieces of work."""

    def __init__(self, label: str, total: int, *, stream: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._stream = sys.stderr if stream is None else stream
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._shown = 0.0

    def advance(self, count: int = 1) -> None:
        """Report that more is done."""
        before, self._done = self._done, self._done + count
        now = time.monotonic()
        last = self._done >= self._total
        if self._terminal:
            if last or now - self._shown >= _SECONDS:
                self._shown = now
                filled = _WIDTH * self._done // max(self._total, 1)
                bar = "#" * filled + "." * (_WIDTH - filled)
                self._stream.write(f"\r{self._label} [{bar}] {self._words(now)}{chr(10) if last else ''}")
                self._stream.flush()
        elif 10 * before // max(self._total, 1) < 10 * self._done // max(self._total, 1):
            self._stream.write(f"{self._label}: {self._words(now)}\n")

    def _words(self, now: float) -> str:
        spent = now - self._start
        left = spent / self._done * (self._total - self._done) if self._done else 0.0
        percent = 100 * self._done // max(self._total, 1)
        return f"{percent:3d}%, {spent:.0f} s, {left:.0f} s left "
