"""Reports in tests are computed when a test says so, in its own process."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from analysis.report import build
from readerstudy.celery import app
from readerstudy.results.models import ReportRun
from readerstudy.results.tasks import build_report

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
    """Does what a worker would: every run that waits, in its order; what became of each.

    With few draws, and figures that are not drawn: that is most of the time, and tests of the analysis look at them.
    """
    monkeypatch.setattr("analysis.report.build", partial(build, draws=50))
    monkeypatch.setattr("analysis.output.render", lambda _figure, kind: b"%PDF" if kind == "pdf" else b"<?xml?><svg/>")
    monkeypatch.setattr("analysis.output.pdf_bytes", lambda *_: b"%PDF")
    return work


@pytest.fixture
def compute_in_full() -> Compute:
    """The same, with every draw and figure."""
    return work


def work() -> list[str]:
    waiting = ReportRun.objects.filter(status=ReportRun.Status.PENDING).order_by("queued_at")
    return [build_report(str(run.pk)) for run in waiting]
