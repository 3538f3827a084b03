"""Scores of the study's classifier: asked for as rows with a lease, stored once however often they are computed."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from django.db import transaction

from readerstudy.lib.media import media_path
from readerstudy.studies.models import Prediction, Scoring, Study
from readerstudy.studies.selectors import ImageToScore, ScoreBatch, images_without_score
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError
from readerstudy.work import lease
from readerstudy.work.faults import Fault
from readerstudy.work.queues import GPU
from readerstudy.work.sending import send_on_commit

BATCH = 32
#: The name in messages that wait in a queue; it outlives the module that it was made of.
SCORE_IMAGE_BATCH = "explainer.tasks.score_image_batch"
DOING = "scored this image"
Status = Scoring.Status


@transaction.atomic
def scores_request(*, study: Study, now: datetime) -> int:
    """Ask for the scores of every image without one; returns how many images that is.

    What was asked for before is not asked for again; what failed is tried again, with a fresh count of attempts.
    """
    if not study.images.exclude(file="").exists():
        raise StudyError(f"{study.slug} has no images. Import some first: study_import {study.slug} --images ... .")
    wanted = images_without_score(study)
    new = [Scoring(image=image, created_at=now, queued_at=now) for image in wanted.filter(scoring=None).order_by("pk")]
    Scoring.objects.bulk_create(new, ignore_conflicts=True)
    failed = _locked(image__in=wanted, status=Status.FAILED)
    for row in failed:
        lease.put_back(row, now)
    made = _locked(pk__in=[row.pk for row in new])  # less those that somebody else asked for at the same moment
    _send(sorted([*made, *failed], key=lambda row: row.image_id))
    count = wanted.count()
    audit(study=study, actor=None, action="scores_request", detail={"images": count}, now=now)
    return count


@transaction.atomic
def scores_claim(*, study_id: int, image_ids: Collection[int], worker: str, now: datetime) -> ScoreBatch | None:
    """Take on those of these images that wait to be scored; None where there are none.

    One that was tried before is scored alone: it may be what brought its worker down, and must take no others with it.
    """
    study = Study.objects.get(pk=study_id)
    free = [row for row in _locked(image__in=image_ids, image__study=study, skip=True) if row.is_free(now)]
    done = set(
        study.images.filter(pk__in=image_ids).exclude(pk__in=images_without_score(study)).values_list("pk", flat=True)
    )
    for row in free:
        if row.image_id in done:
            _finish(row, now)
    left = [row for row in free if row.image_id not in done]
    fresh = [row for row in left if not row.attempts and not row.faults]
    token = uuid.uuid4()
    taken = [row for row in fresh or left[:1] if lease.claim(row, worker=worker, doing=DOING, now=now, token=token)]
    if not taken:
        return None
    images = tuple(ImageToScore(row.image_id, media_path(row.image.file)) for row in taken)
    return ScoreBatch(study.pk, study.classifier, tuple(study.targets), images, token)


def scores_heartbeat(*, batch: ScoreBatch, now: datetime) -> bool:
    """Extend the lease; False where another worker has taken over."""
    return lease.extend(Scoring.objects.all(), batch.token, now)


@transaction.atomic
def scores_store(
    *,
    batch: ScoreBatch,
    weights_sha256: str,
    rows: Sequence[tuple[int, Mapping[str, float]]],
    now: datetime,
) -> int:
    """Store scores by image and target of the one worker that holds the images; returns of how many images.

    Raises StudyError for an image that is not of the batch, for the same classifier with other weights than before, and
    where scores of a target of the study are missing: one study has one classifier.
    """
    study = Study.objects.get(pk=batch.study_id)
    known = {image.image_id for image in batch.images}
    if strangers := [image for image, _ in rows if image not in known]:
        raise StudyError(f"Images {strangers} are not of this batch of study {study.slug}.")
    stored = Prediction.objects.filter(image__study=study, classifier=batch.classifier)
    if other := stored.exclude(weights_sha256=weights_sha256).values_list("weights_sha256", flat=True).first():
        raise StudyError(
            f"{study.slug} has scores of {batch.classifier} with weights {other[:12]}, and these come from "
            f"{weights_sha256[:12]}. Make a new study for other weights."
        )
    if missing := sorted({target for _, scores in rows for target in study.targets if target not in scores}):
        raise StudyError(f"{batch.classifier} has no score for {', '.join(missing)}. Choose targets that it knows.")
    held = {row.image_id: row for row in _held(batch, [image for image, _ in rows])}
    Prediction.objects.bulk_create(
        (
            Prediction(
                image_id=image,
                classifier=batch.classifier,
                weights_sha256=weights_sha256,
                target=target,
                score=float(score),
                created_at=now,
            )
            for image, scores in rows
            if image in held
            for target, score in scores.items()
        ),
        ignore_conflicts=True,
        batch_size=1000,
    )
    for row in held.values():
        _finish(row, now)
    return len(held)


@transaction.atomic
def scores_fail(*, batch: ScoreBatch, errors: Mapping[int, str], now: datetime) -> None:
    """Remember why these images could not be scored, so that nobody waits for them; asking again clears it."""
    for row in _held(batch, errors):
        lease.fail(row, errors[row.image_id], now)


@transaction.atomic
def scores_postpone(*, batch: ScoreBatch, image_ids: Collection[int], fault: Fault, now: datetime) -> None:
    """Have images that met a fault which passes wait for another try."""
    for row in _held(batch, image_ids):
        lease.postpone(row, fault, now)


@transaction.atomic
def scores_requeue(*, now: datetime, idle: bool) -> int:
    """The reaper: send again what nobody works on any more; how many. Every living worker calls it now and then."""
    again = lease.reap(Scoring.objects.select_related("image").order_by("image"), doing=DOING, now=now, idle=idle)
    _send(again)
    return len(again)


def _locked(*, skip: bool = False, **conditions: object) -> list[Scoring]:
    rows = Scoring.objects.select_for_update(of=("self",), skip_locked=skip).select_related("image")
    return list(rows.filter(**conditions).order_by("image"))


def _held(batch: ScoreBatch, image_ids: Iterable[int]) -> list[Scoring]:
    return [row for row in _locked(image__in=list(image_ids)) if row.holds(batch.token)]


def _finish(row: Scoring, now: datetime) -> None:
    row.status, row.error, row.finished_at = Status.DONE, "", now
    row.lease_token = row.lease_until = row.retry_at = None
    row.save()


def _send(rows: Sequence[Scoring]) -> None:
    """Those of a study together, but each by itself that was tried before."""
    for study_id, of_study in groupby(sorted(rows, key=lambda row: row.image.study_id), lambda row: row.image.study_id):
        found = list(of_study)
        fresh = [row.image_id for row in found if not row.attempts and not row.faults]
        alone = [[row.image_id] for row in found if row.attempts or row.faults]
        for ids in [*(fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)), *alone]:
            send_on_commit(SCORE_IMAGE_BATCH, [study_id, ids], queue=GPU)
