"""Reports in tests are computed when a test says so, in its own process."""

from collections.abc import Callable
from typing import Any

import pytest

from readerstudy.celery import app
from tests.results.worker import hurry, work

Compute = Callable[[], list[str]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the runs whose tasks would go to the broker."""
    ids: list[str] = []

    def send(name: str, args: list[str], queue: str) -> None:
        assert (name, queue) == ("readerstudy.results.tasks.build_report", "reports")
        ids.extend(args)

    monkeypatch.setattr(app, "send_task", send)
    return ids


@pytest.fixture(autouse=True)
def nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test needs a broker."""

    def send(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(app, "send_task", send)


@pytest.fixture
def compute(monkeypatch: pytest.MonkeyPatch) -> Compute:
    """Does what a worker would, in a hurry."""
    hurry(monkeypatch)
    return work


@pytest.fixture
def compute_in_full() -> Compute:
    """Does what a worker would, with every draw and figure."""
    return work
