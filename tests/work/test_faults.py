"""Faults that pass by themselves, told from those that will happen again."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from typing import Any

import kombu.exceptions
import psycopg
import pytest
from django import db

from explainer.errors import ImageError, WeightsError
from readerstudy.work import faults


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


def system(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (system(errno.ENOSPC), "the disk is full"),
        (system(errno.EDQUOT), "the disk is full"),
        (caused(ImageError("x.png cannot be opened"), system(errno.EIO)), "the folder of files does not answer"),
        (caused(ImageError("x.png cannot be opened"), system(errno.ESTALE)), "the folder of files does not answer"),
        (caused(WeightsError("damaged"), system(errno.EMFILE)), "too many files are open on the machine"),
        (system(errno.ENOMEM), "there was too little memory"),
        (MemoryError(), "there was too little memory"),
        (db.OperationalError("server closed the connection unexpectedly"), "the connection to the database was lost"),
        (db.InterfaceError("connection already closed"), "the connection to the database was lost"),
        (caused(db.OperationalError("full"), psycopg.errors.DiskFull()), "the disk of the database is full"),
        (caused(db.OperationalError("memory"), psycopg.errors.OutOfMemory()), "there was too little memory"),
        (kombu.exceptions.OperationalError("refused"), "the connection to the task broker was lost"),
    ],
)
def test_a_fault_that_passes_is_known_by_its_cause(error: Exception, words: str) -> None:
    fault = faults.passing(error)
    assert fault is not None
    assert fault.words == words


@pytest.mark.parametrize(
    "error",
    [
        ImageError("x.png is neither PNG nor JPEG."),
        FileNotFoundError(errno.ENOENT, "No such file", "x.png"),
        PermissionError(errno.EACCES, "Permission denied"),
        ZeroDivisionError("a decoder that nobody foresaw"),
        db.IntegrityError("duplicate key"),
        db.ProgrammingError("no such column"),
    ],
)
def test_what_will_happen_again_is_no_such_fault(error: Exception) -> None:
    assert faults.passing(error) is None


def test_pauses_grow_to_ten_minutes() -> None:
    pauses = [faults.pause(tries) for tries in range(1, 12)]
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (30, 60, 120, 240)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=10)
    assert faults.pause(10**9) == timedelta(minutes=10)


def test_the_database_is_asked_again_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "ANEW_SECONDS", 0.0)
    monkeypatch.setattr(db.connections, "close_all", lambda: None)
    calls: list[int] = []

    def work(failures: int) -> Any:
        calls.append(1)
        if len(calls) <= failures:
            raise db.OperationalError("gone")
        return "done"

    assert faults.anew(lambda: work(2)) == "done"
    calls.clear()
    with pytest.raises(db.OperationalError):
        faults.anew(lambda: work(99))
    assert len(calls) == faults.ANEW
