"""What a worker for reports does, in the process of a test."""

from functools import partial

import pytest

from analysis.report.build import build
from readerstudy.results.models import ReportRun
from readerstudy.results.tasks import build_report


def work() -> list[str]:
    """Compute every report that waits, in its order; what became of each."""
    waiting = ReportRun.objects.filter(status=ReportRun.Status.PENDING).order_by("queued_at")
    return [build_report(str(run.pk)) for run in waiting]


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few draws, and figures that are not drawn: that is most of the time, and tests of the analysis look at them."""
    monkeypatch.setattr("analysis.report.build.build", partial(build, draws=50))
    monkeypatch.setattr("analysis.report.output.render", _drawn)
    monkeypatch.setattr("analysis.report.output.pdf_bytes", lambda *_: b"%PDF")


def _drawn(_figure: object, kind: str) -> bytes:
    return b"%PDF" if kind == "pdf" else b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'
