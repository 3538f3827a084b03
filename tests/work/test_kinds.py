"""A fourth kind of work is one object: it is claimed, extended, lost, taken over, tried again, failed and sent."""

from __future__ import annotations

import errno
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from multiprocessing import Pipe
from typing import Any

import pytest
from django.db import connections

from readerstudy.lib.clock import shared_now
from readerstudy.work import beat, pulse
from readerstudy.work.faults import pause
from readerstudy.work.frame import Computing
from readerstudy.work.lease import LEASE, LOST_AFTER, MAX_ATTEMPTS, LeaseLostError, postponed, release
from readerstudy.work.pool.process import Computer, Hello
from readerstudy.work.sending import sender
from tests.factories.studies import NOW
from tests.work.sums.adding import ADDING, COMPUTING, NoNumberError, SumJob, add, compute
from tests.work.sums.models import Sum

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
Outcomes = Iterator[tuple[SumJob, float | Exception]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], str]]:
    """What would go to the broker."""
    tasks: list[tuple[str, list[str], str]] = []
    monkeypatch.setattr(sender, "send_task", lambda name, args, queue: tasks.append((name, args, queue)))
    return tasks


def asked(*numbers: object) -> Sum:
    found: Sum = Sum._default_manager.create(numbers=numbers, created_at=NOW, queued_at=NOW)
    return found


def claimed(row: Sum, *, now: Any = NOW, worker: str = "one") -> SumJob:
    job = ADDING.claim(row.pk, worker=worker, now=now)
    assert job is not None
    return job


def raising(*errors: Exception) -> Callable[[Sequence[SumJob]], Outcomes]:
    """Computing that raises one error after the other, and then works."""
    left = list(errors)

    def work(jobs: Sequence[SumJob]) -> Outcomes:
        if left:
            raise left.pop(0)
        yield from compute(jobs)

    return work


def test_a_row_is_sent_claimed_computed_and_stored_once(sent: list[Any], on_commit: Callable[..., Any]) -> None:
    row = asked(1, 2, 3)
    with on_commit(execute=True):
        ADDING.send([row])
    assert sent == [("sums.add", [str(row.pk)], "cpu")]
    assert add(str(row.pk)) == "added"
    assert add(str(row.pk)) == "nothing to do"
    assert add(str(uuid.uuid4())) == "nothing to do"
    row.refresh_from_db()
    assert (row.status, row.total, row.attempts, row.error, row.lease_token) == ("done", 6, 1, "", None)


def test_who_holds_a_row_keeps_it_by_its_heartbeat_and_learns_when_it_is_lost() -> None:
    row = asked(1)
    job = claimed(row)
    assert ADDING.claim(row.pk, worker="two", now=NOW + LEASE - SECOND) is None
    assert ADDING.extend(job, now=NOW + LEASE - SECOND)
    late = NOW + LEASE + SECOND
    assert ADDING.claim(row.pk, worker="two", now=late) is None
    later = late + LEASE
    successor = claimed(row, now=later, worker="two")
    assert not ADDING.extend(job, now=later)
    assert not ADDING.fail(job, error="late", now=later)
    assert ADDING.store(job, 99.0, later) == 0
    assert ADDING.store(successor, 1.0, later) == 1
    row.refresh_from_db()
    assert (row.total, row.worker, row.attempts) == (1, "two", 2)


def test_what_a_silent_worker_held_is_sent_again_and_given_up_in_the_end(
    sent: list[Any], on_commit: Callable[..., Any]
) -> None:
    row, now = asked(1), NOW
    for attempt in range(MAX_ATTEMPTS):
        while ADDING.claim(row.pk, worker="one", now=now) is None:
            now += SECOND
        now += LEASE + SECOND
        with on_commit(execute=True):
            assert ADDING.requeue(now, idle=False) == (attempt == 0)
    row.refresh_from_db()
    assert (row.status, len(sent)) == ("failed", 1)
    assert "was lost 4 times while it added this sum" in row.error


def test_what_a_worker_that_is_gone_held_is_free_at_once_and_a_lost_message_is_sent_again(
    sent: list[Any], on_commit: Callable[..., Any]
) -> None:
    held, waits = asked(1), asked(2)
    claimed(held, worker="here:7")
    assert release(worker="here:7", now=NOW + SECOND) == 1
    with on_commit(execute=True):
        assert ADDING.requeue(NOW + SECOND, idle=False) == 1
        assert ADDING.requeue(NOW + LOST_AFTER, idle=True) == 1
    assert [arguments for _, arguments, _ in sent] == [[str(held.pk)], [str(waits.pk)]]


