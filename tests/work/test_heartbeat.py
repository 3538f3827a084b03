"""The heartbeat thread."""

import threading

import pytest

from readerstudy.work.heartbeat import Heartbeat
from tests.lib.helpers import wait_for


def test_it_beats_at_once_and_again_until_it_is_stopped() -> None:
    beats: list[str] = []
    with Heartbeat(0.02, lambda: beats.append(threading.current_thread().name), name="pulse"):
        wait_for(lambda: len(beats) >= 3, seconds=5, what="three beats")
    assert set(beats) == {"pulse"}
    assert "pulse" not in {thread.name for thread in threading.enumerate()}, "it goes on after its end"


def test_a_beat_that_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    beats: list[int] = []

    def beat() -> None:
        beats.append(1)
        if len(beats) == 1:
            message = "database is away"
            raise OSError(message)

    with Heartbeat(0.02, beat):
        wait_for(lambda: len(beats) >= 2, seconds=5, what="a beat after the failed one")
    assert "database is away" in caplog.text


def test_connections_of_the_thread_are_closed_in_the_thread_itself() -> None:
    ends: list[str] = []
    with Heartbeat(60, lambda: None, finished=lambda: ends.append(threading.current_thread().name), name="pulse"):
        pass
    assert ends == ["pulse"]


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Heartbeat(0, lambda: None)
