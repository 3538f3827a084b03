"""Commands that wait for workers: done work is not done again, failures are errors, lost workers are noticed."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from readerstudy.celery import app
from readerstudy.explanations import work
from readerstudy.explanations.models import Explanation
from readerstudy.explanations.services import explanation_claim, explanation_fail, explanations_request
from readerstudy.lib.processes import Command, ProcessError, Supervisor
from readerstudy.studies.services import scores_fail
from tests.factories import NOW, make_cases, make_explained, make_image, make_scored_pool, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    tasks: list[str] = []

    def send(name: str, args: list[object], queue: str) -> None:
        tasks.append(name)

    monkeypatch.setattr(app, "send_task", send)
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
        job = explanation_claim(explanation_id=explanation.pk, worker="one", now=NOW)
        assert job is not None
        explanation_fail(explanation_id=explanation.pk, token=job.token, error="Out of memory.", now=NOW)

    with pytest.raises(CommandError, match="8 of 8 cases could not be explained"):
        run("study_explain", study.slug)
    assert "8 cases are waiting" in run("study_explain", study.slug, "--retry-failed", "--no-wait")


def test_a_study_without_cases_is_an_error():
    with pytest.raises(CommandError, match="study_select"):
        run("study_explain", make_study().slug)


def test_images_that_all_fail_are_an_error(monkeypatch: pytest.MonkeyPatch):
    study = make_study()
    image = make_image(study)

    def fail_at_once(*_: object, **__: object) -> None:
        scores_fail(study_id=study.pk, image_ids=[image.pk], error="No such classifier.", now=NOW)

    monkeypatch.setattr("readerstudy.explanations.management.commands.study_score.wait_for", fail_at_once)
    monkeypatch.setattr("readerstudy.explanations.work.ensure_broker_ready", bool)
    with pytest.raises(CommandError, match="No image could be scored"):
        run("study_score", study.slug, "--no-worker")


def test_a_worker_that_dies_while_one_waits_is_an_error_with_the_end_of_its_log(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        supervisor.start(Command("worker", ["sh", "-c", "echo no torch here; exit 3"], {}))

        with pytest.raises(ProcessError, match=r"status 3(.|\n)*no torch here"):
            work.wait_for(supervisor, lambda: 0, total=1, label="Scoring", unit="images", send_again=list)


def test_silence_sends_the_tasks_again_and_in_the_end_is_an_error(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(work, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(work, "SILENT_SECONDS", 0.05)
    monkeypatch.setattr(work, "STALLED_SECONDS", 0.3)
    again: list[int] = []

    with Supervisor(tmp_path) as supervisor, pytest.raises(work.StalledError, match="nothing was finished"):
        work.wait_for(supervisor, lambda: 0, total=1, label="x", unit="y", send_again=lambda: again.append(1))

    assert 2 <= len(again) <= 6
