"""Scores of the classifier: rows with a lease, stored once whoever dies, their failures remembered or waited out."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from readerstudy.studies.models import Image, Prediction, Scoring, Study
from readerstudy.studies.selectors import ScoreBatch, score_progress, scorings_failed
from readerstudy.studies.services import (
    SCORING,
    StudyError,
    scores_request,
    scores_store,
)
from readerstudy.work.faults import DISK, MEMORY, pause
from readerstudy.work.lease import LEASE, LOST_AFTER, MAX_ATTEMPTS
from readerstudy.work.sending import sender
from tests.factories.studies import NOW, TARGETS, make_image, make_study

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)
BOTH = {"Effusion": 0.25, "Mass": 0.75, "Hernia": 0.1}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Any], str]]:
    """What would go to the broker."""
    tasks: list[tuple[str, list[Any], str]] = []
    monkeypatch.setattr(sender, "send_task", lambda name, args, queue: tasks.append((name, args, queue)))
    return tasks


def asked(count: int = 1) -> tuple[Study, list[Image]]:
    study = make_study()
    images = [make_image(study) for _ in range(count)]
    scores_request(study=study, now=NOW)
    return study, images


def claim(study: Study, images: Sequence[Image], *, now: Any = NOW, worker: str = "one") -> ScoreBatch | None:
    return SCORING.claim(study.pk, [image.pk for image in images], worker=worker, now=now)


def claimed(study: Study, images: Sequence[Image], **more: Any) -> ScoreBatch:
    batch = claim(study, images, **more)
    assert batch is not None
    return batch


def store(batch: ScoreBatch, scores: dict[str, float] = BOTH, **changes: Any) -> int:
    rows = [(image.image_id, scores) for image in batch.images]
    return scores_store(**{"batch": batch, "weights_sha256": "a" * 64, "rows": rows, "now": NOW, **changes})


def statuses() -> list[str]:
    return list(Scoring.objects.order_by("image").values_list("status", flat=True))


def test_scoring_is_asked_for_in_batches_once_the_transaction_commits(sent: list, on_commit: Callable[..., Any]):
    study = make_study()
    images = [make_image(study) for _ in range(40)]

    with on_commit(execute=True):
        assert scores_request(study=study, now=NOW) == 40
        assert sent == []
    assert [(name, queue) for name, _, queue in sent] == [("explainer.tasks.score_image_batch", "gpu")] * 2
    assert [study_id for _, (study_id, _), _ in sent] == [study.pk] * 2
    assert [pk for _, (_, batch), _ in sent for pk in batch] == [image.pk for image in images]

    with on_commit(execute=True):
        assert scores_request(study=study, now=NOW) == 40
    assert len(sent) == 2, "what waits already is not asked for again"


def test_a_batch_that_is_delivered_twice_is_scored_once():
    study, images = asked(2)
    batch = claimed(study, images)
    assert [image.image_id for image in batch.images] == [image.pk for image in images]
    assert all(image.path.is_file() for image in batch.images)
    assert (batch.classifier, batch.targets) == (study.classifier, TARGETS)
    assert claim(study, images, worker="two") is None

    assert store(batch) == 2
    assert store(batch, {"Effusion": 0.9, "Mass": 0.9}) == 0
    assert claim(study, images) is None
    assert dict(Prediction.objects.filter(image=images[0]).values_list("target", "score")) == BOTH
    assert statuses() == ["done", "done"]


def test_a_killed_worker_loses_and_doubles_nothing(sent: list, on_commit: Callable[..., Any]):
    study, images = asked(3)
    dead = claimed(study, images)
    assert SCORING.extend(dead, now=NOW + SECOND)
    late = NOW + LEASE + 2 * SECOND
    with on_commit(execute=True):
        assert SCORING.requeue(now=late, idle=False) == 3
    # Each alone now: one of them may have killed the worker.
    assert [ids for _, (_, ids), _ in sent] == [[image.pk] for image in images]

    alive = claimed(study, images, now=late, worker="two")
    assert len(alive.images) == 1
    assert store(dead) == 0
    assert not SCORING.extend(dead, now=late)
    assert not SCORING.fail(dead, error="late", now=late)
    assert store(alive) == 1
    assert statuses() == ["done", "pending", "pending"]
    assert Prediction.objects.count() == len(BOTH)


def test_an_image_that_kills_every_worker_fails_in_the_end_and_the_pauses_grow():
    study, images = asked()
    now, waited = NOW, []
    for _ in range(MAX_ATTEMPTS):
        began = now
        while claim(study, images, now=now) is None:
            now += SECOND
        waited.append(now - began)
        now += LEASE + SECOND
        SCORING.requeue(now=now, idle=False)
    assert waited == sorted(waited)
    assert waited[1] == timedelta(0) < waited[2] < waited[3]
    assert claim(study, images, now=now) is None
    assert "lost 4 times while it scored this image" in scorings_failed(study).get().error


def test_an_idle_worker_sends_lost_batches_again(sent: list, on_commit: Callable[..., Any]):
    asked(40)
    with on_commit(execute=True):
        assert SCORING.requeue(now=NOW + LOST_AFTER, idle=False) == 0
        assert SCORING.requeue(now=NOW + LOST_AFTER, idle=True) == 40
    assert [len(ids) for _, (_, ids), _ in sent] == [32, 8]


def test_a_full_disk_is_waited_out_for_longer_and_longer(sent: list, on_commit: Callable[..., Any]):
    study, images = asked(2)
    now, pauses = NOW, []
    for _ in range(8):
        batch = claimed(study, images[:1], now=now)
        SCORING.postpone(batch, fault=DISK, now=now)
        (reason,) = score_progress(study).postponed
        assert (reason.words, reason.count) == ("the disk is full", 1)
        assert reason.at is not None
        assert claim(study, images[:1], now=reason.at - SECOND) is None
        assert SCORING.requeue(now=reason.at - SECOND, idle=False) == 0
        with on_commit(execute=True):
            assert SCORING.requeue(now=reason.at, idle=False) == 1
        pauses.append(reason.at - now)
        now = reason.at
    assert pauses == [pause(tries) for tries in range(1, 9)]
    assert pauses[0] < pauses[1] < pauses[2] < pauses[-1] == timedelta(minutes=10)
    assert [ids for _, (_, ids), _ in sent] == [[images[0].pk]] * 8
    assert score_progress(study).failed == 0
    assert store(claimed(study, images[:1], now=now)) == 1


def test_too_little_memory_is_given_up_in_the_end():
    study, images = asked()
    now = NOW
    while (batch := claim(study, images, now=now)) is not None:
        SCORING.postpone(batch, fault=MEMORY, now=now)
        now += timedelta(hours=1)
    assert (
        scorings_failed(study).get().error
        == "It was tried 6 times: there was too little memory. See to that, then try again."
    )


def test_an_image_that_has_its_scores_is_not_scored_again():
    study, images = asked(2)
    store(claimed(study, images))
    Scoring.objects.update(status="pending")
    assert claim(study, images) is None
    assert statuses() == ["done", "done"]


def test_scores_of_a_strange_image_other_weights_or_missing_targets_are_refused():
    study, images = asked(2)
    batch = claimed(study, images[:1])

    with pytest.raises(StudyError, match="not of this batch"):
        store(batch, rows=[(images[1].pk, BOTH)])
    with pytest.raises(StudyError, match="no score for Mass"):
        store(batch, {"Effusion": 0.5})
    store(batch)
    with pytest.raises(StudyError, match="other weights"):
        store(claimed(study, images[1:]), weights_sha256="b" * 64)


def test_a_failure_is_remembered_until_it_is_asked_for_again(sent: list, on_commit: Callable[..., Any]):
    study, (good, bad) = asked(2)
    batch = claimed(study, [good, bad])
    store(batch, rows=[(good.pk, BOTH)])
    assert not SCORING.fail(batch.of([good.pk]), error="too late", now=NOW)
    assert SCORING.fail(batch.of([bad.pk]), error="cannot be decoded", now=NOW)

    progress = score_progress(study)
    assert (progress.images, progress.scored, progress.failed, progress.unfinished) == (2, 1, 1, 0)
    assert scorings_failed(study).get().error == "cannot be decoded"

    with on_commit(execute=True):
        assert scores_request(study=study, now=NOW) == 1
    assert (score_progress(study).failed, score_progress(study).pending) == (0, 1)
    assert [args for _, args, _ in sent] == [[study.pk, [bad.pk]]]


def test_a_study_without_images_says_so():
    with pytest.raises(StudyError, match="study_import"):
        scores_request(study=make_study(), now=NOW)
