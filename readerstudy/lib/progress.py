"""Progress of long work on a terminal, or a line now and then where there is none."""

import sys
from typing import Self, TextIO

from tqdm import tqdm

PERCENT_STEP = 10


class Progress:
    """Counts up to `total`; a bar on a terminal, else a line at each tenth. A context manager."""

    def __init__(self, label: str, total: int, *, unit: str = "", stream: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._done = 0
        self._next_percent = PERCENT_STEP
        self._stream = sys.stderr if stream is None else stream
        self._bar = (
            tqdm(total=total, desc=label, unit=f" {unit}" if unit else "", file=self._stream, dynamic_ncols=True)
            if self._stream.isatty()
            else None
        )

    def advance(self, count: int = 1) -> None:
        """Report that more is done."""
        self.move_to(self._done + count)

    def move_to(self, done: int) -> None:
        """Report how much is done altogether, as one learns it from another process."""
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done
        if self._bar is None and self._total > 0:
            percent = 100 * done // self._total
            if percent >= self._next_percent:
                print(f"{self._label}: {done}/{self._total} ({percent}%)", file=self._stream, flush=True)
                self._next_percent = percent - percent % PERCENT_STEP + PERCENT_STEP

    def close(self) -> None:
        """Leave the terminal in order."""
        if self._bar is not None:
            self._bar.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
