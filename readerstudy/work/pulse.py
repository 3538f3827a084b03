"""How often a worker shows that it lives, and what follows from its silence: every such time hangs on one number.

`READERSTUDY_BEAT_SECONDS` changes all of them together (tests are in a hurry). As delivered, whatever dies is replaced,
or shown as gone, within a minute.
"""

import os
from collections.abc import Mapping
from datetime import timedelta

DEFAULT_BEAT_SECONDS = 10.0
DEFAULT_TASK_SECONDS = 3600.0


class PulseError(ValueError):
    """A number of seconds that is none; the message says which variable and what to do."""


def seconds_of(name: str, default: float, environ: Mapping[str, str] = os.environ) -> float:
    """A number of seconds above zero out of the environment. Raises PulseError."""
    text = environ.get(name, "") or str(default)
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise PulseError(f"{name} must be a number of seconds above zero, not {text!r}.")
    return seconds


#: Seconds between two signs of life of a worker.
BEAT = seconds_of("READERSTUDY_BEAT_SECONDS", DEFAULT_BEAT_SECONDS)
#: A computing process that says nothing for so long (stopped, swapped out, hung in C) is ended and replaced.
SILENT = 3 * BEAT
#: Its parent must have turned its loop, which takes tasks from the broker, within so many seconds; else it shows no
#: life. A loop without a task turns every two seconds.
TURNED = max(BEAT, 5.0)
#: A worker that was not seen for so long counts as gone.
ALIVE = timedelta(seconds=3 * BEAT)
#: A row of work whose worker does not extend its lease for so long is given to another; signs come four times as often.
LEASE = timedelta(seconds=3 * BEAT)
LEASE_INTERVAL = LEASE.total_seconds() / 4
#: A row that waits so long while a worker has nothing to do: its task is lost, and sent again.
LOST_AFTER = timedelta(seconds=2 * BEAT)
#: A worker that has had no task for so long has nothing to do.
IDLE = BEAT / 2
#: No task takes longer, unless it hangs; then its process is ended.
TASK = seconds_of("CELERY_TASK_SECONDS", DEFAULT_TASK_SECONDS)
