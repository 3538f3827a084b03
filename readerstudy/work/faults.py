"""Faults that pass by themselves: a full disk, a lost connection, no memory. What met one is tried again, with pauses.

Everything else will fail again in the same way, and is for a person to look at.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import kombu.exceptions
from django import db

from readerstudy.work import pulse

logger = logging.getLogger(__name__)
#: The longest pause before another try, in seconds.
LONGEST = 600.0
#: How often a statement is given to the database again, and after how many seconds.
ANEW, ANEW_SECONDS = 3, 1.0
Result = TypeVar("Result")


@dataclass(frozen=True)
class Fault:
    """Why something is to be tried again, in words that follow "because"; `tries` where it is given up in the end."""

    words: str
    tries: int | None = None


DISK = Fault("the disk is full")
FILES = Fault("the folder of files does not answer")
HANDLES = Fault("too many files are open on the machine")
DATABASE = Fault("the connection to the database was lost")
DATABASE_DISK = Fault("the disk of the database is full")
BROKER = Fault("the connection to the task broker was lost")
#: Another program may have needed it; but a machine may also be too small for what is asked of it.
MEMORY = Fault("there was too little memory", tries=6)
LOST = Fault("the worker that was at it was lost")

_BY_NUMBER = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), DISK),
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.EROFS, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENOTCONN),
        FILES,
    ),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), HANDLES),
    errno.ENOMEM: MEMORY,
}
_DATABASE_FULL = "53100"  # SQLSTATE disk_full
_DATABASE_MEMORY = "53200"


def passing(error: BaseException) -> Fault | None:
    """The fault behind an error or one that led to it; None where it will happen again."""
    return next((fault for one in _chain(error) if (fault := _of(one))), None)


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries that met a fault: twice as long each time, ten minutes at most."""
    return timedelta(seconds=min(3 * pulse.BEAT * 2.0 ** min(max(tries - 1, 0), 20), LONGEST))


def anew(do: Callable[[], Result]) -> Result:
    """Do something with the database, and again with a new connection where the old one was lost: it must bear that."""
    for _ in range(ANEW - 1):
        try:
            return do()
        except (db.OperationalError, db.InterfaceError) as error:
            if db.connection.in_atomic_block:
                raise
            logger.warning("The database was lost; trying again: %s", error)
            db.connections.close_all()
            time.sleep(ANEW_SECONDS)
    return do()


def _of(error: BaseException) -> Fault | None:
    if isinstance(error, (db.OperationalError, db.InterfaceError)):
        state = getattr(error.__cause__, "sqlstate", None)
        return {_DATABASE_FULL: DATABASE_DISK, _DATABASE_MEMORY: MEMORY}.get(state or "", DATABASE)
    if isinstance(error, kombu.exceptions.OperationalError):
        return BROKER
    if isinstance(error, MemoryError):
        return MEMORY
    return _BY_NUMBER.get(error.errno or 0) if isinstance(error, OSError) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
