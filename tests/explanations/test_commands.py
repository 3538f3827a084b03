"""Commands that wait for workers: done work is not done again, failures are errors, lost workers are noticed."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import EXPLAINING, explanations_request
from readerstudy.lib.processes import ProcessError
from readerstudy.studies.services import SCORING
from readerstudy.work import workforce
from readerstudy.work.sending import sender
from readerstudy.work.workers import worker_seen
from tests.factories.studies import NOW, make_cases, make_explained, make_image, make_scored_pool, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tasks: list[str] = []

    def send(name: str, args: list[object], queue: str) -> None:
        tasks.append(name)

    monkeypatch.setattr(sender, "send_task", send)
    return tasks


def run(name: str, *arguments: str) -> str:
    out = StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_a_scored_study_needs_no_worker():
    study = make_study()
    make_scored_pool(study)

    assert "8 of 8 images have scores" in run("study_score", study.slug)


def test_a_study_without_images_is_an_error():
    with pytest.raises(CommandError, match="study_import"):
        run("study_score", make_study().slug)


def test_an_explained_study_needs_no_worker():
    study = make_study()
    make_cases(study)
    make_explained(study)

    assert "All 8 cases are explained" in run("study_explain", study.slug)


def test_failed_cases_are_an_error_with_their_reasons_and_can_be_tried_again():
    study = make_study()
    make_cases(study)
    explanations_request(study=study, now=NOW)
    for explanation in Explanation.objects.all():
        job = EXPLAINING.claim(explanation.pk, worker="one", now=NOW)
        assert job is not None
        EXPLAINING.fail(job, error="Out of memory.", now=NOW)

    with pytest.raises(CommandError, match="8 of 8 cases could not be explained"):
        run("study_explain", study.slug)
    assert "8 cases are waiting" in run("study_explain", study.slug, "--retry-failed", "--no-wait")


def test_a_study_without_cases_is_an_error():
    with pytest.raises(CommandError, match="study_select"):
        run("study_explain", make_study().slug)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Any) -> None:
    """Waiting without patience, and no broker."""
    monkeypatch.setattr(workforce, "ensure_broker_ready", bool)
    for name, seconds in {"POLL": 0.01, "LOOK": 0.02, "SILENT": 0.05, "STALLED": 0.5}.items():
        monkeypatch.setattr(workforce, f"{name}_SECONDS", seconds)
    settings.DATA_DIR = tmp_path


def wait(workers: workforce.Workforce, finished: Callable[[], int] = lambda: 0, **more: Any) -> None:
    workers.wait_for(finished, **{"total": 1, "label": "Scoring", "unit": "images", "send_again": list, **more})


def test_images_that_all_fail_are_an_error(quick: None, monkeypatch: pytest.MonkeyPatch):
    study = make_study()
    image = make_image(study)

    def fail_at_once(*_: object, **__: Any) -> None:
        batch = SCORING.claim(study.pk, [image.pk], worker="one", now=NOW)
        assert batch is not None
        SCORING.fail(batch, error="No such classifier.", now=NOW)

    monkeypatch.setattr(workforce.Workforce, "wait_for", fail_at_once)
    with pytest.raises(CommandError, match="No image could be scored"):
        run("study_score", study.slug)


def test_silence_sends_the_tasks_again_and_in_the_end_is_an_error(quick: None):
    again: list[int] = []

    with (
        workforce.Workforce(print, start=False) as workers,
        pytest.raises(workforce.StalledError, match="nothing was finished"),
    ):
        wait(workers, send_again=lambda: again.append(1))

    assert 2 <= len(again) <= 10


@pytest.fixture
def hopeless_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A worker that cannot work; the file tells how often it was started."""
    starts = tmp_path / "starts"
    script = f"echo x >> {starts}; echo no torch here; exit 3"

    def arguments(name: str) -> list[str]:
        return ["sh", "-c", script]

    monkeypatch.setattr(workforce, "worker_arguments", arguments)
    return starts


def test_a_worker_that_cannot_work_is_an_error_with_the_end_of_its_log(quick: None, hopeless_worker: Path):
    with (
        workforce.Workforce(print) as workers,
        pytest.raises(ProcessError, match=r"status 3(.|\n)*no torch here"),
    ):
        wait(workers)

    assert len(hopeless_worker.read_text().split()) == 1 + workforce.RESTARTS


def test_a_worker_killed_a_moment_ago_is_replaced_as_soon_as_its_last_beat_is_old(quick: None, hopeless_worker: Path):
    worker_seen(name="killed", queues="gpu", host="host", pid=1, now=timezone.now())
    polls: list[int] = []

    def finished() -> int:
        polls.append(1)
        if len(polls) == 3:
            assert not hopeless_worker.exists()
            worker_seen(name="killed", queues="gpu", host="host", pid=1, now=timezone.now() - timedelta(minutes=1))
        return 0

    with workforce.Workforce(print) as workers, pytest.raises(ProcessError):
        wait(workers, finished)

    assert hopeless_worker.exists()
