"""Progress, living workers, and what an asset's name stands for."""

from datetime import timedelta

import pytest

from readerstudy.explanations.models import Worker
from readerstudy.explanations.selectors import asset_for, assets_present, explanation_progress, workers_alive
from readerstudy.explanations.services import explanation_claim, explanations_request, worker_gone, worker_seen
from tests.factories import NOW, make_cases, make_explained, make_study

pytestmark = pytest.mark.django_db
TRADITIONAL = ["input_gradient", "guided_backprop", "integrated_gradients"]


def test_progress_counts_every_state_and_cases_not_asked_for():
    study = make_study()
    make_cases(study)
    assert explanation_progress(study).cases == 8
    assert not explanation_progress(study).complete

    explanations_request(study=study, now=NOW)
    first = study.cases.order_by("number")[0]
    explanation_claim(explanation_id=first.explanation.pk, worker="one", now=NOW)

    progress = explanation_progress(study)
    assert (progress.pending, progress.running, progress.done, progress.failed) == (7, 1, 0, 0)


def test_a_study_is_complete_when_all_are_explained():
    study = make_study()
    make_cases(study)
    make_explained(study)

    assert explanation_progress(study).complete


def test_assets_are_those_of_the_given_methods_alone():
    study = make_study()
    make_cases(study)
    explanation = make_explained(study)[0]

    assert list(assets_present(explanation)) == [
        "xray.png",
        "input_gradient.png",
        "guided_backprop.png",
        "integrated_gradients.png",
        "latent_shift.png",
        "filmstrip.png",
        "curve.json",
        "video.mp4",
    ]
    case = explanation.case
    assert asset_for(case, "xray.png", methods=TRADITIONAL) is not None
    assert asset_for(case, "curve.json", methods=["latent_shift"]) is not None
    for name in ("latent_shift.png", "filmstrip.png", "curve.json", "video.mp4", "input_gradient.npy", "../xray.png"):
        assert asset_for(case, name, methods=TRADITIONAL) is None


def test_a_worker_is_alive_while_it_beats_on_the_queue():
    worker_seen(name="w@host", queues="gpu,cpu", host="host", pid=1, now=NOW)
    worker_seen(name="other@host", queues="cpu", host="host", pid=2, now=NOW)

    assert [worker.name for worker in workers_alive(now=NOW + timedelta(seconds=20))] == ["w@host"]
    assert workers_alive(now=NOW + timedelta(seconds=60)) == []


def test_a_worker_that_starts_again_under_its_name_is_one_worker():
    worker_seen(name="w@host", queues="gpu", host="host", pid=1, now=NOW)
    worker_seen(name="w@host", queues="gpu", host="host", pid=1, now=NOW + timedelta(seconds=10))
    assert Worker.objects.get().started_at == NOW

    later = NOW + timedelta(hours=1)
    worker_seen(name="w@host", queues="gpu", host="host", pid=2, now=later)
    assert Worker.objects.get().started_at == later

    worker_gone(name="w@host")
    assert not Worker.objects.exists()
