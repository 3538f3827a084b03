"""Scores of the study's classifier: asked for as rows with a lease, stored once however often they are computed."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby

from django.db import transaction

from readerstudy.lib.media import media_path
from readerstudy.studies.actions import Action
from readerstudy.studies.models import Prediction, Scoring, Study
from readerstudy.studies.selectors import ImageToScore, ScoreBatch, Scores, images_without_score
from readerstudy.studies.services.audit import audit
from readerstudy.studies.services.study import StudyError
from readerstudy.work import lease
from readerstudy.work.kinds import Kind
from readerstudy.work.queues import GPU

BATCH = 32
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
    SCORING.send(sorted([*made, *failed], key=lambda row: row.image_id))
    count = wanted.count()
    audit(study=study, actor=None, action=Action.SCORES_REQUESTED, detail={"images": count}, now=now)
    return count


def _wanted(study_id: int, image_ids: Collection[int], *, now: datetime) -> list[Scoring]:
    """Those of these images that wait to be scored, locked. What has its scores already is done.

    One that was tried before is scored alone: it may be what brought its worker down, and must take no others with it.
    """
    study = Study.objects.get(pk=study_id)
    free = [row for row in _locked(image__in=image_ids, image__study=study, skip=True) if row.is_free(now)]
    done = set(
        study.images.filter(pk__in=image_ids).exclude(pk__in=images_without_score(study)).values_list("pk", flat=True)
    )
    for row in free:
        if row.image_id in done:
            lease.finish(row, now)
    left = [row for row in free if row.image_id not in done]
    return [row for row in left if not row.attempts and not row.faults] or left[:1]


def _batch(rows: Sequence[Scoring], token: uuid.UUID) -> ScoreBatch:
    study = rows[0].image.study
    images = tuple(ImageToScore(row.pk, row.image_id, media_path(row.image.file)) for row in rows)
    return ScoreBatch(study.pk, study.classifier, tuple(study.targets), images, token)


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
    held = {row.image_id: row for row in SCORING.held(batch.of([image for image, _ in rows]))}
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
        lease.finish(row, now)
    return len(held)


def _locked(*, skip: bool = False, **conditions: object) -> list[Scoring]:
    rows = Scoring.objects.select_for_update(of=("self",), skip_locked=skip).select_related("image")
    return list(rows.filter(**conditions).order_by("image"))


def _messages(rows: Sequence[Scoring]) -> Iterator[list[object]]:
    """Those of a study together, but each by itself that was tried before."""
    for study_id, of_study in groupby(sorted(rows, key=lambda row: row.image.study_id), lambda row: row.image.study_id):
        found = list(of_study)
        fresh = [row.image_id for row in found if not row.attempts and not row.faults]
        alone = [[row.image_id] for row in found if row.attempts or row.faults]
        for ids in [*(fresh[start : start + BATCH] for start in range(0, len(fresh), BATCH)), *alone]:
            yield [study_id, ids]


SCORING: Kind[Scoring, ScoreBatch, Scores] = Kind(
    model=Scoring,
    queue=GPU,
    task="explainer.tasks.score_image_batch",
    verb="scored",
    noun="image",
    job=_batch,
    store=lambda batch, scores, now: scores_store(
        batch=batch, weights_sha256=scores.weights_sha256, rows=scores.rows, now=now
    ),
    order=("image",),
    related=("image",),
    messages=_messages,
    wanted=_wanted,
    apart=lambda batch: [batch.of([image.image_id]) for image in batch.images],
)
