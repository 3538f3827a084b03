"""Scores of the classifier: asked for in batches, stored once, and their failures remembered."""

from collections.abc import Callable
from typing import Any

import pytest

from readerstudy.celery import app
from readerstudy.studies.models import Prediction
from readerstudy.studies.selectors import images_to_score, score_progress
from readerstudy.studies.services import StudyError, scores_fail, scores_request, scores_store
from tests.factories import NOW, TARGETS, make_image, make_study

pytestmark = pytest.mark.django_db
BOTH = {"Effusion": 0.25, "Mass": 0.75, "Hernia": 0.1}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any], str]]:
    """What would go to the broker."""
    tasks: list[tuple[str, list[Any], str]] = []
    monkeypatch.setattr(app, "send_task", lambda name, args, queue: tasks.append((name, args, queue)))
    return tasks


def store(study: Any, rows: list[tuple[int, dict[str, float]]], **changes: Any) -> int:
    given = {"study_id": study.pk, "classifier": study.classifier, "weights_sha256": "a" * 64, "rows": rows, "now": NOW}
    return scores_store(**{**given, **changes})


def test_scoring_is_asked_for_in_batches_once_the_transaction_commits(sent: list, on_commit: Callable[..., Any]):
    study = make_study()
    images = [make_image(study) for _ in range(40)]

    with on_commit(execute=True):
        assert scores_request(study=study, now=NOW) == 40
        assert sent == []

    assert [(name, queue) for name, _, queue in sent] == [("explainer.tasks.score_image_batch", "gpu")] * 2
    assert [study_id for _, (study_id, _), _ in sent] == [study.pk] * 2
    assert [pk for _, (_, batch), _ in sent for pk in batch] == [image.pk for image in images]


def test_a_batch_run_twice_stores_its_scores_once():
    study = make_study()
    image = make_image(study)

    assert store(study, [(image.pk, BOTH)]) == 3
    assert store(study, [(image.pk, BOTH)]) == 0

    assert dict(Prediction.objects.values_list("target", "score")) == BOTH
    assert images_to_score(study.pk, [image.pk]).images == ()


def test_only_images_without_a_score_are_handed_out():
    study = make_study()
    done, waiting = make_image(study), make_image(study)
    stranger = make_image(make_study())
    store(study, [(done.pk, BOTH)])

    batch = images_to_score(study.pk, [done.pk, waiting.pk, stranger.pk])

    assert [image.image_id for image in batch.images] == [waiting.pk]
    assert batch.images[0].path.is_file()
    assert (batch.classifier, batch.targets) == (study.classifier, TARGETS)


def test_scores_of_a_strange_image_other_weights_or_missing_targets_are_refused():
    study = make_study()
    image, stranger = make_image(study), make_image(make_study())

    with pytest.raises(StudyError, match="not of study"):
        store(study, [(stranger.pk, BOTH)])
    with pytest.raises(StudyError, match="no score for Mass"):
        store(study, [(image.pk, {"Effusion": 0.5})])
    store(study, [(image.pk, BOTH)])
    with pytest.raises(StudyError, match="other weights"):
        store(study, [(make_image(study).pk, BOTH)], weights_sha256="b" * 64)


def test_a_failure_is_remembered_until_it_is_asked_for_again(sent: list, on_commit: Callable[..., Any]):
    study = make_study()
    good, bad = make_image(study), make_image(study)
    store(study, [(good.pk, BOTH)])
    scores_fail(study_id=study.pk, image_ids=[good.pk, bad.pk], error="cannot be decoded", now=NOW)

    progress = score_progress(study)
    assert (progress.images, progress.scored, progress.failed) == (2, 1, 1)

    with on_commit(execute=True):
        assert scores_request(study=study, now=NOW) == 1
    assert score_progress(study).failed == 0
    assert [args for _, args, _ in sent] == [[study.pk, [bad.pk]]]


def test_a_study_without_images_says_so():
    with pytest.raises(StudyError, match="study_import"):
        scores_request(study=make_study(), now=NOW)
