"""Reports in tests are computed when a test says so, in its own process; exports can go without."""

from collections.abc import Callable
from typing import Any

import pytest

from readerstudy.work.sending import sender
from tests.results.worker import hurry, work

Compute = Callable[[], list[str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs whose tasks would go to the broker."""
    ids: list[str] = []

    def send(name: str, args: list[str], queue: str) -> None:
        assert (name, queue) == ("readerstudy.results.tasks.build_report", "reports")
        ids.extend(args)

    monkeypatch.setattr(sender, "send_task", send)
    return ids


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test needs a broker."""

    def send(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(sender, "send_task", send)


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports have few draws and no figures that are drawn."""
    hurry(monkeypatch)


@pytest.fixture
def compute(in_a_hurry: None) -> Compute:
    """Does what a worker would, in a hurry."""
    return work


@pytest.fixture
def compute_in_full() -> Compute:
    """Does what a worker would, with every draw and figure."""
    return work


@pytest.fixture
def without_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a study that is too large for a report, which takes seconds: for tests of the other files."""
    monkeypatch.setattr("readerstudy.results.exports.REPORT_ANSWERS", -1)