def test_a_fault_that_passes_is_waited_out_and_said() -> None:
    row = asked(1, 2)
    full = OSError(errno.ENOSPC, "No space left on device")
    assert replace(COMPUTING, compute=raising(full)).work(row.pk) == {row.pk: "postponed"}
    row.refresh_from_db()
    assert (row.status, row.attempts, row.faults) == ("pending", 0, 1)
    assert row.waits.endswith("because the disk is full")
    (reason,) = postponed(Sum._default_manager.all())
    assert (reason.words, reason.count, reason.at) == ("the disk is full", 1, row.retry_at)
    assert add(str(row.pk)) == "nothing to do"
    Sum._default_manager.update(retry_at=shared_now() - pause(1))
    assert add(str(row.pk)) == "added"


@pytest.mark.parametrize(
    ("error", "words"),
    [(NoNumberError("One of them is no number."), "One of them is no number."), (KeyError("x"), "KeyError: 'x'")],
)
def test_an_error_is_stored_on_its_row(error: Exception, words: str) -> None:
    row = asked(1)
    assert replace(COMPUTING, compute=raising(error)).work(row.pk) == {row.pk: "failed"}
    row.refresh_from_db()
    assert (row.status, row.error) == ("failed", words)


def test_an_error_of_the_store_is_of_the_row_too() -> None:
    row = asked(1)

    def broken(_job: SumJob, _total: float, _now: Any) -> int:
        raise ZeroDivisionError("nobody foresaw it")

    computing = replace(COMPUTING, kind=replace(ADDING, store=broken))
    assert computing.work(row.pk) == {row.pk: "failed"}
    row.refresh_from_db()
    assert row.error == "ZeroDivisionError: nobody foresaw it"


def test_who_learns_while_computing_that_the_lease_is_lost_changes_nothing() -> None:
    row = asked(1)

    def overtaken(_jobs: Sequence[SumJob]) -> Outcomes:
        Sum._default_manager.update(lease_token=uuid.uuid4(), worker="two")
        raise LeaseLostError
        yield

    assert replace(COMPUTING, compute=overtaken).work(row.pk) == {row.pk: "lease lost"}
    row.refresh_from_db()
    assert (row.status, row.worker, row.error) == ("running", "two", "")


def together(first: Sum, *others: Sum, **changes: Any) -> dict[uuid.UUID, str]:
    """What becomes of rows that a worker takes on together."""
    computing: Computing[SumJob, float] = replace(
        COMPUTING, beside=lambda _job, worker: [claimed(one, worker=worker, now=shared_now()) for one in others]
    )
    return replace(computing, **changes).work(first.pk)


def test_whose_an_unforeseen_error_is_shows_when_each_is_tried_alone() -> None:
    good, bad, other = asked(1), asked("x"), asked(3)

    def trips(jobs: Sequence[SumJob]) -> Outcomes:
        for job in jobs:
            yield job, float(sum(job.numbers))  # type: ignore[arg-type]

    assert together(good, bad, other, compute=trips) == {good.pk: "added", bad.pk: "failed", other.pk: "added"}
    bad.refresh_from_db()
    assert bad.error.startswith("TypeError")
    assert set(Sum._default_manager.values_list("attempts", flat=True)) == {1}


def test_an_error_of_ours_that_is_of_all_is_not_met_again_for_each() -> None:
    rows = [asked(number) for number in range(3)]
    outcomes = together(*rows, compute=raising(NoNumberError("There is no adder.")))
    assert outcomes == {row.pk: "failed" for row in rows}
    assert set(Sum._default_manager.values_list("error", flat=True)) == {"There is no adder."}


def test_too_little_memory_for_several_is_enough_for_each() -> None:
    rows = [asked(number) for number in range(3)]
    assert together(*rows, compute=raising(MemoryError())) == {row.pk: "added" for row in rows}


def test_its_rows_are_sent_again_at_the_beat_of_a_worker_that_has_nothing_to_do(
    sent: list[Any], on_commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "close_all", lambda: None)  # a beat's own; here it would be the test's
    row = asked(1)
    ours, theirs = Pipe()
    computer = Computer(theirs, Hello("readerstudy.celery", "one@here", ("cpu",)))
    computer._parent_turned_at = time.monotonic()
    computer._idle_since = time.monotonic() - pulse.IDLE - 1
    with on_commit(execute=True):
        beat.Beat(computer)()
    assert [name for name, arguments, _ in sent if arguments == [str(row.pk)]] == ["sums.add"]
    ours.close()
