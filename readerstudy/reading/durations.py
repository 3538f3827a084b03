"""Seconds that a page counted, held against the server's clock: kept whatever they are, with a doubt if they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from readerstudy.reading.models import TimeDoubt

# Clocks of two hosts may differ by so much before anybody needs to be told.
CLOCK_TOLERANCE = timedelta(seconds=30)
# Four months: nobody spends longer on a case, and sums of it stay numbers.
LONGEST = 1e7


@dataclass(frozen=True)
class Duration:
    """Seconds as they are kept, None where they are no number, and why they cannot be right, "" where they can."""

    seconds: float | None
    doubt: str = TimeDoubt.NONE


def duration_of(seconds: float | None, *, opened_at: datetime | None, now: datetime, visits: int = 1) -> Duration:
    """What a page counted since the case was first opened at `opened_at`, over so many visits to it.

    Two clocks meet here: the page's, which only runs forward, and the server's, which may be set or be another host's.
    So more than has passed is a doubt about one of them and no reason to refuse anything.
    """
    if seconds is None:
        return Duration(None)
    if not math.isfinite(seconds) or abs(seconds) > LONGEST:
        return Duration(None, TimeDoubt.NO_NUMBER)
    if seconds < 0:
        return Duration(seconds, TimeDoubt.NEGATIVE)
    if opened_at is None:
        return Duration(seconds, TimeDoubt.NOT_OPENED)
    passed = max(now - opened_at, timedelta()) + CLOCK_TOLERANCE
    beyond = now < opened_at - CLOCK_TOLERANCE or seconds > passed.total_seconds() * visits
    return Duration(seconds, TimeDoubt.BEYOND if beyond else TimeDoubt.NONE)
